{%- set last_step = 24 %}

with thresholds as (

    {{ thresholds(['discount_monthly_share', 'margin_horizon_months']) }}

),

cells as (

    select
        month,
        tenure_bucket,
        sum(churned_count) as churned_count,
        sum(churned_count + closing_count) as at_risk_count
    from {{ ref('int_churn_cells_counted') }}
    where {{ months_in_range(look_back=11) }}
    group by month, tenure_bucket

),

pooled as (

    select
        lags.month,
        cells.tenure_bucket,
        sum(cells.churned_count) as churned_count,
        sum(cells.at_risk_count) as at_risk_count
    from cells
    inner join ({{ lags(11) }}) as lags on cells.month = lags.lagged_month
    group by lags.month, cells.tenure_bucket

),

network as (

    select month, {{ ratio('sum(churned_count)', 'sum(at_risk_count)') }} as hazard_rate
    from pooled
    group by month

),

-- A bucket that nobody has been in takes the hazard of the whole network.
hazards as (

    select
        network.month,
        buckets.from_month_number,
        buckets.to_month_number,
        coalesce({{ ratio('pooled.churned_count', 'pooled.at_risk_count') }}, network.hazard_rate) as hazard_rate
    from network
    inner join ({{ in_force('tenure_buckets') }}) as buckets on network.month = buckets.month
    left join pooled on network.month = pooled.month and buckets.tenure_bucket = pooled.tenure_bucket

),

tenures as (

    select distinct month, tenure_month from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }} and is_on_net_close

),

steps as (

    {% for step in range(1, last_step + 1) -%}
    select {{ step }} as step{{ ' union all ' if not loop.last }}
    {% endfor %}

),

paths as (

    select
        tenures.month,
        tenures.tenure_month,
        {%- for step in range(1, last_step + 1) %}
        max(case when steps.step = {{ step }} then 1e0 - hazards.hazard_rate end) as staying_{{ step }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from tenures
    cross join steps
    inner join hazards
        on
            tenures.month = hazards.month
            and tenures.tenure_month + steps.step between hazards.from_month_number and hazards.to_month_number
    group by tenures.month, tenures.tenure_month

),

discounted as (

    select
        paths.*,
        thresholds.margin_horizon_months,
        {{ ratio('1', '1 + thresholds.discount_monthly_share') }} as discount
    from paths
    inner join thresholds on paths.month = thresholds.month

),

-- staying_1 * (1 + staying_2 * (1 + ...)) is the sum over the months of the product of staying up to each.
final as (

    select
        month,
        tenure_month,
        {% for step in range(1, last_step + 1) -%}
        case when margin_horizon_months < {{ step }} then 0e0 else staying_{{ step }} * (1e0 + {% endfor -%} 0e0
        {%- for step in range(last_step) %}) end{% endfor %} as expected_months,
        {% for step in range(1, last_step + 1) -%}
        case when margin_horizon_months < {{ step }} then 0e0 else discount * staying_{{ step }} * (1e0 + {% endfor -%} 0e0
        {%- for step in range(last_step) %}) end{% endfor %} as discounted_months
    from discounted

)

select * from final
