with thresholds as (

    {{ thresholds(['win_back_days']) }}

),

calendar as (

    {{ calendar() }}

),

value_tiers as (

    {{ in_force('value_tiers', look_back=3) }}

),

causes as (

    {{ in_force('causes', look_back=3) }}

),

answer_codes as (

    {{ answer_codes(look_back=3) }}

),

last_events as (

    select lags.month, leavers.subscriber_id, max(leavers.month) as churn_month
    from {{ ref('fct_churn') }} as leavers
    inner join ({{ lags(3) }}) as lags on leavers.month = lags.lagged_month
    where {{ months_in_range('leavers.month', look_back=3) }}
    group by lags.month, leavers.subscriber_id

),

events as (

    select
        last_events.month,
        last_events.churn_month,
        last_events.subscriber_id,
        leavers.termination_on,
        leavers.value_tier,
        leavers.is_malicious_arrears,
        leavers.churn_class
    from last_events
    inner join {{ ref('fct_churn') }} as leavers
        on last_events.churn_month = leavers.month and last_events.subscriber_id = leavers.subscriber_id
    where {{ months_in_range('leavers.month', look_back=3) }}

),

present as (

    select month, subscriber_id
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close

),

-- Swaps that came to light since the month of leaving count as well.
swapped as (

    select distinct month, old_subscriber_id as subscriber_id
    from {{ ref('fct_number_swaps') }}
    where {{ months_in_range() }} and swap_status = 'swap'

),

answers as (

    select
        lags.month,
        surveys.subscriber_id,
        surveys.churn_month,
        min(case when causes.controllability in ('high', 'mid') then causes.cause_code end) as controllable_cause_code
    from {{ ref('stg_crm__exit_surveys') }} as surveys
    inner join ({{ lags(3) }}) as lags on surveys.month = lags.lagged_month
    inner join answer_codes
        on
            surveys.month = answer_codes.month
            and {{ answers_name('surveys.cause_code', 'answer_codes.answer_code') }}
    inner join causes on answer_codes.month = causes.month and answer_codes.cause_code = causes.cause_code
    where {{ months_in_range('surveys.month', look_back=3) }}
    group by lags.month, surveys.subscriber_id, surveys.churn_month

),

final as (

    select
        events.month,
        events.churn_month,
        events.subscriber_id,
        events.value_tier,
        answers.controllable_cause_code
    from events
    inner join calendar on events.month = calendar.month
    inner join thresholds on events.month = thresholds.month
    left join value_tiers on events.churn_month = value_tiers.month and events.value_tier = value_tiers.value_tier
    left join answers
        on
            events.month = answers.month
            and events.subscriber_id = answers.subscriber_id
            and events.churn_month = answers.churn_month
    left join present on events.month = present.month and events.subscriber_id = present.subscriber_id
    left join swapped on events.month = swapped.month and events.subscriber_id = swapped.subscriber_id
    where
        present.subscriber_id is null
        and swapped.subscriber_id is null
        and coalesce(events.churn_class, 'unknown') not in ('internal', 'natural')
        and not coalesce(events.is_malicious_arrears, false)
        and {{ days_between('events.termination_on', 'calendar.last_on') }} < thresholds.win_back_days
        and (coalesce(value_tiers.is_mid_high, false) or answers.controllable_cause_code is not null)

)

select * from final
