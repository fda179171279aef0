{#- Losses over the base that they left behind, which can exceed one: null when that base is below
    `at_least`, where it would print thousands of per cent (domain 3.0). -#}
{% macro legacy_rate(churned, remaining, at_least) -%}
case when {{ remaining }} >= {{ at_least }} then {{ ratio(churned, remaining) }} end
{%- endmacro %}

{#- One end of the Wilson interval of a share, 95 % unless told another normal quantile. Null when the denominator is
    zero, and when more events than trials were counted (possible where a month's newcomers leave within it). -#}
{% macro wilson_bound(successes, trials, sign, z="1.959963984540054e0") -%}
{%- set n = "cast(nullif(" ~ trials ~ ", 0) as double)" -%}
{%- set p = "(cast(" ~ successes ~ " as double) / " ~ n ~ ")" -%}
case
    when {{ trials }} > 0 and {{ successes }} = {{ "0 then 0e0" if sign == "-" else trials ~ " then 1e0" }}
    when {{ trials }} > 0 and {{ successes }} between 0 and {{ trials }}
        then (
            {{ p }} + {{ z }} * {{ z }} / (2e0 * {{ n }})
            {{ sign }} {{ z }} * sqrt({{ p }} * (1e0 - {{ p }}) / {{ n }} + {{ z }} * {{ z }} / (4e0 * {{ n }} * {{ n }}))
        ) / (1e0 + {{ z }} * {{ z }} / {{ n }})
end
{%- endmacro %}

{% macro wilson_low(successes, trials, z="1.959963984540054e0") -%}
{{ wilson_bound(successes, trials, "-", z) }}
{%- endmacro %}

{% macro wilson_high(successes, trials, z="1.959963984540054e0") -%}
{{ wilson_bound(successes, trials, "+", z) }}
{%- endmacro %}

{#- The scopes in which churn is counted, as a table of their types. -#}
{% macro scope_types() -%}
select 'network' as scope_type
union all select 'district' as scope_type
union all select 'brand' as scope_type
union all select 'network_type' as scope_type
union all select 'payment_type' as scope_type
{%- endmacro %}

{#- A subscriber's code in the scope type of the row; `suffix` '_open' reads the code of the month before. -#}
{% macro scope_code(relation, suffix='') -%}
case scope_types.scope_type
    when 'network' then 'all'
    when 'district' then {{ relation }}.district_code{{ suffix }}
    when 'brand' then {{ relation }}.brand{{ suffix }}
    when 'network_type' then {{ relation }}.network_type{{ suffix }}
    when 'payment_type' then {{ relation }}.payment_type{{ suffix }}
end
{%- endmacro %}

{#- What the office calls a scope; `district_name` is the district's name in the month. -#}
{% macro scope_name(scope_type, scope_code, district_name) -%}
case
    when {{ scope_type }} = 'network' then '全网'
    when {{ scope_code }} = '(unknown)' then '未知'
    when {{ scope_type }} = 'district' then coalesce({{ district_name }}, {{ scope_code }})
    when {{ scope_code }} = 'prepaid' and {{ scope_type }} = 'payment_type' then '预付费'
    when {{ scope_code }} = 'quasi_prepaid' and {{ scope_type }} = 'payment_type' then '准预付费'
    when {{ scope_code }} = 'postpaid' and {{ scope_type }} = 'payment_type' then '后付费'
    else {{ scope_code }}
end
{%- endmacro %}

{#- A sum of counts as a bigint on every engine (DuckDB widens sums of bigints). -#}
{% macro total(expression) -%}
cast(sum({{ expression }}) as bigint)
{%- endmacro %}

{#- A select with the months of every window of one and of three months that ends in a month of the run.
    Every month of a window must have been delivered; a longer window over a gap is left out, because its sum
    would be one of fewer months. `cells` is the relation whose months are the delivered ones. -#}
{% macro delivered_windows(cells) -%}
select
    ends.month,
    window_lengths.window_months,
    ends.lag,
    ends.lagged_month
from ({{ lags(2) }}) as ends
cross join (select 1 as window_months union all select 3 as window_months) as window_lengths
inner join (
    select
        reached.month,
        reached.lag,
        count(*) over (partition by reached.month order by reached.lag) as delivered_months
    from ({{ lags(2) }}) as reached
    inner join (select distinct month from {{ cells }}) as delivered
        on reached.lagged_month = delivered.month
) as histories
    on
        ends.month = histories.month
        and window_lengths.window_months - 1 = histories.lag
        and window_lengths.window_months = histories.delivered_months
where ends.lag < window_lengths.window_months
{%- endmacro %}

{#- A select with one row a month of the range that tells which columns of scopes the snapshot had. -#}
{% macro delivered_scopes() -%}
select
    month,
    max(case when column_name = 'brand' then 1 else 0 end) as has_brand,
    max(case when column_name = 'network' then 1 else 0 end) as has_network,
    max(case when column_name = 'payment_type' then 1 else 0 end) as has_payment_type
from {{ ref('stg_deliveries__columns') }}
where
    data_set = 'crm_subscribers'
    and {{ months_in_range() }}
group by month
{%- endmacro %}

{#- A subscriber's codes in the scope types; null where the column was not delivered, so that such a scope has no row. -#}
{% macro scope_columns(relation, delivered='delivered_scopes') -%}
coalesce({{ relation }}.district_code, '(unknown)') as district_code,
case when {{ delivered }}.has_brand = 1 then coalesce({{ relation }}.brand, '(unknown)') end as brand,
case when {{ delivered }}.has_network = 1 then coalesce({{ relation }}.network_type, '(unknown)') end as network_type,
case when {{ delivered }}.has_payment_type = 1 then coalesce({{ relation }}.payment_type, '(unknown)') end as payment_type
{%- endmacro %}

{#- Two tables, the second with the median of `value` and the number of rows in every group `by` of `relation`: the
    mean of the two middle values where the number is even. `tie` tells rows of a group apart. Written out, because
    engines interpolate differently in the last bits. -#}
{% macro median_of(relation, value, by, tie) -%}
{{ relation }}_ordered as (
    select
        {{ by | join(', ') }},
        {{ value }},
        row_number() over (partition by {{ by | join(', ') }} order by {{ value }}, {{ tie }}) as place,
        count(*) over (partition by {{ by | join(', ') }}) as row_count
    from {{ relation }}
),

{{ relation }}_median as (
    select
        {{ by | join(', ') }},
        max(row_count) as row_count,
        (min({{ value }}) + max({{ value }})) / 2e0 as median
    from {{ relation }}_ordered
    where 2 * place between row_count and row_count + 2
    group by {{ by | join(', ') }}
)
{%- endmacro %}
