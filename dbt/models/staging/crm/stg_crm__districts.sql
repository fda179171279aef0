select
    delivery_month as month,
    district_code,
    district_name,
    region
from {{ source('crm', 'crm_districts') }}
