{{ config(**monthly()) }}

with

windows as (
    select * from {{ ref('int_outcome_windows_delivered') }}
),

assigned as (
    select
        windows.month,
        assignments.month as enrolled_month,
        assignments.pilot_id,
        assignments.subscriber_id,
        assignments.arm,
        assignments.list_type,
        assignments.payment_type,
        assignments.expected_margin_amount,
        windows.has_bills,
        windows.has_usage,
        windows.has_payments,
        windows.has_contacts,
        windows.has_costs
    from {{ ref('fct_pilot_assignments') }} as assignments
    inner join windows
        on assignments.month = windows.starting_month
    where {{ months_in_range('assignments.month', look_back=3) }}
),

-- Bills of the three months, top-ups since the activation, and whether the last month went by without a sign of life.
lives as (
    select
        lags.month,
        subscriber_months.subscriber_id,
        sum(case when lags.lag <= 2 then subscriber_months.billed_revenue_amount end) as billed_revenue_amount,
        sum(subscriber_months.payment_count) as payment_count,
        max(
            case
                when
                    lags.lag = 0
                    and subscriber_months.is_on_net_close
                    and subscriber_months.status <> 'suspended_voluntary'
                    and not subscriber_months.is_active
                    and coalesce(subscriber_months.payment_count, 0) = 0
                    then 1
                else 0
            end
        ) as is_quiet
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join ({{ lags(4) }}) as lags
        on subscriber_months.month = lags.lagged_month
    inner join (select distinct month, subscriber_id from assigned) as enrolled
        on
            lags.month = enrolled.month
            and subscriber_months.subscriber_id = enrolled.subscriber_id
    where {{ months_in_range('subscriber_months.month', look_back=4) }}
    group by lags.month, subscriber_months.subscriber_id
),

contacts as (
    select
        windows.month,
        contacts.list_type,
        contacts.subscriber_id,
        max(case when contacts.outcome <> 'unreached' then 1 else 0 end) as is_reached,
        cast(coalesce(sum(contacts.cost_amount), 0) as decimal(18, 2)) as spend_amount
    from {{ ref('stg_crm__contacts') }} as contacts
    inner join windows
        on
            contacts.month > windows.starting_month
            and contacts.month <= windows.month
    where {{ months_in_range('contacts.month', look_back=2) }}
    group by windows.month, contacts.list_type, contacts.subscriber_id
),

followed as (
    select
        assigned.month,
        assigned.enrolled_month,
        assigned.pilot_id,
        assigned.subscriber_id,
        assigned.arm,
        departed.subscriber_id is not null as is_churned,
        case
            when assigned.has_usage then departed.subscriber_id is not null or coalesce(lives.is_quiet, 0) = 1
        end as is_behaviourally_churned,
        case when assigned.has_bills then cast(coalesce(lives.billed_revenue_amount, 0) as decimal(18, 2)) end
            as billed_revenue_amount,
        -- Bills are no top-ups: those who pay later are not judged by them.
        case
            when assigned.has_payments and coalesce(assigned.payment_type, 'prepaid') = 'prepaid'
                then coalesce(lives.payment_count, 0) >= 2
        end as is_second_topup,
        case when assigned.has_contacts then contacts.subscriber_id is not null end as is_contacted,
        case when assigned.has_contacts then coalesce(contacts.is_reached, 0) = 1 end as is_reached,
        case when assigned.has_costs then coalesce(contacts.spend_amount, 0) end as spend_amount,
        assigned.expected_margin_amount
    from assigned
    left join {{ ref('int_subscribers_departed') }} as departed
        on
            assigned.month = departed.month
            and assigned.subscriber_id = departed.subscriber_id
    left join lives
        on
            assigned.month = lives.month
            and assigned.subscriber_id = lives.subscriber_id
    left join contacts
        on
            assigned.month = contacts.month
            and assigned.list_type = contacts.list_type
            and assigned.subscriber_id = contacts.subscriber_id
)

select * from followed
