{{ config(**monthly()) }}
{%- set small = 'thresholds.small_cell_denominator' %}

with

cells as (
    select *
    from {{ ref('mart_churn_by_plan_tenure') }}
    where {{ months_in_range() }}
),

thresholds as (
    {{ thresholds(['small_cell_denominator', 'inverse_tenure_concordance']) }}
),

plans as (
    select
        month,
        window_months,
        plan_code,
        plan_name,
        {{ total('churned_count') }} as churned_count,
        {{ total('at_risk_count') }} as at_risk_count,
        {{ total('closing_count') }} as closing_count
    from cells
    group by month, window_months, plan_code, plan_name
),

ranked as (
    select
        *,
        row_number() over (
            partition by month, window_months
            order by churned_count desc nulls last, closing_count desc nulls last, plan_code asc nulls last
        ) as churned_rank
    from plans
),

branch as (
    select
        month,
        window_months,
        {{ total('churned_count') }} as churned_count,
        {{ total('case when churned_rank <= 10 then churned_count else 0 end') }} as top10_churned_count
    from ranked
    group by month, window_months
),

-- A rate of a handful of subscribers says nothing about the order of the buckets, nor does one of a bucket of before.
telling_cells as (
    select
        cells.*,
        buckets.from_month_number
    from cells
    inner join thresholds
        on cells.month = thresholds.month
    inner join ({{ in_force('tenure_buckets') }}) as buckets
        on
            cells.month = buckets.month
            and cells.tenure_bucket = buckets.tenure_bucket
    where cells.at_risk_count >= {{ small }}
),

-- Every pair of a plan's telling buckets: does the older one leave more, or less?
tenure_pairs as (
    select
        younger.month,
        younger.window_months,
        younger.plan_code,
        count(*) as pair_count,
        count(case when older.churn_rate_exposure > younger.churn_rate_exposure then 1 end) as rising_count,
        count(case when older.churn_rate_exposure < younger.churn_rate_exposure then 1 end) as falling_count
    from telling_cells as younger
    inner join telling_cells as older
        on
            younger.month = older.month
            and younger.window_months = older.window_months
            and younger.plan_code = older.plan_code
            and younger.from_month_number < older.from_month_number
    group by younger.month, younger.window_months, younger.plan_code
),

churn_by_plan as (
    select
        ranked.month,
        ranked.window_months,
        ranked.plan_code,
        ranked.plan_name,
        ranked.churned_count,
        ranked.at_risk_count,
        ranked.closing_count,
        {{ ratio('ranked.churned_count', 'ranked.at_risk_count') }} as churn_rate_exposure,
        {{ legacy_rate('ranked.churned_count', 'ranked.closing_count', small) }} as churn_rate_legacy,
        {{ wilson_low('ranked.churned_count', 'ranked.at_risk_count') }} as ci_low,
        {{ wilson_high('ranked.churned_count', 'ranked.at_risk_count') }} as ci_high,
        ranked.at_risk_count < {{ small }} or ranked.closing_count < {{ small }} as is_small,
        {{ ratio('ranked.churned_count', 'branch.churned_count') }} as churned_share,
        cast(ranked.churned_rank as bigint) as churned_rank,
        case
            when ranked.churned_rank <= 10 then {{ ratio('ranked.churned_count', 'branch.top10_churned_count') }}
        end as share_of_top10_churned,
        {{ ratio('branch.top10_churned_count', 'branch.churned_count') }} as top10_churned_share,
        case
            when tenure_pairs.pair_count >= 3
                then tenure_pairs.rising_count - tenure_pairs.falling_count
                    >= thresholds.inverse_tenure_concordance * tenure_pairs.pair_count
        end as is_inverse_tenure
    from ranked
    inner join thresholds
        on ranked.month = thresholds.month
    inner join branch
        on
            ranked.month = branch.month
            and ranked.window_months = branch.window_months
    left join tenure_pairs
        on
            ranked.month = tenure_pairs.month
            and ranked.window_months = tenure_pairs.window_months
            and ranked.plan_code = tenure_pairs.plan_code
)

select * from churn_by_plan
