select
    delivery_month as month,
    payment_id,
    subscriber_id,
    paid_at,
    amount as payment_amount,
    pay_channel
from {{ source('billing', 'billing_payments') }}
