{#- Every sentence: on which lists it may stand, what else must hold, and the figures in it. -#}
{%- set sentences = [
    ('contract_end', ['warning'], "clauses like '%+contract+%' and months_to_contract_end between 0 and contract_months", {
        'count': as_text('months_to_contract_end', 0),
    }),
    ('contract_days', ['expiring'], 'days_to_contract_end <= expiring_days', {
        'date': day_as_text('contract_end_on'), 'count': as_text('days_to_contract_end', 0),
    }),
    ('contract_remaining', ['warning', 'expiring'], "is_commitment_spent and (list_type <> 'warning' or clauses like '%+contract+%')", {
        'to': as_text('contract_remaining_amount', 2), 'from': as_text('contract_commitment_amount', 2),
    }),
    ('spend_drop', ['warning'], "clauses like '%+spend_drop+%' and billed_revenue_amount <= spend_drop_share * arpu3_amount and arpu3_amount > 0", {
        'from': as_text('arpu3_amount', 2), 'to': as_text('billed_revenue_amount', 2),
    }),
    ('spend_drop', ['value_drop'], 'is_spend_fallen', {
        'from': as_text('arpu3_amount', 2), 'to': as_text('billed_revenue_amount', 2),
    }),
    ('recharge_drop', ['warning'], "clauses like '%+spend_drop+%' and payment_count_prior3_mean >= recharge_regular_count and payment_amount <= spend_drop_share * payment_amount_prior3_mean", {
        'from': as_text('payment_amount_prior3_mean', 2), 'to': as_text('payment_amount', 2),
    }),
    ('days_drop', ['warning'], "clauses like '%+frequency_drop+%' and active_days <= frequency_drop_share * active_days_prior3_mean and active_days_prior3_mean > 0", {
        'from': as_text('active_days_prior3_mean', 1), 'to': as_text('active_days', 0),
    }),
    ('recharges_drop', ['warning'], "clauses like '%+frequency_drop+%' and payment_count_prior3_mean >= recharge_regular_count and payment_count <= frequency_drop_share * payment_count_prior3_mean", {
        'from': as_text('payment_count_prior3_mean', 1), 'to': as_text('payment_count', 0),
    }),
    ('mou_drop', ['warning', 'value_drop'], "is_use_fallen and list_type = 'value_drop' or clauses like '%+mou_drop+%' and list_type = 'warning'", {
        'from': as_text('mou_prior3_mean', 0), 'to': as_text('mou', 0),
    }),
    ('callees_drop', ['warning'], "clauses like '%+callees_drop+%'", {
        'from': as_text('distinct_called_prior3_mean', 1), 'to': as_text('distinct_called', 0),
    }),
    ('ratio_rise', ['warning'], "clauses like '%+ratio_rise+%'", {
        'from': as_text('calls_ratio_prior3_mean', 2), 'to': as_text('calls_ratio', 2),
    }),
    ('forwarding', ['warning', 'value_drop'], "is_forwarding and list_type = 'value_drop' or clauses like '%+forwarding+%' and list_type = 'warning'", {
        'count': as_text('forward_offnet_calls', 0),
    }),
    ('complaints', ['warning'], "clauses like '%+complaints+%' and complaint_count >= complaints_count", {
        'count': as_text('complaint_count', 0),
    }),
    ('pre_cancelled', ['warning'], "clauses like '%+complaints+%' and status = 'pre_cancelled'", {}),
    ('unanswered', ['warning'], "clauses like '%+unanswered+%'", {'count': as_text('unanswered_count', 0)}),
    ('dissatisfied', ['warning'], "clauses like '%+dissatisfied+%'", {
        'count': as_text('coalesce(survey_min_score, satisfaction_min_score)', 0),
        'to': "case when survey_min_score is null then '5' else '10' end",
    }),
    ('rival_hotline', ['warning'], "clauses like '%+rival_hotline+%'", {'count': as_text('rival_hotline_calls', 0)}),
    ('arrears', ['warning'], "clauses like '%+arrears+%' and arrears_amount >= arrears_limit_amount", {
        'to': as_text('arrears_amount', 2),
    }),
    ('arrears', ['arrears'], "is_stop_incomplete and arrears_amount > 0", {'to': as_text('arrears_amount', 2)}),
    ('suspended_arrears', ['warning'], "clauses like '%+arrears+%' and status = 'suspended_arrears'", {}),
    ('suspended_arrears', ['arrears'], 'is_stop_incomplete', {}),
    ('arrears_due', ['arrears'], "arrears_stage = 'due'", {'to': as_text('arrears_amount', 2)}),
    ('arrears_first_stop', ['arrears'], "arrears_stage = 'first_stop' and not is_stop_incomplete", {
        'to': as_text('arrears_amount', 2), 'date': day_as_text('status_on'),
    }),
    ('arrears_second_stop', ['arrears'], "arrears_stage = 'second_stop' and not is_stop_incomplete", {
        'to': as_text('arrears_amount', 2), 'date': day_as_text('status_on'), 'count': as_text('arrears_stop_days', 0),
    }),
    ('arrears_before_disconnect', ['arrears'], "arrears_stage = 'before_disconnect' and not is_stop_incomplete", {
        'to': as_text('arrears_amount', 2), 'date': day_as_text('status_on'), 'count': as_text('arrears_stop_days', 0),
    }),
    ('silent', ['silent'], 'true', {'count': as_text('silent_months', 0)}),
    ('dormant', ['dormant'], 'true', {
        'count': as_text('silent_months', 0), 'date': day_as_text('last_activity_on'),
    }),
    ('non_billed', ['non_billed'], 'true', {'from': as_text('arpu3_amount', 2)}),
    ('new_care_spend', ['new_care'], 'is_new_spender or not is_second_topup_missing', {
        'to': as_text('billed_revenue_amount', 2),
    }),
    ('new_care_topups', ['new_care'], 'is_second_topup_missing', {'count': as_text('first_topup_count', 0)}),
    ('points', ['points_expiry'], 'true', {
        'count': as_text('points_expiring', 0), 'to': as_text('points_expiring_amount', 2),
        'date': day_as_text('points_expire_on'),
    }),
    ('mid_high', ['mid_high'], 'true', {'tier': 'tier_', 'from': as_text('arpu3_amount', 2)}),
    ('plan_migration', ['plan_migration'], 'true', {
        'count': as_text('plan_hazard_ratio', 1), 'from': as_text('total_fee_amount', 2),
        'to': as_text('best_plan_cost_amount', 2), 'plan': 'best_plan_name',
    }),
    ('internal_swap', ['internal_swap'], 'true', {
        'date': day_as_text('new_joined_on'), 'count': as_text('swap_score', 2),
    }),
    ('win_back', ['win_back'], 'true', {'date': day_as_text('termination_on'), 'from': as_text('arpu3_amount', 2)}),
    ('win_back_cause', ['win_back'], 'controllable_cause_code is not null', {'to': 'cause_'}),
    ('blacklist_listed', ['blacklist'], 'is_blacklisted', {'to': "coalesce(blacklist_reason, '—')"}),
    ('blacklist_arrears', ['blacklist'], 'malicious_month is not null', {'date': 'malicious_month'}),
    ('hoarding_few_calls', ['hoarding'], 'is_few_calls', {'count': as_text('early_call_count', 0)}),
    ('hoarding_few_callees', ['hoarding'], 'is_few_callees', {'count': as_text('early_callee_count', 0)}),
    ('hoarding_no_second_topup', ['hoarding'], 'is_no_second_topup', {'count': as_text('early_topup_count', 0)}),
    ('hoarding_shared_handset', ['hoarding'], 'is_shared_handset', {'count': as_text('handset_line_count', 0)}),
    ('hoarding_zero_rent', ['hoarding'], 'is_zero_rent', {}),
    ('churned_passive', ['churned'], "churn_kind = 'passive'", {
        'date': day_as_text('termination_on'), 'from': as_text('arpu3_amount', 2),
    }),
    ('churned_active', ['churned'], "churn_kind = 'active'", {
        'date': day_as_text('termination_on'), 'from': as_text('arpu3_amount', 2),
    }),
    ('churned_unknown', ['churned'], "coalesce(churn_kind, 'unknown') = 'unknown'", {
        'date': day_as_text('termination_on'), 'from': as_text('arpu3_amount', 2),
    }),
] -%}
{%- set codes = sentences | map(attribute=0) | unique | list -%}
{%- set lists = [] -%}
{%- for sentence_lists in sentences | map(attribute=1) -%}
    {%- for list_type in sentence_lists if list_type not in lists -%}{%- do lists.append(list_type) -%}{%- endfor -%}
{%- endfor -%}

with thresholds as (

    {{ thresholds([
        'contract_months', 'spend_drop_share', 'frequency_drop_share', 'recharge_regular_count', 'complaints_count',
        'arrears_amount', 'expiring_days',
    ]) }}

),

templates as (

    {{ templates(codes) }}

),

value_tiers as (

    {{ in_force('value_tiers') }}

),

causes as (

    {{ in_force('causes') }}

),

described as (

    select
        members.*,
        {% for column in [
            'status', 'status_on', 'termination_on', 'churn_kind', 'months_to_contract_end', 'contract_end_on',
            'contract_commitment_amount', 'contract_remaining_amount', 'total_fee_amount', 'billed_revenue_amount',
            'arrears_amount', 'arpu3_amount', 'mou', 'mou_prior3_mean', 'distinct_called',
            'distinct_called_prior3_mean', 'calls_ratio', 'calls_ratio_prior3_mean', 'active_days',
            'active_days_prior3_mean', 'payment_amount', 'payment_amount_prior3_mean', 'payment_count',
            'payment_count_prior3_mean', 'forward_offnet_calls', 'rival_hotline_calls', 'complaint_count',
            'unanswered_count', 'survey_min_score', 'satisfaction_min_score', 'silent_months', 'last_activity_on',
            'points_expiring', 'points_expire_on',
        ] -%}
        lines.{{ column }},
        {% endfor -%}
        concat('+', coalesce(lines.warning_clauses, ''), '+') as clauses,
        lines.status = 'suspended_arrears' and (coalesce(lines.arrears_amount, 0) <= 0 or lines.status_on is null)
            as is_stop_incomplete,
        value_tiers.zh as tier_zh,
        value_tiers.en as tier_en,
        causes.zh as cause_zh,
        causes.en as cause_en,
        thresholds.contract_months,
        thresholds.spend_drop_share,
        thresholds.frequency_drop_share,
        thresholds.recharge_regular_count,
        thresholds.complaints_count,
        thresholds.arrears_amount as arrears_limit_amount,
        thresholds.expiring_days
    from {{ ref('int_list_members') }} as members
    inner join {{ ref('fct_subscriber_months') }} as lines
        on members.described_month = lines.month and members.subscriber_id = lines.subscriber_id
    inner join thresholds on members.month = thresholds.month
    left join value_tiers on members.month = value_tiers.month and members.value_tier = value_tiers.value_tier
    left join causes on members.month = causes.month and members.controllable_cause_code = causes.cause_code
    where {{ months_in_range('lines.month', look_back=3) }}

),

final as (

    select
        described.month,
        described.subscriber_id,
        described.list_type,
        {%- for language in ['zh', 'en'] %}
        case described.list_type
            {%- for list_type in lists %}
            when '{{ list_type }}'
                then concat_ws(
                    '{{ '；' if language == 'zh' else '; ' }}'
                    {%- for code, sentence_lists, condition, figures in sentences if list_type in sentence_lists %}
                    {%- set spoken = {} %}
                    {%- for word, figure in figures.items() %}
                        {%- do spoken.update({word: figure ~ language if figure in ('tier_', 'cause_') else figure}) %}
                    {%- endfor %},
                    case when {{ condition }} then {{ sentence(code ~ '_' ~ language, spoken) }} end
                    {%- endfor %}
                )
            {%- endfor %}
        end as reason_{{ language }}{{ ',' if not loop.last }}
        {%- endfor %}
    from described
    cross join templates

)

select * from final
