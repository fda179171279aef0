{#- Offered is what the rules name for the list (on the warning list, for its signs) and what the caps still allow: first
    each measure for itself, then together, in the order of the rules. -#}
with thresholds as (

    {{ thresholds(['measures_per_line']) }}

),

choices as (

    select
        chosen.month,
        chosen.cause,
        chosen.lifecycle_stage,
        chosen.value_tier,
        chosen.measure_code,
        chosen.sort_order,
        costs.cap_kind,
        cast(costs.cost_amount as decimal(18, 2)) as cost_amount
    from ({{ in_force('measure_choices') }}) as chosen
    inner join ({{ in_force('measure_costs') }}) as costs
        on chosen.month = costs.month and chosen.measure_code = costs.measure_code

),

members as (

    select
        members.month,
        members.subscriber_id,
        members.list_type,
        coalesce(lines.lifecycle_stage, '') as lifecycle_stage,
        coalesce(members.value_tier, 'U') as value_tier,
        concat('+', case members.list_type
            when 'warning' then coalesce(lines.warning_clauses, '')
            else members.list_type
        end, '+') as causes
    from {{ ref('int_list_members') }} as members
    inner join {{ ref('fct_subscriber_months') }} as lines
        on members.described_month = lines.month and members.subscriber_id = lines.subscriber_id
    where {{ months_in_range('lines.month', look_back=3) }}

),

-- What suits is found once for all who have the same causes, stage and tier; what several signs name, once.
situations as (

    select distinct month, causes, lifecycle_stage, value_tier
    from members

),

suitable as (

    select
        situations.month,
        situations.causes,
        situations.lifecycle_stage,
        situations.value_tier,
        choices.measure_code,
        min(choices.cap_kind) as cap_kind,
        min(choices.cost_amount) as cost_amount,
        min(choices.sort_order) as sort_order
    from situations
    inner join choices
        on
            situations.month = choices.month
            and instr(situations.causes, concat('+', choices.cause, '+')) > 0
            and (choices.lifecycle_stage = '*' or situations.lifecycle_stage = choices.lifecycle_stage)
            and (choices.value_tier = '*' or situations.value_tier = choices.value_tier)
    group by
        situations.month, situations.causes, situations.lifecycle_stage, situations.value_tier, choices.measure_code

),

priced as (

    select
        members.month,
        members.subscriber_id,
        members.list_type,
        suitable.measure_code,
        suitable.cap_kind,
        suitable.cost_amount,
        suitable.sort_order,
        case suitable.cap_kind
            when 'care' then caps.care_left_amount
            when 'retention' then caps.retention_left_amount
        end as left_amount
    from members
    inner join suitable
        on
            members.month = suitable.month
            and members.causes = suitable.causes
            and members.lifecycle_stage = suitable.lifecycle_stage
            and members.value_tier = suitable.value_tier
    left join {{ ref('int_cost_caps_left') }} as caps
        on members.month = caps.month and members.subscriber_id = caps.subscriber_id

),

summed as (

    select
        priced.*,
        sum(cost_amount) over (
            partition by month, subscriber_id, list_type, cap_kind
            order by sort_order, measure_code
            rows between unbounded preceding and current row
        ) as spent_amount
    from priced
    where cost_amount = 0 or cost_amount <= left_amount

),

placed as (

    select
        summed.*,
        row_number() over (partition by month, subscriber_id, list_type order by sort_order, measure_code) as place
    from summed
    where cost_amount = 0 or spent_amount <= left_amount

),

offered as (

    select placed.*
    from placed
    inner join thresholds on placed.month = thresholds.month
    where placed.place <= thresholds.measures_per_line

),

final as (

    select
        offered.month,
        offered.subscriber_id,
        offered.list_type,
        {{ joined_in_order('offered.measure_code') }} as measure_codes,
        {{ joined_in_order('measures.zh', '、') }} as measure_names,
        {{ joined_in_order('measures.en', ', ') }} as measure_names_en,
        {{ joined_in_order("case when offered.cost_amount = 0 then offered.measure_code end") }} as free_measure_codes,
        {{ joined_in_order("case when offered.cost_amount = 0 then measures.zh end", '、') }} as free_measure_names,
        {{ joined_in_order("case when offered.cost_amount = 0 then measures.en end", ', ') }} as free_measure_names_en,
        cast(sum(case when offered.cap_kind = 'care' then offered.cost_amount else 0 end) as decimal(18, 2))
            as care_cost_amount,
        cast(sum(case when offered.cap_kind = 'retention' then offered.cost_amount else 0 end) as decimal(18, 2))
            as retention_cost_amount
    from offered
    inner join {{ ref('measures') }} as measures on offered.measure_code = measures.measure_code
    group by offered.month, offered.subscriber_id, offered.list_type

)

select * from final
