{%- set memory_months = 6 %}

with rated as (

    select month, subscriber_id, tier_rungs from {{ ref('int_subscriber_months_rated') }}
    where {{ months_in_range(look_back=memory_months) }}

),

this_month as (

    select * from {{ ref('int_subscriber_months_rated') }}
    where {{ months_in_range() }}

),

histories as (

    select
        lags.month,
        rated.subscriber_id,
        {%- for lag in range(memory_months + 1) %}
        max(case when lags.lag = {{ lag }} then rated.tier_rungs end) as rungs_{{ lag }}{{ ',' if not loop.last }}
        {%- endfor %}
    from rated
    inner join ({{ lags(memory_months) }}) as lags on rated.month = lags.lagged_month
    group by lags.month, rated.subscriber_id

),

smoothed as (

    select
        month,
        subscriber_id,
        {{ is_above_rung(1, memory_months) }} as is_group,
        {{ is_above_rung(2, memory_months) }} as is_mid,
        {{ is_above_rung(3, memory_months) }} as is_high
    from histories
    where rungs_0 is not null

),

final as (

    select
        this_month.month,
        this_month.subscriber_id,
        this_month.value_ratio,
        this_month.value_unit,
        case
            when this_month.value_tier_rule = 'special' then this_month.value_tier_unsmoothed
            when smoothed.is_group then 'group'
            when substr(this_month.tier_rungs, 2, 1) = '-' then this_month.personal_tier
            when smoothed.is_high then 'high'
            when smoothed.is_mid then 'mid'
            else 'low'
        end as value_tier,
        this_month.value_tier_unsmoothed,
        this_month.value_tier_rule
    from this_month
    inner join smoothed
        on this_month.month = smoothed.month and this_month.subscriber_id = smoothed.subscriber_id

)

select * from final
