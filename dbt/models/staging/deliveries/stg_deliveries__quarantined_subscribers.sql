select
    delivery_month as month,
    subscriber_id
from {{ source('deliveries', 'quarantined_subscribers') }}
