{#- Months are text YYYY-MM. The range to replace is that of dbt's flags --event-time-start (included) and
    --event-time-end (excluded), because other variables would have the whole project parsed anew. Unit tests state it
    by the vars from_month and to_month, both included. -#}

{%- macro from_month() -%}
    {%- set start = invocation_args_dict.get('event_time_start') -%}
    {{ return('%04d-%02d' % (start.year, start.month) if start else var('from_month')) }}
{%- endmacro -%}

{%- macro to_month() -%}
    {%- set end = invocation_args_dict.get('event_time_end') -%}
    {{ return(shift_month('%04d-%02d' % (end.year, end.month), -1) if end else var('to_month')) }}
{%- endmacro -%}

{%- macro shift_month(month, count) -%}
{#- The month `count` months later, computed while compiling; the absent range 'none' stays absent. -#}
    {%- if month == 'none' -%}{{ return('none') }}{%- endif -%}
    {%- set number = (month[:4] | int) * 12 + (month[5:] | int) - 1 + count -%}
    {{ return('%04d-%02d' % (number // 12, number % 12 + 1)) }}
{%- endmacro -%}

{%- macro months_between(first, last) -%}
{#- Every month from first to last as a list; empty when the range is absent. -#}
    {%- set months = [] -%}
    {%- if first != 'none' and last != 'none' -%}
        {%- set span = ((last[:4] | int) - (first[:4] | int)) * 12 + (last[5:] | int) - (first[5:] | int) -%}
        {%- for offset in range(span + 1) -%}
            {%- do months.append(shift_month(first, offset)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(months) }}
{%- endmacro -%}

{%- macro months_in_range(column='month', look_back=0) -%}
{#- The filter of every monthly model: the months to replace and, for look-backs, some before them. -#}
    {{ require_partition_on_spark() -}}
    {{ column }} between '{{ shift_month(from_month(), -look_back) }}' and '{{ to_month() }}'
{%- endmacro -%}

{%- macro calendar(look_back=0) -%}
{#- A select with one row a month of the range: the months, days and quarter around it. -#}
    {%- set months = months_between(shift_month(from_month(), -look_back), to_month()) -%}
    select
        month,
        previous_month,
        next_month,
        cast(first_on as date) as first_on,
        cast(last_on as date) as last_on,
        days_in_month,
        month_number,
        quarter
    from (
        values
        {%- for month in months or ['1970-01'] %}
        (
            '{{ month }}',
            '{{ shift_month(month, -1) }}',
            '{{ shift_month(month, 1) }}',
            '{{ month }}-01',
            '{{ last_day_of(month) }}',
            {{ last_day_of(month)[8:] | int }},
            {{ (month[:4] | int) * 12 + (month[5:] | int) - 1 }},
            '{{ month[:4] }}-Q{{ ((month[5:] | int) + 2) // 3 }}'
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as calendar_months (
        month, previous_month, next_month, first_on, last_on, days_in_month, month_number, quarter
    )
    {%- if not months %}
    where 1 = 0
    {%- endif %}
{%- endmacro -%}

{%- macro lags(depth, first=0) -%}
{#- A select that names, for every month of the range, the months 0 (or `first`) to `depth` before it. -#}
    {%- set months = months_between(from_month(), to_month()) -%}
    select month, lagged_month, lag
    from (
        values
        {%- for month in months or ['1970-01'] %}
        {%- for lag in range(first, depth + 1) %}
        ('{{ month }}', '{{ shift_month(month, -lag) }}', {{ lag }}){{ ',' if not loop.last }}
        {%- endfor %}
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as lagged_months (month, lagged_month, lag)
    {%- if not months %}
    where 1 = 0
    {%- endif %}
{%- endmacro -%}

{%- macro last_day_of(month) -%}
    {%- set next = shift_month(month, 1) -%}
    {%- set day = modules.datetime.date(next[:4] | int, next[5:] | int, 1) - modules.datetime.timedelta(days=1) -%}
    {{ return(day.isoformat()) }}
{%- endmacro -%}

{#- SQL on text months and dates -#}

{%- macro month_number(month) -%}
(cast(substr({{ month }}, 1, 4) as int) * 12 + cast(substr({{ month }}, 6, 2) as int) - 1)
{%- endmacro -%}

{%- macro date_month_number(date) -%}
(cast(year({{ date }}) as int) * 12 + cast(month({{ date }}) as int) - 1)
{%- endmacro -%}

{%- macro month_of(date) -%}
substr(cast(cast({{ date }} as date) as string), 1, 7)
{%- endmacro -%}

{%- macro add_months(month, count) -%}
{{ return(adapter.dispatch('add_months', 'retention')(month, count)) }}
{%- endmacro -%}

{%- macro default__add_months(month, count) -%}
substr(cast(cast(concat({{ month }}, '-01') as date) + to_months(cast({{ count }} as int)) as string), 1, 7)
{%- endmacro -%}

{%- macro spark__add_months(month, count) -%}
substr(cast(add_months(cast(concat({{ month }}, '-01') as date), {{ count }}) as string), 1, 7)
{%- endmacro -%}

{%- macro days_between(first, last) -%}
{{ return(adapter.dispatch('days_between', 'retention')(first, last)) }}
{%- endmacro -%}

{%- macro default__days_between(first, last) -%}
cast(date_diff('day', {{ first }}, {{ last }}) as int)
{%- endmacro -%}

{%- macro spark__days_between(first, last) -%}
cast(datediff({{ last }}, {{ first }}) as int)
{%- endmacro -%}
