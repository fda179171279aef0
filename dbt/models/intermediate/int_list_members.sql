{#- What the rules look at in a line's month; of who is to be won back, in the month in which they left. -#}
{%- set looked_at = [
    'subscriber_id', 'customer_id', 'group_id', 'value_tier', 'is_special', 'status', 'status_on', 'is_on_net_close',
    'is_do_not_contact', 'is_churned', 'is_new', 'is_silent', 'silent_months', 'tenure_month', 'payment_type',
    'risk_level', 'contract_end_on', 'contract_commitment_amount', 'contract_remaining_amount',
    'months_to_contract_end', 'billed_revenue_amount', 'arpu3_amount', 'mou', 'mou_prior3_mean',
    'forward_offnet_calls', 'arrears_amount', 'points_expiring', 'points_expire_on',
] -%}
{%- set signs = ['few_calls', 'few_callees', 'no_second_topup', 'shared_handset', 'zero_rent'] -%}

with thresholds as (

    {{ thresholds([
        'expiring_days', 'contract_remaining_share', 'value_drop_share', 'forwarding_calls', 'points_expiry_days',
        'points_expiry_amount', 'points_per_yuan', 'arrears_second_stop_days', 'arrears_disconnect_days',
        'arrears_notice_days', 'dormant_silent_months', 'new_care_tenure_month', 'new_care_amount', 'new_care_topups',
    ]) }}

),

calendar as (

    {{ calendar() }}

),

list_types as (

    {{ in_force('list_types') }}

),

value_tiers as (

    {{ in_force('value_tiers') }}

),

-- What was recharged in the month and the one before, of lines that are that young.
first_topups as (

    select
        lags.month,
        early_months.subscriber_id,
        cast(sum(early_months.payment_count) as bigint) as topup_count,
        count(early_months.payment_count) as topup_months
    from ({{ lags(1) }}) as lags
    inner join {{ ref('int_early_months_measured') }} as early_months
        on lags.lagged_month = early_months.month
    where {{ months_in_range('early_months.month', look_back=1) }}
    group by lags.month, early_months.subscriber_id

),

-- While a pilot enrols for a list, its arms take the place of the list's own hold-out.
pilot_arms as (

    select month, list_type, subscriber_id, min(arm) as pilot_arm
    from {{ ref('fct_pilot_assignments') }}
    where {{ months_in_range() }}
    group by month, list_type, subscriber_id

),

lines as (

    select
        month,
        month as described_month,
        false as is_to_win_back,
        cast(null as string) as controllable_cause_code,
        {{ looked_at | join(', ') }}
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }}
    union all
    select
        leavers.month,
        leavers.churn_month as described_month,
        true as is_to_win_back,
        leavers.controllable_cause_code,
        {% for column in looked_at -%}
        {{ 'leavers' if column == 'value_tier' else 'lines' }}.{{ column }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_leavers_to_win_back') }} as leavers
    inner join {{ ref('fct_subscriber_months') }} as lines
        on leavers.churn_month = lines.month and leavers.subscriber_id = lines.subscriber_id
    where {{ months_in_range('lines.month', look_back=3) }} and not coalesce(lines.is_do_not_contact, false)

),

measured as (

    select
        lines.*,
        thresholds.expiring_days,
        thresholds.points_expiry_days,
        thresholds.points_expiry_amount,
        thresholds.dormant_silent_months,
        thresholds.new_care_tenure_month,
        {{ days_between('calendar.last_on', 'lines.contract_end_on') }} as days_to_contract_end,
        coalesce(
            lines.contract_commitment_amount > 0
            and coalesce(lines.months_to_contract_end >= 0, true)
            and lines.contract_remaining_amount
            <= thresholds.contract_remaining_share * lines.contract_commitment_amount,
            false
        ) as is_commitment_spent,
        coalesce(
            lines.arpu3_amount > 0 and lines.billed_revenue_amount <= thresholds.value_drop_share * lines.arpu3_amount,
            false
        ) as is_spend_fallen,
        coalesce(
            lines.mou_prior3_mean > 0 and lines.mou <= thresholds.value_drop_share * lines.mou_prior3_mean, false
        ) as is_use_fallen,
        coalesce(lines.forward_offnet_calls >= thresholds.forwarding_calls, false) as is_forwarding,
        case
            when lines.status = 'suspended_arrears' then {{ days_between('lines.status_on', 'calendar.last_on') }}
        end as arrears_stop_days,
        thresholds.arrears_second_stop_days,
        thresholds.arrears_disconnect_days - thresholds.arrears_notice_days as arrears_notice_days,
        cast(lines.points_expiring / nullif(thresholds.points_per_yuan, 0) as decimal(18, 2)) as points_expiring_amount,
        {{ days_between('calendar.last_on', 'lines.points_expire_on') }} as days_to_points_expiry,
        coalesce(lines.billed_revenue_amount >= thresholds.new_care_amount, false) as is_new_spender,
        first_topups.topup_count as first_topup_count,
        coalesce(
            lines.payment_type = 'prepaid'
            and first_topups.topup_months = thresholds.new_care_tenure_month
            and first_topups.topup_count < thresholds.new_care_topups,
            false
        ) as is_second_topup_missing,
        lines.is_on_net_close
        and lines.status <> 'suspended_voluntary'
        and not lines.is_do_not_contact
        and not lines.is_to_win_back as is_contactable
    from lines
    inner join calendar on lines.month = calendar.month
    inner join thresholds on lines.month = thresholds.month
    left join first_topups on lines.month = first_topups.month and lines.subscriber_id = first_topups.subscriber_id

),

candidates as (

    select
        measured.*,
        -- Leavers are in no pilot; said as a key, because as a condition of the join it would make it a slow one.
        case when not measured.is_to_win_back then measured.subscriber_id end as enrolled_id,
        -- A stop without a date is as good as a first one.
        case
            when measured.status <> 'suspended_arrears' then 'due'
            when measured.arrears_stop_days >= measured.arrears_notice_days then 'before_disconnect'
            when measured.arrears_stop_days >= measured.arrears_second_stop_days then 'second_stop'
            else 'first_stop'
        end as stage_of_arrears,
        value_tiers.sort_order as tier_order,
        coalesce(value_tiers.is_mid_high, false) as is_mid_high,
        coalesce(blacklisted.is_listed, false) as is_blacklisted,
        blacklisted.blacklist_reason,
        blacklisted.malicious_month,
        coalesce(suspicions.is_suspicious, false) as is_hoarding_suspected,
        suspicions.suspicion_score,
        suspicions.call_count as early_call_count,
        suspicions.callee_count as early_callee_count,
        suspicions.topup_count as early_topup_count,
        suspicions.handset_line_count,
        {%- for sign in signs %}
        coalesce(suspicions.is_{{ sign }}, false) as is_{{ sign }},
        {%- endfor %}
        migrations.best_plan_name,
        migrations.best_plan_cost_amount,
        migrations.plan_hazard_ratio,
        swaps.new_subscriber_id,
        swaps.new_joined_on,
        swaps.swap_score
    from measured
    left join value_tiers on measured.month = value_tiers.month and measured.value_tier = value_tiers.value_tier
    left join {{ ref('int_customers_blacklisted') }} as blacklisted
        on measured.month = blacklisted.month and measured.customer_id = blacklisted.customer_id
    left join {{ ref('int_hoarding_suspicions') }} as suspicions
        on measured.month = suspicions.month and measured.subscriber_id = suspicions.subscriber_id
    left join {{ ref('int_plan_migrations_found') }} as migrations
        on measured.month = migrations.month and measured.subscriber_id = migrations.subscriber_id
    left join {{ ref('int_swap_suspicions') }} as swaps
        on measured.month = swaps.month and measured.subscriber_id = swaps.subscriber_id

),

final as (

    select
        candidates.month,
        candidates.described_month,
        candidates.subscriber_id,
        list_types.list_type,
        list_types.has_holdout,
        pilot_arms.pilot_arm,
        candidates.value_tier,
        candidates.is_special,
        case list_types.list_type when 'arrears' then candidates.stage_of_arrears end as arrears_stage,
        candidates.arrears_stop_days,
        case when candidates.days_to_contract_end >= 0 then candidates.days_to_contract_end end as days_to_contract_end,
        candidates.is_commitment_spent,
        candidates.is_spend_fallen,
        candidates.is_use_fallen,
        candidates.is_forwarding,
        candidates.points_expiring_amount,
        candidates.first_topup_count,
        candidates.is_new_spender,
        candidates.is_second_topup_missing,
        candidates.is_blacklisted,
        candidates.blacklist_reason,
        candidates.malicious_month,
        candidates.suspicion_score,
        candidates.early_call_count,
        candidates.early_callee_count,
        candidates.early_topup_count,
        candidates.handset_line_count,
        {%- for sign in signs %}
        candidates.is_{{ sign }},
        {%- endfor %}
        candidates.best_plan_name,
        candidates.best_plan_cost_amount,
        candidates.plan_hazard_ratio,
        candidates.new_subscriber_id,
        candidates.new_joined_on,
        candidates.swap_score,
        candidates.controllable_cause_code
    from candidates
    inner join list_types on candidates.month = list_types.month
    left join pilot_arms
        on
            candidates.month = pilot_arms.month
            and candidates.enrolled_id = pilot_arms.subscriber_id
            and list_types.list_type = pilot_arms.list_type
    where
        pilot_arms.pilot_arm is not null
        or case list_types.list_type
            when 'churned' then candidates.is_churned and not candidates.is_to_win_back
            when 'win_back' then candidates.is_to_win_back
            when 'warning' then candidates.is_contactable and candidates.risk_level is not null
            when 'expiring'
                then
                    candidates.is_contactable
                    and (
                        coalesce(candidates.days_to_contract_end between 0 and candidates.expiring_days, false)
                        or candidates.is_commitment_spent
                    )
            when 'silent'
                then
                    candidates.is_contactable
                    and candidates.status <> 'suspended_arrears'
                    and coalesce(candidates.is_silent, false)
            when 'dormant'
                then
                    candidates.is_contactable
                    and candidates.status <> 'suspended_arrears'
                    and coalesce(candidates.silent_months >= candidates.dormant_silent_months, false)
            when 'non_billed'
                then
                    candidates.is_contactable
                    and candidates.tenure_month > 1
                    and coalesce(candidates.billed_revenue_amount = 0, false)
            when 'mid_high' then candidates.is_contactable and candidates.is_mid_high
            when 'value_drop'
                then
                    candidates.is_contactable
                    and (candidates.is_mid_high or candidates.group_id is not null)
                    and (candidates.is_spend_fallen or candidates.is_use_fallen or candidates.is_forwarding)
            when 'arrears'
                then
                    candidates.is_contactable
                    and (candidates.status = 'suspended_arrears' or coalesce(candidates.arrears_amount > 0, false))
            when 'new_care'
                then
                    candidates.is_contactable
                    and candidates.tenure_month = candidates.new_care_tenure_month
                    and (candidates.is_new_spender or candidates.is_second_topup_missing)
            when 'points_expiry'
                then
                    candidates.is_contactable
                    and coalesce(candidates.days_to_points_expiry between 0 and candidates.points_expiry_days, false)
                    and coalesce(candidates.points_expiring_amount >= candidates.points_expiry_amount, false)
            when 'plan_migration' then candidates.is_contactable and candidates.best_plan_name is not null
            when 'internal_swap' then candidates.is_contactable and candidates.new_subscriber_id is not null
            when 'hoarding' then candidates.is_contactable and candidates.is_hoarding_suspected
            when 'blacklist'
                then
                    candidates.is_contactable
                    and candidates.is_new
                    and (candidates.is_blacklisted or candidates.malicious_month is not null)
        end

)

select * from final
