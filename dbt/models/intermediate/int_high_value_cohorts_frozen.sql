{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

delivered_scopes as (

    {{ delivered_scopes() }}

),

deliveries as (

    select month from {{ ref('int_deliveries_pivoted') }} where has_snapshots

),

-- Decembers, for the year to come, and the first delivered month of a year whose December before was not delivered.
freezing as (

    select calendar.month
    from calendar
    inner join deliveries as this on calendar.month = this.month
    left join deliveries as earlier
        on
            calendar.month > earlier.month
            and earlier.month >= concat(cast(cast(substr(calendar.month, 1, 4) as int) - 1 as string), '-12')
    group by calendar.month
    having count(earlier.month) = 0 or substr(calendar.month, 6, 2) = '12'

),

final as (

    select
        subscriber_months.month,
        subscriber_months.subscriber_id,
        {{ scope_columns('subscriber_months') }},
        subscriber_months.arpu3_amount
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join freezing on subscriber_months.month = freezing.month
    left join delivered_scopes on subscriber_months.month = delivered_scopes.month
    where
        {{ months_in_range('subscriber_months.month') }}
        and subscriber_months.is_on_net_close
        and subscriber_months.value_tier = 'high'

)

select * from final
