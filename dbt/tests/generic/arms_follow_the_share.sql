{#- In every stratum, a group of `by`, those in arm treated are `share` of all, but for less than one: the arms of an
    even pilot differ by one at most. -#}
{% test arms_follow_the_share(model, column_name, share, by) %}
select
    {{ by | join(', ') }},
    count(*) as row_count,
    sum(case when {{ column_name }} = 'treated' then 1 else 0 end) as treated_count
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
group by {{ by | join(', ') }}
having abs(sum(case when {{ column_name }} = 'treated' then 1 else 0 end) - count(*) * max({{ share }})) >= 1
{% endtest %}
