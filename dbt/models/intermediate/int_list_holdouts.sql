{#- A person is held out of every list of the month at once: who were called for another one would no longer show what
    happens without the work. The lots are those of the quarter, so that mostly the same people stay held out in it. -#}
with thresholds as (

    {{ thresholds(['holdout_share']) }}

),

calendar as (

    {{ calendar() }}

),

lines as (

    select
        month,
        described_month,
        subscriber_id,
        min(value_tier) as value_tier
    from {{ ref('int_list_members') }}
    where has_holdout and pilot_arm is null and not {{ is_exempt_from_holdout('value_tier', 'is_special') }}
    group by month, described_month, subscriber_id

),

drawn as (

    select
        lines.month,
        lines.subscriber_id,
        subscriber_months.district_code,
        lines.value_tier,
        {{ digest("concat(lines.subscriber_id, calendar.quarter)") }} as lot,
        {{ hash_share("concat(coalesce(subscriber_months.district_code, ''), coalesce(lines.value_tier, ''), calendar.quarter)") }}
            as remainder,
        thresholds.holdout_share
    from lines
    inner join {{ ref('fct_subscriber_months') }} as subscriber_months
        on lines.described_month = subscriber_months.month and lines.subscriber_id = subscriber_months.subscriber_id
    inner join calendar on lines.month = calendar.month
    inner join thresholds on lines.month = thresholds.month
    where {{ months_in_range('subscriber_months.month', look_back=3) }}

),

placed as (

    select
        month,
        subscriber_id,
        row_number() over (partition by month, district_code, value_tier order by lot, subscriber_id) as place,
        holdout_share * count(*) over (partition by month, district_code, value_tier) + remainder as places
    from drawn

),

final as (

    select month, subscriber_id
    from placed
    where place <= floor(places)

)

select * from final
