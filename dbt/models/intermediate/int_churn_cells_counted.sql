{{ config(**monthly()) }}

with

subscriber_months as (
    select *
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }}
),

delivered as (
    select
        month,
        max(case when column_name = 'brand' then 1 else 0 end) as has_brand,
        max(case when column_name = 'network' then 1 else 0 end) as has_network,
        max(case when column_name = 'payment_type' then 1 else 0 end) as has_payment_type
    from {{ ref('stg_deliveries__columns') }}
    where
        data_set = 'crm_subscribers'
        and {{ months_in_range() }}
    group by month
),

-- A scope whose column was not delivered in the month is null; an empty value in a delivered column is a scope of its own.
scoped as (
    select
        subscriber_months.month,
        coalesce(subscriber_months.district_code, '(unknown)') as district_code,
        case when delivered.has_brand = 1 then coalesce(subscriber_months.brand, '(unknown)') end as brand,
        case when delivered.has_network = 1 then coalesce(subscriber_months.network_type, '(unknown)') end as network_type,
        case when delivered.has_payment_type = 1 then coalesce(subscriber_months.payment_type, '(unknown)') end as payment_type,
        case when is_on_net_open then coalesce(subscriber_months.district_code_open, '(unknown)') end as district_code_open,
        case
            when is_on_net_open and delivered.has_brand = 1 then coalesce(subscriber_months.brand_open, '(unknown)')
        end as brand_open,
        case
            when is_on_net_open and delivered.has_network = 1 then coalesce(subscriber_months.network_type_open, '(unknown)')
        end as network_type_open,
        case
            when is_on_net_open and delivered.has_payment_type = 1
                then coalesce(subscriber_months.payment_type_open, '(unknown)')
        end as payment_type_open,
        subscriber_months.tenure_bucket,
        subscriber_months.tenure_month,
        subscriber_months.is_on_net_open,
        subscriber_months.is_on_net_close,
        subscriber_months.is_new,
        subscriber_months.is_reinstated,
        subscriber_months.is_appeared,
        subscriber_months.is_entered_base,
        subscriber_months.is_left_base,
        subscriber_months.is_churned,
        subscriber_months.is_same_month_churned,
        subscriber_months.is_vanished,
        subscriber_months.churn_kind,
        subscriber_months.exposure_days
    from subscriber_months
    left join delivered
        on subscriber_months.month = delivered.month
),

churn_cells as (
    select
        month,
        district_code,
        brand,
        network_type,
        payment_type,
        district_code_open,
        brand_open,
        network_type_open,
        payment_type_open,
        tenure_bucket,
        count(case when is_on_net_open then 1 end) as opening_count,
        count(case when is_on_net_open and not is_left_base then 1 end) as staying_count,
        count(case when is_new then 1 end) as new_count,
        count(case when is_reinstated then 1 end) as reinstated_count,
        count(case when is_appeared then 1 end) as appeared_count,
        count(case when is_entered_base then 1 end) as entered_count,
        count(case when is_left_base then 1 end) as left_count,
        count(case when is_churned then 1 end) as churned_count,
        count(case when is_churned and is_on_net_open then 1 end) as opening_churned_count,
        count(case when is_same_month_churned then 1 end) as same_month_churned_count,
        count(case when is_vanished then 1 end) as vanished_count,
        count(case when is_churned and churn_kind = 'passive' then 1 end) as passive_churned_count,
        count(case when is_churned and churn_kind = 'active' then 1 end) as active_churned_count,
        count(case when is_on_net_close then 1 end) as closing_count,
        cast(sum(coalesce(exposure_days, 0)) as bigint) as exposure_days,
        {{ total('case when is_churned then tenure_month else 0 end') }} as churned_tenure_months,
        {{ total('case when is_on_net_close then tenure_month else 0 end') }} as closing_tenure_months
    from scoped
    group by
        month,
        district_code,
        brand,
        network_type,
        payment_type,
        district_code_open,
        brand_open,
        network_type_open,
        payment_type_open,
        tenure_bucket
)

select * from churn_cells
