-- The terms of contract stand for the plans; their prices differ from customer to customer.
select distinct "Type" as plan_code, "Type" as plan_name
from contracts
