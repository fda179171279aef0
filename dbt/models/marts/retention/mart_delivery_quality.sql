{{ config(**monthly()) }}

with

data_sets as (
    select *
    from {{ ref('stg_deliveries__data_sets') }}
    where {{ months_in_range() }}
),

delivery_quality as (
    select
        month,
        data_set,
        is_delivered,
        case when is_delivered then files end as files,
        case when is_delivered then lines_read end as lines_read,
        case when is_delivered then loaded_count end as loaded_count,
        case when is_delivered then quarantined_count end as quarantined_count,
        case when is_delivered then duplicate_count end as duplicate_count,
        case when is_delivered then {{ ratio('quarantined_count', 'lines_read') }} end as share,
        status
    from data_sets
)

select * from delivery_quality
