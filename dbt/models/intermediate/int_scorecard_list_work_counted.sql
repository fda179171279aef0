{{ config(**monthly()) }}

with

calendar as (
    {{ calendar() }}
),

thresholds as (
    {{ thresholds(['scorecard_list_out_days', 'scorecard_reach_days']) }}
),

deliveries as (
    select month, has_snapshots, has_contacts
    from {{ ref('int_deliveries_pivoted') }}
),

lines as (
    select month, subscriber_id, account_manager, is_on_net_close
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=3) }}
),

contacts as (
    select
        month,
        subscriber_id,
        list_month,
        cast(contacted_at as date) as contacted_on,
        outcome,
        cost_amount,
        account_manager
    from {{ ref('stg_crm__contacts') }}
    where {{ months_in_range(look_back=3) }}
),

orders as (
    select
        calendar.month,
        orders.district_code,
        orders.account_manager,
        orders.subscriber_id
    from {{ ref('mart_work_orders') }} as orders
    inner join calendar
        on orders.month = calendar.previous_month
    inner join deliveries
        on
            calendar.month = deliveries.month
            and deliveries.has_contacts
    where
        {{ months_in_range('orders.month', look_back=1) }}
        and orders.is_planned
),

-- Whatever list of the month before a contact names: an order stands for all of them.
worked as (
    select
        contacts.month,
        contacts.subscriber_id,
        max(
            case
                when
                    contacts.outcome <> 'unreached'
                    and contacts.contacted_on >= calendar.first_on
                    and {{ days_between('calendar.first_on', 'contacts.contacted_on') }}
                    < thresholds.scorecard_list_out_days + thresholds.scorecard_reach_days
                    then 1
                else 0
            end
        ) as is_reached,
        max(case when contacts.outcome in ('accepted', 'declined') then 1 else 0 end) as is_closed
    from contacts
    inner join calendar
        on
            contacts.month = calendar.month
            and contacts.list_month = calendar.previous_month
    inner join thresholds
        on contacts.month = thresholds.month
    group by contacts.month, contacts.subscriber_id
),

order_cells as (
    select
        orders.month,
        orders.district_code,
        orders.account_manager,
        count(*) as planned_count,
        count(case when worked.is_reached = 1 then 1 end) as reached_count,
        count(worked.subscriber_id) as contacted_count,
        count(case when worked.is_closed = 1 then 1 end) as closed_count
    from orders
    left join worked
        on
            orders.month = worked.month
            and orders.subscriber_id = worked.subscriber_id
    group by orders.month, orders.district_code, orders.account_manager
),

accepted as (
    select distinct
        lags.month,
        coalesce(contacts.account_manager, lines.account_manager) as account_manager,
        contacts.subscriber_id
    from contacts
    inner join ({{ lags(3, first=3) }}) as lags
        on contacts.month = lags.lagged_month
    inner join deliveries
        on
            lags.month = deliveries.month
            and deliveries.has_snapshots
    left join lines
        on
            contacts.month = lines.month
            and contacts.subscriber_id = lines.subscriber_id
    where contacts.outcome = 'accepted'
),

acceptance_cells as (
    select
        accepted.month,
        accepted.account_manager,
        count(*) as accepted_count,
        count(case when lines.is_on_net_close then 1 end) as held_count
    from accepted
    left join lines
        on
            accepted.month = lines.month
            and accepted.subscriber_id = lines.subscriber_id
    group by accepted.month, accepted.account_manager
),

-- A cap that is not known is neither kept nor broken, unless the other one is broken.
spent as (
    select distinct
        contacts.month,
        coalesce(contacts.account_manager, lines.account_manager) as account_manager,
        caps.cap_holder,
        {%- for kind in ['care', 'retention'] %}
        {{ "and " if not loop.first }}(caps.{{ kind }}_spent_amount = 0 or caps.{{ kind }}_spent_amount <= caps.{{ kind }}_cap_amount)
        {%- endfor %} as is_cap_kept
    from contacts
    inner join {{ ref('int_cost_caps_left') }} as caps
        on
            contacts.month = caps.month
            and contacts.subscriber_id = caps.subscriber_id
    left join lines
        on
            contacts.month = lines.month
            and contacts.subscriber_id = lines.subscriber_id
    where contacts.cost_amount > 0
),

cap_cells as (
    select
        month,
        account_manager,
        count(is_cap_kept) as judged_count,
        count(case when is_cap_kept then 1 end) as kept_count
    from spent
    group by month, account_manager
)

{% for unit_type, unit in [('district', 'district_code'), ('manager', 'account_manager')] -%}
{{ scorecard_counts('order_cells', unit_type, unit, 'list_reached', 'planned_count', 'reached_count') }}
union all
{% endfor -%}
{{ scorecard_counts('order_cells', 'district', 'district_code', 'list_closed', 'contacted_count', 'closed_count') }}
union all
{{ scorecard_counts(
    'acceptance_cells', 'manager', 'account_manager', 'acceptance_held', 'accepted_count', 'held_count'
) }}
union all
{{ scorecard_counts('cap_cells', 'manager', 'account_manager', 'cap_kept', 'judged_count', 'kept_count') }}
