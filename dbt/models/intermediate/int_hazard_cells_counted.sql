{{ config(**monthly()) }}

with

calendar as (
    {{ calendar() }}
),

thresholds as (
    {{ thresholds(['hazard_contract_before_months', 'hazard_contract_after_months']) }}
),

subscriber_months as (
    select
        month,
        subscriber_id,
        coalesce(channel_code, '(unknown)') as channel_code,
        plan_code,
        tenure_month,
        is_new,
        is_churned
    from {{ ref('fct_subscriber_months') }}
    where
        {{ months_in_range() }}
        and (is_churned or is_on_net_close)
),

-- A contract renewed in the meantime shows its new end; its old one is in the months before.
contract_ends as (
    select distinct
        lags.month,
        subscribers.subscriber_id
    from ({{ lags(3) }}) as lags
    inner join calendar
        on lags.month = calendar.month
    inner join thresholds
        on lags.month = thresholds.month
    inner join {{ ref('fct_subscriber_months') }} as subscribers
        on lags.lagged_month = subscribers.month
    where
        {{ months_in_range('subscribers.month', look_back=3) }}
        and calendar.month_number - {{ date_month_number('subscribers.contract_end_on') }}
        between -thresholds.hazard_contract_before_months and thresholds.hazard_contract_after_months
),

short_term_plans as (
    select month, plan_code
    from {{ ref('dim_plans') }}
    where
        {{ months_in_range() }}
        and is_short_term
),

suspicious as (
    select month, subscriber_id
    from {{ ref('int_hoarding_suspicions') }}
    where
        {{ months_in_range() }}
        and is_suspicious
),

explained as (
    select
        subscriber_months.*,
        contract_ends.subscriber_id is not null
        or short_term_plans.plan_code is not null
        or suspicious.subscriber_id is not null as is_explained
    from subscriber_months
    left join contract_ends
        on
            subscriber_months.month = contract_ends.month
            and subscriber_months.subscriber_id = contract_ends.subscriber_id
    left join short_term_plans
        on
            subscriber_months.month = short_term_plans.month
            and subscriber_months.plan_code = short_term_plans.plan_code
    left join suspicious
        on
            subscriber_months.month = suspicious.month
            and subscriber_months.subscriber_id = suspicious.subscriber_id
),

hazard_cells as (
    select
        month,
        channel_code,
        tenure_month,
        count(case when is_new then 1 end) as new_count,
        count(*) as at_risk_count,
        count(case when is_churned then 1 end) as churned_count,
        count(case when not is_explained then 1 end) as underlying_at_risk_count,
        count(case when is_churned and not is_explained then 1 end) as underlying_churned_count
    from explained
    group by month, channel_code, tenure_month
)

select * from hazard_cells
