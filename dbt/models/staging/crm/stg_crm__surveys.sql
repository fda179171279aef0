select
    delivery_month as month,
    survey_id,
    subscriber_id,
    answered_at,
    score,
    topic
from {{ source('crm', 'crm_surveys') }}
