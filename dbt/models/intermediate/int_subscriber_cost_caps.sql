{#- Shares are ten-thousandths as whole numbers, so that products of money stay exact. -#}
with thresholds as (

    {{ thresholds(['acpu_configured_amount']) }}

),

cost_caps as (

    select
        month,
        value_tier,
        cast(care_arpu_share * 10000 as decimal(9, 0)) as care_share,
        cast(retention_acpu_ratio * 10000 as decimal(9, 0)) as retention_share
    from ({{ in_force('cost_caps') }}) as caps

),

acquisition as (

    select month, network_type, acpu_amount from {{ ref('int_acquisition_costs') }}
    where {{ months_in_range() }}

),

tiered as (

    select month, subscriber_id, value_tier, value_unit from {{ ref('int_subscriber_months_tiered') }}

),

lines as (

    select
        measured.month,
        measured.subscriber_id,
        tiered.value_tier,
        tiered.value_unit,
        measured.arpu3_amount,
        cast(
            coalesce(
                networks.acpu_amount,
                whole.acpu_amount,
                nullif(cast(thresholds.acpu_configured_amount as decimal(18, 2)), 0)
            ) as decimal(18, 2)
        ) as acpu_amount,
        case
            when coalesce(networks.acpu_amount, whole.acpu_amount) is not null then 'finance'
            when thresholds.acpu_configured_amount <> 0 then 'configured'
        end as acpu_source
    from {{ ref('int_subscriber_months_measured') }} as measured
    inner join tiered on measured.month = tiered.month and measured.subscriber_id = tiered.subscriber_id
    inner join thresholds on measured.month = thresholds.month
    left join acquisition as networks
        on
            measured.month = networks.month
            and coalesce(measured.network_type, '(unknown)') = networks.network_type
    left join acquisition as whole on measured.month = whole.month and whole.network_type = '(all)'

),

units as (

    select
        month,
        value_unit,
        cast(count(*) as decimal(9, 0)) as line_count,
        cast(sum(arpu3_amount) as decimal(18, 2)) as arpu3_sum,
        count(arpu3_amount) as rated_count,
        case when count(acpu_amount) = count(*) then cast(sum(acpu_amount) as decimal(18, 2)) end as acpu_sum
    from lines
    where value_unit is not null
    group by month, value_unit

),

final as (

    select
        lines.month,
        lines.subscriber_id,
        lines.value_tier,
        case when lines.value_tier = 'group' then lines.value_unit end as cap_unit,
        case when lines.value_tier = 'group' then cast(units.line_count as bigint) else 1 end as cap_line_count,
        lines.acpu_amount,
        lines.acpu_source,
        case
            when cost_caps.care_share = 0 then cast(0 as decimal(18, 2))
            when lines.value_tier = 'group'
                then {{ money_per('units.arpu3_sum * units.line_count * cost_caps.care_share', 'units.rated_count * 10000') }}
            else {{ money_per('lines.arpu3_amount * cost_caps.care_share', '10000') }}
        end as care_cap_amount,
        case
            when cost_caps.retention_share = 0 then cast(0 as decimal(18, 2))
            when lines.value_tier = 'group'
                then {{ money_per('units.acpu_sum * cost_caps.retention_share', '10000') }}
            else {{ money_per('lines.acpu_amount * cost_caps.retention_share', '10000') }}
        end as retention_cap_amount
    from lines
    left join cost_caps on lines.month = cost_caps.month and lines.value_tier = cost_caps.value_tier
    left join units on lines.month = units.month and lines.value_unit = units.value_unit

)

select * from final
