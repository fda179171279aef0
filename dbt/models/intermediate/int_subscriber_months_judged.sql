{%- set clauses = ['contract', 'spend_drop', 'frequency_drop', 'mou_drop', 'callees_drop', 'ratio_rise', 'forwarding',
    'complaints', 'unanswered', 'dissatisfied', 'rival_hotline', 'arrears', 'tenure_above_average'] %}
{%- set stage_clauses = ['contract', 'spend_drop', 'mou_drop', 'callees_drop', 'ratio_rise', 'forwarding',
    'complaints', 'tenure_above_average'] %}
{%- set warning_clauses = clauses | reject('equalto', 'tenure_above_average') | list %}

with thresholds as (

    {{ thresholds([
        'stage_new_tenure_months', 'stage_growth_tenure_months', 'stage_sunk_amount', 'stage_sunk_rent_share',
        'stage_sunk_mou', 'stage_sunk_data_mb', 'stage_warning_score', 'contract_months',
        'contract_remaining_share', 'spend_drop_share', 'mou_drop_share', 'callees_drop_share', 'ratio_rise_share',
        'forwarding_calls', 'complaints_count', 'frequency_drop_share', 'recharge_regular_count',
        'unanswered_count', 'survey_score', 'satisfaction_score', 'rival_hotline_calls', 'arrears_amount',
        'risk_red_clauses', 'risk_orange_clauses', 'risk_yellow_clauses', 'warning_history_months',
    ]) }}

),

stage_weights as (

    {{ clause_weights('stage_weight', stage_clauses) }}

),

warning_weights as (

    {{ clause_weights('warning_weight', warning_clauses) }}

),

value_tiers as (

    {{ in_force('value_tiers') }}

),

lines as (

    select * from {{ ref('int_subscriber_months_measured') }}
    where is_on_net_close

),

tiers as (

    select month, subscriber_id, value_tier from {{ ref('int_subscriber_months_tiered') }}

),

averages as (

    select month, {{ ratio('sum(tenure_month)', 'count(tenure_month)') }} as mean_tenure_month
    from {{ ref('int_subscriber_months_measured') }}
    where is_on_net_close
    group by month

),

examined as (

    select
        lines.month,
        lines.subscriber_id,
        lines.status,
        lines.tenure_month,
        lines.history_months,
        tiers.value_tier,
        (
            lines.billed_revenue_amount <= thresholds.stage_sunk_amount
            or (
                lines.plan_rent_amount > 0
                and lines.billed_revenue_amount <= thresholds.stage_sunk_rent_share * lines.plan_rent_amount
            )
        )
        and (lines.mou is not null or lines.data_mb is not null)
        and coalesce(lines.mou <= thresholds.stage_sunk_mou, true)
        and coalesce(lines.data_mb <= thresholds.stage_sunk_data_mb, true) as is_sunk,
        coalesce(lines.months_to_contract_end between 0 and thresholds.contract_months, false)
        or coalesce(
            lines.contract_commitment_amount > 0
            and coalesce(lines.months_to_contract_end >= 0, true)
            and lines.contract_remaining_amount
            <= thresholds.contract_remaining_share * lines.contract_commitment_amount,
            false
        ) as is_contract,
        coalesce(
            lines.arpu3_amount > 0 and lines.billed_revenue_amount <= thresholds.spend_drop_share * lines.arpu3_amount,
            false
        ) as is_bill_drop,
        coalesce(
            lines.payment_count_prior3_mean >= thresholds.recharge_regular_count
            and lines.payment_amount_prior3_mean > 0
            and lines.payment_amount <= thresholds.spend_drop_share * lines.payment_amount_prior3_mean,
            false
        ) as is_recharge_drop,
        coalesce(
            lines.active_days_prior3_mean > 0
            and lines.active_days <= thresholds.frequency_drop_share * lines.active_days_prior3_mean,
            false
        ) or coalesce(
            lines.payment_count_prior3_mean >= thresholds.recharge_regular_count
            and lines.payment_count <= thresholds.frequency_drop_share * lines.payment_count_prior3_mean,
            false
        ) as is_frequency_drop,
        coalesce(
            lines.mou_prior3_mean > 0 and lines.mou <= thresholds.mou_drop_share * lines.mou_prior3_mean, false
        ) as is_mou_drop,
        coalesce(
            lines.distinct_called_prior3_mean > 0
            and lines.distinct_called <= thresholds.callees_drop_share * lines.distinct_called_prior3_mean,
            false
        ) as is_callees_drop,
        coalesce(
            lines.calls_ratio_prior3_mean > 0
            and lines.calls_ratio >= thresholds.ratio_rise_share * lines.calls_ratio_prior3_mean,
            false
        ) as is_ratio_rise,
        coalesce(lines.forward_offnet_calls >= thresholds.forwarding_calls, false) as is_forwarding,
        lines.status = 'pre_cancelled'
        or coalesce(lines.complaint_count >= thresholds.complaints_count, false) as is_complaints,
        coalesce(lines.unanswered_count >= thresholds.unanswered_count, false) as is_unanswered,
        coalesce(lines.survey_min_score <= thresholds.survey_score, false)
        or coalesce(lines.satisfaction_min_score <= thresholds.satisfaction_score, false) as is_dissatisfied,
        coalesce(lines.rival_hotline_calls >= thresholds.rival_hotline_calls, false) as is_rival_hotline,
        lines.status = 'suspended_arrears'
        or coalesce(lines.arrears_amount >= thresholds.arrears_amount, false) as is_arrears,
        lines.tenure_month > averages.mean_tenure_month as is_tenure_above_average
    from lines
    inner join thresholds on lines.month = thresholds.month
    inner join averages on lines.month = averages.month
    left join tiers on lines.month = tiers.month and lines.subscriber_id = tiers.subscriber_id

),

staged as (

    select
        examined.*,
        examined.is_bill_drop as is_spend_drop,
        {%- for clause in stage_clauses %}
        case when examined.is_{{ 'bill_drop' if clause == 'spend_drop' else clause }} then stage_weights.{{ clause }} else 0 end
        {{- ' +' if not loop.last }}
        {%- endfor %} as stage_score
    from examined
    inner join stage_weights on examined.month = stage_weights.month

),

counted as (

    select
        staged.month,
        staged.subscriber_id,
        staged.status,
        staged.value_tier,
        staged.history_months,
        case
            when staged.tenure_month <= thresholds.stage_new_tenure_months then 'identification'
            when staged.tenure_month > thresholds.stage_growth_tenure_months and coalesce(staged.is_sunk, false) then 'sunk'
            when
                staged.tenure_month > thresholds.stage_growth_tenure_months
                and staged.stage_score >= thresholds.stage_warning_score then 'warning'
            when staged.tenure_month <= thresholds.stage_growth_tenure_months then 'growth'
            else 'stable'
        end as lifecycle_stage,
        {{ joined_codes(stage_clauses, 'staged.is_') }} as lifecycle_clauses,
        staged.is_bill_drop or staged.is_recharge_drop as is_spend_drop,
        {%- for clause in warning_clauses if clause != 'spend_drop' %}
        staged.is_{{ clause }},
        {%- endfor %}
        thresholds.risk_red_clauses,
        thresholds.risk_orange_clauses,
        thresholds.risk_yellow_clauses,
        thresholds.warning_history_months
    from staged
    inner join thresholds on staged.month = thresholds.month

),

warned as (

    select
        counted.*,
        counted.history_months >= counted.warning_history_months as is_warning_history_sufficient,
        {%- for clause in warning_clauses %}
        case when counted.is_{{ clause }} then warning_weights.{{ clause }} else 0 end{{ ' +' if not loop.last }}
        {%- endfor %} as warning_clause_count
    from counted
    inner join warning_weights on counted.month = warning_weights.month

),

levelled as (

    select
        warned.*,
        case
            when not warned.is_warning_history_sufficient then 0
            when warned.warning_clause_count >= warned.risk_red_clauses then 3
            when warned.warning_clause_count >= warned.risk_orange_clauses then 2
            when warned.warning_clause_count >= warned.risk_yellow_clauses then 1
            else 0
        end as risk_rank,
        coalesce(value_tiers.risk_step, 0) as risk_step
    from warned
    left join value_tiers on warned.month = value_tiers.month and warned.value_tier = value_tiers.value_tier

),

final as (

    select
        month,
        subscriber_id,
        lifecycle_stage,
        lifecycle_clauses,
        {{ joined_codes(warning_clauses) }} as warning_clauses,
        warning_clause_count,
        is_warning_history_sufficient,
        case
            when not is_warning_history_sufficient then null
            when status = 'pre_cancelled' then 'red'
            when risk_rank = 0 then null
            when risk_rank + risk_step >= 3 then 'red'
            when risk_rank + risk_step = 2 then 'orange'
            when risk_rank + risk_step = 1 then 'yellow'
        end as risk_level
    from levelled

)

select * from final
