{#- Who is gone after a window of three months, for the outcome of lists and pilots: a line that is back by the end has
    not left. -#}
with

events as (
    select month, subscriber_id
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=2) }} and is_churned
),

present as (
    select month, subscriber_id
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close
),

departed as (
    select distinct lags.month, events.subscriber_id
    from events
    inner join ({{ lags(2) }}) as lags
        on events.month = lags.lagged_month
    left join present
        on
            lags.month = present.month
            and events.subscriber_id = present.subscriber_id
    where present.subscriber_id is null
)

select * from departed
