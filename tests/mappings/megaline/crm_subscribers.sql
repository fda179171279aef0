-- The users table becomes one snapshot a month: everybody who had joined by the month's end and had
-- not left before its first day. Who leaves is in the snapshot of that month, with the date.
with districts as (
    select city, 'C' || lpad(cast(dense_rank() over (order by city) as varchar), 3, '0') as district_code
    from (select distinct city from users)
),

months as (
    select
        getvariable('month') as month,
        getvariable('month') || '-01' as first_day,
        cast(last_day(cast(getvariable('month') || '-01' as date)) as varchar) as last_day
)

select
    months.month as snapshot_month,
    users.user_id as subscriber_id,
    users.user_id as customer_id,
    districts.district_code,
    'postpaid' as payment_type,
    users.plan as plan_code,
    users.reg_date as join_date,
    case when users.churn_date <= months.last_day then 'cancelled' else 'active' end as status,
    case when users.churn_date <= months.last_day then users.churn_date end as status_date,
    users._file,
    users._line
from users
cross join months
inner join districts on users.city = districts.city
where
    users.reg_date <= months.last_day
    and (users.churn_date is null or users.churn_date >= months.first_day)
