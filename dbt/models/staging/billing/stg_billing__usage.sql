select
    delivery_month as month,
    subscriber_id,
    mou_out,
    mou_in,
    calls_out,
    calls_in,
    distinct_called,
    sms_out,
    data_mb,
    forward_calls,
    forward_offnet_calls,
    own_hotline_calls,
    rival_hotline_calls,
    active_days,
    last_activity_date as last_activity_on
from {{ source('billing', 'billing_usage') }}
