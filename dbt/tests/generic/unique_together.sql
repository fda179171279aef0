{#- No two rows of the months being built agree in all of `columns`: the key of a monthly model. -#}
{% test unique_together(model, columns) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
