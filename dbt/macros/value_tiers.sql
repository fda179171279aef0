{#- Hysteresis of value tiers (domain 3.10). -#}

{#- A rung is an edge of the tiers; what a month says of it is one letter: Y or N when the measure is beyond the edge by
    more than the margin of hysteresis, y or n when it is on that side but near, - when nothing was measured. -#}
{%- macro rung(is_firmly_above, is_above, is_firmly_below) -%}
case
            when {{ is_firmly_above }} then 'Y'
            when {{ is_above }} then 'y'
            when {{ is_firmly_below }} then 'N'
            else 'n'
        end
{%- endmacro -%}

{%- macro ratio_rung(edge, is_above) -%}
{{ rung(
    'valued.value_ratio > ' ~ rounded(edge ~ ' * (1 + thresholds.tier_hysteresis_share)', 4),
    is_above,
    'valued.value_ratio < ' ~ rounded(edge ~ ' * (1 - thresholds.tier_hysteresis_share)', 4),
) }}
{%- endmacro -%}

{%- macro rank_cut(share) -%}
ceil({{ rounded('thresholds.' ~ share ~ ' * ranked.ranked_count', 6) }})
{%- endmacro -%}

{%- macro rank_rung(share) -%}
{{ rung(
    'ranked.spend_rank <= ' ~ rounded(rank_cut(share) ~ ' * (1 - thresholds.tier_hysteresis_share)', 4),
    'ranked.spend_rank <= ' ~ rank_cut(share),
    'ranked.spend_rank > ' ~ rounded(rank_cut(share) ~ ' * (1 + thresholds.tier_hysteresis_share)', 4),
) }}
{%- endmacro -%}

{#- Whether the line is above a rung. A month decides when its measure is firm, when the month before says the same or
    when there was none to say anything; an undecided month leaves the rung as the month before left it. A line that
    has been undecided for all the months that are looked at is below. -#}
{%- macro is_above_rung(place, memory_months) -%}
case
            {%- for lag in range(memory_months) %}
            when
                substr(rungs_{{ lag }}, {{ place }}, 1) in ('Y', 'N')
                or coalesce(substr(rungs_{{ lag + 1 }}, {{ place }}, 1), '-')
                in ('-', upper(substr(rungs_{{ lag }}, {{ place }}, 1)), substr(rungs_{{ lag }}, {{ place }}, 1))
                then lower(substr(rungs_{{ lag }}, {{ place }}, 1)) = 'y'
            {%- endfor %}
            else coalesce(substr(rungs_{{ memory_months }}, {{ place }}, 1) = 'Y', false)
        end
{%- endmacro -%}
