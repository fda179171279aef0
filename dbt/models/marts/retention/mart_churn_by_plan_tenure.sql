{{ config(**monthly()) }}
{%- set small = 'thresholds.small_cell_denominator' %}

with

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

cells as (
    select *
    from {{ ref('int_plan_cells_counted') }}
    where {{ months_in_range(look_back=2) }}
),

windows as (
    {{ delivered_windows('cells') }}
),

-- A window keeps the rules of all its months: a row counts under its own month's.
tenure_buckets as (
    select distinct
        windows.month,
        windows.window_months,
        buckets.tenure_bucket
    from windows
    inner join ({{ in_force('tenure_buckets', look_back=2) }}) as buckets
        on windows.lagged_month = buckets.month
),

counts as (
    select
        windows.month,
        windows.window_months,
        cells.plan_code,
        cells.tenure_bucket,
        {{ total('cells.churned_count') }} as churned_count,
        {{ total('cells.churned_count + cells.closing_count') }} as at_risk_count,
        {{ total('case when windows.lag = 0 then cells.closing_count else 0 end') }} as closing_count
    from windows
    inner join cells
        on windows.lagged_month = cells.month
    group by windows.month, windows.window_months, cells.plan_code, cells.tenure_bucket
),

plans as (
    select
        month,
        window_months,
        plan_code,
        {{ total('churned_count') }} as plan_churned_count,
        {{ total('closing_count') }} as plan_closing_count
    from counts
    group by month, window_months, plan_code
),

plan_names as (
    select month, plan_code, plan_name
    from {{ ref('dim_plans') }}
    where {{ months_in_range() }}
),

grid as (
    select
        plans.*,
        coalesce(plan_names.plan_name, plans.plan_code) as plan_name,
        tenure_buckets.tenure_bucket,
        coalesce(counts.churned_count, 0) as churned_count,
        coalesce(counts.at_risk_count, 0) as at_risk_count,
        coalesce(counts.closing_count, 0) as closing_count
    from plans
    inner join tenure_buckets
        on
            plans.month = tenure_buckets.month
            and plans.window_months = tenure_buckets.window_months
    left join counts
        on
            plans.month = counts.month
            and plans.window_months = counts.window_months
            and plans.plan_code = counts.plan_code
            and tenure_buckets.tenure_bucket = counts.tenure_bucket
    left join plan_names
        on
            plans.month = plan_names.month
            and plans.plan_code = plan_names.plan_code
),

churn_by_plan_tenure as (
    select
        grid.month,
        grid.window_months,
        grid.plan_code,
        grid.plan_name,
        grid.tenure_bucket,
        grid.churned_count,
        grid.at_risk_count,
        grid.closing_count,
        {{ ratio('grid.churned_count', 'grid.at_risk_count') }} as churn_rate_exposure,
        {{ legacy_rate('grid.churned_count', 'grid.closing_count', small) }} as churn_rate_legacy,
        {{ wilson_low('grid.churned_count', 'grid.at_risk_count') }} as ci_low,
        {{ wilson_high('grid.churned_count', 'grid.at_risk_count') }} as ci_high,
        grid.at_risk_count < {{ small }} or grid.closing_count < {{ small }} as is_small,
        {{ ratio('grid.churned_count', 'grid.plan_churned_count') }} as churned_share,
        {{ ratio('grid.closing_count', 'grid.plan_closing_count') }} as base_share
    from grid
    inner join thresholds
        on grid.month = thresholds.month
)

select * from churn_by_plan_tenure
