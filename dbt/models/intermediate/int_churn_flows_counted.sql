{{ config(**monthly()) }}

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

cells_by_scope_now as (
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
        cast(0 as bigint) as opening_count,
        {{ total('new_count') }} as new_count,
        {{ total('reinstated_count') }} as reinstated_count,
        {{ total('appeared_count') }} as appeared_count,
        {{ total('entered_count + case when cells_by_scope_now.scope_code <> scope_code_open then staying_count else 0 end') }} as moved_in_count,
        cast(0 as bigint) as moved_out_count,
        {{ total('vanished_count') }} as vanished_count,
        {{ total('churned_count') }} as churned_count,
        cast(0 as bigint) as opening_churned_count,
        {{ total('same_month_churned_count') }} as same_month_churned_count,
        {{ total('passive_churned_count') }} as passive_churned_count,
        {{ total('active_churned_count') }} as active_churned_count,
        {{ total('closing_count') }} as closing_count,
        {{ total('exposure_days') }} as exposure_days
    from cells_by_scope_now
    where scope_code is not null
    group by month, scope_type, scope_code
    having sum(churned_count + closing_count) > 0
),

flows_by_scope_before as (
    select
        month,
        scope_type,
        scope_code_open as scope_code,
        {{ total('opening_count') }} as opening_count,
        cast(0 as bigint) as new_count,
        cast(0 as bigint) as reinstated_count,
        cast(0 as bigint) as appeared_count,
        cast(0 as bigint) as moved_in_count,
        {{ total('left_count + case when cells_by_scope_now.scope_code <> scope_code_open then staying_count else 0 end') }} as moved_out_count,
        cast(0 as bigint) as vanished_count,
        cast(0 as bigint) as churned_count,
        {{ total('opening_churned_count') }} as opening_churned_count,
        cast(0 as bigint) as same_month_churned_count,
        cast(0 as bigint) as passive_churned_count,
        cast(0 as bigint) as active_churned_count,
        cast(0 as bigint) as closing_count,
        cast(0 as bigint) as exposure_days
    from cells_by_scope_now
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
