{#- The points of a unit's indicators sum to its total, the weights in force and the effective ones to 100; a unit of
    which nothing is scored has no total. -#}
{% test scorecard_adds_up(model) %}
select
    month,
    unit_code,
    sum(points) as points,
    max(total_score) as total_score,
    sum(weight) as weight,
    sum(effective_weight) as effective_weight
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
group by month, unit_code
having
    coalesce(abs(sum(points) - max(total_score)) > 0.00001, (sum(points) is null) <> (max(total_score) is null))
    or coalesce(abs(sum(effective_weight) - 100) > 0.000001, false)
    or abs(sum(weight) - 100) > 0.000001
{% endtest %}
