{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

deliveries as (

    select distinct month from {{ ref('stg_crm__plans') }}

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
    plans.plan_code,
    plans.plan_name,
    plans.brand,
    plans.rent_amount,
    plans.included_minutes,
    plans.included_data_mb,
    plans.included_sms,
    plans.price_per_minute,
    plans.price_per_mb,
    plans.price_per_sms,
    plans.is_short_term,
    plans.is_on_sale
from newest
inner join {{ ref('stg_crm__plans') }} as plans on newest.delivery_month = plans.month
