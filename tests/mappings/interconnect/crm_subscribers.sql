-- One snapshot a month: contracts begun by the month's end and not ended before its first day.
select
    getvariable('month') as snapshot_month,
    "customerID" as subscriber_id,
    "customerID" as customer_id,
    'ALL' as district_code,
    'postpaid' as payment_type,
    "Type" as plan_code,
    "BeginDate" as join_date,
    case when left("EndDate", 7) = getvariable('month') then 'cancelled' else 'active' end as status,
    case when left("EndDate", 7) = getvariable('month') then left("EndDate", 10) end as status_date,
    "PaymentMethod" in ('Bank transfer (automatic)', 'Credit card (automatic)') as is_bank_debit,
    _file,
    _line
from contracts
where
    left("BeginDate", 7) <= getvariable('month')
    and ("EndDate" = 'No' or left("EndDate", 7) >= getvariable('month'))
