{{ config(**monthly()) }}

with

thresholds as (
    {{ thresholds(['hazard_window_months', 'hazard_spike_ratio', 'hazard_spike_p', 'small_cell_denominator']) }}
),

cells as (
    select *
    from {{ ref('int_hazard_cells_counted') }}
    where {{ months_in_range(look_back=23) }}
),

delivered as (
    select distinct month from cells
),

-- A month of the run that was not delivered has earlier ones, but nothing to show.
windows as (
    select lags.month, lags.lagged_month
    from ({{ lags(23) }}) as lags
    inner join thresholds
        on lags.month = thresholds.month
    inner join delivered as ends
        on lags.month = ends.month
    inner join delivered
        on lags.lagged_month = delivered.month
    where lags.lag < thresholds.hazard_window_months
),

window_lengths as (
    select month, count(*) as window_months
    from windows
    group by month
),

counts as (
    select
        windows.month,
        cells.tenure_month,
        {{ total('cells.at_risk_count') }} as at_risk_count,
        {{ total('cells.churned_count') }} as churned_count,
        {{ total('cells.underlying_at_risk_count') }} as underlying_at_risk_count,
        {{ total('cells.underlying_churned_count') }} as underlying_churned_count
    from windows
    inner join cells
        on windows.lagged_month = cells.month
    group by windows.month, cells.tenure_month
),

hazards as (
    select
        counts.*,
        {{ ratio('counts.underlying_churned_count', 'counts.underlying_at_risk_count') }} as underlying_hazard_rate,
        counts.underlying_at_risk_count < thresholds.small_cell_denominator as is_small
    from counts
    inner join thresholds
        on counts.month = thresholds.month
),

-- Up to three tenure months on each side; a small one says nothing.
neighbours as (
    select
        this.month,
        this.tenure_month,
        sides.side,
        other.tenure_month as other_tenure_month,
        other.underlying_at_risk_count,
        other.underlying_hazard_rate
    from hazards as this
    inner join hazards as other
        on
            this.month = other.month
            and other.tenure_month between this.tenure_month - 3 and this.tenure_month + 3
            and this.tenure_month <> other.tenure_month
    inner join (select 'around' as side union all select 'before' as side union all select 'after' as side) as sides
        on
            sides.side = 'around'
            or sides.side = 'before' and other.tenure_month < this.tenure_month
            or sides.side = 'after' and other.tenure_month > this.tenure_month
    where not this.is_small and not other.is_small
),

ordered as (
    select
        neighbours.*,
        row_number() over (
            partition by month, tenure_month, side
            order by underlying_hazard_rate asc nulls last, other_tenure_month asc nulls last
        ) as place,
        count(*) over (partition by month, tenure_month, side) as places
    from neighbours
),

side_medians as (
    select
        month,
        tenure_month,
        side,
        (
            min(case when 2 * place between places and places + 2 then underlying_hazard_rate end)
            + max(case when 2 * place between places and places + 2 then underlying_hazard_rate end)
        ) * 0.5e0 as median_rate,
        max(case when side = 'around' and place = places - 1 then underlying_hazard_rate end) as second_highest_rate,
        {{ total('underlying_at_risk_count') }} as at_risk_count
    from ordered
    group by month, tenure_month, side
),

-- A step of the curve lifts the median of one side, so a spike must stand above both sides; and above all neighbours
-- but one, so that two months together can be a spike and a plateau of three is none. Where nobody left beside it,
-- one leaver among all of them is the least that is expected.
standards as (
    select
        month,
        tenure_month,
        max(case when side = 'around' then median_rate end) as local_median,
        greatest(
            max(median_rate),
            max(second_highest_rate),
            {{ ratio('1', "max(case when side = 'around' then at_risk_count end)") }}
        ) as reference_hazard_rate
    from side_medians
    group by month, tenure_month
    having count(*) = 3
),

tested as (
    select
        hazards.month,
        hazards.tenure_month,
        hazards.underlying_at_risk_count,
        hazards.underlying_churned_count,
        standards.local_median,
        standards.reference_hazard_rate,
        count(*) over (partition by hazards.month) as tested_count
    from hazards
    inner join standards
        on
            hazards.month = standards.month
            and hazards.tenure_month = standards.tenure_month
),

tails as (
    {{ binomial_upper_tails(
        'tested', ['month', 'tenure_month'],
        'underlying_churned_count', 'underlying_at_risk_count', 'reference_hazard_rate'
    ) }}
),

dealers as (
    select
        month,
        commission_months + 1 as tenure_month,
        count(*) as dealer_count
    from {{ ref('mart_churn_by_channel') }}
    where
        {{ months_in_range() }}
        and is_assessment_spike
    group by month, commission_months + 1
),

churn_hazard as (
    select
        hazards.month,
        hazards.tenure_month,
        cast(window_lengths.window_months as int) as window_months,
        hazards.at_risk_count,
        hazards.churned_count,
        {{ ratio('hazards.churned_count', 'hazards.at_risk_count') }} as hazard_rate,
        {{ wilson_low('hazards.churned_count', 'hazards.at_risk_count') }} as ci_low,
        {{ wilson_high('hazards.churned_count', 'hazards.at_risk_count') }} as ci_high,
        {{ survival_so_far('hazards.churned_count', 'hazards.at_risk_count') }} as survival_rate,
        hazards.underlying_at_risk_count,
        hazards.underlying_churned_count,
        hazards.underlying_hazard_rate,
        {{ survival_so_far('hazards.underlying_churned_count', 'hazards.underlying_at_risk_count') }}
            as underlying_survival_rate,
        tested.local_median,
        tested.reference_hazard_rate,
        {{ ratio('hazards.underlying_hazard_rate', 'tested.reference_hazard_rate') }} as hazard_ratio,
        tails.p_value,
        least(1e0, tails.p_value * tested.tested_count) as corrected_p_value,
        coalesce(
            {{ ratio('hazards.underlying_hazard_rate', 'tested.reference_hazard_rate') }}
            >= thresholds.hazard_spike_ratio
            and tails.p_value * tested.tested_count < thresholds.hazard_spike_p,
            false
        ) as is_spike,
        coalesce(dealers.dealer_count, 0) as dealer_count,
        coalesce(dealers.dealer_count, 0) > 0 as is_dealer_effect,
        hazards.is_small
    from hazards
    inner join window_lengths
        on hazards.month = window_lengths.month
    inner join thresholds
        on hazards.month = thresholds.month
    left join tested
        on
            hazards.month = tested.month
            and hazards.tenure_month = tested.tenure_month
    left join tails
        on
            hazards.month = tails.month
            and hazards.tenure_month = tails.tenure_month
    left join dealers
        on
            hazards.month = dealers.month
            and hazards.tenure_month = dealers.tenure_month
)

select * from churn_hazard
