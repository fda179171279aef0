{#- Hits and misses of every list by district; in every list a district without members has its row too, because its
    leavers were missed there. -#}
with

windows as (
    select month, starting_month, has_contacts
    from {{ ref('int_outcome_windows_delivered') }}
),

known as (
    select windows.month, windows.has_contacts, deliveries.has_usage
    from windows
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries
        on windows.starting_month = deliveries.month
),

followed as (
    select * from {{ ref('int_list_outcomes_followed') }}
),

-- Without enough history no line can have a warning, whatever it does; the other lists judge everybody.
eligible as (
    select
        followed.*,
        readings.is_history_needed
    from followed
    cross join (select true as is_history_needed union all select false as is_history_needed) as readings
    where
        followed.is_contactable
        and (followed.is_warning_history_sufficient or not readings.is_history_needed)
),

members as (
    select
        windows.month,
        lists.list_type,
        lists.list_type = 'warning' as is_history_needed,
        lists.subscriber_id,
        lists.is_holdout,
        -- Who is enrolled in a pilot has another chance to be held out, so that a pilot's control stands for nobody else.
        lists.is_holdout and not coalesce(lists.is_in_pilot, false) as is_drawn
    from {{ ref('mart_work_lists') }} as lists
    inner join windows
        on lists.month = windows.starting_month
    inner join ({{ in_force('list_types', look_back=3) }}) as list_types
        on
            lists.month = list_types.month
            and lists.list_type = list_types.list_type
            and list_types.has_holdout
    where {{ months_in_range('lists.month', look_back=3) }}
),

listed as (
    select
        eligible.month,
        members.list_type,
        members.is_history_needed,
        eligible.district_code,
        count(*) as listed_count,
        count(case when eligible.is_churned then 1 end) as listed_churned_count,
        count(case when members.is_drawn then 1 end) as holdout_count,
        count(case when members.is_drawn and eligible.is_churned then 1 end) as holdout_churned_count,
        count(case when members.is_drawn and eligible.is_active then 1 end) as holdout_active_count,
        count(case when members.is_drawn and eligible.is_active and eligible.is_churned then 1 end)
            as holdout_churned_active_count,
        count(case when members.is_holdout and eligible.is_churned then 1 end) as holdout_left_count,
        count(case when not members.is_holdout and eligible.is_churned and eligible.is_reached then 1 end)
            as reached_left_count,
        count(case when not members.is_holdout and eligible.is_churned and not eligible.is_reached then 1 end)
            as missed_not_reached_count
    from members
    inner join eligible
        on
            members.month = eligible.month
            and members.subscriber_id = eligible.subscriber_id
            and members.is_history_needed = eligible.is_history_needed
    group by eligible.month, members.list_type, members.is_history_needed, eligible.district_code
),

list_types_listed as (
    select distinct month, list_type, is_history_needed
    from listed
),

districts as (
    select
        month,
        district_code,
        count(case when is_churned then 1 end) as left_count
    from followed
    group by month, district_code
),

eligible_counts as (
    select
        month,
        district_code,
        is_history_needed,
        count(*) as eligible_count,
        count(case when is_churned then 1 end) as eligible_churned_count,
        count(case when is_active then 1 end) as eligible_active_count,
        count(case when is_active and is_churned then 1 end) as eligible_churned_active_count
    from eligible
    group by month, district_code, is_history_needed
),

counted as (
    select
        list_types_listed.month,
        list_types_listed.list_type,
        districts.district_code,
        coalesce(eligible_counts.eligible_count, 0) as eligible_count,
        coalesce(eligible_counts.eligible_churned_count, 0) as eligible_churned_count,
        {%- for column in ['listed_count', 'listed_churned_count', 'holdout_count', 'holdout_churned_count'] %}
        coalesce(listed.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        {%- for column in ['eligible_active_count', 'eligible_churned_active_count'] %}
        case when known.has_usage then coalesce(eligible_counts.{{ column }}, 0) end as {{ column }},
        {%- endfor %}
        {%- for column in ['holdout_active_count', 'holdout_churned_active_count'] %}
        case when known.has_usage then coalesce(listed.{{ column }}, 0) end as {{ column }},
        {%- endfor %}
        districts.left_count,
        districts.left_count - coalesce(eligible_counts.eligible_churned_count, 0) as missed_not_eligible_count,
        coalesce(eligible_counts.eligible_churned_count, 0) - coalesce(listed.listed_churned_count, 0)
            as missed_not_listed_count,
        {%- for column in ['missed_not_reached_count', 'reached_left_count'] %}
        case when known.has_contacts then coalesce(listed.{{ column }}, 0) end as {{ column }},
        {%- endfor %}
        coalesce(listed.holdout_left_count, 0) as holdout_left_count
    from list_types_listed
    inner join known
        on list_types_listed.month = known.month
    inner join districts
        on list_types_listed.month = districts.month
    left join eligible_counts
        on
            list_types_listed.month = eligible_counts.month
            and districts.district_code = eligible_counts.district_code
            and list_types_listed.is_history_needed = eligible_counts.is_history_needed
    left join listed
        on
            list_types_listed.month = listed.month
            and list_types_listed.list_type = listed.list_type
            and districts.district_code = listed.district_code
)

select * from counted
