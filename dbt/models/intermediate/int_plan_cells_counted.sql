{{ config(**monthly()) }}

with

subscriber_months as (
    select
        month,
        plan_code,
        tenure_bucket,
        arpu_band,
        is_churned,
        is_on_net_close
    from {{ ref('fct_subscriber_months') }}
    where
        {{ months_in_range() }}
        and (is_churned or is_on_net_close)
),

plan_cells as (
    select
        month,
        plan_code,
        tenure_bucket,
        coalesce(arpu_band, '(unknown)') as arpu_band,
        count(case when is_churned then 1 end) as churned_count,
        count(case when is_on_net_close then 1 end) as closing_count
    from subscriber_months
    group by
        month,
        plan_code,
        tenure_bucket,
        coalesce(arpu_band, '(unknown)')
)

select * from plan_cells
