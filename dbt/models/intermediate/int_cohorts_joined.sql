{{ config(**monthly()) }}

select month, subscriber_id
from {{ ref('fct_subscriber_months') }}
where {{ months_in_range() }} and is_new
