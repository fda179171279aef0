{#- Within a month and scope the causes' weights add up to the answers, and no answer counts twice. -#}
{% test causes_sum_to_answers(model) %}
select month, scope_type, scope_code, max(answered_count) as answered_count, sum(reported_weight) as reported_weight
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
group by month, scope_type, scope_code
having abs(sum(reported_weight) - max(answered_count)) > 0.000001
{% endtest %}
