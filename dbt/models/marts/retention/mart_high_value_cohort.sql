{{ config(**monthly()) }}

with

scope_types as (
    {{ scope_types() }}
),

thresholds as (
    {{ thresholds(['high_value_kept_share', 'small_cell_denominator']) }}
),

calendar as (
    {{ calendar() }}
),

deliveries as (
    select month, has_snapshots, has_bills from {{ ref('int_deliveries_pivoted') }}
),

cohort_months as (
    select calendar.month, min(delivered.month) as cohort_month
    from calendar
    inner join deliveries as this
        on calendar.month = this.month and this.has_snapshots
    inner join deliveries as delivered
        on
            delivered.has_snapshots
            and delivered.month between
            concat(cast(cast(substr(calendar.month, 1, 4) as int) - 1 as string), '-12') and calendar.month
    group by calendar.month
),

-- Without a bill in the three months before, nobody's ARPU is known.
billed_months as (
    select lags.month, max(case when deliveries.has_bills then 1 else 0 end) = 1 as has_bills_before
    from ({{ lags(3, first=1) }}) as lags
    left join deliveries
        on lags.lagged_month = deliveries.month and deliveries.has_snapshots
    group by lags.month
),

frozen as (
    select *
    from {{ ref('int_high_value_cohorts_frozen') }}
    where {{ months_in_range(look_back=12) }}
),

lines as (
    select month, subscriber_id, arpu3_amount
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close
),

members as (
    select
        cohort_months.month,
        cohort_months.cohort_month,
        frozen.district_code,
        frozen.brand,
        frozen.network_type,
        frozen.payment_type,
        lines.subscriber_id is not null as is_on_net,
        case
            when not billed_months.has_bills_before then null
            when lines.subscriber_id is null then false
            when frozen.arpu3_amount is null then true
            else coalesce(
                cast(lines.arpu3_amount as double)
                >= thresholds.high_value_kept_share * cast(frozen.arpu3_amount as double),
                false
            )
        end as is_kept
    from cohort_months
    inner join frozen
        on cohort_months.cohort_month = frozen.month
    inner join thresholds
        on cohort_months.month = thresholds.month
    inner join billed_months
        on cohort_months.month = billed_months.month
    left join lines
        on
            cohort_months.month = lines.month
            and frozen.subscriber_id = lines.subscriber_id
),

cells as (
    select
        month,
        cohort_month,
        district_code,
        brand,
        network_type,
        payment_type,
        count(*) as cohort_count,
        count(case when is_on_net then 1 end) as on_net_count,
        {{ total('cast(is_kept as int)') }} as kept_count
    from members
    group by month, cohort_month, district_code, brand, network_type, payment_type
),

cells_by_scope as (
    select
        cells.*,
        scope_types.scope_type,
        {{ scope_code('cells') }} as scope_code
    from cells
    cross join scope_types
),

counts as (
    select
        month,
        cohort_month,
        scope_type,
        scope_code,
        {{ total('cohort_count') }} as cohort_count,
        {{ total('on_net_count') }} as on_net_count,
        {{ total('kept_count') }} as kept_count
    from cells_by_scope
    where scope_code is not null
    group by month, cohort_month, scope_type, scope_code
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

high_value_cohort as (
    select
        counts.month,
        counts.scope_type,
        counts.scope_code,
        {{ scope_name('counts.scope_type', 'counts.scope_code', 'districts.district_name') }} as scope_name,
        counts.cohort_month,
        counts.cohort_count,
        counts.on_net_count,
        counts.kept_count,
        {{ ratio('counts.kept_count', 'counts.cohort_count') }} as kept_rate,
        {{ wilson_low('counts.kept_count', 'counts.cohort_count') }} as ci_low,
        {{ wilson_high('counts.kept_count', 'counts.cohort_count') }} as ci_high,
        counts.cohort_count < thresholds.small_cell_denominator as is_small
    from counts
    inner join thresholds
        on counts.month = thresholds.month
    left join districts
        on
            counts.month = districts.month
            and counts.scope_type = 'district'
            and counts.scope_code = districts.district_code
)

select * from high_value_cohort
