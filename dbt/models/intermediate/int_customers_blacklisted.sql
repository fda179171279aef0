with calendar as (

    {{ calendar() }}

),

listed as (

    select month, customer_id, min(reason) as blacklist_reason
    from {{ ref('stg_crm__blacklist') }}
    where {{ months_in_range() }}
    group by month, customer_id

),

-- Those who owe and left stay known by the customer of the month in which they left.
left_in_arrears as (

    select
        calendar.month,
        lines.customer_id,
        max(events.month) as malicious_month
    from calendar
    inner join {{ ref('fct_churn') }} as events on events.month < calendar.month
    inner join {{ ref('fct_subscriber_months') }} as lines
        on events.month = lines.month and events.subscriber_id = lines.subscriber_id
    where events.is_malicious_arrears and lines.customer_id is not null
    group by calendar.month, lines.customer_id

),

final as (

    select
        coalesce(listed.month, left_in_arrears.month) as month,
        coalesce(listed.customer_id, left_in_arrears.customer_id) as customer_id,
        listed.customer_id is not null as is_listed,
        listed.blacklist_reason,
        left_in_arrears.malicious_month
    from listed
    full outer join left_in_arrears
        on listed.month = left_in_arrears.month and listed.customer_id = left_in_arrears.customer_id

)

select * from final
