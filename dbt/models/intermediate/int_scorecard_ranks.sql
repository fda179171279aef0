{{ config(**monthly()) }}

{%- set by = ['month', 'unit_type', 'peer_group', 'kpi_code'] %}

with

scores as (
    select * from {{ ref('int_scorecard_scores') }}
    where
        state = 'scored'
        and {{ months_in_range() }}
),

measures as (
    select
        month,
        unit_type,
        peer_group,
        kpi_code,
        unit_code,
        loss - peer_loss as disadvantage,
        sqrt(loss_variance) as deviation
    from scores
    union all
    select
        month,
        unit_type,
        peer_group,
        'total' as kpi_code,
        unit_code,
        -max(total_score) as disadvantage,
        cast(null as double) as deviation
    from scores
    group by month, unit_type, peer_group, unit_code
),

{{ median_of('measures', 'disadvantage', by, 'unit_code') }},

-- 5 % over all pairs of units, and over all units (Bonferroni).
compared as (
    select
        measures.*,
        measures_median.row_count as ranked_count,
        measures_median.median as median_disadvantage,
        {{ normal_quantile('(0.025e0 / nullif(greatest(cast(measures_median.row_count * (measures_median.row_count - 1) as double) / 2e0, 1e0), 0))') }}
            as z_of_pairs,
        {{ normal_quantile('(0.025e0 / nullif(cast(measures_median.row_count as double), 0))') }} as z_of_units
    from measures
    inner join measures_median
        on
            {%- for column in by %}
            {{ "and " if not loop.first }}measures.{{ column }} = measures_median.{{ column }}
            {%- endfor %}
),

margins_of_totals as (
    select
        scores.month,
        scores.unit_type,
        scores.unit_code,
        {{ margin_of_total('compared.z_of_pairs', '+') }} as better_by_pairs,
        {{ margin_of_total('compared.z_of_pairs', '-') }} as worse_by_pairs,
        {{ margin_of_total('compared.z_of_units', '+') }} as better_by_units,
        {{ margin_of_total('compared.z_of_units', '-') }} as worse_by_units
    from scores
    inner join compared
        on
            scores.month = compared.month
            and scores.unit_type = compared.unit_type
            and scores.unit_code = compared.unit_code
            and compared.kpi_code = 'total'
    group by scores.month, scores.unit_type, scores.unit_code
),

-- How much better and worse each unit may be than it looks.
bounded as (
    select
        compared.*,
        coalesce(compared.z_of_pairs * compared.deviation, totals.better_by_pairs) as better_by_pairs,
        coalesce(compared.z_of_pairs * compared.deviation, totals.worse_by_pairs) as worse_by_pairs,
        coalesce(compared.z_of_units * compared.deviation, totals.better_by_units) as better_by_units,
        coalesce(compared.z_of_units * compared.deviation, totals.worse_by_units) as worse_by_units
    from compared
    left join margins_of_totals as totals
        on
            compared.month = totals.month
            and compared.unit_type = totals.unit_type
            and compared.unit_code = totals.unit_code
),

paired as (
    select
        {%- for column in by %}
        bounded.{{ column }},
        {%- endfor %}
        bounded.unit_code,
        bounded.disadvantage - others.disadvantage
        > {{ hypotenuse('bounded.better_by_pairs', 'others.worse_by_pairs') }} as is_beaten,
        others.disadvantage - bounded.disadvantage
        > {{ hypotenuse('bounded.worse_by_pairs', 'others.better_by_pairs') }} as is_ahead
    from bounded
    inner join bounded as others
        on
            {%- for column in by %}
            {{ "and " if not loop.first }}bounded.{{ column }} = others.{{ column }}
            {%- endfor %}
),

places as (
    select
        {%- for column in by %}
        {{ column }},
        {%- endfor %}
        unit_code,
        count(case when is_beaten then 1 end) as better_count,
        count(case when is_ahead then 1 end) as worse_count
    from paired
    group by {{ by | join(', ') }}, unit_code
),

ranks as (
    select
        bounded.month,
        bounded.unit_type,
        bounded.peer_group,
        bounded.kpi_code,
        bounded.unit_code,
        bounded.disadvantage,
        bounded.disadvantage - bounded.better_by_units as disadvantage_low,
        bounded.disadvantage + bounded.worse_by_units as disadvantage_high,
        bounded.better_by_pairs,
        bounded.worse_by_pairs,
        bounded.median_disadvantage,
        bounded.ranked_count,
        1 + places.better_count as rank,
        1 + places.better_count as rank_low,
        bounded.ranked_count - places.worse_count as rank_high,
        bounded.disadvantage - bounded.better_by_units > bounded.median_disadvantage
        or bounded.disadvantage + bounded.worse_by_units < bounded.median_disadvantage as is_distinguishable
    from bounded
    inner join places
        on
            {%- for column in by %}
            bounded.{{ column }} = places.{{ column }} and
            {%- endfor %}
            bounded.unit_code = places.unit_code
)

select * from ranks
