{{ config(**monthly()) }}

{%- set levels = ['red', 'orange', 'yellow'] -%}

with thresholds as (

    {{ thresholds([
        'work_order_capacity', 'work_order_unowned_capacity', 'work_order_cooldown_days', 'work_order_limit_days',
        'work_order_limit_contacts',
    ]) }}

),

calendar as (

    {{ calendar() }}

),

value_tiers as (

    {{ in_force('value_tiers') }}

),

reasons as (

    {{ in_force('work_order_reasons') }}

),

lists as (

    select
        lists.*,
        case
            when lists.list_type = 'arrears' and lists.arrears_stage = 'before_disconnect' then 'arrears_before_disconnect'
            when
                lists.list_type = 'warning'
                and instr(concat('+', coalesce(lists.warning_clauses, ''), '+'), '+complaints+') > 0
                then 'leaving_intent'
            when lists.list_type = 'warning' and lists.risk_level = 'red' then 'warning_red'
            else lists.list_type
        end as reason_code
    from {{ ref('mart_work_lists') }} as lists
    where {{ months_in_range() }}

),

reasoned as (

    select
        lists.month,
        lists.subscriber_id,
        lists.list_type,
        lists.is_holdout,
        reasons.reason_code,
        reasons.priority,
        least({{ place_in('lists.risk_level', levels) }}, {{ place_in('reasons.least_level', levels) }}) as level_order
    from lists
    inner join reasons on lists.month = reasons.month and lists.reason_code = reasons.reason_code

),

placed as (

    select
        reasoned.*,
        row_number() over (partition by month, subscriber_id order by priority) as place
    from reasoned

),

-- One order a subscriber: the first reason leads, the others are named, the gravest level counts.
orders as (

    select
        month,
        subscriber_id,
        max(case when place = 1 then list_type end) as main_list_type,
        max(case when place = 1 then reason_code end) as work_order_reason,
        {{ joined_in_order("case when place > 1 then list_type end", places=9) }} as other_list_types,
        min(level_order) as level_order,
        max(case when is_holdout then 1 else 0 end) = 1 as is_held_out
    from placed
    group by month, subscriber_id

),

contacts as (

    select
        calendar.month,
        contacts.subscriber_id,
        min(
            case when contacts.outcome <> 'unreached' then {{ days_between('cast(contacts.contacted_at as date)', 'calendar.last_on') }} end
        ) as days_since_talk,
        count(
            case
                when {{ days_between('cast(contacts.contacted_at as date)', 'calendar.last_on') }} < thresholds.work_order_limit_days
                    then 1
            end
        ) as attempt_count
    from {{ ref('stg_crm__contacts') }} as contacts
    inner join ({{ lags(3) }}) as lags on contacts.month = lags.lagged_month
    inner join calendar on lags.month = calendar.month
    inner join thresholds on lags.month = thresholds.month
    where {{ months_in_range('contacts.month', look_back=3) }}
    group by calendar.month, contacts.subscriber_id

),

judged as (

    select
        orders.month,
        orders.subscriber_id,
        orders.main_list_type,
        orders.work_order_reason,
        orders.other_list_types,
        orders.level_order,
        lists.account_manager,
        lists.district_code,
        coalesce(value_tiers.sort_order, 9) as tier_order,
        lists.expected_margin_amount,
        coalesce(caps_left.retention_left_amount, 0) as retention_left_amount,
        contacts.days_since_talk,
        coalesce(contacts.attempt_count, 0) as attempt_count,
        case
            when lists.account_manager is null then thresholds.work_order_unowned_capacity
            else thresholds.work_order_capacity
        end as capacity,
        case
            when orders.is_held_out then 'holdout'
            when contacts.days_since_talk < thresholds.work_order_cooldown_days then 'cool_down'
            when contacts.attempt_count >= thresholds.work_order_limit_contacts then 'contact_limit'
        end as ruled_out_because,
        caps_left.cap_holder,
        coalesce(caps_left.care_left_amount, 0) as care_left_amount,
        measures.measure_codes,
        measures.measure_names,
        measures.measure_names_en,
        measures.free_measure_codes,
        measures.free_measure_names,
        measures.free_measure_names_en,
        coalesce(measures.care_cost_amount, 0) as care_cost_amount,
        coalesce(measures.retention_cost_amount, 0) as retention_cost_amount
    from orders
    inner join lists
        on
            orders.month = lists.month
            and orders.subscriber_id = lists.subscriber_id
            and orders.main_list_type = lists.list_type
    inner join thresholds on orders.month = thresholds.month
    left join value_tiers on orders.month = value_tiers.month and lists.value_tier = value_tiers.value_tier
    left join contacts on orders.month = contacts.month and orders.subscriber_id = contacts.subscriber_id
    left join {{ ref('int_cost_caps_left') }} as caps_left
        on orders.month = caps_left.month and orders.subscriber_id = caps_left.subscriber_id
    left join {{ ref('int_list_measures') }} as measures
        on
            orders.month = measures.month
            and orders.subscriber_id = measures.subscriber_id
            and orders.main_list_type = measures.list_type

),

ordered as (

    select
        judged.*,
        row_number() over (
            partition by month
            order by
                level_order, tier_order, expected_margin_amount desc nulls last, retention_left_amount desc, subscriber_id
        ) as sort_order
    from judged

),

-- Whoever has no account manager is looked after by the district, which has a capacity of its own.
queued as (

    select
        ordered.*,
        case when ruled_out_because is null then row_number() over (
            partition by
                month,
                account_manager,
                case when account_manager is null then district_code end,
                ruled_out_because is null
            order by sort_order
        ) end as owner_order
    from ordered

),

planned as (

    select
        queued.*,
        case
            when ruled_out_because is not null then ruled_out_because
            when owner_order > capacity then 'over_capacity'
        end as suppressed_because
    from queued

),

-- The lines of a group share its cap: from the line on that would go beyond it, only what costs nothing is offered.
budgeted as (

    select
        planned.*,
        sum(care_cost_amount) over (
            partition by month, cap_holder, suppressed_because is null
            order by sort_order rows between unbounded preceding and current row
        ) as care_planned_amount,
        sum(retention_cost_amount) over (
            partition by month, cap_holder, suppressed_because is null
            order by sort_order rows between unbounded preceding and current row
        ) as retention_planned_amount
    from planned

),

offered as (

    select
        budgeted.*,
        case
            when suppressed_because is not null then 'nothing'
            when care_cost_amount = 0 and retention_cost_amount = 0 then 'all'
            when
                care_planned_amount <= care_left_amount and retention_planned_amount <= retention_left_amount
                then 'all'
            else 'free'
        end as offer
    from budgeted

),

final as (

    select
        offered.month,
        offered.month as list_month,
        'work_order' as list_type,
        offered.main_list_type,
        offered.work_order_reason,
        offered.other_list_types,
        lists.district,
        offered.district_code,
        offered.account_manager,
        offered.subscriber_id,
        lists.msisdn,
        lists.customer_id,
        lists.brand,
        lists.network_type,
        lists.payment_type,
        lists.plan_code,
        lists.plan_name,
        lists.group_id,
        lists.value_tier,
        lists.lifecycle_stage,
        lists.tenure_month,
        lists.status,
        lists.arpu3_amount,
        lists.total_fee_amount,
        lists.mou,
        lists.contract_end_on,
        lists.arrears_amount,
        lists.reason,
        lists.reason_en,
        case offered.level_order {% for level in levels %}when {{ loop.index }} then '{{ level }}' {% endfor %}end
            as risk_level,
        lists.churn_probability,
        lists.expected_loss_amount,
        {%- for column in ['measure_codes', 'measure_names', 'measure_names_en'] %}
        case offered.offer when 'all' then offered.{{ column }} when 'free' then offered.free_{{ column }} end
            as {{ column }},
        {%- endfor %}
        lists.care_cap_amount,
        lists.care_spent_amount,
        cast(case offered.offer when 'all' then offered.care_cost_amount else 0 end as decimal(18, 2))
            as care_planned_amount,
        lists.retention_cap_amount,
        lists.retention_spent_amount,
        cast(case offered.offer when 'all' then offered.retention_cost_amount else 0 end as decimal(18, 2))
            as retention_planned_amount,
        lists.expected_margin_amount,
        offered.days_since_talk,
        cast(offered.attempt_count as bigint) as attempt_count,
        offered.suppressed_because,
        offered.suppressed_because is null as is_planned,
        cast(case when offered.suppressed_because is null then offered.owner_order end as bigint) as owner_order,
        cast(offered.sort_order as bigint) as sort_order
    from offered
    inner join lists
        on
            offered.month = lists.month
            and offered.subscriber_id = lists.subscriber_id
            and offered.main_list_type = lists.list_type

)

select * from final
