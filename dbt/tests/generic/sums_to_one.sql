{#- The shares in a column add up to one within each group of `by`; a group without any share is left out. -#}
{% test sums_to_one(model, column_name, by) %}
select {{ by | join(', ') }}, sum({{ column_name }}) as total
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
group by {{ by | join(', ') }}
having abs(sum({{ column_name }}) - 1) > 0.000000001
{% endtest %}
