{#- `opening` of a month is `closing` of the month before, for each of `by`: the exact test of domain 3.0. Compared are the
    months that both have rows of a `kind` (one of `by`); a row that one of them lacks counts as zero, or is left out
    where `absent_is_zero` is false. `where` restricts the rows. -#}
{% test continues_from_month_before(model, opening, closing, by, kind, where='1 = 1', absent_is_zero=true) %}
with

figures as (
    select
        month,
        {{ month_number('month') }} as month_number,
        {{ by | join(', ') }},
        {{ opening }} as opening,
        {{ closing }} as closing
    from {{ model }}
    where {{ where }}
),

kinds as (
    select distinct month, month_number, {{ kind }}
    from figures
),

consecutive as (
    select this.month, this.month_number, this.{{ kind }}
    from kinds as this
    inner join kinds as before
        on this.month_number - 1 = before.month_number and this.{{ kind }} = before.{{ kind }}
    where this.month between '{{ from_month() }}' and '{{ to_month() }}'
),

opened as (
    select figures.*
    from figures
    inner join consecutive
        on figures.month = consecutive.month and figures.{{ kind }} = consecutive.{{ kind }}
),

closed as (
    select
        consecutive.month,
        {%- for column in by %}
        figures.{{ column }},
        {%- endfor %}
        figures.closing
    from figures
    inner join consecutive
        on figures.month_number = consecutive.month_number - 1 and figures.{{ kind }} = consecutive.{{ kind }}
)

select
    coalesce(opened.month, closed.month) as month,
    {%- for column in by %}
    coalesce(opened.{{ column }}, closed.{{ column }}) as {{ column }},
    {%- endfor %}
    opened.opening,
    closed.closing
from opened
full outer join closed
    on
        opened.month = closed.month
        {%- for column in by %}
        and opened.{{ column }} = closed.{{ column }}
        {%- endfor %}
where
    opened.opening <> closed.closing
    {%- if absent_is_zero %}
    or (closed.month is null and opened.opening <> 0)
    or (opened.month is null and closed.closing <> 0)
    {%- endif %}
{% endtest %}
