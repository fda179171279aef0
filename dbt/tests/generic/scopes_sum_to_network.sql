{#- Within a group of `by`, every scope type's rows add up to the network's row, for each of `columns`.
    A scope type whose column was not delivered has no rows and is not judged. -#}
{% test scopes_sum_to_network(model, columns, by) %}
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
)

select part.*
from scope_totals as part
inner join scope_totals as network
    on
        network.scope_type = 'network'
        {%- for column in by %}
        and part.{{ column }} = network.{{ column }}
        {%- endfor %}
where
    {%- for column in columns %}
    {{ "or " if not loop.first }}part.{{ column }} <> network.{{ column }}
    {%- endfor %}
{% endtest %}
