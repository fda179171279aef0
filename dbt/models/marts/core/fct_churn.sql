{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

leavers as (

    select * from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_churned

),

tiers as (

    select calendar.month, subscriber_months.subscriber_id, subscriber_months.value_tier
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join calendar on subscriber_months.month = calendar.previous_month
    where {{ months_in_range('subscriber_months.month', look_back=1) }}

),

final as (

    select
        leavers.month,
        leavers.subscriber_id,
        leavers.churn_kind,
        leavers.is_vanished,
        leavers.is_same_month_churned,
        leavers.termination_on,
        leavers.district_code,
        leavers.brand,
        leavers.network_type,
        leavers.payment_type,
        leavers.plan_code,
        leavers.tenure_month,
        leavers.tenure_bucket,
        leavers.arpu3_amount,
        leavers.arpu_band,
        leavers.group_id,
        leavers.channel_code,
        coalesce(tiers.value_tier, leavers.value_tier, 'U') as value_tier
    from leavers
    left join tiers on leavers.month = tiers.month and leavers.subscriber_id = tiers.subscriber_id

)

select * from final
