{#- Every row of a rule table is about something that another rule table, by the same `columns`, knows. -#}
{% test rules_are_of(model, columns, table) %}
select rule_rows.*
from {{ model }} as rule_rows
left join (select distinct {{ columns | join(', ') }} from {{ ref(table) }}) as known
    on
        {%- for column in columns %}
        {{ "and " if not loop.first }}rule_rows.{{ column }} = known.{{ column }}
        {%- endfor %}
where known.{{ columns[0] }} is null
{% endtest %}
