{#- `opening` of a month is `closing` of the month before, where that is known, for each of `by`: the exact test of domain 3.0. -#}
{% test continues_from_month_before(model, opening, closing, by) %}
select
    this.month,
    {%- for column in by %}
    this.{{ column }},
    {%- endfor %}
    this.{{ opening }} as opening,
    before.{{ closing }} as closing
from {{ model }} as this
inner join {{ model }} as before
    on
        {{ month_number('this.month') }} - 1 = {{ month_number('before.month') }}
        {%- for column in by %}
        and this.{{ column }} = before.{{ column }}
        {%- endfor %}
where
    this.month between '{{ from_month() }}' and '{{ to_month() }}'
    and this.{{ opening }} <> before.{{ closing }}
{% endtest %}
