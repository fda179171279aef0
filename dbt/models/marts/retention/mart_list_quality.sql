{{ config(**monthly()) }}

{%- set counts = [
    'eligible_count', 'eligible_churned_count', 'listed_count', 'listed_churned_count', 'holdout_count',
    'holdout_churned_count', 'eligible_active_count', 'eligible_churned_active_count', 'holdout_active_count',
    'holdout_churned_active_count', 'left_count', 'missed_not_eligible_count', 'missed_not_listed_count',
    'missed_not_reached_count', 'reached_left_count', 'holdout_left_count',
] %}

with

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

scopes as (
    select 'network' as scope_type
    union all
    select 'district' as scope_type
),

scoped as (
    select
        counted.month,
        counted.list_type,
        scopes.scope_type,
        case scopes.scope_type when 'network' then 'all' else counted.district_code end as scope_code
        {%- for column in counts %},
        {{ total('counted.' ~ column) }} as {{ column }}
        {%- endfor %}
    from {{ ref('int_list_outcomes_counted') }} as counted
    cross join scopes
    group by
        counted.month,
        counted.list_type,
        scopes.scope_type,
        case scopes.scope_type when 'network' then 'all' else counted.district_code end
),

rated as (
    select
        scoped.*,
        {{ ratio('eligible_churned_count', 'eligible_count') }} as churn_rate_eligible,
        {{ ratio('eligible_churned_active_count', 'eligible_active_count') }} as churn_rate_eligible_active,
        {{ ratio('listed_churned_count', 'listed_count') }} as hit_rate_naive,
        {{ wilson_low('listed_churned_count', 'listed_count') }} as ci_low_naive,
        {{ wilson_high('listed_churned_count', 'listed_count') }} as ci_high_naive,
        {{ ratio('holdout_churned_count', 'holdout_count') }} as hit_rate_holdout,
        {{ wilson_low('holdout_churned_count', 'holdout_count') }} as ci_low,
        {{ wilson_high('holdout_churned_count', 'holdout_count') }} as ci_high,
        {{ ratio('holdout_churned_active_count', 'holdout_active_count') }} as hit_rate_holdout_active,
        {{ wilson_low('holdout_churned_active_count', 'holdout_active_count') }} as ci_low_active,
        {{ wilson_high('holdout_churned_active_count', 'holdout_active_count') }} as ci_high_active
    from scoped
),

estimated as (
    select
        rated.*,
        listed_count * hit_rate_holdout as listed_churned_estimate
    from rated
),

list_quality as (
    select
        estimated.month,
        {{ add_months('estimated.month', -3) }} as list_month,
        estimated.list_type,
        estimated.scope_type,
        estimated.scope_code,
        {{ scope_name('estimated.scope_type', 'estimated.scope_code', 'districts.district_name') }} as scope_name,
        estimated.eligible_count,
        estimated.eligible_churned_count,
        estimated.churn_rate_eligible,
        estimated.listed_count,
        estimated.holdout_count,
        estimated.holdout_churned_count,
        estimated.hit_rate_holdout,
        estimated.ci_low,
        estimated.ci_high,
        {{ ratio('estimated.hit_rate_holdout', 'estimated.churn_rate_eligible') }} as lift,
        {{ ratio('estimated.ci_low', 'estimated.churn_rate_eligible') }} as lift_low,
        {{ ratio('estimated.ci_high', 'estimated.churn_rate_eligible') }} as lift_high,
        estimated.listed_churned_estimate,
        {{ ratio(
            'estimated.listed_churned_estimate',
            '(estimated.listed_churned_estimate + estimated.missed_not_listed_count)'
        ) }} as coverage_rate,
        estimated.listed_churned_count,
        estimated.hit_rate_naive,
        estimated.ci_low_naive,
        estimated.ci_high_naive,
        {{ ratio('estimated.hit_rate_naive', 'estimated.churn_rate_eligible') }} as lift_naive,
        {{ ratio('estimated.listed_churned_count', 'estimated.eligible_churned_count') }} as coverage_rate_naive,
        estimated.eligible_active_count,
        estimated.eligible_churned_active_count,
        estimated.churn_rate_eligible_active,
        estimated.holdout_active_count,
        estimated.holdout_churned_active_count,
        estimated.hit_rate_holdout_active,
        estimated.ci_low_active,
        estimated.ci_high_active,
        {{ ratio('estimated.hit_rate_holdout_active', 'estimated.churn_rate_eligible_active') }} as lift_active,
        estimated.left_count,
        estimated.missed_not_eligible_count,
        estimated.missed_not_listed_count,
        estimated.missed_not_reached_count,
        estimated.reached_left_count,
        estimated.holdout_left_count,
        estimated.holdout_count < thresholds.small_cell_denominator as is_small,
        estimated.listed_count < thresholds.small_cell_denominator as is_small_naive,
        estimated.holdout_active_count < thresholds.small_cell_denominator as is_small_active
    from estimated
    inner join thresholds
        on estimated.month = thresholds.month
    left join districts
        on
            estimated.month = districts.month
            and estimated.scope_type = 'district'
            and estimated.scope_code = districts.district_code
)

select * from list_quality
