{#- The periods of every key of an effective-dated seed follow each other without overlap or gap, and the last one is
    open. Both ends belong to a period. -#}
{% test validity_is_seamless(model, column_name) %}
with

periods as (
    select
        {{ column_name }},
        valid_from,
        nullif(valid_to, '') as valid_to,
        lead(valid_from) over (partition by {{ column_name }} order by valid_from, valid_to) as next_from
    from {{ model }}
)

select *
from periods
where
    valid_from is null
    or valid_to < valid_from
    or (valid_to is null) <> (next_from is null)
    or {{ month_number('next_from') }} <> {{ month_number('valid_to') }} + 1
{% endtest %}
