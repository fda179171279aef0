select
    delivery_month as month,
    subscriber_id,
    contact_hash,
    calls
from {{ source('billing', 'billing_call_circle') }}
