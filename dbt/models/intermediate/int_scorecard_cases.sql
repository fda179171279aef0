{{ config(**monthly()) }}

with

counted as (
    {%- for model in ['portfolio', 'list_work', 'entrants', 'outcomes'] %}
    select
        month,
        unit_type,
        unit_code,
        kpi_code,
        stratum,
        case_count,
        event_count
    from {{ ref('int_scorecard_' ~ model ~ '_counted') }}
    where {{ months_in_range() }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
)

select * from counted
