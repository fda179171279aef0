with thresholds as (

    {{ thresholds(['margin_share']) }}

),

lines as (

    select month, subscriber_id, tenure_month, arpu3_amount from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close

),

final as (

    select
        lines.month,
        lines.subscriber_id,
        horizons.expected_months,
        cast({{ rounded(
            'thresholds.margin_share * cast(lines.arpu3_amount as double) * horizons.discounted_months', 2
        ) }} as decimal(18, 2)) as expected_margin_amount
    from lines
    inner join thresholds on lines.month = thresholds.month
    left join {{ ref('int_survival_horizons') }} as horizons
        on lines.month = horizons.month and lines.tenure_month = horizons.tenure_month

)

select * from final
