{{ config(**monthly()) }}

with

thresholds as (
    {{ thresholds(['scorecard_least_cases', 'scorecard_history_months']) }}
),

kpis as (
    {{ in_force('scorecard_kpis') }}
),

weights as (
    {{ in_force('scorecard_weights') }}
),

fixed_targets as (
    {{ in_force('scorecard_targets') }}
),

first_delivery as (
    select min(month) as month
    from {{ ref('stg_deliveries__data_sets') }}
    where
        data_set = 'crm_subscribers'
        and is_delivered
),

deliveries as (
    select
        month,
        data_set
    from {{ ref('stg_deliveries__data_sets') }}
    where
        is_delivered
        and {{ months_in_range() }}
),

deliveries_needed as (
    select
        kpis.month,
        kpis.unit_type,
        kpis.kpi_code,
        count(distinct deliveries.data_set) as delivered_count
    from kpis
    inner join deliveries
        on
            kpis.month = deliveries.month
            and instr(concat('+', kpis.needs, '+'), concat('+', deliveries.data_set, '+')) > 0
    group by kpis.month, kpis.unit_type, kpis.kpi_code
),

judged as (
    select
        units.month,
        units.unit_type,
        units.unit_code,
        units.unit_name,
        units.district_code,
        units.peer_group,
        kpis.kpi_code,
        kpis.is_higher_better,
        kpis.target_rule,
        cast(kpis.improvement_share as double) as improvement_share,
        cast(kpis.floor_share as double) as floor_share,
        cast(weights.weight as double) as weight,
        thresholds.scorecard_history_months,
        case
            when
                coalesce(deliveries_needed.delivered_count, 0)
                < length(kpis.needs) - length(replace(kpis.needs, '+', '')) + 1
                then 'not_delivered'
            when
                {{ month_number('units.month') }} - {{ month_number('first_delivery.month') }} < kpis.matures_months
                then 'too_early'
            when unit_values.case_count is null then 'no_cases'
            when unit_values.least_arm_count < thresholds.scorecard_least_cases then 'too_few'
            else 'scored'
        end as state,
        unit_values.case_count,
        unit_values.event_count,
        unit_values.judged_count,
        unit_values.value,
        unit_values.ci_low,
        unit_values.ci_high,
        {{ rounded('unit_values.loss', 12) }} as loss,
        {{ rounded('case when kpis.is_higher_better then 1e0 - unit_values.ci_high else unit_values.ci_low end', 12) }}
            as loss_low,
        {{ rounded('case when kpis.is_higher_better then 1e0 - unit_values.ci_low else unit_values.ci_high end', 12) }}
            as loss_high,
        unit_values.loss_variance,
        unit_values.peer_loss,
        unit_values.branch_history_loss,
        unit_values.own_history_loss,
        unit_values.own_history_variance,
        coalesce(unit_values.history_month_count, 0) as history_month_count,
        {%- for column in ['target_value', 'floor_value'] %}
        case
            when own_targets.target_value is not null then cast(own_targets.{{ column }} as double)
            else cast(common_targets.{{ column }} as double)
        end as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_scorecard_units') }} as units
    inner join thresholds
        on units.month = thresholds.month
    inner join kpis
        on
            units.month = kpis.month
            and units.unit_type = kpis.unit_type
    inner join weights
        on
            kpis.month = weights.month
            and kpis.unit_type = weights.unit_type
            and kpis.kpi_code = weights.kpi_code
    cross join first_delivery
    left join deliveries_needed
        on
            kpis.month = deliveries_needed.month
            and kpis.unit_type = deliveries_needed.unit_type
            and kpis.kpi_code = deliveries_needed.kpi_code
    left join {{ ref('int_scorecard_values') }} as unit_values
        on
            units.month = unit_values.month
            and units.unit_type = unit_values.unit_type
            and units.unit_code = unit_values.unit_code
            and kpis.kpi_code = unit_values.kpi_code
    left join fixed_targets as own_targets
        on
            units.month = own_targets.month
            and units.unit_type = own_targets.unit_type
            and units.unit_code = own_targets.unit_code
            and kpis.kpi_code = own_targets.kpi_code
    left join (select * from fixed_targets where unit_code = 'all') as common_targets
        on
            kpis.month = common_targets.month
            and kpis.unit_type = common_targets.unit_type
            and kpis.kpi_code = common_targets.kpi_code
    where {{ months_in_range('units.month') }}
),

-- The better of the own past and the branch's: no unit's bad past is its licence.
referred as (
    select
        judged.*,
        case
            when target_value is not null then 'fixed'
            when
                target_rule <> 'own_history'
                or history_month_count < scorecard_history_months
                or own_history_loss is null
                then 'branch'
            when own_history_loss < branch_history_loss then 'own_history'
            else 'branch'
        end as target_source,
        case
            when
                target_rule = 'own_history'
                and history_month_count >= scorecard_history_months
                and own_history_loss is not null
                then branch_history_loss
            else peer_loss
        end as branch_loss
    from judged
),

targeted as (
    select
        referred.*,
        {{ rounded("case
            when target_source = 'fixed' then case when is_higher_better then 1e0 - target_value else target_value end
            when target_source = 'own_history' then own_history_loss * (1e0 - improvement_share)
            else branch_loss * (1e0 - improvement_share)
        end", 12) }} as target_loss,
        {{ rounded("case
            when target_source = 'fixed' then case when is_higher_better then 1e0 - floor_value else floor_value end
            else least(1e0, branch_loss * (1e0 + floor_share))
        end", 12) }} as floor_loss_stated,
        case
            when target_source = 'own_history'
                then own_history_variance * (1e0 - improvement_share) * (1e0 - improvement_share)
            else 0e0
        end as target_variance
    from referred
),

floored as (
    select
        targeted.*,
        case
            when floor_loss_stated < target_loss then target_loss
            else floor_loss_stated
        end as floor_loss
    from targeted
),

weighted as (
    select
        floored.*,
        case when state = 'scored' then
            {{ ratio(
                'weight * 100e0',
                "sum(case when state = 'scored' then weight end) over (partition by month, unit_type, unit_code)"
            ) }}
        end as effective_weight
    from floored
),

scored as (
    select
        weighted.*,
        case when state = 'scored' then {{ linear_score('loss', 'target_loss', 'floor_loss') }} end as score,
        case when state = 'scored' then {{ linear_score('loss_high', 'target_loss', 'floor_loss') }} end as score_low,
        case when state = 'scored' then {{ linear_score('loss_low', 'target_loss', 'floor_loss') }} end as score_high,
        case when state = 'scored' then
            {{ ratio('(100e0 * (floor_loss - loss))', '(floor_loss - target_loss)') }}
        end as raw_score,
        case when state = 'scored' then
            {{ ratio(
                '(100e0 * sqrt(loss_variance + target_variance * power('
                ~ ratio('(floor_loss - loss)', '(floor_loss - target_loss)') ~ ', 2)))',
                '(floor_loss - target_loss)'
            ) }}
        end as raw_score_deviation
    from weighted
),

pointed as (
    select
        scored.*,
        state in ('scored', 'too_few') as is_known,
        {{ rounded('score * effective_weight / 100e0', 6) }} as points,
        {{ ratio('(floor_loss - target_loss)', 'effective_weight') }} as loss_of_a_point
    from scored
),

totals as (
    select
        month,
        unit_type,
        unit_code,
        {{ rounded(sum_in_any_order('points'), 6) }} as total_score,
        {{ margin_of_total(z_of_5_per_cent(), '-') }} as margin_below,
        {{ margin_of_total(z_of_5_per_cent(), '+') }} as margin_above
    from pointed
    where state = 'scored'
    group by month, unit_type, unit_code
),

scores as (
    select
        pointed.month,
        pointed.unit_type,
        pointed.unit_code,
        pointed.unit_name,
        pointed.district_code,
        pointed.peer_group,
        pointed.kpi_code,
        pointed.state,
        {%- for column in ['case_count', 'event_count'] %}
        case when pointed.is_known then pointed.{{ column }} else 0 end as {{ column }},
        {%- endfor %}
        {%- for column in ['value', 'ci_low', 'ci_high', 'loss', 'loss_variance', 'peer_loss', 'target_loss', 'target_source', 'floor_loss'] %}
        case when pointed.is_known then pointed.{{ column }} end as {{ column }},
        {%- endfor %}
        pointed.history_month_count,
        pointed.weight,
        pointed.effective_weight,
        pointed.score,
        pointed.score_low,
        pointed.score_high,
        pointed.points,
        -- From below the floor the way is longer: the loss has to come down to the floor first.
        case when pointed.points + 1e0 <= pointed.effective_weight then
            greatest(
                cast(1 as bigint),
                cast(ceil({{ rounded('(pointed.loss - (pointed.floor_loss - (pointed.points + 1e0) * pointed.loss_of_a_point))'
                    ~ ' * pointed.judged_count', 6) }}) as bigint)
            )
        end as events_to_next_point,
        totals.total_score,
        pointed.raw_score,
        pointed.raw_score_deviation,
        {{ rounded('greatest(0e0, totals.total_score - totals.margin_below)', 6) }} as total_score_low,
        {{ rounded('least(100e0, totals.total_score + totals.margin_above)', 6) }} as total_score_high
    from pointed
    left join totals
        on
            pointed.month = totals.month
            and pointed.unit_type = totals.unit_type
            and pointed.unit_code = totals.unit_code
)

select * from scores
