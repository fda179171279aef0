{{ config(**monthly()) }}

with

calendar as (
    {{ calendar() }}
),

thresholds as (
    {{ thresholds(['hoarding_window_months']) }}
),

delivered as (
    select month
    from {{ ref('int_deliveries_pivoted') }}
    where has_snapshots
),

months as (
    select
        calendar.month,
        delivered.month is null as is_first,
        thresholds.hoarding_window_months
    from calendar
    inner join thresholds
        on calendar.month = thresholds.month
    left join delivered
        on calendar.previous_month = delivered.month
),

subscriber_months as (
    select *
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }}
),

handsets as (
    select month, subscriber_id, imei_hash
    from {{ ref('stg_crm__subscribers') }}
    where {{ months_in_range() }}
),

early_months as (
    select
        subscriber_months.month,
        subscriber_months.subscriber_id,
        subscriber_months.joined_on,
        subscriber_months.tenure_month,
        subscriber_months.is_on_net_close,
        subscriber_months.channel_code,
        subscriber_months.network_type,
        subscriber_months.payment_type,
        subscriber_months.plan_rent_amount,
        coalesce(
            subscriber_months.calls_out + subscriber_months.calls_in,
            subscriber_months.calls_out,
            subscriber_months.calls_in
        ) as call_count,
        subscriber_months.distinct_called,
        subscriber_months.data_mb,
        subscriber_months.payment_count,
        handsets.imei_hash
    from subscriber_months
    inner join months
        on subscriber_months.month = months.month
    left join handsets
        on
            subscriber_months.month = handsets.month
            and subscriber_months.subscriber_id = handsets.subscriber_id
    where
        subscriber_months.tenure_month <= 3
        -- Lines older than that when they are first seen still show their handset and their plan.
        or subscriber_months.tenure_month <= months.hoarding_window_months
        and (months.is_first or subscriber_months.is_appeared)
)

select * from early_months
