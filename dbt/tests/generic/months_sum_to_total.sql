{#- A figure over several months is the sum of the months' own, for each of `by`: `totals` maps the column with the
    months' figure to the one with their total. The months reach from the first of the `year` or `half_year`, or from
    two months before (`three_months`), to the row's own. -#}
{% test months_sum_to_total(model, totals, by, span, where_month='1 = 1', where_total='1 = 1') %}
{%- set number = month_number('total.month') -%}
{%- set months_before = {'year': number ~ ' % 12', 'half_year': number ~ ' % 6', 'three_months': '2'} %}
with

total as (
    select *
    from {{ model }}
    where month between '{{ from_month() }}' and '{{ to_month() }}'
        and {{ where_total }}
),

pieces as (
    select *
    from {{ model }}
    where {{ where_month }}
)

select
    total.month,
    {%- for column in by %}
    total.{{ column }},
    {%- endfor %}
    {%- for piece, cumulated in totals.items() %}
    max(total.{{ cumulated }}) as {{ cumulated }},
    sum(pieces.{{ piece }}) as {{ piece }}_of_months{{ "," if not loop.last }}
    {%- endfor %}
from total
left join pieces
    on
        {{ month_number('pieces.month') }} between {{ number }} - {{ months_before[span] }} and {{ number }}
        {%- for column in by %}
        and total.{{ column }} = pieces.{{ column }}
        {%- endfor %}
group by
    total.month,
    {%- for column in by %}
    total.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
having
    {%- for piece, cumulated in totals.items() %}
    {{ "or " if not loop.first }}max(total.{{ cumulated }}) <> coalesce(sum(pieces.{{ piece }}), 0)
    {%- endfor %}
{% endtest %}
