{#- What became, in the three months that end in a month of the run, of everybody who was on the network before them. -#}
with

windows as (
    select month, starting_month, has_contacts
    from {{ ref('int_outcome_windows_delivered') }}
),

-- With work orders a line is called once, for one of its lists: whoever spoke to it has reached it for all of them.
reached as (
    select distinct windows.month, contacts.subscriber_id
    from {{ ref('stg_crm__contacts') }} as contacts
    inner join windows
        on
            contacts.list_month = windows.starting_month
            and contacts.month between windows.starting_month and windows.month
    where
        {{ months_in_range('contacts.month', look_back=3) }}
        and contacts.outcome <> 'unreached'
),

followed as (
    select
        windows.month,
        lines.subscriber_id,
        coalesce(lines.district_code, '(unknown)') as district_code,
        lines.status <> 'suspended_voluntary' and not lines.is_do_not_contact as is_contactable,
        lines.is_warning_history_sufficient,
        lines.is_active,
        departed.subscriber_id is not null as is_churned,
        case when windows.has_contacts then reached.subscriber_id is not null end as is_reached
    from {{ ref('fct_subscriber_months') }} as lines
    inner join windows
        on lines.month = windows.starting_month
    left join {{ ref('int_subscribers_departed') }} as departed
        on
            windows.month = departed.month
            and lines.subscriber_id = departed.subscriber_id
    left join reached
        on
            windows.month = reached.month
            and lines.subscriber_id = reached.subscriber_id
    where
        {{ months_in_range('lines.month', look_back=3) }}
        and lines.is_on_net_close
)

select * from followed
