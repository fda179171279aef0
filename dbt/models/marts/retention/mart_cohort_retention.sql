{{ config(**monthly()) }}

with thresholds as (

    {{ thresholds(['small_cell_denominator']) }}

),

joined as (

    select month as joined_month, subscriber_id from {{ ref('int_cohorts_joined') }}
    where month <= '{{ to_month() }}'

),

cohorts as (

    select joined_month, count(*) as cohort_count from joined
    group by joined_month

),

lines as (

    select month, subscriber_id, is_billed, billed_revenue_amount from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close

),

delivered as (

    select distinct month from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }}

),

survivors as (

    select
        lines.month,
        joined.joined_month,
        count(*) as survivors_count,
        {{ total('cast(lines.is_billed as int)') }} as billed_count,
        cast(sum(lines.billed_revenue_amount) as decimal(18, 2)) as billed_revenue_amount
    from lines
    inner join joined on lines.subscriber_id = joined.subscriber_id and lines.month >= joined.joined_month
    group by lines.month, joined.joined_month

),

grid as (

    select
        delivered.month,
        cohorts.joined_month,
        cast({{ month_number('delivered.month') }} - {{ month_number('cohorts.joined_month') }} as int) as age_months,
        cohorts.cohort_count,
        coalesce(survivors.survivors_count, 0) as survivors_count,
        survivors.billed_count,
        survivors.billed_revenue_amount
    from delivered
    inner join cohorts on delivered.month >= cohorts.joined_month
    left join survivors
        on delivered.month = survivors.month and cohorts.joined_month = survivors.joined_month

),

final as (

    select
        grid.month,
        grid.joined_month,
        grid.age_months,
        grid.cohort_count,
        grid.survivors_count,
        {{ ratio('grid.survivors_count', 'grid.cohort_count') }} as survival_rate,
        {{ wilson_low('grid.survivors_count', 'grid.cohort_count') }} as ci_low,
        {{ wilson_high('grid.survivors_count', 'grid.cohort_count') }} as ci_high,
        {{ monthly_equivalent(
            '1e0 - ' ~ ratio('grid.survivors_count', 'grid.cohort_count'), 'grid.age_months'
        ) }} as monthly_churn_rate,
        grid.billed_count,
        grid.billed_revenue_amount,
        {{ money_per('grid.billed_revenue_amount', 'grid.billed_count') }} as arpu_amount,
        grid.cohort_count < thresholds.small_cell_denominator as is_small
    from grid
    inner join thresholds on grid.month = thresholds.month

)

select * from final
