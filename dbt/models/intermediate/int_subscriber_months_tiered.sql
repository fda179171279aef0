{%- set memory_months = 6 %}

with calendar as (

    {{ calendar() }}

),

rated as (

    select month, subscriber_id, tier_rungs from {{ ref('int_subscriber_months_rated') }}
    where {{ months_in_range(look_back=memory_months) }}

),

this_month as (

    select * from {{ ref('int_subscriber_months_rated') }}
    where {{ months_in_range() }}

),

-- Only a line that is near an edge and on another side than the month before needs more of its history.
undecided as (

    select this_month.month, this_month.subscriber_id
    from this_month
    inner join calendar on this_month.month = calendar.month
    inner join rated as before
        on calendar.previous_month = before.month and this_month.subscriber_id = before.subscriber_id
    where
        this_month.tier_rungs <> upper(this_month.tier_rungs)
        and lower(this_month.tier_rungs) <> lower(before.tier_rungs)

),

histories as (

    select
        undecided.month,
        undecided.subscriber_id,
        {%- for lag in range(memory_months + 1) %}
        max(case when lags.lag = {{ lag }} then rated.tier_rungs end) as rungs_{{ lag }}{{ ',' if not loop.last }}
        {%- endfor %}
    from undecided
    inner join ({{ lags(memory_months) }}) as lags on undecided.month = lags.month
    inner join rated on lags.lagged_month = rated.month and undecided.subscriber_id = rated.subscriber_id
    group by undecided.month, undecided.subscriber_id

),

smoothed as (

    select
        month,
        subscriber_id,
        {{ is_above_rung(1, memory_months) }} as is_group,
        {{ is_above_rung(2, memory_months) }} as is_mid,
        {{ is_above_rung(3, memory_months) }} as is_high
    from histories

),

placed as (

    select
        this_month.*,
        coalesce(smoothed.is_group, lower(substr(this_month.tier_rungs, 1, 1)) = 'y') as is_group,
        coalesce(smoothed.is_mid, lower(substr(this_month.tier_rungs, 2, 1)) = 'y') as is_mid,
        coalesce(smoothed.is_high, lower(substr(this_month.tier_rungs, 3, 1)) = 'y') as is_high
    from this_month
    left join smoothed
        on this_month.month = smoothed.month and this_month.subscriber_id = smoothed.subscriber_id

),

final as (

    select
        month,
        subscriber_id,
        value_ratio,
        value_unit,
        case
            when value_tier_rule = 'special' then value_tier_unsmoothed
            when is_group then 'group'
            when substr(tier_rungs, 2, 1) = '-' then personal_tier
            when is_high then 'high'
            when is_mid then 'mid'
            else 'low'
        end as value_tier,
        value_tier_unsmoothed,
        value_tier_rule
    from placed

)

select * from final
