{#- Business rules are seed rows; these macros read what holds in a month. -#}

{%- macro thresholds(keys) -%}
{#- A select with one row a month of the range and a double column per threshold key. -#}
    select
        calendar.month
        {%- for key in keys %},
        max(case when thresholds.key = '{{ key }}' then cast(thresholds.value as double) end) as {{ key }}
        {%- endfor %}
    from ({{ calendar() }}) as calendar
    left join {{ ref('thresholds') }} as thresholds
        on
            thresholds.valid_from <= calendar.month
            and coalesce(nullif(thresholds.valid_to, ''), '9999-12') >= calendar.month
    group by calendar.month
{%- endmacro -%}

{%- macro clause_weights(column, codes) -%}
{#- A select with one row and an integer column per clause code: its weight. -#}
    select
        {%- for code in codes %}
        max(case when clause_code = '{{ code }}' then {{ column }} end) as {{ code }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('warning_clauses') }}
{%- endmacro -%}

{%- macro templates(codes) -%}
{#- A select with one row and the Chinese and English sentence of every reason code. -#}
    select
        {%- for code in codes %}
        max(case when reason_code = '{{ code }}' then zh end) as {{ code }}_zh,
        max(case when reason_code = '{{ code }}' then en end) as {{ code }}_en{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('reason_templates') }}
{%- endmacro -%}

{%- macro sentence(template, figures) -%}
{#- The template with every {word} replaced by the text expression given for it. -#}
    {%- set result = namespace(sql=template) -%}
    {%- for word, figure in figures.items() -%}
        {%- set result.sql = "replace(" ~ result.sql ~ ", '{" ~ word ~ "}', " ~ figure ~ ")" -%}
    {%- endfor -%}
    {{ result.sql }}
{%- endmacro -%}

{%- macro as_text(value, digits) -%}
{#- A figure for a sentence: fixed digits after the point, a dash when it is not known. -#}
    {%- if digits == 2 -%}
coalesce(cast(cast({{ value }} as decimal(18, 2)) as string), '—')
    {%- elif digits == 0 -%}
coalesce(cast(cast({{ rounded('cast(' ~ value ~ ' as double)', 0) }} as bigint) as string), '—')
    {%- else -%}
coalesce(cast(cast({{ rounded('cast(' ~ value ~ ' as double)', digits) }} as decimal(18, {{ digits }})) as string), '—')
    {%- endif -%}
{%- endmacro -%}

{%- macro joined_codes(codes, prefix='is_') -%}
{#- The codes whose flag is true, joined by +; null when none is. -#}
nullif(concat_ws('+'{% for code in codes %}, case when {{ prefix }}{{ code }} then '{{ code }}' end{% endfor %}), '')
{%- endmacro -%}

{%- macro is_exempt_from_holdout(value_tier, is_special) -%}
{#- Members of groups and special persons are never withheld from a list (domain 5.6), so they are in no arm either. -#}
(coalesce({{ value_tier }}, 'U') = 'group' or coalesce({{ is_special }}, false))
{%- endmacro -%}
