{{ config(**monthly()) }}

{%- set comparisons = {'mom': 'month_before', 'yoy': 'year_before'} %}

with

scope_types as (
    {{ scope_types() }}
),

cells as (
    select *
    from {{ ref('int_value_cells_counted') }}
    where {{ months_in_range(look_back=12) }}
),

cells_by_scope as (
    select
        cells.month,
        cells.billed_count,
        cells.revenue_amount,
        cells.billed_mou,
        scope_types.scope_type,
        {{ scope_code('cells') }} as scope_code
    from cells
    cross join scope_types
),

revenues as (
    select
        month,
        {{ month_number('month') }} as month_number,
        scope_type,
        scope_code,
        {{ total('billed_count') }} as billed_count,
        cast(sum(revenue_amount) as decimal(18, 2)) as revenue_amount,
        cast(sum(billed_mou) as double) as billed_mou
    from cells_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code
),

-- What the earlier month's revenue would be with this month's billed users, and with this month's minutes besides.
compared as (
    select
        now.*,
        {%- for suffix, before in comparisons.items() %}
        {{ before }}.revenue_amount as revenue_{{ suffix }},
        cast({{ before }}.revenue_amount as double) * {{ ratio('now.billed_count', before ~ '.billed_count') }}
            as at_users_{{ suffix }},
        cast({{ before }}.revenue_amount as double) * {{ ratio('now.billed_mou', before ~ '.billed_mou') }}
            as at_minutes_{{ suffix }}{{ "," if not loop.last }}
        {%- endfor %}
    from (select * from revenues where {{ months_in_range() }}) as now
    left join revenues as month_before
        on
            now.scope_type = month_before.scope_type
            and now.scope_code = month_before.scope_code
            and now.month_number - 1 = month_before.month_number
    left join revenues as year_before
        on
            now.scope_type = year_before.scope_type
            and now.scope_code = year_before.scope_code
            and now.month_number - 12 = year_before.month_number
),

effects as (
    select
        compared.*,
        {%- for suffix in comparisons %}
        cast(revenue_amount - revenue_{{ suffix }} as decimal(18, 2)) as revenue_change_{{ suffix }},
        case
            when at_minutes_{{ suffix }} is not null
                then cast({{ rounded('at_users_' ~ suffix ~ ' - cast(revenue_' ~ suffix ~ ' as double)', 2) }} as decimal(18, 2))
        end as volume_effect_{{ suffix }},
        case
            when at_users_{{ suffix }} is not null
                then cast({{ rounded('at_minutes_' ~ suffix ~ ' - at_users_' ~ suffix, 2) }} as decimal(18, 2))
        end as usage_effect_{{ suffix }}{{ "," if not loop.last }}
        {%- endfor %}
    from compared
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

revenue_bridge as (
    select
        effects.month,
        effects.scope_type,
        effects.scope_code,
        {{ scope_name('effects.scope_type', 'effects.scope_code', 'districts.district_name') }} as scope_name,
        effects.billed_count,
        effects.revenue_amount,
        {{ money_per('effects.revenue_amount', 'effects.billed_count') }} as arpu_amount,
        {{ ratio('effects.billed_mou', 'effects.billed_count') }} as mou,
        {{ ratio('effects.revenue_amount', 'effects.billed_mou') }} as price_per_unit,
        {%- for suffix in comparisons %}
        effects.revenue_change_{{ suffix }},
        effects.volume_effect_{{ suffix }},
        effects.usage_effect_{{ suffix }},
        cast(
            effects.revenue_change_{{ suffix }} - effects.volume_effect_{{ suffix }} - effects.usage_effect_{{ suffix }}
            as decimal(18, 2)
        ) as price_effect_{{ suffix }}{{ "," if not loop.last }}
        {%- endfor %}
    from effects
    left join districts
        on
            effects.month = districts.month
            and effects.scope_type = 'district'
            and effects.scope_code = districts.district_code
)

select * from revenue_bridge
