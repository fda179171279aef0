with calendar as (

    {{ calendar() }}

),

deliveries as (

    select month from {{ ref('int_deliveries_pivoted') }} where has_snapshots

),

months as (

    select
        calendar.month,
        calendar.previous_month,
        calendar.first_on,
        calendar.last_on,
        calendar.days_in_month,
        previous.month is null as is_first
    from calendar
    inner join deliveries as this on calendar.month = this.month
    left join deliveries as previous on calendar.previous_month = previous.month

),

snapshots as (

    select
        month,
        subscriber_id,
        district_code,
        brand,
        network_type,
        payment_type,
        joined_on,
        status_on,
        is_countable,
        is_terminal,
        is_carried_forward
    from {{ ref('int_subscriber_snapshots_completed') }}
    where {{ months_in_range(look_back=1) }}

),

now as (

    select snapshots.*
    from snapshots
    inner join months on snapshots.month = months.month

),

before as (

    select
        snapshots.subscriber_id,
        snapshots.district_code,
        snapshots.brand,
        snapshots.network_type,
        snapshots.payment_type,
        snapshots.joined_on,
        snapshots.is_countable,
        snapshots.is_terminal,
        months.month
    from snapshots
    inner join months on snapshots.month = months.previous_month and not months.is_first

),

paired as (

    select
        coalesce(now.month, before.month) as month,
        coalesce(now.subscriber_id, before.subscriber_id) as subscriber_id,
        now.subscriber_id is not null as is_present,
        coalesce(now.is_terminal, false) as is_terminal,
        coalesce(now.is_countable, false) as is_counted,
        coalesce(now.is_carried_forward, false) as is_carried_forward,
        coalesce(not before.is_terminal and before.is_countable, false) as was_on_net_counted,
        coalesce(not before.is_terminal and not before.is_countable, false) as was_on_net_uncounted,
        coalesce(before.is_terminal, false) as was_terminal,
        coalesce(now.joined_on, before.joined_on) as joined_on,
        now.status_on,
        now.district_code as district_code_now,
        now.brand as brand_now,
        now.network_type as network_type_now,
        now.payment_type as payment_type_now,
        before.district_code as district_code_before,
        before.brand as brand_before,
        before.network_type as network_type_before,
        before.payment_type as payment_type_before
    from now
    full outer join before on now.subscriber_id = before.subscriber_id and now.month = before.month

),

dated as (

    select
        paired.*,
        months.previous_month,
        months.first_on,
        months.last_on,
        months.days_in_month,
        months.is_first,
        paired.joined_on >= months.first_on as is_joined_now,
        coalesce(paired.status_on between months.first_on and months.last_on, false) as is_status_of_month
    from paired
    inner join months on paired.month = months.month

),

undated as (

    select month, subscriber_id
    from dated
    where
        is_terminal and is_counted and status_on is null
        and not was_on_net_counted and not was_on_net_uncounted and not is_joined_now and not is_first

),

undated_seen_before as (

    select distinct undated.month, undated.subscriber_id
    from undated
    inner join {{ ref('stg_crm__subscribers') }} as earlier
        on undated.subscriber_id = earlier.subscriber_id and earlier.month < undated.month

),

taking_part as (

    select
        dated.*,
        (
            dated.was_on_net_counted
            or (dated.is_counted and not dated.is_terminal)
            or (
                dated.is_counted
                and dated.is_terminal
                and (
                    dated.was_on_net_uncounted
                    or dated.is_joined_now
                    or dated.is_status_of_month
                    or (
                        dated.status_on is null
                        and (dated.is_first or undated_seen_before.subscriber_id is null)
                    )
                )
            )
        ) as takes_part
    from dated
    left join undated_seen_before
        on dated.month = undated_seen_before.month and dated.subscriber_id = undated_seen_before.subscriber_id

),

opened as (

    select
        taking_part.*,
        was_on_net_counted or (is_first and not is_joined_now) as is_on_net_open,
        is_counted and not is_terminal as is_on_net_close,
        was_on_net_uncounted and is_counted as is_entered_base,
        was_on_net_counted and is_present and not is_counted as is_left_base,
        was_on_net_counted and not is_present as is_vanished
    from taking_part
    where takes_part

),

flowed as (

    select
        opened.*,
        is_vanished or (is_terminal and is_counted) as is_churned
    from opened

),

final as (

    select
        month,
        subscriber_id,
        case when is_present then month else previous_month end as snapshot_month,
        is_on_net_open,
        is_on_net_close,
        is_entered_base,
        is_left_base,
        is_churned,
        is_churned and not is_on_net_open and is_joined_now as is_same_month_churned,
        is_vanished,
        is_carried_forward,
        not is_on_net_open and not is_entered_base as is_newcomer,
        is_joined_now,
        was_terminal,
        case
            when not is_churned then cast(null as date)
            when is_vanished then last_on
            else coalesce(status_on, last_on)
        end as termination_on,
        case
            when is_left_base then 0
            else greatest(
                1,
                days_in_month
                - case when is_joined_now then {{ days_between('first_on', 'joined_on') }} else 0 end
                - case
                    when is_churned and is_status_of_month and not is_vanished
                        then {{ days_between('status_on', 'last_on') }}
                    else 0
                end
            )
        end as exposure_days,
        case when not is_on_net_open then null when is_first then district_code_now else district_code_before end
            as district_code_open,
        case when not is_on_net_open then null when is_first then brand_now else brand_before end as brand_open,
        case when not is_on_net_open then null when is_first then network_type_now else network_type_before end
            as network_type_open,
        case when not is_on_net_open then null when is_first then payment_type_now else payment_type_before end
            as payment_type_open
    from flowed

)

select * from final
