{{ config(**monthly()) }}

with

scope_types as (
    select scope_type
    from ({{ scope_types() }}) as scope_types
    where scope_type in ('network', 'district')
),

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

calendar as (
    {{ calendar() }}
),

deliveries as (
    select
        lags.month,
        max(case when lags.lag = 0 and deliveries.has_surveys then 1 else 0 end) = 1 as has_surveys,
        max(case when lags.lag = 0 and deliveries.has_complaints then 1 else 0 end) = 1 as has_complaints,
        count(case when lags.lag <= 2 and deliveries.has_surveys then 1 end) = 3 as has_due_surveys,
        count(case when lags.lag <= 2 and deliveries.has_complaints then 1 end) = 3 as has_due_complaints,
        count(case when lags.lag <= 2 and deliveries.has_contacts then 1 end) = 3 as has_due_contacts,
        max(case when lags.lag = 3 and deliveries.has_surveys then 1 else 0 end) = 1 as has_outcome_surveys,
        max(case when lags.lag = 3 and deliveries.has_complaints then 1 else 0 end) = 1 as has_outcome_complaints,
        count(case when lags.lag >= 1 and deliveries.has_contacts then 1 end) = 3 as has_outcome_contacts,
        count(case when deliveries.has_surveys then 1 end) = 4 as has_next_answers,
        count(case when deliveries.has_snapshots then 1 end) = 4 as has_window
    from ({{ lags(3) }}) as lags
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries
        on lags.lagged_month = deliveries.month
    group by lags.month
    having max(case when lags.lag = 0 and deliveries.has_snapshots then 1 else 0 end) = 1
),

statements as (
    select
        statements.month,
        statements.source,
        statements.subscriber_id,
        statements.district_code,
        statements.topic,
        statements.score,
        statements.is_on_net,
        statements.is_dissatisfied,
        statements.is_followed_up,
        statements.is_resolved,
        statements.is_departed,
        statements.lag = 0 as is_now,
        statements.is_due
        and case statements.source when 'survey' then deliveries.has_due_surveys else deliveries.has_due_complaints end
            as is_due,
        statements.lag = 3
        and statements.is_dissatisfied
        and case
            statements.source when 'survey' then deliveries.has_outcome_surveys else deliveries.has_outcome_complaints
        end as is_outcome,
        case when statements.source = 'survey' then statements.next_score - statements.score end as score_change
    from {{ ref('int_satisfaction_statements') }} as statements
    inner join deliveries
        on statements.month = deliveries.month
),

topic_levels as (
    select 'all' as topic_level
    union all
    select 'topic' as topic_level
),

statements_by_scope as (
    select
        statements.month,
        statements.source,
        statements.subscriber_id,
        statements.score,
        statements.is_on_net,
        statements.is_dissatisfied,
        statements.is_followed_up,
        statements.is_resolved,
        statements.is_departed,
        statements.is_now,
        statements.is_due,
        statements.is_outcome,
        statements.score_change,
        scope_types.scope_type,
        case scope_types.scope_type when 'network' then 'all' else statements.district_code end as scope_code,
        case topic_levels.topic_level when 'all' then 'all' else statements.topic end as topic
    from statements
    cross join scope_types
    cross join topic_levels
),

counts as (
    select
        month,
        scope_type,
        scope_code,
        topic,
        count(case when is_now and source = 'survey' then 1 end) as answers_count,
        sum(case when is_now and source = 'survey' then score end) as score_total,
        count(case when is_now and source = 'complaint' then 1 end) as rated_complaints_count,
        count(case when is_now and is_dissatisfied then 1 end) as dissatisfied_count,
        count(case when is_due then 1 end) as due_count,
        count(case when is_due and is_followed_up then 1 end) as followed_up_count,
        count(case when is_outcome then 1 end) as outcome_dissatisfied_count,
        count(case when is_outcome and is_followed_up then 1 end) as outcome_followed_up_count,
        count(case when is_outcome and is_resolved then 1 end) as resolved_count,
        count(case when is_outcome then score_change end) as answered_again_count,
        sum(case when is_outcome then score_change end) as score_change_total,
        count(case when is_outcome and is_followed_up then score_change end) as followed_up_answers,
        sum(case when is_outcome and is_followed_up then score_change end) as followed_up_total,
        sum(case when is_outcome and is_followed_up then score_change * score_change end) as followed_up_squares,
        count(case when is_outcome and not is_followed_up then score_change end) as other_answers,
        sum(case when is_outcome and not is_followed_up then score_change end) as other_total,
        sum(case when is_outcome and not is_followed_up then score_change * score_change end) as other_squares
    from statements_by_scope
    group by month, scope_type, scope_code, topic
),

-- One person may have said several things; left or stayed he has once.
persons as (
    select
        month,
        scope_type,
        scope_code,
        topic,
        subscriber_id,
        max(case when is_followed_up then 1 else 0 end) as is_followed_up,
        max(case when is_departed then 1 else 0 end) as is_departed
    from statements_by_scope
    where is_outcome and is_on_net
    group by month, scope_type, scope_code, topic, subscriber_id
),

departures as (
    select
        month,
        scope_type,
        scope_code,
        topic,
        count(case when is_followed_up = 1 then 1 end) as followed_up_subscriber_count,
        count(case when is_followed_up = 1 and is_departed = 1 then 1 end) as followed_up_churned_count,
        count(case when is_followed_up = 0 then 1 end) as not_followed_up_subscriber_count,
        count(case when is_followed_up = 0 and is_departed = 1 then 1 end) as not_followed_up_churned_count
    from persons
    group by month, scope_type, scope_code, topic
),

lines as (
    select month, subscriber_id, coalesce(district_code, '(unknown)') as district_code
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }}
),

topics as (
    select distinct month, category, topic
    from ({{ in_force('satisfaction_topics') }}) as satisfaction_topics
),

tickets as (
    select distinct
        complaints.month,
        complaints.complaint_id,
        lines.district_code,
        coalesce(topics.topic, 'unknown') as topic
    from {{ ref('stg_crm__complaints') }} as complaints
    inner join lines
        on
            complaints.month = lines.month
            and complaints.subscriber_id = lines.subscriber_id
    left join topics
        on
            complaints.month = topics.month
            and complaints.category = topics.category
    where
        {{ months_in_range('complaints.month') }}
        and {{ month_of('complaints.created_at') }} = complaints.month
),

tickets_by_scope as (
    select
        tickets.month,
        scope_types.scope_type,
        case scope_types.scope_type when 'network' then 'all' else tickets.district_code end as scope_code,
        case topic_levels.topic_level when 'all' then 'all' else tickets.topic end as topic
    from tickets
    cross join scope_types
    cross join topic_levels
),

complaints as (
    select month, scope_type, scope_code, topic, count(*) as complaints_count
    from tickets_by_scope
    group by month, scope_type, scope_code, topic
),

-- Every scope of the month has every topic, and so has a district of which only earlier statements are left.
scopes as (
    select month, 'network' as scope_type, 'all' as scope_code
    from deliveries
    union
    select month, 'district' as scope_type, district_code as scope_code
    from lines
    union
    select month, scope_type, scope_code
    from counts
),

cells as (
    select scopes.month, scopes.scope_type, scopes.scope_code, named.topic
    from scopes
    inner join (
        select month, topic
        from topics
        union
        select month, topic
        from counts
        union
        select month, 'all' as topic
        from calendar
        union
        select month, 'unknown' as topic
        from calendar
    ) as named
        on scopes.month = named.month
),

-- What a data set tells that was not delivered is null, never 0.
known as (
    select
        cells.month,
        cells.scope_type,
        cells.scope_code,
        cells.topic,
        case when deliveries.has_surveys then coalesce(counts.answers_count, 0) end as answers_count,
        counts.score_total,
        case when deliveries.has_complaints then coalesce(complaints.complaints_count, 0) end as complaints_count,
        case when deliveries.has_complaints then coalesce(counts.rated_complaints_count, 0) end
            as rated_complaints_count,
        case
            when deliveries.has_surveys or deliveries.has_complaints
                then coalesce(counts.answers_count, 0) + coalesce(counts.rated_complaints_count, 0)
        end as statements_count,
        case when deliveries.has_surveys or deliveries.has_complaints then coalesce(counts.dissatisfied_count, 0) end
            as dissatisfied_count,
        case when deliveries.has_due_surveys or deliveries.has_due_complaints then coalesce(counts.due_count, 0) end
            as due_count,
        case
            when (deliveries.has_due_surveys or deliveries.has_due_complaints) and deliveries.has_due_contacts
                then coalesce(counts.followed_up_count, 0)
        end as followed_up_count,
        case
            when deliveries.has_outcome_surveys or deliveries.has_outcome_complaints
                then coalesce(counts.outcome_dissatisfied_count, 0)
        end as outcome_dissatisfied_count,
        (deliveries.has_outcome_surveys or deliveries.has_outcome_complaints) and deliveries.has_outcome_contacts
            as has_outcome,
        deliveries.has_next_answers,
        deliveries.has_outcome_contacts,
        deliveries.has_window,
        coalesce(counts.outcome_followed_up_count, 0) as outcome_followed_up_count,
        coalesce(counts.resolved_count, 0) as resolved_count,
        coalesce(counts.answered_again_count, 0) as answered_again_count,
        counts.score_change_total,
        coalesce(counts.followed_up_answers, 0) as followed_up_answers,
        counts.followed_up_total,
        counts.followed_up_squares,
        coalesce(counts.other_answers, 0) as other_answers,
        counts.other_total,
        counts.other_squares,
        coalesce(departures.followed_up_subscriber_count, 0) as followed_up_subscriber_count,
        coalesce(departures.followed_up_churned_count, 0) as followed_up_churned_count,
        coalesce(departures.not_followed_up_subscriber_count, 0) as not_followed_up_subscriber_count,
        coalesce(departures.not_followed_up_churned_count, 0) as not_followed_up_churned_count
    from cells
    inner join deliveries
        on cells.month = deliveries.month
    left join counts
        on
            cells.month = counts.month
            and cells.scope_type = counts.scope_type
            and cells.scope_code = counts.scope_code
            and cells.topic = counts.topic
    left join complaints
        on
            cells.month = complaints.month
            and cells.scope_type = complaints.scope_type
            and cells.scope_code = complaints.scope_code
            and cells.topic = complaints.topic
    left join departures
        on
            cells.month = departures.month
            and cells.scope_type = departures.scope_type
            and cells.scope_code = departures.scope_code
            and cells.topic = departures.topic
),

matured as (
    select
        month,
        scope_type,
        scope_code,
        topic,
        answers_count,
        score_total,
        complaints_count,
        rated_complaints_count,
        statements_count,
        dissatisfied_count,
        due_count,
        followed_up_count,
        outcome_dissatisfied_count,
        score_change_total,
        followed_up_total,
        other_total,
        case when has_outcome then outcome_followed_up_count end as outcome_followed_up_count,
        case when has_outcome and has_next_answers then resolved_count end as resolved_count,
        case when has_next_answers then answered_again_count end as answered_again_count,
        case when has_next_answers and has_outcome_contacts then followed_up_answers end as followed_up_answers,
        case when has_next_answers and has_outcome_contacts then other_answers end as other_answers,
        {{ ratio(
            'followed_up_answers * followed_up_squares - followed_up_total * followed_up_total',
            'followed_up_answers * followed_up_answers * (followed_up_answers - 1)'
        ) }} as followed_up_mean_variance,
        {{ ratio(
            'other_answers * other_squares - other_total * other_total',
            'other_answers * other_answers * (other_answers - 1)'
        ) }} as other_mean_variance,
        case when has_outcome and has_window then followed_up_subscriber_count end as followed_up_subscriber_count,
        case when has_outcome and has_window then followed_up_churned_count end as followed_up_churned_count,
        case when has_outcome and has_window then not_followed_up_subscriber_count end
            as not_followed_up_subscriber_count,
        case when has_outcome and has_window then not_followed_up_churned_count end as not_followed_up_churned_count
    from known
),

rated as (
    select
        *,
        {{ ratio('score_change_total', 'answered_again_count') }} as score_change_mean,
        {{ ratio('followed_up_total', 'followed_up_answers') }} as followed_up_change,
        {{ ratio('other_total', 'other_answers') }} as other_change,
        sqrt(followed_up_mean_variance + other_mean_variance) as score_change_error,
        {{ ratio('followed_up_churned_count', 'followed_up_subscriber_count') }} as followed_up_rate,
        {{ wilson_low('followed_up_churned_count', 'followed_up_subscriber_count') }} as followed_up_low,
        {{ wilson_high('followed_up_churned_count', 'followed_up_subscriber_count') }} as followed_up_high,
        {{ ratio('not_followed_up_churned_count', 'not_followed_up_subscriber_count') }} as other_rate,
        {{ wilson_low('not_followed_up_churned_count', 'not_followed_up_subscriber_count') }} as other_low,
        {{ wilson_high('not_followed_up_churned_count', 'not_followed_up_subscriber_count') }} as other_high
    from matured
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

satisfaction as (
    select
        rated.month,
        rated.scope_type,
        rated.scope_code,
        {{ scope_name('rated.scope_type', 'rated.scope_code', 'districts.district_name') }} as scope_name,
        rated.topic,
        rated.answers_count,
        {{ ratio('rated.score_total', 'rated.answers_count') }} as mean_score,
        rated.complaints_count,
        rated.rated_complaints_count,
        rated.dissatisfied_count,
        {{ ratio('rated.dissatisfied_count', 'rated.statements_count') }} as dissatisfied_share,
        {{ wilson_low('rated.dissatisfied_count', 'rated.statements_count') }} as ci_low,
        {{ wilson_high('rated.dissatisfied_count', 'rated.statements_count') }} as ci_high,
        coalesce(rated.statements_count, 0) < thresholds.small_cell_denominator as is_small,
        rated.due_count,
        rated.followed_up_count,
        {{ ratio('rated.followed_up_count', 'rated.due_count') }} as followed_up_share,
        {{ wilson_low('rated.followed_up_count', 'rated.due_count') }} as followed_up_low,
        {{ wilson_high('rated.followed_up_count', 'rated.due_count') }} as followed_up_high,
        coalesce(rated.due_count, 0) < thresholds.small_cell_denominator as is_due_small,
        {{ add_months('rated.month', -3) }} as outcome_month,
        rated.outcome_dissatisfied_count,
        rated.outcome_followed_up_count,
        rated.resolved_count,
        {{ ratio('rated.resolved_count', 'rated.outcome_dissatisfied_count') }} as resolved_share,
        {{ wilson_low('rated.resolved_count', 'rated.outcome_dissatisfied_count') }} as resolved_low,
        {{ wilson_high('rated.resolved_count', 'rated.outcome_dissatisfied_count') }} as resolved_high,
        coalesce(rated.outcome_dissatisfied_count, 0) < thresholds.small_cell_denominator as is_outcome_small,
        rated.answered_again_count,
        rated.score_change_mean,
        rated.followed_up_answers as answered_again_followed_up_count,
        rated.followed_up_change as score_change_mean_followed_up,
        rated.other_answers as answered_again_not_followed_up_count,
        rated.other_change as score_change_mean_not_followed_up,
        rated.followed_up_change - rated.other_change as score_change_difference,
        rated.followed_up_change - rated.other_change - {{ z_of_5_per_cent() }} * rated.score_change_error
            as score_change_difference_low,
        rated.followed_up_change - rated.other_change + {{ z_of_5_per_cent() }} * rated.score_change_error
            as score_change_difference_high,
        rated.followed_up_subscriber_count,
        rated.followed_up_churned_count,
        rated.followed_up_rate as churned_share_followed_up,
        rated.followed_up_low as churned_low_followed_up,
        rated.followed_up_high as churned_high_followed_up,
        rated.not_followed_up_subscriber_count,
        rated.not_followed_up_churned_count,
        rated.other_rate as churned_share_not_followed_up,
        rated.other_low as churned_low_not_followed_up,
        rated.other_high as churned_high_not_followed_up,
        rated.followed_up_rate - rated.other_rate as churned_difference,
        {{ newcombe_low('rated.followed_up', 'rated.other') }} as churned_difference_low,
        {{ newcombe_high('rated.followed_up', 'rated.other') }} as churned_difference_high,
        least(coalesce(rated.followed_up_subscriber_count, 0), coalesce(rated.not_followed_up_subscriber_count, 0))
        < thresholds.small_cell_denominator as is_comparison_small
    from rated
    inner join thresholds
        on rated.month = thresholds.month
    left join districts
        on
            rated.month = districts.month
            and rated.scope_type = 'district'
            and rated.scope_code = districts.district_code
)

select * from satisfaction
