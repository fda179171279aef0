{#- Two arms compared: Newcombe's interval, sample size and power of a comparison of rates, and balance (domain 3.14,
    3.16). -#}

{#- One end of the interval of first_rate - second_rate by Newcombe's hybrid score method (his method 10), out of the
    Wilson bounds of both: `first` and `second` are prefixes of the columns _rate, _low and _high. Null as soon as one
    arm is empty. -#}
{% macro newcombe_low(first, second) -%}
({{ first }}_rate - {{ second }}_rate) - {{ hypotenuse(
    first ~ '_rate - ' ~ first ~ '_low', second ~ '_high - ' ~ second ~ '_rate'
) }}
{%- endmacro %}

{% macro newcombe_high(first, second) -%}
({{ first }}_rate - {{ second }}_rate) + {{ hypotenuse(
    first ~ '_high - ' ~ first ~ '_rate', second ~ '_rate - ' ~ second ~ '_low'
) }}
{%- endmacro %}

{%- macro hypotenuse(one, other) -%}
sqrt(({{ one }}) * ({{ one }}) + ({{ other }}) * ({{ other }}))
{%- endmacro -%}

{#- The normal quantiles of a two-sided 5 % test, of 80 % power and of the two-sided 90 % interval. -#}
{%- macro z_of_5_per_cent() -%}{{ return('1.959963984540054e0') }}{%- endmacro -%}
{%- macro z_of_80_per_cent_power() -%}{{ return('0.8416212335729143e0') }}{%- endmacro -%}
{%- macro z_of_90_per_cent() -%}{{ return('1.6448536269514722e0') }}{%- endmacro -%}

{#- The standard deviation of a rate `base` and of that rate less the share `fall`, for one subscriber in each arm. -#}
{%- macro spread_of_arms(base, fall) -%}
sqrt({{ base }} * (1e0 - {{ base }}) + {{ base }} * (1e0 - {{ fall }}) * (1e0 - {{ base }} * (1e0 - {{ fall }})))
{%- endmacro -%}

{#- Subscribers that each of two equal arms needs, so that a relative fall of `fall` from `base` is found with 80 %
    power at 5 % two-sided: the table of domain 3.16. Null without a base to fall from. -#}
{% macro needed_arm_count(base, fall) -%}
{%- set middle = "(" ~ base ~ " * (1e0 - " ~ fall ~ " / 2e0))" -%}
{%- set reach -%}
({{ z_of_5_per_cent() }} * sqrt(2e0 * {{ middle }} * (1e0 - {{ middle }}))
    + {{ z_of_80_per_cent_power() }} * {{ spread_of_arms(base, fall) }}) / nullif({{ base }} * {{ fall }}, 0)
{%- endset -%}
cast(ceil({{ rounded('(' ~ reach ~ ') * (' ~ reach ~ ')', 6) }}) as bigint)
{%- endmacro %}

{#- How many standard deviations beyond the limit of a 5 % two-sided test a relative fall of `fall` from `base` lies in
    arms of these sizes; normal_distribution makes the power of it. Null when an arm is empty or nobody leaves. -#}
{% macro power_score(base, fall, treated, control) -%}
{%- set fallen = "(" ~ base ~ " * (1e0 - " ~ fall ~ "))" -%}
{%- set pooled = "((" ~ base ~ " * " ~ control ~ " + " ~ fallen ~ " * " ~ treated ~ ") / nullif(cast(" ~ control
    ~ " + " ~ treated ~ " as double), 0))" -%}
{%- set one_of_control = "1e0 / nullif(cast(" ~ control ~ " as double), 0)" -%}
{%- set one_of_treated = "1e0 / nullif(cast(" ~ treated ~ " as double), 0)" -%}
(
    {{ base }} * {{ fall }}
    - {{ z_of_5_per_cent() }} * sqrt({{ pooled }} * (1e0 - {{ pooled }}) * ({{ one_of_control }} + {{ one_of_treated }}))
) / nullif(sqrt(
    {{ base }} * (1e0 - {{ base }}) * {{ one_of_control }} + {{ fallen }} * (1e0 - {{ fallen }}) * {{ one_of_treated }}
), 0)
{%- endmacro %}

{#- P(Z <= x) of the standard normal, six digits (Abramowitz and Stegun 26.2.17, error below 1e-7): neither warehouse
    has it. -#}
{%- macro normal_distribution(x) -%}
{%- set step = "(1e0 / nullif(1e0 + 0.2316419e0 * abs(" ~ x ~ "), 0))" -%}
{%- set tail -%}
0.3989422804014327e0 * exp(-0.5e0 * {{ x }} * {{ x }}) * {{ step }} * (0.319381530e0 + {{ step }} * (-0.356563782e0
    + {{ step }} * (1.781477937e0 + {{ step }} * (-1.821255978e0 + {{ step }} * 1.330274429e0))))
{%- endset -%}
case
    when {{ x }} >= 0e0 then {{ rounded('1e0 - ' ~ tail, 6) }}
    when {{ x }} < 0e0 then {{ rounded(tail, 6) }}
end
{%- endmacro -%}

{#- How far apart two arms' means of a covariate are, in standard deviations, nine digits: 0 when neither varies and
    both are equal; null when an arm has fewer than two known values. Each arm is a prefix of the columns _known,
    _sum and _squares. -#}
{%- macro standardised_difference(first, second) -%}
{%- set apart = "abs(" ~ arm_mean(first) ~ " - " ~ arm_mean(second) ~ ")" -%}
{%- set spread = "sqrt((" ~ arm_variance(first) ~ " + " ~ arm_variance(second) ~ ") / 2e0)" -%}
case
    when {{ first }}_known < 2 or {{ second }}_known < 2 then null
    when {{ arm_variance(first) }} + {{ arm_variance(second) }} > 0
        then {{ rounded(apart ~ ' / nullif(' ~ spread ~ ', 0)', 9) }}
    when {{ apart }} = 0 then 0e0
end
{%- endmacro -%}

{%- macro arm_mean(arm) -%}
{{ ratio(arm ~ '_sum', arm ~ '_known') }}
{%- endmacro -%}

{%- macro arm_variance(arm) -%}
greatest(
    (cast({{ arm }}_squares as double) - {{ ratio(arm ~ '_sum', arm ~ '_known') }} * cast({{ arm }}_sum as double))
    / nullif(cast({{ arm }}_known as double) - 1e0, 0),
    0e0
)
{%- endmacro -%}

{#- A yuan amount out of an arithmetic of doubles. -#}
{%- macro money(value) -%}
cast({{ rounded(value, 2) }} as decimal(18, 2))
{%- endmacro -%}

{#- A text's SHA-256 in hexadecimal digits: what draws the arms of a pilot (domain 3.16). -#}
{%- macro digest(text) -%}
{{ return(adapter.dispatch('digest', 'retention')(text)) }}
{%- endmacro -%}

{%- macro default__digest(text) -%}
sha256({{ text }})
{%- endmacro -%}

{%- macro spark__digest(text) -%}
sha2({{ text }}, 256)
{%- endmacro -%}
