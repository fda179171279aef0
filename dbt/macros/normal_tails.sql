{#- The normal quantile that is exceeded with `chance`, for a small one (below 0.024; null otherwise): Acklam's rational
    approximation of the tail, whose relative error is below 1.2e-9. Nine digits hide what the engines' logarithms differ
    in. -#}
{%- macro normal_upper_quantile(chance) -%}
{%- set q = "sqrt(-2e0 * ln(" ~ chance ~ "))" -%}
case
    when {{ chance }} > 0e0 and {{ chance }} < 0.024e0
        then {{ rounded(
            '-' ~ polynomial(q, [
                '-7.784894002430293e-3', '-3.223964580411365e-1', '-2.400758277161838e0', '-2.549732539343734e0',
                '4.374664141464968e0', '2.938163982698783e0',
            ]) ~ ' / nullif(' ~ polynomial(q, [
                '7.784695709041462e-3', '3.224671290700398e-1', '2.445134137142996e0', '3.754408661907416e0', '1e0',
            ]) ~ ', 0)', 9
        ) }}
end
{%- endmacro -%}

{%- macro polynomial(at, coefficients) -%}
{#- The polynomial by Horner's scheme, the coefficient of the highest power first. -#}
{%- set result = namespace(sql=coefficients[0]) -%}
{%- for coefficient in coefficients[1:] -%}
    {%- set result.sql = '(' ~ result.sql ~ ' * ' ~ at ~ ' + ' ~ coefficient ~ ')' -%}
{%- endfor -%}
{{ return(result.sql) }}
{%- endmacro -%}

{#- How far a share lies above another, in standard errors of their difference as if both were one: `events` of `cases`
    against `other_events` of `other_cases`, with the correction for continuity. Null when either has no cases and when
    all or none of the cases are events. -#}
{%- macro score_above(events, cases, other_events, other_cases) -%}
{%- set pooled = "(cast(" ~ events ~ " + " ~ other_events ~ " as double) / nullif(cast(" ~ cases ~ " + " ~ other_cases
    ~ " as double), 0))" -%}
{%- set widths = "(" ~ ratio('1', cases) ~ " + " ~ ratio('1', other_cases) ~ ")" -%}
(
    {{ ratio(events, cases) }} - {{ ratio(other_events, other_cases) }} - 0.5e0 * {{ widths }}
) / nullif(sqrt({{ pooled }} * (1e0 - {{ pooled }}) * {{ widths }}), 0)
{%- endmacro -%}

{#- How far a share lies above a fixed one, in standard errors of the fixed one: it exceeds z exactly when the lower
    Wilson bound at z lies above the fixed share. -#}
{%- macro score_above_limit(events, cases, limit_share) -%}
({{ ratio(events, cases) }} - {{ limit_share }})
/ nullif(sqrt({{ limit_share }} * (1e0 - {{ limit_share }}) * {{ ratio('1', cases) }}), 0)
{%- endmacro -%}
