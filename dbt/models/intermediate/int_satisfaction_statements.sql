{#- What subscribers said in the month and in the three before it, and what became of the dissatisfied, as far as that
    is known at the month's close. -#}
with

lags as (
    {{ lags(3) }}
),

thresholds as (
    {{ thresholds(['survey_score', 'satisfaction_score', 'satisfaction_follow_up_days'], look_back=3) }}
),

topics as (
    select month, category, topic
    from ({{ in_force('satisfaction_topics', look_back=3) }}) as satisfaction_topics
),

-- What is delivered again says what it says last.
latest_answers as (
    select lags.month, surveys.survey_id, max(surveys.month) as delivered_month
    from {{ ref('stg_crm__surveys') }} as surveys
    inner join lags
        on surveys.month = lags.lagged_month
    where {{ months_in_range('surveys.month', look_back=3) }}
    group by lags.month, surveys.survey_id
),

latest_tickets as (
    select lags.month, complaints.complaint_id, max(complaints.month) as delivered_month
    from {{ ref('stg_crm__complaints') }} as complaints
    inner join lags
        on complaints.month = lags.lagged_month
    where {{ months_in_range('complaints.month', look_back=3) }}
    group by lags.month, complaints.complaint_id
),

stated as (
    select
        latest_answers.month,
        'survey' as source,
        surveys.survey_id as statement_id,
        surveys.subscriber_id,
        surveys.answered_at as stated_at,
        surveys.score,
        surveys.topic as category,
        true as is_closed
    from latest_answers
    inner join {{ ref('stg_crm__surveys') }} as surveys
        on
            latest_answers.delivered_month = surveys.month
            and latest_answers.survey_id = surveys.survey_id
    where {{ months_in_range('surveys.month', look_back=3) }}
    union all
    select
        latest_tickets.month,
        'complaint' as source,
        complaints.complaint_id as statement_id,
        complaints.subscriber_id,
        coalesce(complaints.resolved_at, complaints.created_at) as stated_at,
        complaints.satisfaction as score,
        complaints.category,
        complaints.resolved_at is not null as is_closed
    from latest_tickets
    inner join {{ ref('stg_crm__complaints') }} as complaints
        on
            latest_tickets.delivered_month = complaints.month
            and latest_tickets.complaint_id = complaints.complaint_id
    where
        {{ months_in_range('complaints.month', look_back=3) }}
        and complaints.satisfaction is not null
),

dated as (
    select
        stated.*,
        cast(stated.stated_at as date) as stated_on,
        lags.lagged_month as stated_month,
        lags.lag
    from stated
    inner join lags
        on
            stated.month = lags.month
            and {{ month_of('stated.stated_at') }} = lags.lagged_month
),

judged as (
    select
        dated.month,
        dated.source,
        dated.statement_id,
        dated.subscriber_id,
        dated.stated_month,
        dated.lag,
        dated.stated_at,
        dated.stated_on,
        dated.score,
        dated.is_closed,
        coalesce(topics.topic, 'unknown') as topic,
        coalesce(lines.district_code, '(unknown)') as district_code,
        lines.is_on_net_close as is_on_net,
        case dated.source
            when 'survey' then dated.score <= thresholds.survey_score
            else dated.score <= thresholds.satisfaction_score
        end as is_dissatisfied,
        thresholds.satisfaction_follow_up_days as follow_up_days
    from dated
    inner join {{ ref('fct_subscriber_months') }} as lines
        on
            dated.stated_month = lines.month
            and dated.subscriber_id = lines.subscriber_id
    inner join thresholds
        on dated.stated_month = thresholds.month
    left join topics
        on
            dated.stated_month = topics.month
            and dated.category = topics.category
    where {{ months_in_range('lines.month', look_back=3) }}
),

conversations as (
    select lags.month, contacts.subscriber_id, contacts.contacted_at, contacts.outcome
    from {{ ref('stg_crm__contacts') }} as contacts
    inner join lags
        on contacts.month = lags.lagged_month
    where
        {{ months_in_range('contacts.month', look_back=3) }}
        and contacts.outcome <> 'unreached'
),

followed_up as (
    select
        judged.month,
        judged.source,
        judged.statement_id,
        max(case when conversations.outcome = 'accepted' then 1 else 0 end) as is_accepted
    from judged
    inner join conversations
        on
            judged.month = conversations.month
            and judged.subscriber_id = conversations.subscriber_id
    where
        judged.is_dissatisfied
        and conversations.contacted_at >= judged.stated_at
        and {{ days_between('judged.stated_on', 'cast(conversations.contacted_at as date)') }} <= judged.follow_up_days
    group by judged.month, judged.source, judged.statement_id
),

answers as (
    select month, subscriber_id, topic, stated_at, score, is_dissatisfied
    from judged
    where source = 'survey'
),

next_answers as (
    select
        judged.month,
        judged.source,
        judged.statement_id,
        judged.subscriber_id,
        judged.topic,
        min(answers.stated_at) as next_at
    from judged
    inner join answers
        on
            judged.month = answers.month
            and judged.subscriber_id = answers.subscriber_id
            and judged.topic = answers.topic
    where judged.is_dissatisfied and answers.stated_at > judged.stated_at
    group by judged.month, judged.source, judged.statement_id, judged.subscriber_id, judged.topic
),

answered_again as (
    select
        next_answers.month,
        next_answers.source,
        next_answers.statement_id,
        min(answers.score) as next_score,
        max(case when answers.is_dissatisfied then 1 else 0 end) as is_still_dissatisfied
    from next_answers
    inner join answers
        on
            next_answers.month = answers.month
            and next_answers.subscriber_id = answers.subscriber_id
            and next_answers.topic = answers.topic
            and next_answers.next_at = answers.stated_at
    group by next_answers.month, next_answers.source, next_answers.statement_id
),

calendar as (
    {{ calendar() }}
),

statements as (
    select
        judged.month,
        judged.source,
        judged.statement_id,
        judged.subscriber_id,
        judged.stated_month,
        judged.lag,
        judged.stated_on,
        judged.district_code,
        judged.topic,
        judged.score,
        judged.is_on_net,
        judged.is_dissatisfied,
        judged.is_dissatisfied
        and {{ days_between('judged.stated_on', 'calendar.last_on') }} >= judged.follow_up_days
        and {{ days_between('judged.stated_on', 'calendar.first_on') }} <= judged.follow_up_days as is_due,
        followed_up.statement_id is not null as is_followed_up,
        answered_again.next_score,
        judged.is_dissatisfied
        and judged.is_closed
        and case
            when answered_again.statement_id is not null then answered_again.is_still_dissatisfied = 0
            else coalesce(followed_up.is_accepted, 0) = 1
        end as is_resolved,
        departed.subscriber_id is not null as is_departed
    from judged
    inner join calendar
        on judged.month = calendar.month
    left join followed_up
        on
            judged.month = followed_up.month
            and judged.source = followed_up.source
            and judged.statement_id = followed_up.statement_id
    left join answered_again
        on
            judged.month = answered_again.month
            and judged.source = answered_again.source
            and judged.statement_id = answered_again.statement_id
    left join {{ ref('int_subscribers_departed') }} as departed
        on
            judged.month = departed.month
            and judged.subscriber_id = departed.subscriber_id
)

select * from statements
