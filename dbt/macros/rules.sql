{#- Business rules are seed rows with the months in which they hold; these macros read what holds in a month. -#}

{%- macro in_force(table, look_back=0) -%}
{#- A select of a rule table's rows with the month in which they hold: one row a month of the range (and of some months
    before it, for look-backs) and rule. Both ends of a validity belong to it; an empty end is none. -#}
    select
        calendar.month,
        rule_rows.*
    from ({{ calendar(look_back) }}) as calendar
    inner join {{ ref(table) }} as rule_rows
        on
            rule_rows.valid_from <= calendar.month
            and coalesce({{ text_or_null('rule_rows.valid_to') }}, '9999-12') >= calendar.month
{%- endmacro -%}

{%- macro text_or_null(column) -%}
{#- A seed's text, null where its cell is empty: dbt-spark loads such a cell as the word None. -#}
nullif(nullif({{ column }}, ''), 'None')
{%- endmacro -%}

{%- macro values_in_force(table, key, value, codes, otherwise='null') -%}
{#- A select with one row a month of the range and a column per code: what `value` says of the rule whose `key` it is. -#}
    select
        calendar.month
        {%- for code in codes %},
        coalesce(max(case when {{ table }}.{{ key }} = '{{ code }}' then {{ value }} end), {{ otherwise }}) as {{ code }}
        {%- endfor %}
    from ({{ calendar() }}) as calendar
    left join ({{ in_force(table) }}) as {{ table }}
        on calendar.month = {{ table }}.month
    group by calendar.month
{%- endmacro -%}

{%- macro thresholds(keys) -%}
{#- A select with one row a month of the range and a double column per threshold key. -#}
    {{ values_in_force('thresholds', 'key', 'cast(thresholds.value as double)', keys) }}
{%- endmacro -%}

{%- macro clause_weights(column, codes) -%}
{#- A select with one row a month of the range and an integer column per clause code: its weight. -#}
    {{ values_in_force('warning_clauses', 'clause_code', 'warning_clauses.' ~ column, codes, otherwise='0') }}
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
