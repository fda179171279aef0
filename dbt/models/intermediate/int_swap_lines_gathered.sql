{#- Lines that may belong together: those that ended in a month or the four before it, and those that joined up to
    two months earlier. The older ones take part because a newcomer who is theirs is not another leaver's. -#}
with calendar as (

    {{ calendar(look_back=6) }}

),

deliveries as (

    select month from {{ ref('int_deliveries_pivoted') }} where has_snapshots

),

old_lines as (

    select
        month,
        subscriber_id,
        churn_month as event_month,
        last_seen_month,
        termination_on as event_on,
        joined_on,
        row_number() over (partition by month, subscriber_id order by lag) as place
    from {{ ref('int_churn_events_followed') }}
    where not is_reinstated and (is_vanished or status <> 'ported_out')

),

-- In a month without a delivered month before it nobody counts as new: those who joined shortly before it may be.
newcomers as (

    select subscriber_months.month, subscriber_months.subscriber_id, subscriber_months.joined_on
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join calendar on subscriber_months.month = calendar.month
    left join deliveries as deliveries_before on calendar.previous_month = deliveries_before.month
    where
        {{ months_in_range('subscriber_months.month', look_back=6) }}
        and (
            subscriber_months.is_new
            or subscriber_months.is_appeared
            or (subscriber_months.is_on_net_open and deliveries_before.month is null)
        )
        and {{ days_between('subscriber_months.joined_on', 'calendar.first_on') }} <= 62

),

new_lines as (

    select
        lags.month,
        newcomers.subscriber_id,
        newcomers.month as event_month,
        newcomers.joined_on,
        row_number() over (partition by lags.month, newcomers.subscriber_id order by lags.lag desc) as place
    from newcomers
    inner join ({{ lags(6) }}) as lags on newcomers.month = lags.lagged_month

),

lines as (

    select
        month,
        'old' as line_role,
        subscriber_id,
        event_month,
        last_seen_month,
        event_on,
        joined_on,
        {{ add_months('event_month', -2) }} as circle_from_month,
        event_month as circle_to_month
    from old_lines
    where place = 1
    union all
    select
        month,
        'new' as line_role,
        subscriber_id,
        event_month,
        event_month as last_seen_month,
        joined_on as event_on,
        joined_on,
        event_month as circle_from_month,
        least({{ add_months('event_month', 1) }}, month) as circle_to_month
    from new_lines
    where place = 1

),

final as (

    select
        lines.*,
        snapshots.customer_id,
        snapshots.imei_hash,
        snapshots.pay_account,
        snapshots.group_id,
        snapshots.network_type
    from lines
    left join {{ ref('stg_crm__subscribers') }} as snapshots
        on
            lines.subscriber_id = snapshots.subscriber_id
            and lines.last_seen_month = snapshots.month
            and {{ months_in_range('snapshots.month', look_back=6) }}

)

select * from final
