{{ config(**monthly()) }}

with

calendar as (
    {{ calendar() }}
),

pilots as (
    select
        calendar.month,
        pilots.pilot_id,
        pilots.tenure_month,
        pilots.min_arpu_amount,
        pilots.treated_share,
        pilots.list_type,
        pilots.salt
    from calendar
    inner join {{ ref('pilots') }} as pilots
        on calendar.month between pilots.first_month and pilots.last_month
),

lines as (
    select *
    from {{ ref('fct_subscriber_months') }}
    where
        {{ months_in_range() }}
        and is_on_net_close
        and status <> 'suspended_voluntary'
        and not is_do_not_contact
        and not {{ is_exempt_from_holdout('value_tier', 'is_special') }}
),

eligible as (
    select
        lines.month,
        pilots.pilot_id,
        lines.subscriber_id,
        coalesce(lines.district_code, '(unknown)') as district_code,
        lines.district_name,
        coalesce(lines.plan_code, '(unknown)') as plan_code,
        coalesce(lines.channel_code, '(unknown)') as channel_code,
        lines.account_manager,
        lines.payment_type,
        lines.tenure_month,
        lines.billed_revenue_amount,
        lines.mou,
        lines.data_mb,
        lines.active_days,
        lines.payment_count,
        pilots.list_type,
        cast(pilots.treated_share as double) as treated_share,
        pilots.salt
    from lines
    inner join pilots
        on
            lines.month = pilots.month
            and lines.tenure_month = pilots.tenure_month
            and lines.billed_revenue_amount >= pilots.min_arpu_amount
),

drawn as (
    select
        eligible.*,
        {{ digest("concat(subscriber_id, pilot_id, salt)") }} as subscriber_digest,
        {{ digest("concat(plan_code, pilot_id, salt, month)") }} as plan_digest,
        {{ digest("concat(channel_code, pilot_id, salt, month)") }} as channel_digest,
        {{ hash_share("concat(pilot_id, salt, month)") }} as start_share
    from eligible
),

-- One row of all enrolled, districts apart, within them plans, within these channels, and in a stratum by its lot.
placed as (
    select
        drawn.*,
        row_number() over (
            partition by month, pilot_id
            order by
                district_code asc nulls first,
                plan_digest asc nulls first,
                channel_digest asc nulls first,
                subscriber_digest asc nulls first,
                subscriber_id asc nulls first
        ) as place
    from drawn
),

-- Every place at which the share passes a whole number is treated: every second one at one half, whatever was first.
assigned as (
    select
        placed.month,
        placed.pilot_id,
        placed.subscriber_id,
        case
            when floor(placed.place * placed.treated_share + placed.start_share)
                > floor((placed.place - 1) * placed.treated_share + placed.start_share)
                then 'treated'
            else 'control'
        end as arm,
        placed.treated_share,
        placed.list_type,
        placed.district_code,
        placed.district_name,
        placed.plan_code,
        placed.channel_code,
        placed.account_manager,
        placed.payment_type,
        placed.tenure_month,
        placed.billed_revenue_amount,
        placed.mou,
        placed.data_mb,
        placed.active_days,
        placed.payment_count,
        margins.expected_margin_amount
    from placed
    left join {{ ref('int_subscriber_margins') }} as margins
        on
            placed.month = margins.month
            and placed.subscriber_id = margins.subscriber_id
)

select * from assigned
