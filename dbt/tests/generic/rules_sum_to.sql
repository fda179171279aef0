{#- The values in `column` of a rule table that hold in one month add up to `total` for each `by`: asked in every month in
    which a row begins and in every one after a row ends. -#}
{% test rules_sum_to(model, column, by, total) %}
with

periods as (
    select
        {{ by }},
        {{ column }},
        valid_from,
        {{ text_or_null('valid_to') }} as valid_to
    from {{ model }}
),

turns as (
    select {{ by }}, valid_from as month from periods
    union
    select {{ by }}, {{ add_months('valid_to', 1) }} as month from periods where valid_to is not null
)

select
    turns.{{ by }},
    turns.month,
    coalesce(sum(periods.{{ column }}), 0) as total
from turns
left join periods
    on
        turns.{{ by }} = periods.{{ by }}
        and turns.month >= periods.valid_from
        and turns.month <= coalesce(periods.valid_to, '9999-12')
group by turns.{{ by }}, turns.month
having coalesce(sum(periods.{{ column }}), 0) <> {{ total }}
{% endtest %}
