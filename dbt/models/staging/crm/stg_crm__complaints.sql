select
    delivery_month as month,
    complaint_id,
    subscriber_id,
    created_at,
    category,
    resolved_at,
    satisfaction
from {{ source('crm', 'crm_complaints') }}
