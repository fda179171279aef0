{{ config(**monthly()) }}

{%- set clause_sentences = {
    'contract_end': {'count': as_text('months_to_contract_end', 0)},
    'contract_remaining': {
        'to': as_text('contract_remaining_amount', 2), 'from': as_text('contract_commitment_amount', 2),
    },
    'spend_drop': {'from': as_text('arpu3_amount', 2), 'to': as_text('billed_revenue_amount', 2)},
    'recharge_drop': {'from': as_text('payment_amount_prior3_mean', 2), 'to': as_text('payment_amount', 2)},
    'days_drop': {'from': as_text('active_days_prior3_mean', 1), 'to': as_text('active_days', 0)},
    'recharges_drop': {'from': as_text('payment_count_prior3_mean', 1), 'to': as_text('payment_count', 0)},
    'mou_drop': {'from': as_text('mou_prior3_mean', 0), 'to': as_text('mou', 0)},
    'callees_drop': {'from': as_text('distinct_called_prior3_mean', 1), 'to': as_text('distinct_called', 0)},
    'ratio_rise': {'from': as_text('calls_ratio_prior3_mean', 2), 'to': as_text('calls_ratio', 2)},
    'forwarding': {'count': as_text('forward_offnet_calls', 0)},
    'complaints': {'count': as_text('complaint_count', 0)},
    'pre_cancelled': {},
    'unanswered': {'count': as_text('unanswered_count', 0)},
    'dissatisfied': {
        'count': as_text('coalesce(survey_min_score, satisfaction_min_score)', 0),
        'to': "case when survey_min_score is null then '5' else '10' end",
    },
    'rival_hotline': {'count': as_text('rival_hotline_calls', 0)},
    'arrears': {'to': as_text('arrears_amount', 2)},
    'suspended_arrears': {},
} %}
{%- set other_sentences = {
    'contract_days': {
        'date': "coalesce(cast(contract_end_on as string), '—')", 'count': as_text('days_to_contract_end', 0),
    },
    'silent': {'count': as_text('silent_months', 0)},
    'dormant': {'count': as_text('silent_months', 0), 'date': "coalesce(cast(last_activity_on as string), '—')"},
    'arrears_due': {'to': as_text('arrears_amount', 2)},
    'arrears_first_stop': {'to': as_text('arrears_amount', 2), 'date': "coalesce(cast(status_on as string), '—')"},
    'arrears_second_stop': {
        'to': as_text('arrears_amount', 2), 'date': "coalesce(cast(status_on as string), '—')",
        'count': as_text('arrears_stop_days', 0),
    },
    'arrears_before_disconnect': {
        'to': as_text('arrears_amount', 2), 'date': "coalesce(cast(status_on as string), '—')",
        'count': as_text('arrears_stop_days', 0),
    },
    'points': {
        'count': as_text('points_expiring', 0), 'to': as_text('points_expiring_amount', 2),
        'date': "coalesce(cast(points_expire_on as string), '—')",
    },
    'new_care_spend': {'to': as_text('billed_revenue_amount', 2)},
    'new_care_topups': {'count': as_text('first_topup_count', 0)},
    'blacklist_listed': {'to': "coalesce(blacklist_reason, '—')"},
    'blacklist_arrears': {'date': 'malicious_month'},
    'non_billed': {'from': as_text('arpu3_amount', 2)},
    'churned_passive': {
        'date': "coalesce(cast(termination_on as string), '—')", 'from': as_text('arpu3_amount', 2),
    },
    'churned_active': {
        'date': "coalesce(cast(termination_on as string), '—')", 'from': as_text('arpu3_amount', 2),
    },
    'churned_unknown': {
        'date': "coalesce(cast(termination_on as string), '—')", 'from': as_text('arpu3_amount', 2),
    },
} %}
{%- set hoarding_sentences = {
    'few_calls': {'count': as_text('early_call_count', 0)},
    'few_callees': {'count': as_text('early_callee_count', 0)},
    'no_second_topup': {'count': as_text('early_topup_count', 0)},
    'shared_handset': {'count': as_text('handset_line_count', 0)},
    'zero_rent': {},
} %}
{%- set template_codes = clause_sentences.keys() | list + other_sentences.keys() | list + ['mid_high'] %}
{%- for signal in hoarding_sentences %}{% do template_codes.append('hoarding_' ~ signal) %}{% endfor %}

{#- A stop without a date is as good as a first one. -#}
{%- set arrears_stage %}
        case
            when lines.status <> 'suspended_arrears' then 'due'
            when lines.arrears_stop_days >= lines.arrears_notice_days then 'before_disconnect'
            when lines.arrears_stop_days >= lines.arrears_second_stop_days then 'second_stop'
            else 'first_stop'
        end
{%- endset %}
{%- set arrears_stages = ['before_disconnect', 'second_stop', 'first_stop', 'due'] %}

{#- What is less than a share of the own mean, as far as there is one. -#}
{%- set is_spend_fallen = 'coalesce(lines.arpu3_amount > 0 and lines.billed_revenue_amount <= lines.value_drop_share * lines.arpu3_amount, false)' %}
{%- set is_use_fallen = 'coalesce(lines.mou_prior3_mean > 0 and lines.mou <= lines.value_drop_share * lines.mou_prior3_mean, false)' %}
{%- set is_forwarding = 'coalesce(lines.forward_offnet_calls >= lines.forwarding_limit, false)' %}

{#- Read twice: once narrow to find who is listed and in which order, once whole for those who are. -#}
{%- set lines %}
    select
        subscriber_months.*,
        calendar.quarter,
        {{ days_between('calendar.last_on', 'subscriber_months.contract_end_on') }} as days_to_contract_end,
        thresholds.expiring_days,
        thresholds.contract_months,
        thresholds.spend_drop_share,
        thresholds.frequency_drop_share,
        thresholds.recharge_regular_count,
        thresholds.complaints_count,
        thresholds.arrears_amount as arrears_limit_amount,
        thresholds.holdout_share,
        thresholds.value_drop_share,
        thresholds.forwarding_calls as forwarding_limit,
        thresholds.points_expiry_days,
        thresholds.points_expiry_amount as points_limit_amount,
        {{ days_between('calendar.last_on', 'subscriber_months.points_expire_on') }} as days_to_points_expiry,
        cast(subscriber_months.points_expiring / nullif(thresholds.points_per_yuan, 0) as decimal(18, 2))
            as points_expiring_amount,
        case
            when subscriber_months.status = 'suspended_arrears'
                then {{ days_between('subscriber_months.status_on', 'calendar.last_on') }}
        end as arrears_stop_days,
        thresholds.arrears_second_stop_days,
        thresholds.arrears_disconnect_days - thresholds.arrears_notice_days as arrears_notice_days,
        thresholds.dormant_silent_months,
        thresholds.new_care_tenure_month,
        first_topups.topup_count as first_topup_count,
        coalesce(subscriber_months.billed_revenue_amount >= thresholds.new_care_amount, false) as is_new_spender,
        coalesce(
            subscriber_months.payment_type = 'prepaid'
            and first_topups.topup_months = thresholds.new_care_tenure_month
            and first_topups.topup_count < thresholds.new_care_topups,
            false
        ) as is_second_topup_missing,
        coalesce(blacklisted.is_listed, false) as is_blacklisted,
        blacklisted.blacklist_reason,
        blacklisted.malicious_month,
        coalesce(suspicions.is_suspicious, false) as is_hoarding_suspected,
        suspicions.suspicion_score,
        suspicions.call_count as early_call_count,
        suspicions.callee_count as early_callee_count,
        suspicions.topup_count as early_topup_count,
        suspicions.handset_line_count,
        {%- for signal in hoarding_sentences %}
        coalesce(suspicions.is_{{ signal }}, false) as is_{{ signal }},
        {%- endfor %}
        concat('+', coalesce(subscriber_months.warning_clauses, ''), '+') as clauses,
        subscriber_months.is_on_net_close
        and subscriber_months.status <> 'suspended_voluntary'
        and not subscriber_months.is_do_not_contact as is_contactable,
        coalesce(
            subscriber_months.contract_commitment_amount > 0
            and coalesce(subscriber_months.months_to_contract_end >= 0, true)
            and subscriber_months.contract_remaining_amount
            <= thresholds.contract_remaining_share * subscriber_months.contract_commitment_amount,
            false
        ) as is_commitment_spent
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join calendar on subscriber_months.month = calendar.month
    inner join thresholds on subscriber_months.month = thresholds.month
    left join first_topups
        on subscriber_months.month = first_topups.month and subscriber_months.subscriber_id = first_topups.subscriber_id
    left join {{ ref('int_customers_blacklisted') }} as blacklisted
        on subscriber_months.month = blacklisted.month and subscriber_months.customer_id = blacklisted.customer_id
    left join suspicions
        on subscriber_months.month = suspicions.month and subscriber_months.subscriber_id = suspicions.subscriber_id
    where {{ months_in_range('subscriber_months.month') }}
{%- endset %}

with thresholds as (

    {{ thresholds([
        'expiring_days', 'contract_months', 'contract_remaining_share', 'spend_drop_share', 'frequency_drop_share',
        'recharge_regular_count', 'complaints_count', 'arrears_amount', 'holdout_share', 'value_drop_share',
        'forwarding_calls', 'points_expiry_days', 'points_expiry_amount', 'points_per_yuan',
        'arrears_second_stop_days', 'arrears_disconnect_days', 'arrears_notice_days', 'dormant_silent_months',
        'new_care_tenure_month', 'new_care_amount', 'new_care_topups',
    ]) }}

),

calendar as (

    {{ calendar() }}

),

templates as (

    {{ templates(template_codes) }}

),

list_types as (

    {{ in_force('list_types') }}

),

value_tiers as (

    {{ in_force('value_tiers') }}

),

suspicions as (

    select *
    from {{ ref('int_hoarding_suspicions') }}
    where {{ months_in_range() }}

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

candidates as (
    {{ lines }}

),

listed as (

    select
        lines.month,
        lines.subscriber_id,
        list_types.list_type,
        list_types.has_holdout,
        pilot_arms.pilot_arm,
        case when list_types.list_type = 'arrears' then
            case {{ arrears_stage }}
                {%- for stage in arrears_stages %} when '{{ stage }}' then {{ loop.index }}{% endfor %}
            end
        end as stage_order,
        case lines.risk_level when 'red' then 1 when 'orange' then 2 when 'yellow' then 3 else 4 end as risk_order,
        coalesce(value_tiers.sort_order, 9) as tier_order,
        value_tiers.zh as tier_zh,
        value_tiers.en as tier_en,
        lines.arpu3_amount,
        lines.holdout_share,
        list_types.has_holdout
        and pilot_arms.pilot_arm is null
        and not {{ is_exempt_from_holdout('lines.value_tier', 'lines.is_special') }} as is_drawn,
        coalesce(lines.district_code, '') as stratum_district,
        coalesce(lines.value_tier, '') as stratum_tier,
        {{ digest("concat(lines.subscriber_id, lines.quarter)") }} as lot,
        {{ hash_share("concat(list_types.list_type, coalesce(lines.district_code, ''), coalesce(lines.value_tier, ''), lines.quarter)") }}
            as stratum_start
    from candidates as lines
    inner join list_types on lines.month = list_types.month
    left join value_tiers on lines.month = value_tiers.month and lines.value_tier = value_tiers.value_tier
    left join pilot_arms
        on
            lines.month = pilot_arms.month
            and lines.subscriber_id = pilot_arms.subscriber_id
            and list_types.list_type = pilot_arms.list_type
    where
        pilot_arms.pilot_arm is not null
        or case list_types.list_type
            when 'churned' then lines.is_churned
            when 'warning' then lines.is_contactable and lines.risk_level is not null
            when 'expiring'
                then
                    lines.is_contactable
                    and (
                        coalesce(lines.days_to_contract_end between 0 and lines.expiring_days, false)
                        or lines.is_commitment_spent
                    )
            when 'silent'
                then
                    lines.is_contactable
                    and lines.status <> 'suspended_arrears'
                    and coalesce(lines.is_silent, false)
            when 'non_billed'
                then
                    lines.is_contactable
                    and lines.tenure_month > 1
                    and coalesce(lines.billed_revenue_amount = 0, false)
            when 'mid_high' then lines.is_contactable and value_tiers.is_mid_high
            when 'value_drop'
                then
                    lines.is_contactable
                    and (coalesce(value_tiers.is_mid_high, false) or lines.group_id is not null)
                    and ({{ is_spend_fallen }} or {{ is_use_fallen }} or {{ is_forwarding }})
            when 'dormant'
                then
                    lines.is_contactable
                    and lines.status <> 'suspended_arrears'
                    and coalesce(lines.silent_months >= lines.dormant_silent_months, false)
            when 'arrears'
                then lines.is_contactable and coalesce(lines.arrears_amount > 0, lines.status = 'suspended_arrears')
            when 'new_care'
                then
                    lines.is_contactable
                    and lines.tenure_month = lines.new_care_tenure_month
                    and (lines.is_new_spender or lines.is_second_topup_missing)
            when 'blacklist'
                then
                    lines.is_contactable
                    and lines.is_new
                    and (lines.is_blacklisted or lines.malicious_month is not null)
            when 'hoarding' then lines.is_contactable and lines.is_hoarding_suspected
            when 'points_expiry'
                then
                    lines.is_contactable
                    and coalesce(lines.days_to_points_expiry between 0 and lines.points_expiry_days, false)
                    and coalesce(lines.points_expiring_amount >= lines.points_limit_amount, false)
        end

),

-- The order is found on narrow rows: sorting whole ones would cost more than all the rest.
ranked as (

    select
        month,
        subscriber_id,
        list_type,
        pilot_arm,
        tier_zh,
        tier_en,
        row_number() over (
            partition by month, list_type
            order by stage_order nulls last, risk_order, tier_order, arpu3_amount desc nulls last, subscriber_id
        ) as sort_order,
        -- Those who draw the lowest lots of their stratum: the same ones for a quarter, whoever joins or leaves the list.
        case
            when pilot_arm is not null then pilot_arm = 'control'
            else
                is_drawn
                and row_number() over (
                    partition by month, list_type, stratum_district, stratum_tier, is_drawn
                    order by lot, subscriber_id
                ) <= floor(
                    holdout_share * count(*) over (
                        partition by month, list_type, stratum_district, stratum_tier, is_drawn
                    ) + stratum_start
                )
        end as is_holdout
    from listed

),

lines as (
    {{ lines }}

),

described as (

    select
        lines.*,
        ranked.list_type,
        ranked.is_holdout,
        ranked.pilot_arm,
        ranked.sort_order,
        cost_caps.care_cap_amount,
        cost_caps.retention_cap_amount,
        margins.expected_margin_amount,
        {%- for language in ['zh', 'en'] %}
        case ranked.list_type
            when 'warning' then concat_ws(
                '{{ '；' if language == 'zh' else '; ' }}',
                case when clauses like '%+contract+%' and months_to_contract_end between 0 and contract_months then {{ sentence('contract_end_' ~ language, clause_sentences.contract_end) }} end,
                case when clauses like '%+contract+%' and is_commitment_spent then {{ sentence('contract_remaining_' ~ language, clause_sentences.contract_remaining) }} end,
                case when clauses like '%+spend_drop+%' and billed_revenue_amount <= spend_drop_share * arpu3_amount and arpu3_amount > 0 then {{ sentence('spend_drop_' ~ language, clause_sentences.spend_drop) }} end,
                case when clauses like '%+spend_drop+%' and payment_count_prior3_mean >= recharge_regular_count and payment_amount <= spend_drop_share * payment_amount_prior3_mean then {{ sentence('recharge_drop_' ~ language, clause_sentences.recharge_drop) }} end,
                case when clauses like '%+frequency_drop+%' and active_days <= frequency_drop_share * active_days_prior3_mean and active_days_prior3_mean > 0 then {{ sentence('days_drop_' ~ language, clause_sentences.days_drop) }} end,
                case when clauses like '%+frequency_drop+%' and payment_count_prior3_mean >= recharge_regular_count and payment_count <= frequency_drop_share * payment_count_prior3_mean then {{ sentence('recharges_drop_' ~ language, clause_sentences.recharges_drop) }} end,
                {%- for clause in ['mou_drop', 'callees_drop', 'ratio_rise', 'forwarding'] %}
                case when clauses like '%+{{ clause }}+%' then {{ sentence(clause ~ '_' ~ language, clause_sentences[clause]) }} end,
                {%- endfor %}
                case when clauses like '%+complaints+%' and complaint_count >= complaints_count then {{ sentence('complaints_' ~ language, clause_sentences.complaints) }} end,
                case when clauses like '%+complaints+%' and status = 'pre_cancelled' then {{ sentence('pre_cancelled_' ~ language, {}) }} end,
                {%- for clause in ['unanswered', 'dissatisfied', 'rival_hotline'] %}
                case when clauses like '%+{{ clause }}+%' then {{ sentence(clause ~ '_' ~ language, clause_sentences[clause]) }} end,
                {%- endfor %}
                case when clauses like '%+arrears+%' and arrears_amount >= arrears_limit_amount then {{ sentence('arrears_' ~ language, clause_sentences.arrears) }} end,
                case when clauses like '%+arrears+%' and status = 'suspended_arrears' then {{ sentence('suspended_arrears_' ~ language, {}) }} end
            )
            when 'expiring' then concat_ws(
                '{{ '；' if language == 'zh' else '; ' }}',
                case when days_to_contract_end between 0 and expiring_days then {{ sentence('contract_days_' ~ language, other_sentences.contract_days) }} end,
                case when is_commitment_spent then {{ sentence('contract_remaining_' ~ language, clause_sentences.contract_remaining) }} end
            )
            when 'value_drop' then concat_ws(
                '{{ '；' if language == 'zh' else '; ' }}',
                case when {{ is_spend_fallen }} then {{ sentence('spend_drop_' ~ language, clause_sentences.spend_drop) }} end,
                case when {{ is_use_fallen }} then {{ sentence('mou_drop_' ~ language, clause_sentences.mou_drop) }} end,
                case when {{ is_forwarding }} then {{ sentence('forwarding_' ~ language, clause_sentences.forwarding) }} end
            )
            when 'dormant' then {{ sentence('dormant_' ~ language, other_sentences.dormant) }}
            when 'arrears' then
                case
                    when status = 'suspended_arrears' and (arrears_amount is null or status_on is null)
                        then concat_ws(
                            '{{ '；' if language == 'zh' else '; ' }}',
                            case when arrears_amount is not null then {{ sentence('arrears_' ~ language, clause_sentences.arrears) }} end,
                            {{ sentence('suspended_arrears_' ~ language, {}) }}
                        )
                    {%- for stage in arrears_stages %}
                    when {{ arrears_stage }} = '{{ stage }}'
                        then {{ sentence('arrears_' ~ stage ~ '_' ~ language, other_sentences['arrears_' ~ stage]) }}
                    {%- endfor %}
                end
            when 'new_care' then concat_ws(
                '{{ '；' if language == 'zh' else '; ' }}',
                case when is_new_spender or not is_second_topup_missing then {{ sentence('new_care_spend_' ~ language, other_sentences.new_care_spend) }} end,
                case when is_second_topup_missing then {{ sentence('new_care_topups_' ~ language, other_sentences.new_care_topups) }} end
            )
            when 'blacklist' then concat_ws(
                '{{ '；' if language == 'zh' else '; ' }}',
                case when is_blacklisted then {{ sentence('blacklist_listed_' ~ language, other_sentences.blacklist_listed) }} end,
                case when malicious_month is not null then {{ sentence('blacklist_arrears_' ~ language, other_sentences.blacklist_arrears) }} end
            )
            when 'hoarding' then concat_ws(
                '{{ '；' if language == 'zh' else '; ' }}'
                {%- for signal, figures in hoarding_sentences.items() %},
                case when is_{{ signal }} then {{ sentence('hoarding_' ~ signal ~ '_' ~ language, figures) }} end
                {%- endfor %}
            )
            when 'points_expiry' then {{ sentence('points_' ~ language, other_sentences.points) }}
            when 'silent' then {{ sentence('silent_' ~ language, other_sentences.silent) }}
            when 'non_billed' then {{ sentence('non_billed_' ~ language, other_sentences.non_billed) }}
            when 'mid_high' then {{ sentence('mid_high_' ~ language, {'tier': 'ranked.tier_' ~ language, 'from': as_text('arpu3_amount', 2)}) }}
            when 'churned' then
                case churn_kind
                    when 'passive' then {{ sentence('churned_passive_' ~ language, other_sentences.churned_passive) }}
                    when 'active' then {{ sentence('churned_active_' ~ language, other_sentences.churned_active) }}
                    else {{ sentence('churned_unknown_' ~ language, other_sentences.churned_unknown) }}
                end
        end as reason_{{ language }},
        {%- endfor %}
        case when ranked.list_type = 'arrears' then {{ arrears_stage }} end as arrears_stage
    from lines
    inner join ranked on lines.month = ranked.month and lines.subscriber_id = ranked.subscriber_id
    left join {{ ref('int_subscriber_cost_caps') }} as cost_caps
        on lines.month = cost_caps.month and lines.subscriber_id = cost_caps.subscriber_id
    left join {{ ref('int_subscriber_margins') }} as margins
        on lines.month = margins.month and lines.subscriber_id = margins.subscriber_id
    cross join templates

),

final as (

    select
        month,
        month as list_month,
        list_type,
        district_name as district,
        district_code,
        account_manager,
        subscriber_id,
        msisdn,
        customer_id,
        brand,
        network_type,
        payment_type,
        plan_code,
        plan_name,
        group_id,
        value_tier,
        lifecycle_stage,
        tenure_month,
        status,
        arpu3_amount,
        total_fee_amount,
        mou,
        termination_on,
        churn_kind,
        silent_months,
        last_activity_on,
        contract_end_on,
        contract_commitment_amount,
        contract_remaining_amount,
        months_to_contract_end,
        case when days_to_contract_end >= 0 then days_to_contract_end end as days_to_contract_end,
        fee_prior3_mean_amount,
        {{ rounded(ratio('total_fee_amount - fee_prior3_mean_amount', 'fee_prior3_mean_amount'), 4) }} as fee_change_rate,
        mou_prior3_mean,
        {{ rounded(ratio('mou - mou_prior3_mean', 'mou_prior3_mean'), 4) }} as mou_change_rate,
        arrears_amount,
        arrears_stage,
        arrears_stop_days,
        forward_offnet_calls,
        points_balance,
        points_expiring,
        points_expire_on,
        points_expiring_amount,
        channel_code,
        first_topup_count,
        suspicion_score,
        malicious_month,
        complaint_count,
        warning_clauses,
        warning_clause_count,
        reason_zh as reason,
        reason_en,
        risk_level,
        cast(null as double) as churn_probability,
        cast(null as decimal(18, 2)) as expected_loss_amount,
        cast(null as string) as measure_codes,
        care_cap_amount,
        retention_cap_amount,
        expected_margin_amount,
        pilot_arm is not null as is_in_pilot,
        is_holdout,
        cast(sort_order as bigint) as sort_order
    from described

)

select * from final
