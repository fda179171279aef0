{{ config(materialized='view') }}

with delivered as (

    select
        month,
        {%- for column in snapshot_columns() %}
        {{ column }},
        {%- endfor %}
        false as is_carried_forward
    from {{ ref('stg_crm__subscribers') }}

),

carried as (

    select
        month,
        {%- for column in snapshot_columns() %}
        {{ column }},
        {%- endfor %}
        true as is_carried_forward
    from {{ ref('int_subscribers_carried') }}

),

completed as (

    select * from delivered
    union all
    select * from carried

)

select
    completed.*,
    completed.status in ('cancelled', 'disconnected', 'ported_out') as is_terminal
from completed
