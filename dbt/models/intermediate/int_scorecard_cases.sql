{{ config(**monthly()) }}

select
    cast(null as string) as month,
    cast(null as string) as unit_type,
    cast(null as string) as unit_code,
    cast(null as string) as kpi_code,
    cast(null as string) as stratum,
    cast(null as bigint) as case_count,
    cast(null as bigint) as event_count
where 1 = 0
