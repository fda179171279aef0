{{ config(**monthly()) }}

{%- set moved = 'case when cells_by_scope.scope_code <> scope_code_open then staying_count else 0 end' %}
{#- Every flow in its place, with what is counted where the subscriber is and where he was a month before. -#}
{%- set flows_now = {
    'new_count': 'new_count', 'reinstated_count': 'reinstated_count', 'appeared_count': 'appeared_count',
    'moved_in_count': 'entered_count + ' ~ moved, 'vanished_count': 'vanished_count',
    'churned_count': 'churned_count', 'same_month_churned_count': 'same_month_churned_count',
    'passive_churned_count': 'passive_churned_count', 'active_churned_count': 'active_churned_count',
    'closing_count': 'closing_count', 'exposure_days': 'exposure_days',
} %}
{%- set flows_before = {
    'opening_count': 'opening_count', 'moved_out_count': 'left_count + ' ~ moved,
    'opening_churned_count': 'opening_churned_count',
} %}
{%- set flow_columns = [
    'opening_count', 'new_count', 'reinstated_count', 'appeared_count', 'moved_in_count', 'moved_out_count',
    'vanished_count', 'churned_count', 'opening_churned_count', 'same_month_churned_count',
    'passive_churned_count', 'active_churned_count', 'closing_count', 'exposure_days',
] %}

with

scope_types as (
    {{ scope_types() }}
),

cells as (
    select *
    from {{ ref('int_churn_cells_counted') }}
    where {{ months_in_range() }}
),

cells_by_scope as (
    select
        cells.*,
        scope_types.scope_type,
        {{ scope_code('cells') }} as scope_code,
        {{ scope_code('cells', '_open') }} as scope_code_open
    from cells
    cross join scope_types
),

flows_by_scope_now as (
    select
        month,
        scope_type,
        scope_code,
        {%- for column in flow_columns %}
        {{ total(flows_now[column]) if column in flows_now else 'cast(0 as bigint)' }} as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from cells_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code
    having sum(churned_count + closing_count) > 0
),

flows_by_scope_before as (
    select
        month,
        scope_type,
        scope_code_open as scope_code,
        {%- for column in flow_columns %}
        {{ total(flows_before[column]) if column in flows_before else 'cast(0 as bigint)' }} as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from cells_by_scope
    where
        scope_code_open is not null
        and opening_count > 0
    group by month, scope_type, scope_code_open
),

both_sides as (
    select * from flows_by_scope_now
    union all
    select * from flows_by_scope_before
),

flows as (
    select
        month,
        scope_type,
        scope_code,
        {%- for column in flow_columns %}
        {{ total(column) }} as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from both_sides
    group by month, scope_type, scope_code
)

select * from flows
