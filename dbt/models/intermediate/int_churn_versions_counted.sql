with scope_types as (

    {{ scope_types() }}

),

events as (

    select * from {{ ref('int_churn_events_followed') }}
    where lag <= 2

),

swaps as (

    select month, churn_month, old_subscriber_id, swap_status from {{ ref('fct_number_swaps') }}
    where {{ months_in_range() }}

),

scoped as (

    select
        events.month,
        events.churn_month,
        scope_types.scope_type,
        {{ scope_code('events') }} as scope_code,
        events.is_reinstated,
        swaps.swap_status
    from events
    cross join scope_types
    left join swaps
        on
            events.month = swaps.month
            and events.churn_month = swaps.churn_month
            and events.subscriber_id = swaps.old_subscriber_id

),

final as (

    select
        month,
        churn_month,
        scope_type,
        scope_code,
        count(*) as churned_count,
        count(case when is_reinstated then 1 end) as reinstated_count,
        count(case when swap_status = 'swap' then 1 end) as swap_count,
        count(case when swap_status = 'probable' then 1 end) as probable_swap_count
    from scoped
    where scope_code is not null
    group by month, churn_month, scope_type, scope_code

)

select * from final
