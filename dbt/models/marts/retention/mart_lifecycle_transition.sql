{{ config(**monthly()) }}

with calendar as (

    {{ calendar() }}

),

before as (

    select calendar.month, subscriber_months.subscriber_id, subscriber_months.lifecycle_stage
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join calendar on subscriber_months.month = calendar.previous_month
    where
        {{ months_in_range('subscriber_months.month', look_back=1) }}
        and subscriber_months.is_on_net_close

),

moves as (

    select
        now.month,
        case
            when now.is_on_net_open then coalesce(before.lifecycle_stage, '(unknown)')
            when now.is_new then 'new'
            when now.is_reinstated then 'reinstated'
            when now.is_appeared then 'appeared'
            else 'moved_in'
        end as from_stage,
        case
            when now.is_on_net_close then now.lifecycle_stage
            when now.is_churned then 'churned'
            else 'moved_out'
        end as to_stage
    from {{ ref('fct_subscriber_months') }} as now
    left join before on now.month = before.month and now.subscriber_id = before.subscriber_id
    where {{ months_in_range('now.month') }}

),

counts as (

    select month, from_stage, to_stage, count(*) as subscriber_count
    from moves
    group by month, from_stage, to_stage

),

froms as (

    select month, from_stage, {{ total('subscriber_count') }} as from_count
    from counts
    group by month, from_stage

),

final as (

    select
        counts.month,
        counts.from_stage,
        counts.to_stage,
        counts.subscriber_count,
        froms.from_count,
        {{ ratio('counts.subscriber_count', 'froms.from_count') }} as share
    from counts
    inner join froms on counts.month = froms.month and counts.from_stage = froms.from_stage

)

select * from final
