{#- What is known of a leaver's last months: the balance left behind, the way to the end, and the answers given. -#}

with thresholds as (

    {{ thresholds(['malicious_arrears_amount', 'malicious_arrears_arpu_share', 'malicious_tenure_months']) }}

),

leavers as (

    select month, subscriber_id, termination_on, churn_kind, tenure_month, arpu3_amount
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_churned

),

stops as (

    select
        leavers.month,
        leavers.subscriber_id,
        lags.lagged_month,
        snapshots.status,
        snapshots.status_on,
        max(case when snapshots.status <> 'suspended_arrears' then lags.lagged_month end)
            over (partition by leavers.month, leavers.subscriber_id) as last_free_month
    from {{ ref('stg_crm__subscribers') }} as snapshots
    inner join leavers on snapshots.subscriber_id = leavers.subscriber_id and leavers.churn_kind = 'passive'
    inner join ({{ lags(6, first=1) }}) as lags
        on leavers.month = lags.month and snapshots.month = lags.lagged_month
    where {{ months_in_range('snapshots.month', look_back=6) }}

),

last_stops as (

    select month, subscriber_id, min(status_on) as stopped_on
    from stops
    where status = 'suspended_arrears' and lagged_month > coalesce(last_free_month, '')
    group by month, subscriber_id

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
        dated.behavioural_churn_on,
        billed.arpu3_behavioural_amount,
        case when deliveries.has_arrears then billed.arrears_amount end as arrears_amount,
        case
            when not deliveries.has_arrears or not deliveries.has_payments or leavers.churn_kind = 'unknown' then null
            else
                leavers.churn_kind = 'passive'
                and leavers.tenure_month <= thresholds.malicious_tenure_months
                and billed.arrears_amount >= greatest(
                    thresholds.malicious_arrears_amount,
                    thresholds.malicious_arrears_arpu_share * cast(coalesce(leavers.arpu3_amount, 0) as double)
                )
                and (dated.last_paid_on is null or coalesce(dated.last_paid_on <= billed.last_charged_on, false))
        end as is_malicious_arrears,
        {{ days_between('last_stops.stopped_on', 'leavers.termination_on') }} as arrears_to_disconnect_days,
        dated.forward_offnet_calls,
        coalesce(answered.says_natural, false) as says_natural,
        coalesce(answered.says_external, false) as says_external,
        coalesce(answered.says_unknown, false) as says_unknown
    from leavers
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries on leavers.month = deliveries.month
    inner join thresholds on leavers.month = thresholds.month
    inner join {{ ref('int_churn_events_dated') }} as dated
        on leavers.month = dated.month and leavers.subscriber_id = dated.subscriber_id
    inner join {{ ref('int_churn_events_billed') }} as billed
        on leavers.month = billed.month and leavers.subscriber_id = billed.subscriber_id
    left join last_stops on leavers.month = last_stops.month and leavers.subscriber_id = last_stops.subscriber_id
    left join answered on leavers.month = answered.month and leavers.subscriber_id = answered.subscriber_id

)

select * from judged
