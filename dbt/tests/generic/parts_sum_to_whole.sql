{#- Within a group of `by`, this model's `columns` add up to the same columns of `whole`
    (restricted by `whole_where`); a group that one side lacks is a failure too. -#}
{% test parts_sum_to_whole(model, whole, columns, by, where_part=none, whole_where=none) %}
with

part as (
    select
        {{ by | join(', ') }},
        {%- for column in columns %}
        sum({{ column }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ model }}
    where month between '{{ from_month() }}' and '{{ to_month() }}'
    {%- if where_part %}
        and {{ where_part }}
    {%- endif %}
    group by {{ by | join(', ') }}
),

whole as (
    select
        {{ by | join(', ') }},
        {%- for column in columns %}
        sum({{ column }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ whole }}
    where month between '{{ from_month() }}' and '{{ to_month() }}'
    {%- if whole_where %}
        and {{ whole_where }}
    {%- endif %}
    group by {{ by | join(', ') }}
)

select
    {%- for column in by %}
    coalesce(part.{{ column }}, whole.{{ column }}) as {{ column }},
    {%- endfor %}
    {%- for column in columns %}
    part.{{ column }} as part_{{ column }},
    whole.{{ column }} as whole_{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from part
full outer join whole
    on
        {%- for column in by %}
        {{ "and " if not loop.first }}part.{{ column }} = whole.{{ column }}
        {%- endfor %}
where
    {%- for column in columns %}
    {{ "or " if not loop.first }}coalesce(part.{{ column }}, -1) <> coalesce(whole.{{ column }}, -1)
    {%- endfor %}
{% endtest %}
