{#- In every month from the first rule on, the bands in force begin at `first`, follow each other by `step` and end at
    `last`. Whatever changes, changes in a month in which a band begins or after one in which a band ends. -#}
{% test bands_cover_everything_once(model, lower, upper, first, last, step) %}
with

turning_months as (
    select valid_from as month from {{ model }}
    union
    select {{ add_months('valid_to', 1) }} as month from {{ model }}
    where {{ text_or_null('valid_to') }} is not null
),

edges as (
    select
        turning_months.month,
        bands.{{ lower }} as lower_edge,
        bands.{{ upper }} as upper_edge,
        lag(bands.{{ upper }}) over (
            partition by turning_months.month order by bands.{{ lower }}, bands.{{ upper }}
        ) as edge_before,
        lead(bands.{{ lower }}) over (
            partition by turning_months.month order by bands.{{ lower }}, bands.{{ upper }}
        ) as edge_after
    from turning_months
    left join {{ model }} as bands
        on
            bands.valid_from <= turning_months.month
            and coalesce({{ text_or_null('bands.valid_to') }}, '9999-12') >= turning_months.month
)

select *
from edges
where
    lower_edge is null
    or upper_edge < lower_edge
    or lower_edge <> coalesce(edge_before + {{ step }}, {{ first }})
    or (edge_after is null and upper_edge <> {{ last }})
{% endtest %}
