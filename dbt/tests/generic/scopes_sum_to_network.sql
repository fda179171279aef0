{#- Within a group of `by`, every scope type's rows add up to the network's row, for each of `columns`. A scope type
    whose column was not delivered has no rows in a group of `delivered_by` and is not judged; in one that has, a scope
    type without rows in a group of `by` counts as zero. -#}
{% test scopes_sum_to_network(model, columns, by, delivered_by=['month']) %}
with

scope_totals as (
    select
        {{ by | join(', ') }},
        scope_type,
        {%- for column in columns %}
        sum({{ column }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ model }}
    where month between '{{ from_month() }}' and '{{ to_month() }}'
    group by {{ by | join(', ') }}, scope_type
),

delivered as (
    select distinct {{ delivered_by | join(', ') }}, scope_type
    from scope_totals
),

network as (
    select scope_totals.*, delivered.scope_type as part_type
    from scope_totals
    inner join delivered
        on
            {%- for column in delivered_by %}
            {{ "and " if not loop.first }}scope_totals.{{ column }} = delivered.{{ column }}
            {%- endfor %}
    where scope_totals.scope_type = 'network'
)

select
    network.part_type,
    {%- for column in by %}
    network.{{ column }},
    {%- endfor %}
    {%- for column in columns %}
    part.{{ column }} as part_{{ column }},
    network.{{ column }} as network_{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from network
left join scope_totals as part
    on
        network.part_type = part.scope_type
        {%- for column in by %}
        and network.{{ column }} = part.{{ column }}
        {%- endfor %}
where
    {%- for column in columns %}
    {{ "or " if not loop.first }}part.{{ column }} <> network.{{ column }}
    or (part.scope_type is null and network.{{ column }} <> 0)
    {%- endfor %}
{% endtest %}
