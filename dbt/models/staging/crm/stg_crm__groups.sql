select
    delivery_month as month,
    group_id,
    group_name,
    district_code,
    has_agreement
from {{ source('crm', 'crm_groups') }}
