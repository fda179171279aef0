{#- Cases of the scorecards (domain 3.19): every KPI is a number of cases and of events among them. -#}

{#- A select of one KPI of one type of unit: `cases` and `events` of a relation's cells, added up by month, unit and
    stratum. Cells of no unit are on nobody's scorecard, and a unit with neither cases nor events has no row. -#}
{% macro scorecard_counts(cells, unit_type, unit, kpi_code, cases, events, stratum=none) -%}
select
    month,
    '{{ unit_type }}' as unit_type,
    {{ unit }} as unit_code,
    '{{ kpi_code }}' as kpi_code,
    {{ stratum or "'all'" }} as stratum,
    {{ total(cases) }} as case_count,
    {{ total(events) }} as event_count
from {{ cells }}
where {{ unit }} is not null
group by month, {{ unit }}{{ ', ' ~ stratum if stratum }}
having sum({{ cases }}) > 0 or sum({{ events }}) > 0
{%- endmacro %}

{#- A select of who was on a list with a hold-out three months before a month of the run: the row's `columns`, the arm
    (treated, control, or exempt from being held out) and whether the line was gone at the end of the month. -#}
{% macro listed_arms_followed(columns) -%}
select
    windows.month,
    lists.list_type,
    lists.subscriber_id,
    {%- for column in columns %}
    lists.{{ column }},
    {%- endfor %}
    case
        when lists.is_holdout then 'control'
        when {{ is_exempt_from_holdout('lists.value_tier', 'special_lines.is_special') }} then 'exempt'
        else 'treated'
    end as arm,
    -- Who had left already is won back or not: gone is who is not on net at the end of the window.
    case
        when lists.list_type = 'win_back' then present.subscriber_id is null
        else departed.subscriber_id is not null
    end as is_churned
from {{ ref('mart_work_lists') }} as lists
inner join {{ ref('int_outcome_windows_delivered') }} as windows
    on lists.month = windows.starting_month
inner join ({{ in_force('list_types', look_back=3) }}) as list_types
    on
        lists.month = list_types.month
        and lists.list_type = list_types.list_type
        and list_types.has_holdout
left join (
    select month, subscriber_id, is_special
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=3) }} and is_special
) as special_lines
    on
        lists.month = special_lines.month
        and lists.subscriber_id = special_lines.subscriber_id
left join {{ ref('int_subscribers_departed') }} as departed
    on
        windows.month = departed.month
        and lists.subscriber_id = departed.subscriber_id
left join (
    select month, subscriber_id
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close
) as present
    on
        windows.month = present.month
        and lists.subscriber_id = present.subscriber_id
-- Who is enrolled in a pilot has another chance to be held out and is judged by the pilot.
where {{ months_in_range('lists.month', look_back=3) }} and not coalesce(lists.is_in_pilot, false)
{%- endmacro %}
