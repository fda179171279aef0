{{ config(**monthly()) }}
{%- set small = 'thresholds.small_cell_denominator' %}

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

cells_by_scope as (
    select
        cells.month,
        cells.tenure_bucket,
        cells.churned_count,
        cells.closing_count,
        scope_types.scope_type,
        {{ scope_code('cells') }} as scope_code
    from cells
    cross join scope_types
),

-- A scope type that was not delivered in every month of a window would sum to less than the network in it.
scope_windows as (
    select
        windows.month,
        windows.window_months,
        delivered.scope_type
    from windows
    inner join (select distinct month, scope_type from cells_by_scope where scope_code is not null) as delivered
        on windows.lagged_month = delivered.month
    group by windows.month, windows.window_months, delivered.scope_type
    having count(*) = windows.window_months
),

counts as (
    select
        windows.month,
        windows.window_months,
        cells_by_scope.scope_type,
        cells_by_scope.scope_code,
        cells_by_scope.tenure_bucket,
        {{ total('cells_by_scope.churned_count') }} as churned_count,
        {{ total('cells_by_scope.churned_count + cells_by_scope.closing_count') }} as at_risk_count,
        {{ total('case when windows.lag = 0 then cells_by_scope.closing_count else 0 end') }} as closing_count
    from windows
    inner join cells_by_scope
        on windows.lagged_month = cells_by_scope.month
    inner join scope_windows
        on
            windows.month = scope_windows.month
            and windows.window_months = scope_windows.window_months
            and cells_by_scope.scope_type = scope_windows.scope_type
    where cells_by_scope.scope_code is not null
    group by
        windows.month,
        windows.window_months,
        cells_by_scope.scope_type,
        cells_by_scope.scope_code,
        cells_by_scope.tenure_bucket
),

scopes as (
    select
        month,
        window_months,
        scope_type,
        scope_code,
        {{ total('churned_count') }} as scope_churned_count,
        {{ total('closing_count') }} as scope_closing_count
    from counts
    group by month, window_months, scope_type, scope_code
    having sum(at_risk_count) > 0
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

grid as (
    select
        scopes.*,
        {{ scope_name('scopes.scope_type', 'scopes.scope_code', 'districts.district_name') }} as scope_name,
        tenure_buckets.tenure_bucket,
        coalesce(counts.churned_count, 0) as churned_count,
        coalesce(counts.at_risk_count, 0) as at_risk_count,
        coalesce(counts.closing_count, 0) as closing_count
    from scopes
    inner join tenure_buckets
        on
            scopes.month = tenure_buckets.month
            and scopes.window_months = tenure_buckets.window_months
    left join counts
        on
            scopes.month = counts.month
            and scopes.window_months = counts.window_months
            and scopes.scope_type = counts.scope_type
            and scopes.scope_code = counts.scope_code
            and tenure_buckets.tenure_bucket = counts.tenure_bucket
    left join districts
        on
            scopes.month = districts.month
            and scopes.scope_type = 'district'
            and scopes.scope_code = districts.district_code
),

churn_by_tenure as (
    select
        grid.month,
        grid.window_months,
        grid.scope_type,
        grid.scope_code,
        grid.scope_name,
        grid.tenure_bucket,
        grid.churned_count,
        grid.at_risk_count,
        grid.closing_count,
        {{ ratio('grid.churned_count', 'grid.at_risk_count') }} as churn_rate_exposure,
        {{ legacy_rate('grid.churned_count', 'grid.closing_count', small) }} as churn_rate_legacy,
        {{ wilson_low('grid.churned_count', 'grid.at_risk_count') }} as ci_low,
        {{ wilson_high('grid.churned_count', 'grid.at_risk_count') }} as ci_high,
        grid.at_risk_count < {{ small }} or grid.closing_count < {{ small }} as is_small,
        {{ ratio('grid.churned_count', 'grid.scope_churned_count') }} as churned_share,
        {{ ratio('grid.closing_count', 'grid.scope_closing_count') }} as base_share
    from grid
    inner join thresholds
        on grid.month = thresholds.month
)

select * from churn_by_tenure
