select
    delivery_month as month,
    contact_id,
    subscriber_id,
    list_month,
    list_type,
    measure_code,
    contacted_at,
    outcome,
    cost as cost_amount,
    account_manager
from {{ source('crm', 'crm_contacts') }}
