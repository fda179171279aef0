{{ config(**monthly()) }}

with

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

churn_months as (
    select
        month,
        scope_type,
        scope_code,
        opening_count,
        churned_count
    from {{ ref('mart_churn_trend') }}
    where {{ months_in_range(look_back=2) }}
),

versions as (
    select * from {{ ref('int_churn_versions_counted') }}
),

deliveries as (
    select month, has_swap_evidence
    from {{ ref('int_deliveries_pivoted') }}
    where has_snapshots
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

counts as (
    select
        lags.month,
        churn_months.month as churn_month,
        case lags.lag when 0 then 'T+3' when 1 then 'T+35' else 'T+65' end as version,
        lags.lag = 2 as is_final,
        churn_months.scope_type,
        churn_months.scope_code,
        churn_months.opening_count,
        churn_months.churned_count,
        coalesce(versions.reinstated_count, 0) as reinstated_count,
        case when deliveries.has_swap_evidence then coalesce(versions.swap_count, 0) end as swap_count,
        case when deliveries.has_swap_evidence then coalesce(versions.probable_swap_count, 0) end
            as probable_swap_count
    from churn_months
    inner join ({{ lags(2) }}) as lags
        on churn_months.month = lags.lagged_month
    inner join deliveries
        on lags.month = deliveries.month
    left join versions
        on
            lags.month = versions.month
            and churn_months.month = versions.churn_month
            and churn_months.scope_type = versions.scope_type
            and churn_months.scope_code = versions.scope_code
),

churn_revision as (
    select
        counts.month,
        counts.churn_month,
        counts.version,
        counts.scope_type,
        counts.scope_code,
        {{ scope_name('counts.scope_type', 'counts.scope_code', 'districts.district_name') }} as scope_name,
        counts.opening_count,
        counts.churned_count,
        counts.reinstated_count,
        counts.swap_count,
        counts.probable_swap_count,
        counts.churned_count - counts.reinstated_count - counts.swap_count as net_churned_count,
        counts.churned_count - counts.reinstated_count - counts.swap_count - counts.probable_swap_count
            as net_churned_count_low,
        counts.churned_count - counts.reinstated_count - counts.swap_count as net_churned_count_high,
        {{ ratio('counts.churned_count', 'counts.opening_count') }} as churn_rate_opening,
        {{ ratio(
            '(counts.churned_count - counts.reinstated_count - counts.swap_count)', 'counts.opening_count'
        ) }} as churn_rate_net,
        counts.is_final,
        counts.opening_count < thresholds.small_cell_denominator as is_small
    from counts
    inner join thresholds
        on counts.month = thresholds.month
    left join districts
        on
            counts.month = districts.month
            and counts.scope_type = 'district'
            and counts.scope_code = districts.district_code
)

select * from churn_revision
