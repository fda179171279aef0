{{ config(**monthly()) }}

{%- set by = ['month', 'unit_type', 'peer_group', 'kpi_code'] %}

with

scores as (
    select * from {{ ref('int_scorecard_scores') }}
    where {{ months_in_range() }}
),

measures as (
    select
        month,
        unit_type,
        peer_group,
        kpi_code,
        unit_code,
        loss - peer_loss as disadvantage,
        loss_variance as variance
    from scores
    where state = 'scored'
    union all
    select
        month,
        unit_type,
        peer_group,
        'total' as kpi_code,
        unit_code,
        -max(total_score) as disadvantage,
        max(total_variance) as variance
    from scores
    where total_score is not null
    group by month, unit_type, peer_group, unit_code
),

{{ median_of('measures', 'disadvantage', by, 'unit_code') }},

compared as (
    select
        measures.*,
        measures_median.row_count as ranked_count,
        measures_median.median as median_disadvantage,
        -- 5 % over all pairs, and over all units (Bonferroni).
        {{ normal_quantile('(0.025e0 / greatest(cast(measures_median.row_count * (measures_median.row_count - 1) as double) / 2e0, 1e0))') }}
            as z_of_pairs,
        {{ normal_quantile('(0.025e0 / nullif(cast(measures_median.row_count as double), 0))') }} as z_of_units
    from measures
    inner join measures_median
        on
            {%- for column in by %}
            {{ "and " if not loop.first }}measures.{{ column }} = measures_median.{{ column }}
            {%- endfor %}
),

beaten as (
    select
        {%- for column in by %}
        compared.{{ column }},
        {%- endfor %}
        compared.unit_code,
        count(case when compared.disadvantage - others.disadvantage > compared.z_of_pairs * sqrt(compared.variance + others.variance) then 1 end)
            as better_count,
        count(case when others.disadvantage - compared.disadvantage > compared.z_of_pairs * sqrt(compared.variance + others.variance) then 1 end)
            as worse_count
    from compared
    inner join measures as others
        on
            {%- for column in by %}
            {{ "and " if not loop.first }}compared.{{ column }} = others.{{ column }}
            {%- endfor %}
    group by
        {%- for column in by %}
        compared.{{ column }},
        {%- endfor %}
        compared.unit_code
),

ranks as (
    select
        compared.month,
        compared.unit_type,
        compared.peer_group,
        compared.kpi_code,
        compared.unit_code,
        compared.disadvantage,
        compared.disadvantage - compared.z_of_units * sqrt(compared.variance) as disadvantage_low,
        compared.disadvantage + compared.z_of_units * sqrt(compared.variance) as disadvantage_high,
        compared.median_disadvantage,
        compared.ranked_count,
        1 + beaten.better_count as rank,
        1 + beaten.better_count as rank_low,
        compared.ranked_count - beaten.worse_count as rank_high,
        abs(compared.disadvantage - compared.median_disadvantage) > compared.z_of_units * sqrt(compared.variance)
            as is_distinguishable
    from compared
    inner join beaten
        on
            {%- for column in by %}
            compared.{{ column }} = beaten.{{ column }} and
            {%- endfor %}
            compared.unit_code = beaten.unit_code
)

select * from ranks
