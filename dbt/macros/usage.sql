{#- Whether a month of usage holds any at all: minutes, data, calls or messages (domain 3.2). -#}
{% macro has_use(relation=none) -%}
{%- set prefix = relation ~ '.' if relation else '' -%}
{%- for column in ['mou_out', 'mou_in', 'data_mb', 'calls_out', 'calls_in', 'sms_out'] -%}
{{ ' + ' if not loop.first }}coalesce({{ prefix }}{{ column }}, 0)
{%- endfor %} > 0
{%- endmacro %}
