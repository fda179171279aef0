{#- When a leaver last used or paid for the line, looked at in the month of leaving and the six before it. -#}

with calendar as (

    {{ calendar(look_back=6) }}

),

deliveries as (

    select month, has_usage from {{ ref('int_deliveries_pivoted') }}

),

leavers as (

    select month, subscriber_id, termination_on
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_churned

),

-- The last day of a month with use stands in where no day is delivered.
usage as (

    select
        leavers.month,
        leavers.subscriber_id,
        max(coalesce(usage.last_activity_on, case when {{ has_use('usage') }} then calendar.last_on end)) as last_activity_on,
        {{ total('case when lags.lag <= 2 then usage.forward_offnet_calls end') }} as forward_offnet_calls
    from {{ ref('stg_billing__usage') }} as usage
    inner join leavers on usage.subscriber_id = leavers.subscriber_id
    inner join ({{ lags(6) }}) as lags on leavers.month = lags.month and usage.month = lags.lagged_month
    inner join calendar on usage.month = calendar.month
    where {{ months_in_range('usage.month', look_back=6) }}
    group by leavers.month, leavers.subscriber_id

),

payments as (

    select
        leavers.month,
        leavers.subscriber_id,
        max(cast(payments.paid_at as date)) as last_paid_on,
        max(
            case when cast(payments.paid_at as date) <= leavers.termination_on then cast(payments.paid_at as date) end
        ) as last_paid_in_life_on
    from {{ ref('stg_billing__payments') }} as payments
    inner join leavers on payments.subscriber_id = leavers.subscriber_id
    inner join ({{ lags(6) }}) as lags on leavers.month = lags.month and payments.month = lags.lagged_month
    where {{ months_in_range('payments.month', look_back=6) }}
    group by leavers.month, leavers.subscriber_id

)

-- Use after the end, which late records show, is no later than the end.
select
    leavers.month,
    leavers.subscriber_id,
    case
        when not deliveries.has_usage then null
        when usage.last_activity_on is null then payments.last_paid_in_life_on
        else greatest(
            least(usage.last_activity_on, leavers.termination_on),
            coalesce(payments.last_paid_in_life_on, least(usage.last_activity_on, leavers.termination_on))
        )
    end as behavioural_churn_on,
    payments.last_paid_on,
    coalesce(usage.forward_offnet_calls, 0) as forward_offnet_calls
from leavers
inner join deliveries on leavers.month = deliveries.month
left join usage on leavers.month = usage.month and leavers.subscriber_id = usage.subscriber_id
left join payments on leavers.month = payments.month and leavers.subscriber_id = payments.subscriber_id
