{{ config(**monthly()) }}

{%- set columns = [
    'active_count', 'new_count', 'returning_count', 'resurrecting_count', 'active_before_count', 'dormant_count',
    'left_count',
] %}

with

scope_types as (
    {{ scope_types() }}
),

cells as (
    select *
    from {{ ref('int_value_cells_counted') }}
    where {{ months_in_range() }}
),

cells_by_scope as (
    select
        cells.*,
        scope_types.scope_type,
        {{ scope_code('cells') }} as scope_code
    from cells
    cross join scope_types
),

flows as (
    select
        month,
        scope_type,
        scope_code,
        {%- for column in columns %}
        {{ total(column) }} as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from cells_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

base_flow as (
    select
        flows.month,
        flows.scope_type,
        flows.scope_code,
        {{ scope_name('flows.scope_type', 'flows.scope_code', 'districts.district_name') }} as scope_name,
        {%- for column in columns %}
        flows.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from flows
    left join districts
        on
            flows.month = districts.month
            and flows.scope_type = 'district'
            and flows.scope_code = districts.district_code
)

select * from base_flow
