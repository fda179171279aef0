{#- An old line's circle is of the three months up to its end, a new one's of its first two, as far as they are known. -#}
with thresholds as (

    {{ thresholds(['swap_circle_contacts']) }}

),

lines as (

    select month, line_role, subscriber_id, event_on, joined_on, circle_from_month, circle_to_month
    from {{ ref('int_swap_lines_gathered') }}

),

contacts as (

    select
        lines.month,
        lines.line_role,
        lines.subscriber_id,
        lines.event_on,
        lines.joined_on,
        circles.contact_hash,
        {{ total('circles.calls') }} as calls
    from {{ ref('stg_billing__call_circle') }} as circles
    inner join lines
        on
            circles.subscriber_id = lines.subscriber_id
            and circles.month between lines.circle_from_month and lines.circle_to_month
    where {{ months_in_range('circles.month', look_back=6) }}
    group by
        lines.month, lines.line_role, lines.subscriber_id, lines.event_on, lines.joined_on, circles.contact_hash

),

ranked as (

    select
        contacts.*,
        row_number() over (
            partition by contacts.month, contacts.line_role, contacts.subscriber_id
            order by contacts.calls desc, contacts.contact_hash
        ) as place
    from contacts

),

final as (

    select ranked.*
    from ranked
    inner join thresholds on ranked.month = thresholds.month
    where ranked.place <= thresholds.swap_circle_contacts

)

select * from final
