{{ config(**monthly()) }}

with subscriber_months as (

    select
        month,
        district_code,
        district_name,
        coalesce(brand, '(unknown)') as brand,
        lifecycle_stage,
        value_tier,
        billed_revenue_amount,
        is_billed
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close

),

final as (

    select
        month,
        district_code,
        max(district_name) as district_name,
        brand,
        lifecycle_stage,
        value_tier,
        count(*) as subscriber_count,
        sum(case when is_billed is not null then cast(is_billed as int) end) as billed_count,
        cast(sum(billed_revenue_amount) as decimal(18, 2)) as billed_revenue_amount,
        {{ money_per('sum(billed_revenue_amount)', 'sum(cast(is_billed as int))') }} as arpu_amount,
        -- Who leaves next month is known next month only; a publication looks at nothing later than its own.
        cast(null as bigint) as churned_next_month_count
    from subscriber_months
    group by month, district_code, brand, lifecycle_stage, value_tier

)

select
    month,
    district_code,
    district_name,
    brand,
    lifecycle_stage,
    value_tier,
    subscriber_count,
    cast(billed_count as bigint) as billed_count,
    billed_revenue_amount,
    arpu_amount,
    churned_next_month_count
from final
