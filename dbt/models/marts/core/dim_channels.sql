{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

deliveries as (

    select distinct month from {{ ref('stg_crm__channels') }}

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
    channels.channel_code,
    channels.channel_name,
    channels.channel_type,
    channels.district_code,
    channels.commission_months
from newest
inner join {{ ref('stg_crm__channels') }} as channels on newest.delivery_month = channels.month
