-- Events summed to a subscriber's month. Every event counts, also those the files hold of subscribers
-- who have left; minutes and megabytes are exact sums, rounding is a matter of billing.
with voice as (
    select
        user_id, sum(cast(duration as decimal(18, 4))) as mou_out, count(*) as calls_out,
        count(distinct call_date) as days, max(call_date) as last_day
    from calls
    where left(call_date, 7) = getvariable('month')
    group by user_id
),

texts as (
    select user_id, count(*) as sms_out, max(message_date) as last_day
    from messages
    where left(message_date, 7) = getvariable('month')
    group by user_id
),

data as (
    select user_id, sum(cast(mb_used as decimal(18, 4))) as data_mb, max(session_date) as last_day
    from internet
    where left(session_date, 7) = getvariable('month')
    group by user_id
),

active as (
    select user_id, count(distinct day) as active_days
    from (
        select user_id, call_date as day from calls
        union all
        select user_id, message_date from messages
        union all
        select user_id, session_date from internet
    )
    where left(day, 7) = getvariable('month')
    group by user_id
)

select
    active.user_id as subscriber_id,
    getvariable('month') as usage_month,
    coalesce(voice.mou_out, 0) as mou_out,
    coalesce(voice.calls_out, 0) as calls_out,
    coalesce(texts.sms_out, 0) as sms_out,
    coalesce(data.data_mb, 0) as data_mb,
    active.active_days,
    greatest(voice.last_day, texts.last_day, data.last_day) as last_activity_date
from active
left join voice on active.user_id = voice.user_id
left join texts on active.user_id = texts.user_id
left join data on active.user_id = data.user_id
