{#- Statistics of scorecards (domain 3.19; ADR 11). Everything is a loss, a share of cases in which the worse happened:
    the value where lower is better, what is missing to one where higher is better. -#}

{%- macro sum_in_any_order(value) -%}
{#- A sum of doubles that does not depend on the order of its rows. -#}
cast(sum(cast({{ value }} as decimal(38, 15))) as double)
{%- endmacro -%}

{%- macro normal_quantile(tail) -%}
{#- The x beyond which a standard normal lies with the chance `tail`, above 0 and at most a half; six digits (Abramowitz
    and Stegun 26.2.23, error below 4.5e-4): neither warehouse has it. -#}
{%- set t = "sqrt(-2e0 * ln(" ~ tail ~ "))" -%}
{{ rounded(
    t ~ ' - (2.515517e0 + ' ~ t ~ ' * (0.802853e0 + ' ~ t ~ ' * 0.010328e0)) / nullif(1e0 + ' ~ t ~ ' * (1.432788e0 + '
    ~ t ~ ' * (0.189269e0 + ' ~ t ~ ' * 0.001308e0)), 0)', 6
) }}
{%- endmacro -%}

{%- macro share_variance(events, cases) -%}
{#- The sampling variance of a share, two events and two others added (Agresti and Coull 1998), so that a share of none
    or of all is not certain; null without cases. -#}
{%- set share = ratio("(" ~ events ~ " + 2)", "(nullif(" ~ cases ~ ", 0) + 4)") -%}
({{ share }} * (1e0 - {{ share }}) / nullif(cast({{ cases }} as double) + 4e0, 0))
{%- endmacro -%}

{%- macro linear_score(loss, target_loss, floor_loss) -%}
{#- 100 at the target and better, 0 at the floor and worse, linear between them; six digits. Where both are the same it
    is reached or not. -#}
case
    when {{ loss }} is null or {{ target_loss }} is null or {{ floor_loss }} is null then null
    when {{ loss }} <= {{ target_loss }} then 100e0
    when {{ loss }} >= {{ floor_loss }} then 0e0
    else {{ rounded(
        '100e0 * (' ~ floor_loss ~ ' - ' ~ loss ~ ') / nullif(' ~ floor_loss ~ ' - ' ~ target_loss ~ ', 0)', 6
    ) }}
end
{%- endmacro -%}

{%- macro margin_of_score(z, side) -%}
{#- How far a score could lie below (-) or above (+) what it is, out of its line without ends and that line's standard
    deviation; all the way where it has no line. -#}
{%- set end = "raw_score " ~ side ~ " " ~ z ~ " * raw_score_deviation" -%}
{%- if side == '-' -%}
(score - least(score, coalesce(greatest(0e0, {{ end }}), 0e0)))
{%- else -%}
(greatest(score, coalesce(least(100e0, {{ end }}), 100e0)) - score)
{%- endif -%}
{%- endmacro -%}

{%- macro margin_of_total(z, side) -%}
{#- The same of a total, as an aggregate over its indicators, which are taken as independent: the distances to the ends
    of their intervals are added as squares (Zou and Donner 2008). -#}
sqrt({{ sum_in_any_order('power(' ~ margin_of_score(z, side) ~ ' * effective_weight / 100e0, 2)') }})
{%- endmacro -%}

{%- macro as_value(loss) -%}
{#- A loss in terms of the indicator itself, by the column is_higher_better of the row's rule, twelve digits. -#}
{{ rounded('case when kpis.is_higher_better then 1e0 - ' ~ loss ~ ' else ' ~ loss ~ ' end', 12) }}
{%- endmacro -%}

{%- macro scorecard(unit_type) -%}
{#- A select with the scorecards of one type of unit: a row a month, unit and indicator, with the unit's total and rank
    on each. -#}
with

kpis as (
    {{ in_force('scorecard_kpis') }}
),

scores as (
    select * from {{ ref('int_scorecard_scores') }}
    where
        unit_type = '{{ unit_type }}'
        and {{ months_in_range() }}
),

ranks as (
    select * from {{ ref('int_scorecard_ranks') }}
    where
        unit_type = '{{ unit_type }}'
        and {{ months_in_range() }}
)

select
    scores.month,
    scores.unit_code,
    scores.unit_name,
    scores.district_code,
    scores.kpi_code,
    kpis.sort_order as kpi_sort_order,
    scores.state,
    scores.case_count,
    scores.event_count,
    scores.value,
    scores.ci_low,
    scores.ci_high,
    {{ as_value('scores.peer_loss') }} as peer_value,
    {{ as_value('scores.target_loss') }} as target,
    scores.target_source,
    {{ as_value('scores.floor_loss') }} as floor,
    scores.history_month_count,
    scores.weight,
    scores.effective_weight,
    scores.score,
    scores.score_low,
    scores.score_high,
    scores.points,
    kpi_ranks.rank as kpi_rank,
    kpi_ranks.is_distinguishable as is_kpi_distinguishable,
    {% for difference, higher_better, lower_better in [
        ('kpi_difference', '-kpi_ranks.disadvantage', 'kpi_ranks.disadvantage'),
        ('kpi_difference_low', '-kpi_ranks.disadvantage_high', 'kpi_ranks.disadvantage_low'),
        ('kpi_difference_high', '-kpi_ranks.disadvantage_low', 'kpi_ranks.disadvantage_high'),
    ] -%}
    {{ rounded('case when kpis.is_higher_better then ' ~ higher_better ~ ' else ' ~ lower_better ~ ' end', 12) }}
        as {{ difference }},
    {% endfor -%}
    scores.events_to_next_point,
    scores.total_score,
    scores.total_score_low,
    scores.total_score_high,
    total_ranks.rank,
    total_ranks.rank_low,
    total_ranks.rank_high,
    total_ranks.ranked_count,
    total_ranks.is_distinguishable,
    -total_ranks.median_disadvantage as median_total_score
from scores
inner join kpis
    on
        scores.month = kpis.month
        and scores.unit_type = kpis.unit_type
        and scores.kpi_code = kpis.kpi_code
left join ranks as kpi_ranks
    on
        scores.month = kpi_ranks.month
        and scores.unit_code = kpi_ranks.unit_code
        and scores.kpi_code = kpi_ranks.kpi_code
left join ranks as total_ranks
    on
        scores.month = total_ranks.month
        and scores.unit_code = total_ranks.unit_code
        and total_ranks.kpi_code = 'total'
{%- endmacro -%}
