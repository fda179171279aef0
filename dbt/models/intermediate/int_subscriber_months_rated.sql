{{ config(**monthly()) }}

with thresholds as (

    {{ thresholds([
        'tier_high_ratio', 'tier_mid_ratio', 'tier_rated_tenure_months', 'tier_prepaid_rated_tenure_months',
        'tier_prepaid_high_share', 'tier_prepaid_mid_share', 'tier_group_lines', 'tier_hysteresis_share',
    ]) }}

),

lines as (

    select
        month,
        subscriber_id,
        coalesce(network_type, '(unknown)') as network_type,
        payment_type = 'prepaid' and not is_bank_debit as is_ranked,
        group_id,
        vpn_id,
        is_special,
        is_bank_debit,
        tenure_month,
        joined_on,
        arpu3_amount,
        billed_trailing12_amount
    from {{ ref('int_subscriber_months_measured') }}
    where is_on_net_close

),

network_arpus as (

    select
        lags.month,
        networks.network_type,
        sum({{ ratio('networks.billed_revenue_amount', 'networks.billed_count') }}) / count(*) as network_arpu
    from {{ ref('int_network_arpus') }} as networks
    inner join ({{ lags(3, first=1) }}) as lags on networks.month = lags.lagged_month
    where {{ months_in_range('networks.month', look_back=3) }}
    group by lags.month, networks.network_type

),

groups as (

    select month, group_id from {{ ref('dim_groups') }}
    where {{ months_in_range() }} and has_agreement

),

group_sizes as (

    select month, group_id, count(*) as line_count from lines
    where group_id is not null
    group by month, group_id

),

valued as (

    select
        lines.*,
        network_arpus.network_arpu,
        {{ rounded(ratio('lines.arpu3_amount', 'network_arpus.network_arpu'), 4) }} as value_ratio,
        case
            when groups.group_id is not null and group_sizes.line_count >= thresholds.tier_group_lines
                then concat('group:', lines.group_id)
            when lines.vpn_id is not null then concat('vpn:', lines.vpn_id)
        end as unit,
        coalesce(lines.is_ranked, false) and lines.tenure_month >= thresholds.tier_prepaid_rated_tenure_months
            and lines.billed_trailing12_amount is not null as is_in_ranking
    from lines
    inner join thresholds on lines.month = thresholds.month
    left join network_arpus
        on lines.month = network_arpus.month and lines.network_type = network_arpus.network_type
    left join groups on lines.month = groups.month and lines.group_id = groups.group_id
    left join group_sizes on lines.month = group_sizes.month and lines.group_id = group_sizes.group_id

),

units as (

    select
        month,
        unit,
        sum(cast(floor(value_ratio * 10000 + 0.5e0) as bigint)) as ratio_sum,
        10000 * count(value_ratio) as network_sum
    from valued
    where unit is not null and value_ratio is not null
    group by month, unit

),

ranked as (

    select
        month,
        subscriber_id,
        row_number() over (
            partition by month
            order by billed_trailing12_amount desc, joined_on desc, subscriber_id
        ) as spend_rank,
        count(*) over (partition by month) as ranked_count
    from valued
    where is_in_ranking

),

judged as (

    select
        valued.month,
        valued.subscriber_id,
        valued.value_ratio,
        valued.unit as value_unit,
        case
            when valued.is_special then 'special'
            when units.ratio_sum > units.network_sum then 'group'
        end as overriding_rule,
        case
            when ranked.spend_rank <= {{ rank_cut('tier_prepaid_high_share') }} then 'prepaid_high'
            when ranked.spend_rank <= {{ rank_cut('tier_prepaid_mid_share') }} then 'prepaid_mid'
            when ranked.spend_rank is not null then 'prepaid_low'
            when coalesce(valued.is_ranked, false) then 'prepaid_not_rated'
            when valued.value_ratio is null or valued.tenure_month < thresholds.tier_rated_tenure_months
                then case when valued.is_bank_debit then 'bank_debit_floor' else 'not_rated' end
            when valued.value_ratio > thresholds.tier_high_ratio then 'ratio_high'
            when valued.value_ratio >= thresholds.tier_mid_ratio then 'ratio_mid'
            when valued.is_bank_debit then 'bank_debit_floor'
            else 'ratio_low'
        end as personal_rule,
        case
            when valued.is_special then '-'
            when units.unit is null then 'N'
            else {{ rung(
                'units.ratio_sum > ' ~ rounded('units.network_sum * (1 + thresholds.tier_hysteresis_share)', 4),
                'units.ratio_sum > units.network_sum',
                'units.ratio_sum < ' ~ rounded('units.network_sum * (1 - thresholds.tier_hysteresis_share)', 4),
            ) }}
        end as group_rung,
        case
            when valued.is_special then '--'
            when ranked.spend_rank is not null
                then concat(
                    {{ rank_rung('tier_prepaid_mid_share') }},
                    {{ rank_rung('tier_prepaid_high_share') }}
                )
            when
                coalesce(valued.is_ranked, false)
                or valued.value_ratio is null
                or valued.tenure_month < thresholds.tier_rated_tenure_months
                then '--'
            else concat(
                case
                    when valued.is_bank_debit then 'Y'
                    else {{ ratio_rung('thresholds.tier_mid_ratio', 'valued.value_ratio >= thresholds.tier_mid_ratio') }}
                end,
                {{ ratio_rung('thresholds.tier_high_ratio', 'valued.value_ratio > thresholds.tier_high_ratio') }}
            )
        end as personal_rungs
    from valued
    inner join thresholds on valued.month = thresholds.month
    left join units on valued.month = units.month and valued.unit = units.unit
    left join ranked on valued.month = ranked.month and valued.subscriber_id = ranked.subscriber_id

),

tier_rules as (

    {{ in_force('value_tier_rules') }}

),

final as (

    select
        judged.month,
        judged.subscriber_id,
        judged.value_ratio,
        judged.value_unit,
        coalesce(overriding_rules.value_tier, personal_rules.value_tier) as value_tier_unsmoothed,
        coalesce(judged.overriding_rule, judged.personal_rule) as value_tier_rule,
        personal_rules.value_tier as personal_tier,
        concat(judged.group_rung, judged.personal_rungs) as tier_rungs
    from judged
    left join tier_rules as overriding_rules
        on judged.month = overriding_rules.month and judged.overriding_rule = overriding_rules.value_tier_rule
    left join tier_rules as personal_rules
        on judged.month = personal_rules.month and judged.personal_rule = personal_rules.value_tier_rule

)

select * from final
