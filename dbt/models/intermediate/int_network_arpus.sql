{{ config(**monthly()) }}

select
    month,
    coalesce(network_type, '(unknown)') as network_type,
    count(*) as billed_count,
    cast(sum(billed_revenue_amount) as decimal(18, 2)) as billed_revenue_amount
from {{ ref('int_subscriber_months_measured') }}
where is_billed
group by month, coalesce(network_type, '(unknown)')
