select
    delivery_month as month,
    data_set,
    is_delivered,
    files,
    lines_read,
    loaded_count,
    quarantined_count,
    duplicate_count,
    status,
    snapshots_hold_leavers
from {{ source('deliveries', 'deliveries') }}
