-- Megaline's terms: the plan's price, and above the allowances every call rounded up to whole minutes
-- (a call of no length costs none), the month's data rounded up to whole gigabytes, and single
-- messages. Billed is who was a customer in the month: joined by its end and not left before its
-- first day. What the event files hold of subscribers who left in an earlier month is usage without
-- a contract and is not billed.
with customers as (
    select user_id, plan
    from users
    where
        reg_date <= cast(last_day(cast(getvariable('month') || '-01' as date)) as varchar)
        and (churn_date is null or churn_date >= getvariable('month') || '-01')
),

voice as (
    select user_id, sum(ceil(cast(duration as decimal(18, 4)))) as minutes
    from calls
    where left(call_date, 7) = getvariable('month')
    group by user_id
),

texts as (
    select user_id, count(*) as messages
    from messages
    where left(message_date, 7) = getvariable('month')
    group by user_id
),

data as (
    select user_id, ceil(sum(cast(mb_used as decimal(18, 4))) / 1024) as gigabytes
    from internet
    where left(session_date, 7) = getvariable('month')
    group by user_id
),

fees as (
    select
        customers.user_id,
        customers.plan,
        cast(plans.usd_monthly_pay as decimal(18, 2)) as rent_fee,
        cast(
            greatest(coalesce(voice.minutes, 0) - cast(plans.minutes_included as integer), 0)
            * cast(plans.usd_per_minute as decimal(9, 4)) as decimal(18, 2)
        ) as voice_fee,
        cast(
            greatest(coalesce(data.gigabytes, 0) - cast(plans.mb_per_month_included as integer) / 1024, 0)
            * cast(plans.usd_per_gb as decimal(9, 4)) as decimal(18, 2)
        ) as data_fee,
        cast(
            greatest(coalesce(texts.messages, 0) - cast(plans.messages_included as integer), 0)
            * cast(plans.usd_per_message as decimal(9, 4)) as decimal(18, 2)
        ) as sms_fee
    from customers
    inner join plans on customers.plan = plans.plan_name
    left join voice on customers.user_id = voice.user_id
    left join texts on customers.user_id = texts.user_id
    left join data on customers.user_id = data.user_id
)

select
    user_id as subscriber_id,
    getvariable('month') as bill_month,
    plan as plan_code,
    rent_fee,
    voice_fee,
    data_fee,
    sms_fee,
    rent_fee + voice_fee + data_fee + sms_fee as total_fee
from fees
