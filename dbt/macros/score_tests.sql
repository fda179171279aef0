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
