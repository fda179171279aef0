{#- What is left of a cohort after the tenure months for which `condition` holds: the product of one less each month's
    hazard, as an aggregate. Null unless somebody was at risk in all `months` of them. -#}
{% macro survival(churned, at_risk, condition, months) -%}
case
    when count(case when {{ condition }} and {{ at_risk }} > 0 then 1 end) = {{ months }}
        then {{ product_of_logs(
            "sum(case when " ~ condition ~ " then " ~ log_of_staying(churned, at_risk) ~ " end)",
            "max(case when " ~ condition ~ " and " ~ churned ~ " = " ~ at_risk ~ " then 1 else 0 end)"
        ) }}
end
{%- endmacro %}

{#- ln(1 - churned / at_risk) as a decimal, so that its sums do not depend on their order; null when nobody stays. -#}
{% macro log_of_staying(churned, at_risk) -%}
cast(ln({{ ratio('nullif(' ~ at_risk ~ ' - ' ~ churned ~ ', 0)', at_risk) }}) as decimal(38, 18))
{%- endmacro %}

{#- The product behind a sum of logarithms, nine digits; 0 once `is_over` is 1. -#}
{% macro product_of_logs(logs, is_over) -%}
case when {{ is_over }} = 1 then 0e0 else {{ rounded('exp(cast(' ~ logs ~ ' as double))', 9) }} end
{%- endmacro %}

{#- The product of one less the hazard of every tenure month up to the row's, within the row's month. -#}
{% macro survival_so_far(churned, at_risk) -%}
{%- set window = "over (partition by hazards.month order by hazards.tenure_month asc nulls last rows between unbounded preceding and current row)" -%}
{{ product_of_logs(
    "coalesce(sum(" ~ log_of_staying(churned, at_risk) ~ ") " ~ window ~ ", 0)",
    "max(case when " ~ at_risk ~ " > 0 and " ~ churned ~ " = " ~ at_risk ~ " then 1 else 0 end) " ~ window
) }}
{%- endmacro %}
