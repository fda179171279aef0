{#- What a leaver's bills of the month of leaving and the year before it say. -#}
{%- set behavioural_month_number = date_month_number('events.behavioural_churn_on') %}
{%- set is_in_window = 'lags.lag between leavers.lag_of_behavioural_end + 1 and leavers.lag_of_behavioural_end + 3' %}

with calendar as (

    {{ calendar(look_back=12) }}

),

leavers as (

    select
        leavers.month,
        leavers.subscriber_id,
        {{ month_of('leavers.joined_on') }} as joined_month,
        -- The mean bill is that of three months, all of which are looked at.
        case
            when {{ behavioural_month_number }} - 3 >= calendar.month_number - 12
                then calendar.month_number - {{ behavioural_month_number }}
        end as lag_of_behavioural_end
    from {{ ref('fct_subscriber_months') }} as leavers
    inner join {{ ref('int_churn_events_dated') }} as events
        on leavers.month = events.month and leavers.subscriber_id = events.subscriber_id
    inner join calendar on leavers.month = calendar.month
    where {{ months_in_range('leavers.month') }} and leavers.is_churned

),

-- The three months before the one of the last activity, as far as the line was there and bills were delivered.
windows as (

    select
        leavers.month,
        leavers.subscriber_id,
        count(*) as month_count
    from leavers
    inner join ({{ lags(12, first=1) }}) as lags on leavers.month = lags.month
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries on lags.lagged_month = deliveries.month
    where
        deliveries.has_bills
        and {{ is_in_window }}
        and lags.lagged_month >= leavers.joined_month
    group by leavers.month, leavers.subscriber_id

),

bills as (

    select
        leavers.month,
        leavers.subscriber_id,
        bills.month as bill_month,
        lags.lag,
        bills.total_fee_amount,
        bills.arrears_amount,
        bills.month >= leavers.joined_month
        and {{ is_in_window }} as is_in_window,
        max(case when lags.lag <= 6 then bills.month end) over (partition by leavers.month, leavers.subscriber_id)
            as last_bill_month
    from {{ ref('stg_billing__bills') }} as bills
    inner join leavers on bills.subscriber_id = leavers.subscriber_id
    inner join ({{ lags(12) }}) as lags on leavers.month = lags.month and bills.month = lags.lagged_month
    where {{ months_in_range('bills.month', look_back=12) }}

),

billed as (

    select
        month,
        subscriber_id,
        sum(case when is_in_window then greatest(total_fee_amount, 0) end) as window_amount,
        max(case when bill_month = last_bill_month then arrears_amount end) as arrears_amount,
        max(case when lag <= 6 and total_fee_amount > 0 then bill_month end) as last_charged_month
    from bills
    group by month, subscriber_id

)

select
    leavers.month,
    leavers.subscriber_id,
    case
        when windows.month_count > 0 then {{ money_per('coalesce(billed.window_amount, 0)', 'windows.month_count') }}
    end as arpu3_behavioural_amount,
    coalesce(billed.arrears_amount, 0) as arrears_amount,
    calendar.last_on as last_charged_on
from leavers
left join windows on leavers.month = windows.month and leavers.subscriber_id = windows.subscriber_id
left join billed on leavers.month = billed.month and leavers.subscriber_id = billed.subscriber_id
left join calendar on billed.last_charged_month = calendar.month
