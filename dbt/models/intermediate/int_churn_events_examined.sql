{#- What the bills, usage, payments and answers of a leaver tell, looked at in the month of leaving and before it. -#}
{%- set is_used %}coalesce(usage.mou_out, 0) + coalesce(usage.mou_in, 0) + coalesce(usage.data_mb, 0)
            + coalesce(usage.calls_out, 0) + coalesce(usage.calls_in, 0) + coalesce(usage.sms_out, 0) > 0{% endset %}

with calendar as (

    {{ calendar(look_back=12) }}

),

deliveries as (

    select * from {{ ref('int_deliveries_pivoted') }}

),

thresholds as (

    {{ thresholds(['malicious_arrears_amount', 'malicious_arrears_arpu_share', 'malicious_tenure_months']) }}

),

leavers as (

    select month, subscriber_id, joined_on, termination_on, churn_kind, tenure_month, arpu3_amount
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_churned

),

-- The last day of a month with use stands in where no day is delivered.
usage as (

    select
        leavers.month,
        leavers.subscriber_id,
        max(coalesce(usage.last_activity_on, case when {{ is_used }} then calendar.last_on end)) as last_activity_on,
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

),

-- Use after the end, which late records show, is no later than the end.
lives as (

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
        end as behavioural_churn_on
    from leavers
    inner join deliveries on leavers.month = deliveries.month
    left join usage on leavers.month = usage.month and leavers.subscriber_id = usage.subscriber_id
    left join payments on leavers.month = payments.month and leavers.subscriber_id = payments.subscriber_id

),

bills as (

    select
        leavers.month,
        leavers.subscriber_id,
        bills.month as bill_month,
        lags.lag,
        bills.total_fee_amount,
        bills.arrears_amount
    from {{ ref('stg_billing__bills') }} as bills
    inner join leavers on bills.subscriber_id = leavers.subscriber_id
    inner join ({{ lags(12) }}) as lags on leavers.month = lags.month and bills.month = lags.lagged_month
    where {{ months_in_range('bills.month', look_back=12) }}

),

-- The three months before the one of the last activity, as far as the line was there and bills were delivered.
windows as (

    select
        leavers.month,
        leavers.subscriber_id,
        lags.lagged_month
    from leavers
    inner join lives on leavers.month = lives.month and leavers.subscriber_id = lives.subscriber_id
    inner join calendar on leavers.month = calendar.month
    inner join ({{ lags(12, first=1) }}) as lags on leavers.month = lags.month
    inner join deliveries on lags.lagged_month = deliveries.month
    where
        deliveries.has_bills
        and lags.lagged_month >= {{ month_of('leavers.joined_on') }}
        and calendar.month_number - lags.lag
            between {{ date_month_number('lives.behavioural_churn_on') }} - 3
            and {{ date_month_number('lives.behavioural_churn_on') }} - 1
        and {{ date_month_number('lives.behavioural_churn_on') }} - 3 >= calendar.month_number - 12

),

window_means as (

    select
        windows.month,
        windows.subscriber_id,
        {{ money_per('coalesce(sum(greatest(bills.total_fee_amount, 0)), 0)', 'count(*)') }}
            as arpu3_behavioural_amount
    from windows
    left join bills
        on
            windows.month = bills.month
            and windows.subscriber_id = bills.subscriber_id
            and windows.lagged_month = bills.bill_month
    group by windows.month, windows.subscriber_id

),

last_bills as (

    select
        month,
        subscriber_id,
        max(bill_month) as last_bill_month,
        max(case when total_fee_amount > 0 then bill_month end) as last_charged_month
    from bills
    where lag <= 6
    group by month, subscriber_id

),

balances as (

    select
        last_bills.month,
        last_bills.subscriber_id,
        bills.arrears_amount,
        calendar.last_on as last_charged_on
    from last_bills
    inner join bills
        on
            last_bills.month = bills.month
            and last_bills.subscriber_id = bills.subscriber_id
            and last_bills.last_bill_month = bills.bill_month
    left join calendar on last_bills.last_charged_month = calendar.month

),

stops as (

    select leavers.month, leavers.subscriber_id, lags.lagged_month, snapshots.status, snapshots.status_on
    from {{ ref('stg_crm__subscribers') }} as snapshots
    inner join leavers on snapshots.subscriber_id = leavers.subscriber_id and leavers.churn_kind = 'passive'
    inner join ({{ lags(6, first=1) }}) as lags
        on leavers.month = lags.month and snapshots.month = lags.lagged_month
    where {{ months_in_range('snapshots.month', look_back=6) }}

),

last_free_months as (

    select
        month,
        subscriber_id,
        max(case when status <> 'suspended_arrears' then lagged_month end) as last_free_month
    from stops
    group by month, subscriber_id

),

last_stops as (

    select stops.month, stops.subscriber_id, min(stops.status_on) as stopped_on
    from stops
    inner join last_free_months
        on stops.month = last_free_months.month and stops.subscriber_id = last_free_months.subscriber_id
    where
        stops.status = 'suspended_arrears'
        and stops.lagged_month > coalesce(last_free_months.last_free_month, '')
    group by stops.month, stops.subscriber_id

),

answers as (

    select month, subscriber_id, 'destination' as answer, destination as code
    from {{ ref('stg_crm__exit_surveys') }}
    where {{ months_in_range() }} and churn_month = month
    union all
    select month, subscriber_id, 'cause_code' as answer, cause_code as code
    from {{ ref('stg_crm__exit_surveys') }}
    where {{ months_in_range() }} and churn_month = month

),

answered as (

    select
        answers.month,
        answers.subscriber_id,
        max(case when exit_evidence.churn_class = 'natural' then 1 else 0 end) = 1 as says_natural,
        max(case when exit_evidence.churn_class = 'external_confirmed' then 1 else 0 end) = 1 as says_external,
        max(case when exit_evidence.churn_class = 'unknown' then 1 else 0 end) = 1 as says_unknown
    from answers
    inner join ({{ in_force('exit_evidence') }}) as exit_evidence
        on
            answers.month = exit_evidence.month
            and answers.answer = exit_evidence.answer
            and answers.code = exit_evidence.code
    group by answers.month, answers.subscriber_id

),

judged as (

    select
        leavers.month,
        leavers.subscriber_id,
        lives.behavioural_churn_on,
        window_means.arpu3_behavioural_amount,
        case when deliveries.has_arrears then coalesce(balances.arrears_amount, 0) end as arrears_amount,
        case
            when not deliveries.has_arrears or not deliveries.has_payments or leavers.churn_kind = 'unknown' then null
            else
                leavers.churn_kind = 'passive'
                and leavers.tenure_month <= thresholds.malicious_tenure_months
                and coalesce(balances.arrears_amount, 0) >= greatest(
                    thresholds.malicious_arrears_amount,
                    thresholds.malicious_arrears_arpu_share * cast(coalesce(leavers.arpu3_amount, 0) as double)
                )
                and (payments.last_paid_on is null or coalesce(payments.last_paid_on <= balances.last_charged_on, false))
        end as is_malicious_arrears,
        {{ days_between('last_stops.stopped_on', 'leavers.termination_on') }} as arrears_to_disconnect_days,
        coalesce(usage.forward_offnet_calls, 0) as forward_offnet_calls,
        coalesce(answered.says_natural, false) as says_natural,
        coalesce(answered.says_external, false) as says_external,
        coalesce(answered.says_unknown, false) as says_unknown
    from leavers
    inner join deliveries on leavers.month = deliveries.month
    inner join thresholds on leavers.month = thresholds.month
    inner join lives on leavers.month = lives.month and leavers.subscriber_id = lives.subscriber_id
    left join window_means
        on leavers.month = window_means.month and leavers.subscriber_id = window_means.subscriber_id
    left join balances on leavers.month = balances.month and leavers.subscriber_id = balances.subscriber_id
    left join payments on leavers.month = payments.month and leavers.subscriber_id = payments.subscriber_id
    left join last_stops on leavers.month = last_stops.month and leavers.subscriber_id = last_stops.subscriber_id
    left join usage on leavers.month = usage.month and leavers.subscriber_id = usage.subscriber_id
    left join answered on leavers.month = answered.month and leavers.subscriber_id = answered.subscriber_id

)

select * from judged
