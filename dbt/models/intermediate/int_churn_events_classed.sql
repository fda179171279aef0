{{ config(**monthly()) }}

with churned as (

    select month, subscriber_id, snapshot_month, is_vanished, termination_on
    from {{ ref('int_subscriber_months_flowed') }}
    where is_churned

),

snapshots as (

    select snapshots.month, snapshots.subscriber_id, snapshots.status
    from {{ ref('int_subscriber_snapshots_completed') }} as snapshots
    inner join (select distinct subscriber_id from churned) as leavers
        on snapshots.subscriber_id = leavers.subscriber_id
    where {{ months_in_range('snapshots.month', look_back=6) }}

),

paths as (

    select
        churned.month,
        churned.subscriber_id,
        max(case when lags.lag = 0 then snapshots.status end) as last_status,
        max(case when lags.lag > 0 and snapshots.status = 'suspended_arrears' then 1 else 0 end) as has_arrears_stop
    from churned
    inner join ({{ lags(6) }}) as lags on churned.month = lags.month
    inner join snapshots
        on churned.subscriber_id = snapshots.subscriber_id and lags.lagged_month = snapshots.month
    group by churned.month, churned.subscriber_id

),

final as (

    select
        churned.month,
        churned.subscriber_id,
        case
            when churned.is_vanished then 'unknown'
            when paths.last_status = 'disconnected' and paths.has_arrears_stop = 1 then 'passive'
            else 'active'
        end as churn_kind,
        churned.termination_on
    from churned
    left join paths on churned.month = paths.month and churned.subscriber_id = paths.subscriber_id

)

select * from final
