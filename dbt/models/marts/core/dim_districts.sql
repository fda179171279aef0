{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

deliveries as (

    select distinct month from {{ ref('stg_crm__districts') }}

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
    districts.district_code,
    districts.district_name,
    districts.region
from newest
inner join {{ ref('stg_crm__districts') }} as districts on newest.delivery_month = districts.month
