select
    delivery_month as month,
    subscriber_id,
    plan_code,
    rent_fee as rent_fee_amount,
    voice_fee as voice_fee_amount,
    data_fee as data_fee_amount,
    sms_fee as sms_fee_amount,
    vas_fee as vas_fee_amount,
    other_fee as other_fee_amount,
    discount as discount_amount,
    total_fee as total_fee_amount,
    arrears as arrears_amount
from {{ source('billing', 'billing_bills') }}
