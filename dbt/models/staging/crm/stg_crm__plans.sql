select
    delivery_month as month,
    plan_code,
    plan_name,
    brand,
    monthly_rent as rent_amount,
    included_minutes,
    included_data_mb,
    included_sms,
    price_per_minute,
    price_per_mb,
    price_per_sms,
    is_short_term,
    on_sale as is_on_sale
from {{ source('crm', 'crm_plans') }}
