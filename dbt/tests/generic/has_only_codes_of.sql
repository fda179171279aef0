{#- A column of the months being built holds nothing but codes of a rule table and `also`; null is not judged here. -#}
{% test has_only_codes_of(model, column_name, rules, field, also=[]) %}
select distinct {{ column_name }}
from {{ model }}
where month between '{{ from_month() }}' and '{{ to_month() }}'
    and {{ column_name }} not in (
        select {{ field }} as code from {{ rules }}
        {%- for code in also %}
        union all
        select '{{ code }}' as code
        {%- endfor %}
    )
{% endtest %}
