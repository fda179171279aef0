{#- In every row of the months being built `equation` is true; a null on either side is no contradiction. -#}
{% test equation_holds(model, equation) %}
select *
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
    and not ({{ equation }})
{% endtest %}
