-- Prices are stated per gigabyte and in dollars; a dollar counts as a yuan here.
select
    plan_name as plan_code,
    plan_name,
    usd_monthly_pay as monthly_rent,
    minutes_included as included_minutes,
    mb_per_month_included as included_data_mb,
    messages_included as included_sms,
    usd_per_minute as price_per_minute,
    cast(usd_per_gb as decimal(18, 6)) / 1024 as price_per_mb,
    usd_per_message as price_per_sms,
    _file,
    _line
from plans
