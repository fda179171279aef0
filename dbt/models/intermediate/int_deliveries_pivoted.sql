{{ config(materialized='table') }}

{%- set data_sets = {
    'crm_subscribers': 'snapshots',
    'billing_bills': 'bills',
    'billing_usage': 'usage',
    'billing_payments': 'payments',
    'crm_complaints': 'complaints',
    'crm_contacts': 'contacts',
    'crm_surveys': 'surveys',
    'crm_exit_surveys': 'exit_surveys',
    'billing_call_circle': 'call_circle',
} %}
{%- set usage_columns = [
    'mou_out', 'mou_in', 'calls_out', 'calls_in', 'distinct_called', 'sms_out', 'data_mb',
    'forward_offnet_calls', 'own_hotline_calls', 'rival_hotline_calls', 'active_days',
] %}

with data_sets as (

    select * from {{ ref('stg_deliveries__data_sets') }}
    where {{ months_in_range(look_back=12) }}

),

delivered_columns as (

    select * from {{ ref('stg_deliveries__columns') }}
    where {{ months_in_range(look_back=12) }}

),

months as (

    select
        month
        {%- for data_set, name in data_sets.items() %},
        max(case when data_set = '{{ data_set }}' and is_delivered then 1 else 0 end) = 1 as has_{{ name }}
        {%- endfor %}
    from data_sets
    group by month

),

columns_of_months as (

    select
        month,
        max(case when data_set = 'billing_bills' and column_name = 'arrears' then 1 else 0 end) = 1 as has_arrears
        {%- for column in usage_columns %},
        max(case when data_set = 'billing_usage' and column_name = '{{ column }}' then 1 else 0 end) = 1
            as has_{{ column }}
        {%- endfor %},
        max(
            case when data_set = 'crm_subscribers' and column_name in ('customer_id', 'imei_hash', 'pay_account')
                then 1 else 0 end
        ) = 1 as has_swap_columns
    from delivered_columns
    group by month

),

final as (

    select
        months.*,
        coalesce(columns_of_months.has_arrears, false) as has_arrears
        {%- for column in usage_columns %},
        coalesce(columns_of_months.has_{{ column }}, false) as has_{{ column }}
        {%- endfor %},
        months.has_call_circle or coalesce(columns_of_months.has_swap_columns, false) as has_swap_evidence
    from months
    left join columns_of_months on months.month = columns_of_months.month

)

select * from final
