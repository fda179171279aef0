{{ config(**monthly()) }}

with

scope_types as (
    {{ scope_types() }}
),

thresholds as (
    {{ thresholds(['dormant_silent_months']) }}
),

classes as (
    select churn_class from {{ ref('churn_classes') }}
),

scopes as (
    select month, scope_type, scope_code, scope_name, churned_count, closing_count, is_small
    from {{ ref('mart_churn_trend') }}
    where {{ months_in_range() }}
),

leavers as (
    select
        month,
        churn_class,
        coalesce(district_code, '(unknown)') as district_code,
        coalesce(brand, '(unknown)') as brand,
        coalesce(network_type, '(unknown)') as network_type,
        coalesce(payment_type, '(unknown)') as payment_type
    from {{ ref('fct_churn') }}
    where {{ months_in_range() }}
),

classed as (
    select
        leavers.month,
        scope_types.scope_type,
        {{ scope_code('leavers') }} as scope_code,
        leavers.churn_class,
        count(*) as churned_count
    from leavers
    cross join scope_types
    group by leavers.month, scope_types.scope_type, {{ scope_code('leavers') }}, leavers.churn_class
),

-- A line is dormant after full months only, so the month in which it joined does not count.
on_net as (
    select
        subscriber_months.month,
        coalesce(subscriber_months.district_code, '(unknown)') as district_code,
        coalesce(subscriber_months.brand, '(unknown)') as brand,
        coalesce(subscriber_months.network_type, '(unknown)') as network_type,
        coalesce(subscriber_months.payment_type, '(unknown)') as payment_type,
        count(
            case
                when
                    subscriber_months.is_silent
                    and subscriber_months.status not in ('suspended_voluntary', 'suspended_arrears')
                    then 1
            end
        ) as silent_count,
        count(
            case
                when
                    subscriber_months.silent_months >= thresholds.dormant_silent_months
                    and subscriber_months.tenure_completed >= thresholds.dormant_silent_months
                    and subscriber_months.status <> 'suspended_voluntary'
                    then 1
            end
        ) as dormant_count
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join thresholds
        on subscriber_months.month = thresholds.month
    where
        {{ months_in_range('subscriber_months.month') }}
        and subscriber_months.is_on_net_close
    group by
        subscriber_months.month,
        coalesce(subscriber_months.district_code, '(unknown)'),
        coalesce(subscriber_months.brand, '(unknown)'),
        coalesce(subscriber_months.network_type, '(unknown)'),
        coalesce(subscriber_months.payment_type, '(unknown)')
),

silenced as (
    select
        on_net.month,
        scope_types.scope_type,
        {{ scope_code('on_net') }} as scope_code,
        {{ total('on_net.silent_count') }} as silent_count,
        {{ total('on_net.dormant_count') }} as dormant_count
    from on_net
    cross join scope_types
    group by on_net.month, scope_types.scope_type, {{ scope_code('on_net') }}
),

usage_histories as (
    select lags.month, count(case when deliveries.has_usage then 1 end) as usage_month_count
    from ({{ lags(2) }}) as lags
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries
        on lags.lagged_month = deliveries.month
    group by lags.month
),

available as (
    select
        deliveries.month,
        deliveries.has_swap_evidence,
        deliveries.has_exit_surveys,
        deliveries.has_usage,
        usage_histories.usage_month_count = 3 as has_usage_history,
        coalesce(snapshots.snapshots_hold_leavers, true) as has_leavers
    from {{ ref('int_deliveries_pivoted') }} as deliveries
    inner join usage_histories
        on deliveries.month = usage_histories.month
    left join {{ ref('stg_deliveries__data_sets') }} as snapshots
        on
            deliveries.month = snapshots.month
            and snapshots.data_set = 'crm_subscribers'
),

counts as (
    select
        scopes.month,
        scopes.scope_type,
        scopes.scope_code,
        scopes.scope_name,
        classes.churn_class,
        case
            when classed.churned_count is not null then classed.churned_count
            when classes.churn_class = 'internal' and not available.has_swap_evidence then null
            when classes.churn_class = 'natural' and not available.has_exit_surveys then null
            when classes.churn_class in ('external_presumed', 'passive_unknown') and not available.has_leavers then null
            else 0
        end as churned_count,
        scopes.churned_count as all_churned_count,
        scopes.closing_count,
        case when available.has_usage then coalesce(silenced.silent_count, 0) end as silent_count,
        case when available.has_usage_history then coalesce(silenced.dormant_count, 0) end as dormant_count,
        scopes.is_small
    from scopes
    cross join classes
    inner join available
        on scopes.month = available.month
    left join classed
        on
            scopes.month = classed.month
            and scopes.scope_type = classed.scope_type
            and scopes.scope_code = classed.scope_code
            and classes.churn_class = classed.churn_class
    left join silenced
        on
            scopes.month = silenced.month
            and scopes.scope_type = silenced.scope_type
            and scopes.scope_code = silenced.scope_code
),

churn_class as (
    select
        month,
        scope_type,
        scope_code,
        scope_name,
        churn_class,
        churned_count,
        all_churned_count,
        {{ ratio('churned_count', 'all_churned_count') }} as churned_share,
        closing_count,
        silent_count,
        dormant_count,
        {{ ratio('dormant_count', 'closing_count') }} as dormant_rate,
        is_small
    from counts
)

select * from churn_class
