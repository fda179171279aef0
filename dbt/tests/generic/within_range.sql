{#- A column of the months being built is never below `at_least` nor above `at_most` (either may be left out). -#}
{% test within_range(model, column_name, at_least=none, at_most=none) %}
{%- if at_least is none and at_most is none -%}
    {{ exceptions.raise_compiler_error("within_range needs at_least, at_most or both") }}
{%- endif %}
select month, {{ column_name }}
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
    and (
        {% if at_least is not none %}{{ column_name }} < {{ at_least }}{% endif %}
        {% if at_least is not none and at_most is not none %}or{% endif %}
        {% if at_most is not none %}{{ column_name }} > {{ at_most }}{% endif %}
    )
{% endtest %}
