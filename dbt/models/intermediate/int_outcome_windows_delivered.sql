{#- What is known of the three months that end in a month of the run: an outcome over a gap would miss who left in it. -#}
with

costs as (
    select distinct month
    from {{ ref('stg_deliveries__columns') }}
    where
        {{ months_in_range(look_back=2) }}
        and data_set = 'crm_contacts'
        and column_name = 'cost'
),

reached_months as (
    select
        lags.month,
        lags.lag,
        deliveries.has_snapshots,
        deliveries.has_bills,
        deliveries.has_usage,
        deliveries.has_payments,
        deliveries.has_contacts,
        deliveries.has_contacts and costs.month is not null as has_costs
    from ({{ lags(4) }}) as lags
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries
        on lags.lagged_month = deliveries.month
    left join costs
        on lags.lagged_month = costs.month
),

counted as (
    select
        month,
        count(case when lag <= 2 and has_snapshots then 1 end) as snapshot_months,
        count(case when lag <= 2 and has_bills then 1 end) as bill_months,
        count(case when lag <= 2 and has_contacts then 1 end) as contact_months,
        count(case when lag <= 2 and has_costs then 1 end) as cost_months,
        count(case when lag = 0 and has_usage then 1 end) as usage_months,
        count(case when has_payments then 1 end) as payment_months
    from reached_months
    group by month
),

windows as (
    select
        month,
        {{ add_months('month', -3) }} as starting_month,
        bill_months = 3 as has_bills,
        contact_months = 3 as has_contacts,
        cost_months = 3 as has_costs,
        usage_months = 1 as has_usage,
        payment_months = 5 as has_payments
    from counted
    where snapshot_months = 3
)

select * from windows
