{%- set usage_sums = ['mou_out', 'mou_in', 'calls_out', 'calls_in', 'distinct_called', 'sms_out', 'data_mb',
    'forward_offnet_calls', 'own_hotline_calls', 'rival_hotline_calls', 'active_days'] %}
{%- set prior_sums = ['mou_out', 'mou_in', 'calls_out', 'calls_in', 'distinct_called', 'active_days'] %}

with deliveries as (

    select * from {{ ref('int_deliveries_pivoted') }}

),

calendar as (

    {{ calendar() }}

),

flowed as (

    select
        month,
        subscriber_id,
        snapshot_month,
        is_on_net_open,
        is_on_net_close
    from {{ ref('int_subscriber_months_flowed') }}

),

snapshots as (

    select * from {{ ref('int_subscriber_snapshots_completed') }}
    where {{ months_in_range(look_back=1) }}

),

plans as (

    select month, plan_code, rent_amount from {{ ref('dim_plans') }}
    where {{ months_in_range() }}

),

bills as (

    select
        lags.month,
        bills.subscriber_id,
        sum(case when lags.lag = 0 then bills.total_fee_amount end) as total_fee_amount,
        sum(case when lags.lag = 0 then bills.arrears_amount end) as arrears_amount,
        sum(case when lags.lag between 1 and 3 then bills.total_fee_amount end) as fee_prior3_amount,
        sum(case when lags.lag between 1 and 3 then greatest(bills.total_fee_amount, 0) end) as billed_prior3_amount,
        sum(greatest(bills.total_fee_amount, 0)) as billed_trailing12_amount
    from {{ ref('stg_billing__bills') }} as bills
    inner join ({{ lags(11) }}) as lags on bills.month = lags.lagged_month
    where {{ months_in_range('bills.month', look_back=11) }}
    group by lags.month, bills.subscriber_id

),

usage as (

    select
        month,
        subscriber_id,
        {%- for column in usage_sums %}
        {{ column }},
        {%- endfor %}
        last_activity_on,
        case when {{ has_use() }} then 1 else 0 end as used_0
    from {{ ref('stg_billing__usage') }}
    where {{ months_in_range() }}

),

prior_usage as (

    select
        lags.month,
        usage.subscriber_id,
        {%- for column in prior_sums %}
        sum(usage.{{ column }}) as {{ column }}_prior3,
        {%- endfor %}
        {%- for lag in [1, 2] %}
        max(case when lags.lag = {{ lag }} and {{ has_use() }} then 1 else 0 end) as used_{{ lag }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_billing__usage') }} as usage
    inner join ({{ lags(3, first=1) }}) as lags on usage.month = lags.lagged_month
    where {{ months_in_range('usage.month', look_back=3) }}
    group by lags.month, usage.subscriber_id

),

payments as (

    select
        lags.month,
        payments.subscriber_id,
        sum(case when lags.lag = 0 then payments.payment_amount end) as payment_amount,
        sum(case when lags.lag = 0 then 1 else 0 end) as payment_count,
        sum(case when lags.lag > 0 then payments.payment_amount end) as payment_prior3_amount,
        sum(case when lags.lag > 0 then 1 else 0 end) as payment_prior3_count
    from {{ ref('stg_billing__payments') }} as payments
    inner join ({{ lags(3) }}) as lags on payments.month = lags.lagged_month
    where {{ months_in_range('payments.month', look_back=3) }}
    group by lags.month, payments.subscriber_id

),

lagged_deliveries as (

    select lags.month, lags.lagged_month, lags.lag, deliveries.*
    from ({{ lags(3, first=1) }}) as lags
    inner join
        (
            select month as delivered_month, has_bills, has_usage, has_payments, has_mou_out, has_mou_in,
                has_calls_out, has_calls_in, has_distinct_called, has_active_days
            from deliveries
        ) as deliveries
        on lags.lagged_month = deliveries.delivered_month

),

histories as (

    select
        lags.month,
        snapshots.subscriber_id,
        sum(case when lags.has_bills then 1 else 0 end) as bill_months,
        sum(case when lags.has_payments then 1 else 0 end) as payment_months,
        sum(case when lags.has_mou_out or lags.has_mou_in then 1 else 0 end) as mou_months,
        sum(case when lags.has_distinct_called then 1 else 0 end) as called_months,
        sum(case when lags.has_active_days then 1 else 0 end) as active_days_months,
        max(case when lags.lag = 1 and lags.has_usage then 1 else 0 end) as usage_month_1,
        max(case when lags.lag = 2 and lags.has_usage then 1 else 0 end) as usage_month_2
    from {{ ref('int_subscriber_snapshots_completed') }} as snapshots
    inner join lagged_deliveries as lags on snapshots.month = lags.lagged_month
    where
        {{ months_in_range('snapshots.month', look_back=3) }}
        and not (
            snapshots.is_terminal
            and snapshots.status_on is not null
            and snapshots.status_on < cast(concat(snapshots.month, '-01') as date)
        )
    group by lags.month, snapshots.subscriber_id

),

months_of_history as (

    select
        lags.month,
        tenures.tenure_completed,
        sum(case when deliveries.has_snapshots and lags.lag <= tenures.tenure_completed then 1 else 0 end)
            as history_months
    from ({{ lags(12, first=1) }}) as lags
    cross join (
        {%- for tenure in range(13) %}
        select {{ tenure }} as tenure_completed{{ ' union all' if not loop.last }}
        {%- endfor %}
    ) as tenures
    left join deliveries on lags.lagged_month = deliveries.month
    group by lags.month, tenures.tenure_completed

),

complaints as (

    select month, subscriber_id, count(*) as complaint_count, min(satisfaction) as satisfaction_min_score
    from {{ ref('stg_crm__complaints') }}
    where {{ months_in_range() }}
    group by month, subscriber_id

),

contacts as (

    select month, subscriber_id, count(*) as unanswered_count
    from {{ ref('stg_crm__contacts') }}
    where {{ months_in_range() }} and outcome = 'unreached'
    group by month, subscriber_id

),

surveys as (

    select month, subscriber_id, min(score) as survey_min_score
    from {{ ref('stg_crm__surveys') }}
    where {{ months_in_range() }}
    group by month, subscriber_id

),

spine as (

    select
        flowed.month,
        flowed.subscriber_id,
        flowed.is_on_net_open,
        flowed.is_on_net_close,
        snapshots.status,
        snapshots.payment_type,
        snapshots.network_type,
        snapshots.group_id,
        snapshots.vpn_id,
        coalesce(snapshots.is_special, false) as is_special,
        coalesce(snapshots.is_bank_debit, false) as is_bank_debit,
        snapshots.joined_on,
        snapshots.contract_end_on,
        snapshots.contract_commitment_amount,
        snapshots.contract_remaining_amount,
        plans.rent_amount as plan_rent_amount,
        calendar.month_number - {{ date_month_number('snapshots.joined_on') }} as tenure_completed,
        {{ date_month_number('snapshots.contract_end_on') }} - calendar.month_number as months_to_contract_end
    from flowed
    inner join snapshots
        on flowed.snapshot_month = snapshots.month and flowed.subscriber_id = snapshots.subscriber_id
    inner join calendar on flowed.month = calendar.month
    left join plans on flowed.month = plans.month and snapshots.plan_code = plans.plan_code

),

joined as (

    select
        spine.*,
        deliveries.has_usage,
        months_of_history.history_months,
        case when deliveries.has_bills then coalesce(bills.total_fee_amount, 0) end as total_fee_amount,
        case when deliveries.has_bills then greatest(coalesce(bills.total_fee_amount, 0), 0) end
            as billed_revenue_amount,
        case when deliveries.has_arrears then coalesce(bills.arrears_amount, 0) end as arrears_amount,
        case
            when histories.bill_months > 0
                then {{ money_per('coalesce(bills.billed_prior3_amount, 0)', 'histories.bill_months') }}
        end as arpu3_amount,
        case
            when histories.bill_months > 0
                then {{ money_per('coalesce(bills.fee_prior3_amount, 0)', 'histories.bill_months') }}
        end as fee_prior3_mean_amount,
        case when deliveries.has_bills then coalesce(bills.billed_trailing12_amount, 0) end
            as billed_trailing12_amount,
        {%- for column in usage_sums %}
        case when deliveries.has_{{ column }} then coalesce(usage.{{ column }}, 0) end as {{ column }},
        {%- endfor %}
        usage.last_activity_on,
        case
            when deliveries.has_mou_out and deliveries.has_mou_in
                then coalesce(usage.mou_out, 0) + coalesce(usage.mou_in, 0)
            when deliveries.has_mou_out then coalesce(usage.mou_out, 0)
            when deliveries.has_mou_in then coalesce(usage.mou_in, 0)
        end as mou,
        case
            when histories.mou_months > 0
                then {{ ratio('coalesce(prior_usage.mou_out_prior3, 0) + coalesce(prior_usage.mou_in_prior3, 0)', 'histories.mou_months') }}
        end as mou_prior3_mean,
        case
            when histories.called_months > 0
                then {{ ratio('coalesce(prior_usage.distinct_called_prior3, 0)', 'histories.called_months') }}
        end as distinct_called_prior3_mean,
        case
            when histories.active_days_months > 0
                then {{ ratio('coalesce(prior_usage.active_days_prior3, 0)', 'histories.active_days_months') }}
        end as active_days_prior3_mean,
        {{ ratio('prior_usage.calls_in_prior3', 'prior_usage.calls_out_prior3') }} as calls_ratio_prior3_mean,
        case
            when deliveries.has_calls_in and deliveries.has_calls_out
                then {{ ratio('usage.calls_in', 'usage.calls_out') }}
        end as calls_ratio,
        case when deliveries.has_usage then coalesce(usage.used_0, 0) = 1 end as is_active,
        case
            when not deliveries.has_usage or not spine.is_on_net_close then null
            when coalesce(usage.used_0, 0) = 1 then 0
            when coalesce(histories.usage_month_1, 0) = 0 or coalesce(prior_usage.used_1, 0) = 1 then 1
            when coalesce(histories.usage_month_2, 0) = 0 or coalesce(prior_usage.used_2, 0) = 1 then 2
            else 3
        end as silent_months,
        case when deliveries.has_payments then coalesce(payments.payment_amount, 0) end as payment_amount,
        case when deliveries.has_payments then coalesce(payments.payment_count, 0) end as payment_count,
        case
            when histories.payment_months > 0
                then {{ money_per('coalesce(payments.payment_prior3_amount, 0)', 'histories.payment_months') }}
        end as payment_amount_prior3_mean,
        case
            when histories.payment_months > 0
                then {{ ratio('coalesce(payments.payment_prior3_count, 0)', 'histories.payment_months') }}
        end as payment_count_prior3_mean,
        case when deliveries.has_complaints then coalesce(complaints.complaint_count, 0) end as complaint_count,
        complaints.satisfaction_min_score,
        case when deliveries.has_contacts then coalesce(contacts.unanswered_count, 0) end as unanswered_count,
        surveys.survey_min_score
    from spine
    inner join deliveries on spine.month = deliveries.month
    left join months_of_history
        on spine.month = months_of_history.month
        and least(spine.tenure_completed, 12) = months_of_history.tenure_completed
    left join histories on spine.month = histories.month and spine.subscriber_id = histories.subscriber_id
    left join bills on spine.month = bills.month and spine.subscriber_id = bills.subscriber_id
    left join usage on spine.month = usage.month and spine.subscriber_id = usage.subscriber_id
    left join prior_usage on spine.month = prior_usage.month and spine.subscriber_id = prior_usage.subscriber_id
    left join payments on spine.month = payments.month and spine.subscriber_id = payments.subscriber_id
    left join complaints on spine.month = complaints.month and spine.subscriber_id = complaints.subscriber_id
    left join contacts on spine.month = contacts.month and spine.subscriber_id = contacts.subscriber_id
    left join surveys on spine.month = surveys.month and spine.subscriber_id = surveys.subscriber_id

)

select
    joined.*,
    joined.tenure_completed + 1 as tenure_month,
    joined.billed_revenue_amount > 0 as is_billed,
    joined.silent_months > 0 as is_silent
from joined
