{{ config(**monthly()) }}
{%- set churned_mean = ratio('counts.churned_tenure_months', 'counts.churned_count') %}
{%- set closing_mean = ratio('counts.closing_tenure_months', 'counts.closing_count') %}

with

scope_types as (
    {{ scope_types() }}
),

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

cells as (
    select *
    from {{ ref('int_churn_cells_counted') }}
    where {{ months_in_range() }}
),

cells_by_scope as (
    select
        cells.month,
        cells.churned_count,
        cells.closing_count,
        cells.churned_tenure_months,
        cells.closing_tenure_months,
        scope_types.scope_type,
        {{ scope_code('cells') }} as scope_code
    from cells
    cross join scope_types
),

counts as (
    select
        month,
        scope_type,
        scope_code,
        {{ total('churned_count') }} as churned_count,
        {{ total('closing_count') }} as closing_count,
        {{ total('churned_tenure_months') }} as churned_tenure_months,
        {{ total('closing_tenure_months') }} as closing_tenure_months
    from cells_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code
    having sum(churned_count) + sum(closing_count) > 0
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

churn_tenure_mean as (
    select
        counts.month,
        counts.scope_type,
        counts.scope_code,
        {{ scope_name('counts.scope_type', 'counts.scope_code', 'districts.district_name') }} as scope_name,
        counts.churned_count,
        counts.closing_count,
        {{ churned_mean }} as average_tenure_churned,
        {{ closing_mean }} as average_tenure_closing,
        {{ ratio(
            'counts.churned_tenure_months + counts.closing_tenure_months', 'counts.churned_count + counts.closing_count'
        ) }} as average_tenure_all,
        {{ churned_mean }} > {{ closing_mean }} as leavers_are_older,
        {{ churned_mean }} < {{ closing_mean }} as leavers_are_younger,
        counts.churned_count < thresholds.small_cell_denominator
        or counts.closing_count < thresholds.small_cell_denominator as is_small
    from counts
    inner join thresholds
        on counts.month = thresholds.month
    left join districts
        on
            counts.month = districts.month
            and counts.scope_type = 'district'
            and counts.scope_code = districts.district_code
)

select * from churn_tenure_mean
