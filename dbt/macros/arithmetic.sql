{#- Arithmetic that gives the same bits on every engine. -#}

{%- macro ratio(numerator, denominator) -%}
{#- A fraction as double; null when the denominator is zero or null. -#}
(cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro -%}

{%- macro rounded(value, digits) -%}
{#- A double rounded half up; engines' own round() disagree on ties. -#}
(floor(({{ value }}) * {{ 10 ** digits }} + 0.5e0) / {{ 10 ** digits }}e0)
{%- endmacro -%}

{%- macro noisy_or(chances) -%}
{#- One less the product of what each chance leaves open, four digits; chances are doubles, 0e0 for what is absent. -#}
{%- set left_open = [] -%}
{%- for chance in chances -%}{%- do left_open.append('(1e0 - (' ~ chance ~ '))') -%}{%- endfor -%}
{{ rounded('1e0 - ' ~ left_open | join(' * '), 4) }}
{%- endmacro -%}

{%- macro money_per(amount, count) -%}
{#- amount / count in yuan and fen, rounded half up in whole numbers; null when count is zero or null. -#}
cast(cast(floor(
    cast(2 * cast(cast({{ amount }} as decimal(18, 2)) * 100 as bigint) + ({{ count }}) as double)
    / nullif(cast(2 * ({{ count }}) as double), 0)
) as decimal(18, 0)) * cast(0.01 as decimal(3, 2)) as decimal(18, 2))
{%- endmacro -%}

{%- macro hash_share(text) -%}
{#- A number in [0, 1) that depends on nothing but the text: the last four hexadecimal digits of its md5. -#}
(({% for position in range(29, 33) -%}
    (instr('0123456789abcdef', substr(md5({{ text }}), {{ position }}, 1)) - 1) * {{ 16 ** (32 - position) }}
    {%- if not loop.last %} + {% endif %}
{%- endfor %}) / 65536e0)
{%- endmacro -%}


{%- macro monthly_equivalent(rate, months) -%}
{#- The monthly rate that compounds to `rate` over `months`: 1 - (1 - rate)^(1 / months) (domain 3.3); null over no
    month, and of more than everybody. Rounded, because the engines' powers differ in their last bits. -#}
case
    when ({{ rate }}) between 0e0 and 1e0
        then {{ rounded('1e0 - power(1e0 - (' ~ rate ~ '), 1e0 / nullif(cast(' ~ months ~ ' as double), 0))', 12) }}
end
{%- endmacro -%}
