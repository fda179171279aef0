{{ config(**monthly()) }}

with flowed as (

    select * from {{ ref('int_subscriber_months_flowed') }}

),

snapshots as (

    select * from {{ ref('int_subscriber_snapshots_completed') }}
    where {{ months_in_range(look_back=1) }}

),

measured as (

    select * from {{ ref('int_subscriber_months_measured') }}

),

churned as (

    select month, subscriber_id, churn_kind from {{ ref('int_churn_events_classed') }}
    where {{ months_in_range() }}

),

entered as (

    select * from {{ ref('int_subscriber_entries_classed') }}

),

tiered as (

    select * from {{ ref('int_subscriber_months_tiered') }}

),

judged as (

    select * from {{ ref('int_subscriber_months_judged') }}

),

districts as (

    select month, district_code, district_name from {{ ref('dim_districts') }}
    where {{ months_in_range() }}

),

plans as (

    select month, plan_code, plan_name from {{ ref('dim_plans') }}
    where {{ months_in_range() }}

),

tenure_buckets as (

    {{ in_force('tenure_buckets') }}

),

arpu_bands as (

    {{ in_force('arpu_bands') }}

),

tenures as (

    select months.month, months.tenure_month, tenure_buckets.tenure_bucket
    from (select distinct month, tenure_month from {{ ref('int_subscriber_months_measured') }}) as months
    inner join tenure_buckets
        on
            months.month = tenure_buckets.month
            and months.tenure_month between tenure_buckets.from_month_number and tenure_buckets.to_month_number

),

final as (

    select
        flowed.month,
        flowed.subscriber_id,
        snapshots.msisdn,
        snapshots.customer_id,
        flowed.is_on_net_open,
        flowed.is_on_net_close,
        coalesce(entered.is_new, false) as is_new,
        coalesce(entered.is_reinstated, false) as is_reinstated,
        coalesce(entered.is_appeared, false) as is_appeared,
        flowed.is_churned,
        flowed.is_same_month_churned,
        flowed.is_vanished,
        flowed.is_carried_forward,
        flowed.is_entered_base,
        flowed.is_left_base,
        churned.churn_kind,
        flowed.termination_on,
        cast(flowed.exposure_days as int) as exposure_days,
        snapshots.district_code,
        snapshots.brand,
        snapshots.network_type,
        snapshots.payment_type,
        flowed.district_code_open,
        flowed.brand_open,
        flowed.network_type_open,
        flowed.payment_type_open,
        districts.district_name,
        snapshots.plan_code,
        plans.plan_name,
        measured.plan_rent_amount,
        snapshots.joined_on,
        snapshots.status,
        snapshots.status_on,
        snapshots.contract_end_on,
        snapshots.contract_commitment_amount,
        snapshots.contract_remaining_amount,
        cast(measured.months_to_contract_end as int) as months_to_contract_end,
        snapshots.channel_code,
        snapshots.group_id,
        snapshots.vpn_id,
        snapshots.is_special,
        snapshots.is_bank_debit,
        snapshots.account_manager,
        snapshots.points_balance,
        snapshots.points_expiring,
        snapshots.points_expire_on,
        snapshots.is_registration_complete,
        coalesce(snapshots.is_do_not_contact, false) as is_do_not_contact,
        cast(measured.tenure_month as int) as tenure_month,
        cast(measured.tenure_completed as int) as tenure_completed,
        tenures.tenure_bucket,
        cast(case when flowed.is_on_net_open then measured.tenure_month end as int) as tenure_month_open,
        case when flowed.is_on_net_open then tenures.tenure_bucket end as tenure_bucket_open,
        cast(measured.total_fee_amount as decimal(18, 2)) as total_fee_amount,
        cast(measured.billed_revenue_amount as decimal(18, 2)) as billed_revenue_amount,
        measured.is_billed,
        cast(measured.arrears_amount as decimal(18, 2)) as arrears_amount,
        measured.arpu3_amount,
        arpu_bands.arpu_band,
        measured.fee_prior3_mean_amount,
        cast(measured.mou as decimal(18, 4)) as mou,
        cast(measured.mou_out as decimal(18, 4)) as mou_out,
        cast(measured.mou_in as decimal(18, 4)) as mou_in,
        cast(measured.calls_out as bigint) as calls_out,
        cast(measured.calls_in as bigint) as calls_in,
        cast(measured.distinct_called as bigint) as distinct_called,
        cast(measured.sms_out as bigint) as sms_out,
        cast(measured.data_mb as decimal(18, 4)) as data_mb,
        cast(measured.active_days as bigint) as active_days,
        cast(measured.forward_offnet_calls as bigint) as forward_offnet_calls,
        cast(measured.own_hotline_calls as bigint) as own_hotline_calls,
        cast(measured.rival_hotline_calls as bigint) as rival_hotline_calls,
        measured.last_activity_on,
        measured.mou_prior3_mean,
        measured.distinct_called_prior3_mean,
        measured.calls_ratio,
        measured.calls_ratio_prior3_mean,
        measured.active_days_prior3_mean,
        cast(measured.payment_amount as decimal(18, 2)) as payment_amount,
        cast(measured.payment_count as bigint) as payment_count,
        measured.payment_amount_prior3_mean,
        measured.payment_count_prior3_mean,
        measured.is_active,
        measured.is_silent,
        cast(measured.silent_months as int) as silent_months,
        cast(measured.complaint_count as bigint) as complaint_count,
        cast(measured.survey_min_score as bigint) as survey_min_score,
        cast(measured.history_months as int) as history_months,
        tiered.value_ratio,
        tiered.value_tier,
        tiered.value_tier_unsmoothed,
        tiered.value_tier_rule,
        judged.lifecycle_stage,
        judged.lifecycle_clauses,
        judged.warning_clauses,
        cast(judged.warning_clause_count as int) as warning_clause_count,
        judged.risk_level,
        judged.is_warning_history_sufficient,
        cast(measured.unanswered_count as bigint) as unanswered_count,
        cast(measured.satisfaction_min_score as bigint) as satisfaction_min_score
    from flowed
    inner join snapshots
        on flowed.snapshot_month = snapshots.month and flowed.subscriber_id = snapshots.subscriber_id
    inner join measured on flowed.month = measured.month and flowed.subscriber_id = measured.subscriber_id
    left join churned on flowed.month = churned.month and flowed.subscriber_id = churned.subscriber_id
    left join entered on flowed.month = entered.month and flowed.subscriber_id = entered.subscriber_id
    left join tiered on flowed.month = tiered.month and flowed.subscriber_id = tiered.subscriber_id
    left join judged on flowed.month = judged.month and flowed.subscriber_id = judged.subscriber_id
    left join districts
        on flowed.month = districts.month and snapshots.district_code = districts.district_code
    left join plans on flowed.month = plans.month and snapshots.plan_code = plans.plan_code
    left join tenures on flowed.month = tenures.month and measured.tenure_month = tenures.tenure_month
    left join arpu_bands
        on
            flowed.month = arpu_bands.month
            and measured.arpu3_amount > arpu_bands.above_amount
            and measured.arpu3_amount <= arpu_bands.up_to_amount

)

select * from final
