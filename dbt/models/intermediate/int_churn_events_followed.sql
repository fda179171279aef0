{#- What a month knows of the churn of the four months before it: final rows of a line that came back within the
    days of grace are no churn any more. -#}
with calendar as (

    {{ calendar(look_back=4) }}

),

thresholds as (

    {{ thresholds(['grace_days']) }}

),

subscriber_months as (

    select *
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=4) }} and (is_churned or is_reinstated)

),

delivered as (

    select
        month,
        max(case when column_name = 'brand' then 1 else 0 end) = 1 as has_brand,
        max(case when column_name = 'network' then 1 else 0 end) = 1 as has_network,
        max(case when column_name = 'payment_type' then 1 else 0 end) = 1 as has_payment_type
    from {{ ref('stg_deliveries__columns') }}
    where data_set = 'crm_subscribers' and {{ months_in_range(look_back=4) }}
    group by month

),

events as (

    select
        lags.month,
        lags.lag,
        left_lines.month as churn_month,
        case when left_lines.is_vanished then {{ add_months('left_lines.month', -1) }} else left_lines.month end
            as last_seen_month,
        left_lines.subscriber_id,
        left_lines.joined_on,
        left_lines.termination_on,
        left_lines.is_vanished,
        left_lines.status,
        left_lines.group_id,
        left_lines.network_type as network_type_known,
        coalesce(left_lines.district_code, '(unknown)') as district_code,
        case when delivered.has_brand then coalesce(left_lines.brand, '(unknown)') end as brand,
        case when delivered.has_network then coalesce(left_lines.network_type, '(unknown)') end as network_type,
        case when delivered.has_payment_type then coalesce(left_lines.payment_type, '(unknown)') end as payment_type
    from subscriber_months as left_lines
    inner join ({{ lags(4) }}) as lags on left_lines.month = lags.lagged_month
    left join delivered on left_lines.month = delivered.month
    where left_lines.is_churned

),

-- The date of a return is the status date where it lies in the month of the return, else that month's first day.
returns as (

    select
        subscriber_months.month,
        subscriber_months.subscriber_id,
        case
            when subscriber_months.status_on between calendar.first_on and calendar.last_on
                then subscriber_months.status_on
            else calendar.first_on
        end as returned_on
    from subscriber_months
    inner join calendar on subscriber_months.month = calendar.month
    where subscriber_months.is_reinstated

),

reinstatements as (

    select events.month, events.churn_month, events.subscriber_id, min(returns.returned_on) as reinstated_on
    from events
    inner join returns
        on
            events.subscriber_id = returns.subscriber_id
            and events.churn_month < returns.month
            and events.month >= returns.month
    inner join thresholds on events.month = thresholds.month
    where {{ days_between('events.termination_on', 'returns.returned_on') }} <= thresholds.grace_days
    group by events.month, events.churn_month, events.subscriber_id

),

final as (

    select
        events.*,
        reinstatements.reinstated_on,
        reinstatements.reinstated_on is not null as is_reinstated
    from events
    left join reinstatements
        on
            events.month = reinstatements.month
            and events.churn_month = reinstatements.churn_month
            and events.subscriber_id = reinstatements.subscriber_id

)

select * from final
