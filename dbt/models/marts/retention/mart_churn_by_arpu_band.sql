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
arpu_bands as (
    select distinct
        windows.month,
        windows.window_months,
        bands.arpu_band
    from windows
    inner join ({{ in_force('arpu_bands', look_back=2) }}) as bands
        on windows.lagged_month = bands.month
    union all
    select month, window_months, '(unknown)' as arpu_band
    from windows
    where lag = 0
),

counts as (
    select
        windows.month,
        windows.window_months,
        cells.arpu_band,
        {{ total('cells.churned_count') }} as churned_count,
        {{ total('case when windows.lag = 0 then cells.closing_count else 0 end') }} as closing_count
    from windows
    inner join cells
        on windows.lagged_month = cells.month
    group by windows.month, windows.window_months, cells.arpu_band
),

-- Shares are of the subscribers whose band is known.
known as (
    select
        month,
        window_months,
        {{ total("case when arpu_band <> '(unknown)' then churned_count else 0 end") }} as known_churned_count,
        {{ total("case when arpu_band <> '(unknown)' then closing_count else 0 end") }} as known_closing_count
    from counts
    group by month, window_months
),

grid as (
    select
        known.month,
        known.window_months,
        arpu_bands.arpu_band,
        coalesce(counts.churned_count, 0) as churned_count,
        coalesce(counts.closing_count, 0) as closing_count,
        case when arpu_bands.arpu_band <> '(unknown)' then known.known_churned_count end as known_churned_count,
        case when arpu_bands.arpu_band <> '(unknown)' then known.known_closing_count end as known_closing_count
    from known
    inner join arpu_bands
        on
            known.month = arpu_bands.month
            and known.window_months = arpu_bands.window_months
    left join counts
        on
            known.month = counts.month
            and known.window_months = counts.window_months
            and arpu_bands.arpu_band = counts.arpu_band
),

churn_by_arpu_band as (
    select
        grid.month,
        grid.window_months,
        grid.arpu_band,
        grid.churned_count,
        grid.closing_count,
        {{ ratio('grid.churned_count', 'grid.known_churned_count') }} as churned_share,
        {{ ratio('grid.closing_count', 'grid.known_closing_count') }} as base_share,
        case
            when grid.closing_count >= {{ small }} and grid.known_churned_count >= {{ small }}
                then {{ ratio(
                    ratio('grid.churned_count', 'grid.known_churned_count'),
                    ratio('grid.closing_count', 'grid.known_closing_count')
                ) }}
        end as band_index,
        grid.closing_count < {{ small }} or coalesce(grid.known_churned_count, 0) < {{ small }} as is_small
    from grid
    inner join thresholds
        on grid.month = thresholds.month
)

select * from churn_by_arpu_band
