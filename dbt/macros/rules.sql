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

{%- macro values_in_force(table, key, value, codes, otherwise='null', look_back=0) -%}
{#- A select with one row a month of the range (and of some months before it, for look-backs) and a column per code:
    what `value` says of the rule whose `key` it is. -#}
    select
        calendar.month
        {%- for code in codes %},
        coalesce(max(case when {{ table }}.{{ key }} = '{{ code }}' then {{ value }} end), {{ otherwise }}) as {{ code }}
        {%- endfor %}
    from ({{ calendar(look_back) }}) as calendar
    left join ({{ in_force(table, look_back) }}) as {{ table }}
        on calendar.month = {{ table }}.month
    group by calendar.month
{%- endmacro -%}

{%- macro thresholds(keys, look_back=0) -%}
{#- A select with one row a month of the range (and of some months before it) and a double column per threshold key. -#}
    {{ values_in_force('thresholds', 'key', 'cast(thresholds.value as double)', keys, look_back=look_back) }}
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

{%- macro day_as_text(value) -%}
{#- A day for a sentence, a dash when it is not known. -#}
coalesce(cast({{ value }} as string), '—')
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

{%- macro answer_codes(look_back=0) -%}
{#- A select of what an exit survey may answer in a month, a category or a cause itself, with the cause that it means. -#}
    select month, answer_code, cause_code
    from ({{ in_force('survey_causes', look_back) }}) as survey_causes
    union
    select month, cause_code as answer_code, cause_code
    from ({{ in_force('causes', look_back) }}) as causes
{%- endmacro -%}

{%- macro answers_name(answers, answer_code) -%}
{#- Whether an answer, of which several may stand in one cell, has the code among them. -#}
instr(
    concat('+', replace(replace(replace({{ answers }}, ',', '+'), ';', '+'), '、', '+'), '+'),
    concat('+', {{ answer_code }}, '+')
) > 0
{%- endmacro -%}

{%- macro cap_holder(cap_unit, subscriber_id) -%}
{#- Whose cap a cost counts against: the group's, whose lines share one, or the line's own. -#}
case when {{ cap_unit }} is null then {{ subscriber_id }} else concat('group ', {{ cap_unit }}) end
{%- endmacro -%}

{%- macro joined_in_order(value, separator='+', places=5) -%}
{#- The values of a group in the order of its column `place`, joined; null when there are none. -#}
nullif(concat_ws('{{ separator }}'{% for place in range(1, places + 1) %}, max(case when place = {{ place }} then {{ value }} end){% endfor %}), '')
{%- endmacro -%}

{%- macro place_in(column, codes) -%}
{#- Where a code stands in an order, what is not in it last. -#}
case {{ column }}{% for code in codes %} when '{{ code }}' then {{ loop.index }}{% endfor %} else {{ codes | length + 1 }} end
{%- endmacro -%}
