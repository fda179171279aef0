select
    delivery_month as month,
    customer_id,
    listed_at,
    reason
from {{ source('crm', 'crm_blacklist') }}
