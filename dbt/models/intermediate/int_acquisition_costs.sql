{{ config(**monthly()) }}

with cells as (

    select month, coalesce(network_type, '(unknown)') as network_type, new_count
    from {{ ref('int_churn_cells_counted') }}
    where {{ months_in_range(look_back=11) }}

),

-- Costs and the newcomers they bought are of the same months: those with both deliveries.
covered as (

    select lags.month, lags.lagged_month as joined_month
    from ({{ lags(11) }}) as lags
    inner join {{ ref('stg_deliveries__data_sets') }} as data_sets
        on
            lags.lagged_month = data_sets.month
            and data_sets.data_set = 'finance_acquisition'
            and data_sets.is_delivered
    inner join (select distinct month from cells) as counted on lags.lagged_month = counted.month

),

costs as (

    select
        covered.month,
        coalesce(acquisition.network_type, '(unknown)') as network_type,
        sum(
            coalesce(acquisition.commission_amount, 0)
            + coalesce(acquisition.handset_subsidy_amount, 0)
            + coalesce(acquisition.marketing_amount, 0)
        ) as cost_amount
    from {{ ref('stg_finance__acquisition') }} as acquisition
    inner join covered on acquisition.month = covered.joined_month
    where {{ months_in_range('acquisition.month', look_back=11) }}
    group by covered.month, coalesce(acquisition.network_type, '(unknown)')

),

gross_adds as (

    select covered.month, cells.network_type, sum(cells.new_count) as gross_new_count
    from cells
    inner join covered on cells.month = covered.joined_month
    group by covered.month, cells.network_type

),

-- Newcomers who are old subscribers. The last word on a leaver's swap is that of two months later, or of now.
swaps as (

    select
        lags.month,
        number_swaps.new_joined_month as joined_month,
        coalesce(number_swaps.new_network_type, '(unknown)') as network_type,
        count(*) as swap_new_count
    from ({{ lags(13) }}) as lags
    inner join {{ ref('fct_number_swaps') }} as number_swaps on lags.lagged_month = number_swaps.month
    where
        number_swaps.swap_status = 'swap'
        and (
            lags.lag = 0
            or {{ month_number('number_swaps.month') }} - {{ month_number('number_swaps.churn_month') }} = 2
        )
        and {{ months_in_range('number_swaps.month', look_back=13) }}
    group by lags.month, number_swaps.new_joined_month, coalesce(number_swaps.new_network_type, '(unknown)')

),

-- Newcomers suspected of being hoarded cards, by the network that they joined.
suspected as (

    select
        suspicions.month,
        suspicions.joined_month,
        coalesce(early_months.network_type, '(unknown)') as network_type,
        count(*) as suspicious_new_count
    from {{ ref('int_hoarding_suspicions') }} as suspicions
    left join {{ ref('int_early_months_measured') }} as early_months
        on
            suspicions.joined_month = early_months.month
            and suspicions.subscriber_id = early_months.subscriber_id
            and {{ months_in_range('early_months.month', look_back=24) }}
    where
        suspicions.is_suspicious
        and {{ months_in_range('suspicions.month') }}
    group by suspicions.month, suspicions.joined_month, coalesce(early_months.network_type, '(unknown)')

),

parts as (

    select month, network_type, cost_amount, null as gross_new_count, null as swap_new_count, null as suspicious_new_count
    from costs
    union all
    select month, network_type, null as cost_amount, gross_new_count, null as swap_new_count, null as suspicious_new_count
    from gross_adds
    union all
    select
        covered.month,
        swaps.network_type,
        null as cost_amount,
        null as gross_new_count,
        swaps.swap_new_count,
        null as suspicious_new_count
    from swaps
    inner join covered on swaps.month = covered.month and swaps.joined_month = covered.joined_month
    union all
    select
        covered.month,
        suspected.network_type,
        null as cost_amount,
        null as gross_new_count,
        null as swap_new_count,
        suspected.suspicious_new_count
    from suspected
    inner join covered on suspected.month = covered.month and suspected.joined_month = covered.joined_month

),

networks as (

    select * from parts
    union all
    select month, '(all)' as network_type, cost_amount, gross_new_count, swap_new_count, suspicious_new_count from parts

),

summed as (

    select
        month,
        network_type,
        cast(sum(cost_amount) as decimal(18, 2)) as cost_amount,
        {{ total('gross_new_count') }} as gross_new_count,
        {{ total('swap_new_count') }} as swap_new_count,
        {{ total('suspicious_new_count') }} as suspicious_new_count,
        cast(
            sum(
                coalesce(gross_new_count, 0) - coalesce(swap_new_count, 0) - coalesce(suspicious_new_count, 0)
            ) as bigint
        ) as net_new_count
    from networks
    group by month, network_type

),

final as (

    select
        summed.*,
        case when net_new_count > 0 then {{ money_per('cost_amount', 'net_new_count') }} end as acpu_amount
    from summed

)

select * from final
