select
    delivery_month as month,
    data_set,
    column_name
from {{ source('deliveries', 'delivered_columns') }}
