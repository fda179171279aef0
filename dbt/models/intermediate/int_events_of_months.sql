{{ config(materialized='table') }}

with

months_of_run as (
    {{ calendar() }}
),

events_of_months as (
    select
        months_of_run.month,
        events.event_code,
        events.event_kind,
        cast(events.from_on as date) as from_on,
        cast(events.to_on as date) as to_on,
        events.scope_type,
        events.scope_code,
        events.title_zh,
        events.title_en
    from {{ ref('event_calendar') }} as events
    inner join months_of_run
        on
            cast(events.from_on as date) <= months_of_run.last_on
            and cast(events.to_on as date) >= months_of_run.first_on
)

select * from events_of_months
