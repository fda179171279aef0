{#- A code means the same in all its periods: cells of several months that bear it may be added up. Other edges are
    another band, with a code of its own. -#}
{% test code_keeps_its_meaning(model, column_name, columns) %}
select {{ column_name }}
from {{ model }}
group by {{ column_name }}
having
    {%- for column in columns %}
    {{ "or " if not loop.first }}min({{ column }}) <> max({{ column }})
    {%- endfor %}
{% endtest %}
