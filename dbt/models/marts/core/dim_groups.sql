{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

deliveries as (

    select distinct month from {{ ref('stg_crm__groups') }}

),

newest as (

    select calendar.month, max(deliveries.month) as delivery_month
    from calendar
    inner join deliveries on calendar.month >= deliveries.month
    group by calendar.month

)

select
    newest.month,
    newest.delivery_month,
    groups.group_id,
    groups.group_name,
    groups.district_code,
    groups.has_agreement
from newest
inner join {{ ref('stg_crm__groups') }} as groups on newest.delivery_month = groups.month
