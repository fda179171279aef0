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

thresholds as (

    {{ thresholds(['external_forwarding_calls']) }}

),

examined as (

    select * from {{ ref('int_churn_events_examined') }}

),

-- What is known in the month itself; later months know more and say so in mart_churn_revision.
swaps as (

    select month, old_subscriber_id, swap_status, swap_type from {{ ref('fct_number_swaps') }}
    where {{ months_in_range() }} and churn_month = month

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
        coalesce(tiers.value_tier, leavers.value_tier, 'U') as value_tier,
        examined.behavioural_churn_on,
        examined.arpu3_behavioural_amount,
        cast(examined.arrears_amount as decimal(18, 2)) as arrears_amount,
        examined.is_malicious_arrears,
        cast(examined.arrears_to_disconnect_days as int) as arrears_to_disconnect_days,
        swaps.swap_status,
        swaps.swap_type,
        case
            when swaps.swap_status = 'swap' then 'internal'
            when leavers.status = 'ported_out' then 'external_confirmed'
            when examined.says_natural then 'natural'
            when
                examined.says_external
                or examined.forward_offnet_calls >= thresholds.external_forwarding_calls
                then 'external_confirmed'
            when leavers.is_vanished or examined.says_unknown or swaps.swap_status = 'probable' then 'unknown'
            when leavers.churn_kind = 'passive' then 'passive_unknown'
            when leavers.status = 'disconnected' then 'unknown'
            else 'external_presumed'
        end as churn_class
    from leavers
    inner join thresholds on leavers.month = thresholds.month
    left join tiers on leavers.month = tiers.month and leavers.subscriber_id = tiers.subscriber_id
    left join examined on leavers.month = examined.month and leavers.subscriber_id = examined.subscriber_id
    left join swaps on leavers.month = swaps.month and leavers.subscriber_id = swaps.old_subscriber_id

)

select * from final
