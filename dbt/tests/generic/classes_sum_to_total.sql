{#- Exclusive classes add up to the total that stands beside each of them, within each group of `by`. -#}
{% test classes_sum_to_total(model, column_name, total, by) %}
select
    {{ by | join(', ') }},
    sum({{ column_name }}) as classed,
    max({{ total }}) as total
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
group by {{ by | join(', ') }}
having coalesce(sum({{ column_name }}), 0) <> max({{ total }}) or min({{ total }}) <> max({{ total }})
{% endtest %}
