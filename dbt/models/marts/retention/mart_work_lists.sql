{{ config(**monthly()) }}

with members as (

    select
        members.month,
        members.subscriber_id,
        members.list_type,
        members.arrears_stage,
        coalesce(caps_left.retention_left_amount, 0) as retention_left_amount,
        caps_left.care_cap_amount,
        caps_left.retention_cap_amount,
        caps_left.care_spent_amount,
        caps_left.retention_spent_amount,
        margins.expected_margin_amount,
        members.value_tier,
        lines.risk_level
    from {{ ref('int_list_members') }} as members
    inner join {{ ref('fct_subscriber_months') }} as lines
        on members.described_month = lines.month and members.subscriber_id = lines.subscriber_id
    left join {{ ref('int_cost_caps_left') }} as caps_left
        on members.month = caps_left.month and members.subscriber_id = caps_left.subscriber_id
    left join {{ ref('int_subscriber_margins') }} as margins
        on members.month = margins.month and members.subscriber_id = margins.subscriber_id
    where {{ months_in_range('lines.month', look_back=3) }}

),

value_tiers as (

    {{ in_force('value_tiers') }}

),

-- The order is found on narrow rows: sorting whole ones would cost more than all the rest.
ranked as (

    select
        members.*,
        row_number() over (
            partition by members.month, members.list_type
            order by
                {{ place_in('members.arrears_stage', ['before_disconnect', 'second_stop', 'first_stop', 'due']) }},
                {{ place_in('members.risk_level', ['red', 'orange', 'yellow']) }},
                coalesce(value_tiers.sort_order, 9),
                members.expected_margin_amount desc nulls last,
                members.retention_left_amount desc,
                members.subscriber_id
        ) as sort_order
    from members
    left join value_tiers on members.month = value_tiers.month and members.value_tier = value_tiers.value_tier

),

final as (

    select
        ranked.month,
        ranked.month as list_month,
        ranked.list_type,
        lines.district_name as district,
        lines.district_code,
        lines.account_manager,
        ranked.subscriber_id,
        lines.msisdn,
        lines.customer_id,
        lines.brand,
        lines.network_type,
        lines.payment_type,
        lines.plan_code,
        lines.plan_name,
        lines.group_id,
        members.value_tier,
        lines.lifecycle_stage,
        lines.tenure_month,
        lines.status,
        lines.arpu3_amount,
        lines.total_fee_amount,
        lines.mou,
        lines.termination_on,
        lines.churn_kind,
        lines.silent_months,
        lines.last_activity_on,
        lines.contract_end_on,
        lines.contract_commitment_amount,
        lines.contract_remaining_amount,
        lines.months_to_contract_end,
        members.days_to_contract_end,
        lines.fee_prior3_mean_amount,
        {{ rounded(ratio('lines.total_fee_amount - lines.fee_prior3_mean_amount', 'lines.fee_prior3_mean_amount'), 4) }}
            as fee_change_rate,
        lines.mou_prior3_mean,
        {{ rounded(ratio('lines.mou - lines.mou_prior3_mean', 'lines.mou_prior3_mean'), 4) }} as mou_change_rate,
        lines.arrears_amount,
        members.arrears_stage,
        members.arrears_stop_days,
        lines.forward_offnet_calls,
        lines.points_balance,
        lines.points_expiring,
        lines.points_expire_on,
        members.points_expiring_amount,
        lines.channel_code,
        members.first_topup_count,
        members.suspicion_score,
        members.malicious_month,
        members.best_plan_name,
        members.best_plan_cost_amount,
        members.plan_hazard_ratio,
        members.new_subscriber_id,
        members.new_joined_on,
        members.swap_score,
        members.controllable_cause_code,
        lines.complaint_count,
        lines.warning_clauses,
        lines.warning_clause_count,
        reasons.reason_zh as reason,
        reasons.reason_en,
        lines.risk_level,
        cast(null as double) as churn_probability,
        cast(null as decimal(18, 2)) as expected_loss_amount,
        measures.measure_codes,
        measures.measure_names,
        measures.measure_names_en,
        ranked.care_cap_amount,
        ranked.care_spent_amount,
        ranked.retention_cap_amount,
        ranked.retention_spent_amount,
        ranked.expected_margin_amount,
        members.pilot_arm is not null as is_in_pilot,
        case
            when members.pilot_arm is not null then members.pilot_arm = 'control'
            else
                members.has_holdout
                and not {{ is_exempt_from_holdout('members.value_tier', 'members.is_special') }}
                and holdouts.subscriber_id is not null
        end as is_holdout,
        cast(ranked.sort_order as bigint) as sort_order
    from ranked
    inner join {{ ref('int_list_members') }} as members
        on
            ranked.month = members.month
            and ranked.subscriber_id = members.subscriber_id
            and ranked.list_type = members.list_type
    inner join {{ ref('fct_subscriber_months') }} as lines
        on members.described_month = lines.month and members.subscriber_id = lines.subscriber_id
    inner join {{ ref('int_list_reasons') }} as reasons
        on
            ranked.month = reasons.month
            and ranked.subscriber_id = reasons.subscriber_id
            and ranked.list_type = reasons.list_type
    left join {{ ref('int_list_measures') }} as measures
        on
            ranked.month = measures.month
            and ranked.subscriber_id = measures.subscriber_id
            and ranked.list_type = measures.list_type
    left join {{ ref('int_list_holdouts') }} as holdouts
        on ranked.month = holdouts.month and ranked.subscriber_id = holdouts.subscriber_id
    where {{ months_in_range('lines.month', look_back=3) }}

)

select * from final
