{#- Exact binomial tails out of logarithms of single terms: neither warehouse has both a binomial distribution and a
    log-gamma function. Terms are Loader's saddle-point form, which keeps its precision for large counts. -#}

{%- macro stirling_error(n) -%}
{#- ln n! less Stirling's formula, for a whole n of at least 1 given as double: exact up to 15, a series above. -#}
{%- set exact = [
    '8.10614667953272582e-2', '4.13406959554092941e-2', '2.76779256849983391e-2', '2.07906721037650931e-2',
    '1.66446911898211922e-2', '1.38761288230707480e-2', '1.18967099458917701e-2', '1.04112652619720965e-2',
    '9.25546218271273292e-3', '8.33056343336287126e-3', '7.57367548795184079e-3', '6.94284010720952987e-3',
    '6.40899418800420707e-3', '5.95137011275884774e-3', '5.55473355196280137e-3',
] -%}
{%- set inverse = "(1e0 / nullif(" ~ n ~ ", 0))" -%}
case
    {%- for value in exact %}
    when {{ n }} = {{ loop.index }} then {{ value }}
    {%- endfor %}
    else {{ inverse }} * (1e0 / 12e0 - {{ inverse }} * {{ inverse }} * (1e0 / 360e0 - {{ inverse }} * {{ inverse }}
        * (1e0 / 1260e0 - {{ inverse }} * {{ inverse }} * (1e0 / 1680e0 - {{ inverse }} * {{ inverse }} / 1188e0))))
end
{%- endmacro -%}

{%- macro log_binomial_term(successes, trials, chance) -%}
{#- ln P(X = successes) for X binomial; all three double, 0 < chance < 1, successes a whole number in 0..trials. -#}
case
    when {{ successes }} = 0 then {{ trials }} * ln(1e0 - {{ chance }})
    when {{ successes }} = {{ trials }} then {{ trials }} * ln({{ chance }})
    else
        {{ stirling_error(trials) }}
        - {{ stirling_error(successes) }}
        - {{ stirling_error("(" ~ trials ~ " - " ~ successes ~ ")") }}
        - {{ deviance(successes, "(" ~ trials ~ " * " ~ chance ~ ")") }}
        - {{ deviance("(" ~ trials ~ " - " ~ successes ~ ")", "(" ~ trials ~ " * (1e0 - " ~ chance ~ "))") }}
        + 0.5e0 * ln({{ trials }} / nullif(6.283185307179586e0 * {{ successes }} * ({{ trials }} - {{ successes }}), 0))
end
{%- endmacro -%}

{%- macro deviance(count, expected) -%}
({{ count }} * ln({{ count }} / nullif({{ expected }}, 0)) + {{ expected }} - {{ count }})
{%- endmacro -%}

{%- macro whole_numbers() -%}
{#- A select of the numbers 0 to 9999. -#}
    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit as number
    from ({{ digits() }}) as ones
    cross join ({{ digits() }}) as tens
    cross join ({{ digits() }}) as hundreds
    cross join ({{ digits() }}) as thousands
{%- endmacro -%}

{%- macro digits() -%}
{% for digit in range(10) %}{{ "union all " if digit }}select {{ digit }} as digit {% endfor %}
{%- endmacro -%}

{#- A select of `keys` and p_value: the chance of at least `successes` out of `trials` when each has `chance`, for every
    row of `relation` that has all three. The shorter way from `successes` outwards is summed, as far as terms count:
    sixty terms and ten standard deviations, at most the ten thousand of whole_numbers. Decimals make the sum
    independent of its order; nine digits hide what the engines' logarithms differ in. -#}
{% macro binomial_upper_tails(relation, keys, successes, trials, chance) -%}
select
    {%- for key in keys %}
    cases.{{ key }},
    {%- endfor %}
    case
        when cases.chance <= 0 then case when cases.successes <= 0 then 1e0 else 0e0 end
        when cases.chance >= 1 then 1e0
        when cases.is_above then {{ rounded('coalesce(tails.tail, 0e0)', 9) }}
        else {{ rounded('1e0 - coalesce(tails.tail, 0e0)', 9) }}
    end as p_value
from ({{ binomial_cases(relation, keys, successes, trials, chance) }}) as cases
left join (
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        cast(sum(cast(exp({{ log_binomial_term('term', 'trials', 'chance') }}) as decimal(38, 20))) as double) as tail
    from (
        select
            {%- for key in keys %}
            cases.{{ key }},
            {%- endfor %}
            cases.trials,
            cases.chance,
            case
                when cases.is_above then cases.successes + numbers.number
                else cases.successes - 1e0 - numbers.number
            end as term
        from ({{ binomial_cases(relation, keys, successes, trials, chance) }}) as cases
        inner join ({{ whole_numbers() }}) as numbers
            on numbers.number < cases.reach
        where cases.chance > 0 and cases.chance < 1
    ) as terms
    where term between 0 and trials
    group by {{ keys | join(', ') }}
) as tails
    on
        {%- for key in keys %}
        {{ "and " if not loop.first }}cases.{{ key }} = tails.{{ key }}
        {%- endfor %}
{%- endmacro %}

{%- macro binomial_cases(relation, keys, successes, trials, chance) -%}
select
    {{ keys | join(', ') }},
    cast({{ successes }} as double) as successes,
    cast({{ trials }} as double) as trials,
    cast({{ chance }} as double) as chance,
    cast({{ successes }} as double) > cast({{ trials }} as double) * {{ chance }} as is_above,
    60e0 + 10e0 * sqrt(cast({{ trials }} as double) * {{ chance }} * greatest(1e0 - {{ chance }}, 0e0)) as reach
from {{ relation }}
where {{ trials }} > 0 and {{ chance }} is not null and {{ successes }} is not null
{%- endmacro -%}

{#- How far a share lies above another, in standard errors of their difference as if both were one: `events` of `cases`
    against `other_events` of `other_cases`, with the correction for continuity. Null when either has no cases and when
    all or none of the cases are events. -#}
{% macro score_above(events, cases, other_events, other_cases) -%}
{%- set pooled = "(cast(" ~ events ~ " + " ~ other_events ~ " as double) / nullif(cast(" ~ cases ~ " + " ~ other_cases
    ~ " as double), 0))" -%}
{%- set widths = "(" ~ ratio('1', cases) ~ " + " ~ ratio('1', other_cases) ~ ")" -%}
(
    {{ ratio(events, cases) }} - {{ ratio(other_events, other_cases) }} - 0.5e0 * {{ widths }}
) / nullif(sqrt({{ pooled }} * (1e0 - {{ pooled }}) * {{ widths }}), 0)
{%- endmacro %}
