with newcomers as (

    select month, subscriber_id, is_joined_now, was_terminal
    from {{ ref('int_subscriber_months_flowed') }}
    where is_newcomer

),

first_churns as (

    select subscriber_id, min(month) as first_churn_month
    from {{ ref('int_churn_events_classed') }}
    group by subscriber_id

),

known as (

    select
        newcomers.month,
        newcomers.subscriber_id,
        newcomers.is_joined_now,
        newcomers.was_terminal or coalesce(first_churns.first_churn_month < newcomers.month, false)
            as has_churned_before
    from newcomers
    left join first_churns on newcomers.subscriber_id = first_churns.subscriber_id

),

final as (

    select
        month,
        subscriber_id,
        is_joined_now and not has_churned_before as is_new,
        has_churned_before as is_reinstated,
        not is_joined_now and not has_churned_before as is_appeared
    from known

)

select * from final
