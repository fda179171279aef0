-- Only the monthly charge is known. A contract that ends does so on the first day of a month, so the
-- month of leaving is not billed.
select
    "customerID" as subscriber_id,
    getvariable('month') as bill_month,
    "Type" as plan_code,
    "MonthlyCharges" as total_fee,
    _file,
    _line
from contracts
where
    left("BeginDate", 7) <= getvariable('month')
    and ("EndDate" = 'No' or left("EndDate", 7) > getvariable('month'))
