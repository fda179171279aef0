{#- Only lines of plans that are left often meet the plans on sale; what would not save enough is dropped at once. -#}
{%- set uses = [
    ('mou_out', 'included_minutes', 'price_per_minute'),
    ('sms_out', 'included_sms', 'price_per_sms'),
    ('data_mb', 'included_data_mb', 'price_per_mb'),
] %}

with thresholds as (

    {{ thresholds(['migration_hazard_ratio', 'migration_cost_ratio', 'small_cell_denominator']) }}

),

plan_exposures as (

    select
        lags.month,
        cells.plan_code,
        {{ total('cells.churned_count') }} as churned_count,
        {{ total('cells.churned_count + cells.closing_count') }} as at_risk_count
    from ({{ lags(2) }}) as lags
    inner join {{ ref('int_plan_cells_counted') }} as cells on lags.lagged_month = cells.month
    where {{ months_in_range('cells.month', look_back=2) }}
    group by lags.month, cells.plan_code

),

network_exposures as (

    select
        month,
        {{ total('churned_count') }} as churned_count,
        {{ total('at_risk_count') }} as at_risk_count
    from plan_exposures
    group by month

),

-- One division of whole numbers, so that a plan exactly at the limit is not below it.
plan_hazards as (

    select
        plans.month,
        plans.plan_code,
        plans.at_risk_count,
        {{ ratio('plans.churned_count * network.at_risk_count', 'plans.at_risk_count * network.churned_count') }}
            as plan_hazard_ratio
    from plan_exposures as plans
    inner join network_exposures as network on plans.month = network.month

),

left_plans as (

    select plan_hazards.month, plan_hazards.plan_code, plan_hazards.plan_hazard_ratio
    from plan_hazards
    inner join thresholds on plan_hazards.month = thresholds.month
    where
        plan_hazards.at_risk_count >= thresholds.small_cell_denominator
        and plan_hazards.plan_hazard_ratio >= thresholds.migration_hazard_ratio

),

lines as (

    select
        subscriber_months.month,
        subscriber_months.subscriber_id,
        subscriber_months.plan_code,
        subscriber_months.brand,
        subscriber_months.total_fee_amount,
        {%- for use, included, price in uses %}
        cast(subscriber_months.{{ use }} as decimal(18, 4)) as {{ use }},
        {%- endfor %}
        left_plans.plan_hazard_ratio
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join left_plans
        on subscriber_months.month = left_plans.month and subscriber_months.plan_code = left_plans.plan_code
    where
        {{ months_in_range('subscriber_months.month') }}
        and subscriber_months.is_on_net_close
        and subscriber_months.tenure_month > 1
        and subscriber_months.total_fee_amount > 0
        {%- for use, included, price in uses %}
        and subscriber_months.{{ use }} is not null
        {%- endfor %}

),

offered_plans as (

    select
        month,
        plan_code,
        coalesce(plan_name, plan_code) as plan_name,
        brand,
        rent_amount,
        {%- for use, included, price in uses %}
        coalesce({{ included }}, 0) as {{ included }},
        {{ price }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('dim_plans') }}
    where {{ months_in_range() }} and is_on_sale and not coalesce(is_short_term, false) and rent_amount is not null

),

-- A price that is not known makes the cost unknown, but only of a use that is not included.
priced as (

    select
        lines.month,
        lines.subscriber_id,
        lines.plan_hazard_ratio,
        lines.total_fee_amount,
        offered_plans.plan_code,
        offered_plans.plan_name,
        cast(
            offered_plans.rent_amount
            {%- for use, included, price in uses %}
            + case
                when lines.{{ use }} > offered_plans.{{ included }}
                    then cast(
                        (lines.{{ use }} - offered_plans.{{ included }}) * offered_plans.{{ price }} as decimal(18, 6)
                    )
                else 0
            end
            {%- endfor %}
            as decimal(18, 2)
        ) as cost_amount
    from lines
    inner join offered_plans
        on
            lines.month = offered_plans.month
            and lines.plan_code <> offered_plans.plan_code
            and coalesce(lines.brand = offered_plans.brand, true)

),

ranked as (

    select
        priced.*,
        row_number() over (
            partition by priced.month, priced.subscriber_id order by priced.cost_amount, priced.plan_code
        ) as place
    from priced
    inner join thresholds on priced.month = thresholds.month
    where priced.total_fee_amount >= cast(thresholds.migration_cost_ratio as decimal(6, 4)) * priced.cost_amount

)

select
    month,
    subscriber_id,
    plan_hazard_ratio,
    plan_code as best_plan_code,
    plan_name as best_plan_name,
    cost_amount as best_plan_cost_amount,
    cast(total_fee_amount - cost_amount as decimal(18, 2)) as saving_amount
from ranked
where place = 1 and cost_amount > 0
