{#- A column of the months being built holds nothing but `values`; null is not judged here. -#}
{% test has_only(model, column_name, values) %}
select distinct {{ column_name }}
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
    and {{ column_name }} not in ('{{ values | join("', '") }}')
{% endtest %}
