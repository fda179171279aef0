select
    delivery_month as month,
    channel_code,
    channel_name,
    channel_type,
    district_code,
    commission_months
from {{ source('crm', 'crm_channels') }}
