{#- The periods of every `key` (a list of columns) of a rule table follow each other without overlap or gap. The last one
    is open, unless a rule `may_end`. Both ends belong to a period. -#}
{% test validity_is_seamless(model, key, may_end=false) %}
with

periods as (
    select
        {{ key | join(', ') }},
        valid_from,
        {{ text_or_null('valid_to') }} as valid_to,
        lead(valid_from) over (partition by {{ key | join(', ') }} order by valid_from, valid_to) as next_from
    from {{ model }}
)

select *
from periods
where
    {%- for column in key %}
    {{ column }} is null or
    {%- endfor %}
    valid_from is null
    or length(valid_from) <> 7
    or length(valid_to) <> 7
    or valid_to < valid_from
    or (valid_to is null and next_from is not null)
    {%- if not may_end %}
    or (valid_to is not null and next_from is null)
    {%- endif %}
    or {{ month_number('next_from') }} <> {{ month_number('valid_to') }} + 1
{% endtest %}
