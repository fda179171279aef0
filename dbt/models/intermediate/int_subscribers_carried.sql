{#- Three months before the range are completed too, because look-backs read them. -#}
with quarantined as (

    select distinct month, subscriber_id
    from {{ ref('stg_deliveries__quarantined_subscribers') }}
    where {{ months_in_range(look_back=6) }}

),

quarantined_subscribers as (

    select distinct subscriber_id from quarantined

),

sightings as (

    select subscribers.*
    from {{ ref('stg_crm__subscribers') }} as subscribers
    inner join quarantined_subscribers on subscribers.subscriber_id = quarantined_subscribers.subscriber_id
    where {{ months_in_range('subscribers.month', look_back=6) }}

),

missing as (

    select
        quarantined.month,
        quarantined.subscriber_id,
        {{ month_number('quarantined.month') }} as month_number
    from quarantined
    left join sightings
        on quarantined.month = sightings.month and quarantined.subscriber_id = sightings.subscriber_id
    where sightings.subscriber_id is null

),

last_sightings as (

    select
        missing.month,
        missing.subscriber_id,
        missing.month_number,
        max(sightings.month) as last_month
    from missing
    inner join sightings
        on missing.subscriber_id = sightings.subscriber_id and sightings.month < missing.month
    group by missing.month, missing.subscriber_id, missing.month_number

),

gaps as (

    select
        last_sightings.month,
        last_sightings.subscriber_id,
        last_sightings.last_month,
        last_sightings.month_number - {{ month_number('last_sightings.last_month') }} as lag,
        count(between_them.month) as missing_between_count
    from last_sightings
    left join missing as between_them
        on last_sightings.subscriber_id = between_them.subscriber_id
        and between_them.month > last_sightings.last_month
        and between_them.month < last_sightings.month
    group by
        last_sightings.month,
        last_sightings.subscriber_id,
        last_sightings.last_month,
        last_sightings.month_number

),

carried as (

    select
        gaps.month as carried_month,
        sightings.*
    from gaps
    inner join sightings
        on gaps.subscriber_id = sightings.subscriber_id and gaps.last_month = sightings.month
    where
        gaps.lag <= 3
        and gaps.missing_between_count = gaps.lag - 1
        and sightings.status not in ('cancelled', 'disconnected', 'ported_out')

)

select
    carried_month as month,
    {%- for column in snapshot_columns() %}
    {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from carried
where {{ months_in_range('carried_month', look_back=3) }}
