select
    delivery_month as month,
    network as network_type,
    district_code,
    commission as commission_amount,
    handset_subsidy as handset_subsidy_amount,
    marketing as marketing_amount
from {{ source('finance', 'finance_acquisition') }}
