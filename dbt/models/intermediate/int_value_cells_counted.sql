{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

delivered_scopes as (

    {{ delivered_scopes() }}

),

deliveries as (

    select month, has_snapshots, has_usage from {{ ref('int_deliveries_pivoted') }}

),

knowledge as (

    select
        calendar.month,
        coalesce(this.has_usage, false) as has_usage,
        coalesce(this.has_usage and previous.has_snapshots and previous.has_usage, false) as has_usage_before
    from calendar
    left join deliveries as this on calendar.month = this.month
    left join deliveries as previous on calendar.previous_month = previous.month

),

before as (

    select calendar.month, subscriber_months.subscriber_id
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join calendar on subscriber_months.month = calendar.previous_month
    where
        {{ months_in_range('subscriber_months.month', look_back=1) }}
        and subscriber_months.is_on_net_close
        and subscriber_months.is_active

),

lines as (

    select
        subscriber_months.month,
        {{ scope_columns('subscriber_months') }},
        knowledge.has_usage,
        knowledge.has_usage_before,
        subscriber_months.is_on_net_close,
        subscriber_months.is_new,
        subscriber_months.is_on_net_close and coalesce(subscriber_months.is_active, false) as is_active_now,
        before.subscriber_id is not null as was_active,
        subscriber_months.is_billed,
        subscriber_months.billed_revenue_amount,
        case when subscriber_months.is_billed then subscriber_months.mou else subscriber_months.mou * 0 end as billed_mou
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join knowledge on subscriber_months.month = knowledge.month
    left join delivered_scopes on subscriber_months.month = delivered_scopes.month
    left join before
        on subscriber_months.month = before.month and subscriber_months.subscriber_id = before.subscriber_id
    where {{ months_in_range('subscriber_months.month') }}

),

final as (

    select
        month,
        district_code,
        brand,
        network_type,
        payment_type,
        {{ total('cast(is_billed as int)') }} as billed_count,
        cast(sum(billed_revenue_amount) as decimal(18, 2)) as revenue_amount,
        cast(sum(case when is_billed is not null then billed_mou end) as decimal(18, 4)) as billed_mou,
        {{ total('case when has_usage then cast(is_active_now as int) end') }} as active_count,
        {{ total('case when has_usage_before then cast(was_active as int) end') }} as active_before_count,
        {{ total('case when has_usage then cast(is_active_now and is_new and not was_active as int) end') }} as new_count,
        {{ total('case when has_usage_before then cast(is_active_now and was_active as int) end') }} as returning_count,
        {{ total('case when has_usage_before then cast(is_active_now and not was_active and not is_new as int) end') }}
            as resurrecting_count,
        {{ total('case when has_usage_before then cast(was_active and is_on_net_close and not is_active_now as int) end') }}
            as dormant_count,
        {{ total('case when has_usage_before then cast(was_active and not is_on_net_close as int) end') }} as left_count
    from lines
    group by month, district_code, brand, network_type, payment_type

)

select * from final
