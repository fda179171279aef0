{#- None of `columns` is null in the months being built. -#}
{% test never_null(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
    and (
        {%- for column in columns %}
        {{ "or " if not loop.first }}{{ column }} is null
        {%- endfor %}
    )
{% endtest %}
