select
    delivery_month as month,
    subscriber_id,
    churn_month,
    cause_code,
    destination
from {{ source('crm', 'crm_exit_surveys') }}
