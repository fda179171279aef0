{{ config(**monthly()) }}
{%- set covariates = ['billed_revenue_amount', 'mou', 'data_mb', 'active_days', 'payment_count'] %}
{%- set arms = ['treated', 'control'] %}
{%- set measured = [
    'matured_count', 'churned_count', 'behavioural_known_count', 'behavioural_churned_count', 'billed_known_count',
    'topup_known_count', 'second_topup_count', 'contact_known_count', 'contacted_count', 'reached_count',
    'spend_known_count', 'margin_known_count',
] %}
{%- set amounts = ['billed_revenue_amount', 'spend_amount', 'margin_amount'] %}

with

thresholds as (
    {{ thresholds([
        'small_cell_denominator', 'contamination_share', 'pilot_balance_limit', 'pilot_fall_share',
    ]) }}
),

delivered as (
    select month
    from {{ ref('int_deliveries_pivoted') }}
    where {{ months_in_range() }} and has_snapshots
),

arms as (
    {%- for arm in arms %}
    select '{{ arm }}' as arm{{ ' union all' if not loop.last }}
    {%- endfor %}
),

pilots as (
    select
        delivered.month,
        pilots.pilot_id,
        pilots.zh as pilot_name,
        pilots.en as pilot_name_en,
        pilots.last_month,
        {{ add_months('pilots.last_month', 3) }} as verdict_month
    from delivered
    inner join {{ ref('pilots') }} as pilots
        on delivered.month >= pilots.first_month
),

-- A month's enrolment first: what is pooled over months are sums of it.
enrolments as (
    select
        month as enrolled_month,
        pilot_id,
        arm,
        count(*) as enrolled_count
        {%- for name in covariates %},
        count({{ name }}) as {{ name }}_known,
        sum(cast({{ name }} as decimal(14, 4))) as {{ name }}_sum,
        sum(cast({{ name }} as decimal(14, 4)) * cast({{ name }} as decimal(14, 4))) as {{ name }}_squares
        {%- endfor %}
    from {{ ref('fct_pilot_assignments') }}
    where month <= '{{ to_month() }}'
    group by month, pilot_id, arm
),

enrolled as (
    select
        pilots.month,
        pilots.pilot_id,
        enrolments.arm,
        {{ total('enrolments.enrolled_count') }} as enrolled_count
        {%- for name in covariates %},
        {{ total('enrolments.' ~ name ~ '_known') }} as {{ name }}_known,
        sum(enrolments.{{ name }}_sum) as {{ name }}_sum,
        sum(enrolments.{{ name }}_squares) as {{ name }}_squares
        {%- endfor %}
    from pilots
    inner join enrolments
        on
            pilots.pilot_id = enrolments.pilot_id
            and pilots.month >= enrolments.enrolled_month
    group by pilots.month, pilots.pilot_id, enrolments.arm
),

outcomes as (
    select
        month as matured_month,
        pilot_id,
        arm,
        count(*) as matured_count,
        count(case when is_churned then 1 end) as churned_count,
        count(is_behaviourally_churned) as behavioural_known_count,
        count(case when is_behaviourally_churned then 1 end) as behavioural_churned_count,
        count(billed_revenue_amount) as billed_known_count,
        sum(billed_revenue_amount) as billed_revenue_amount,
        count(is_second_topup) as topup_known_count,
        count(case when is_second_topup then 1 end) as second_topup_count,
        count(is_contacted) as contact_known_count,
        count(case when is_contacted then 1 end) as contacted_count,
        count(case when is_reached then 1 end) as reached_count,
        count(spend_amount) as spend_known_count,
        sum(spend_amount) as spend_amount,
        count(expected_margin_amount) as margin_known_count,
        sum(expected_margin_amount) as margin_amount
    from {{ ref('int_pilot_outcomes_followed') }}
    where month <= '{{ to_month() }}'
    group by month, pilot_id, arm
),

matured as (
    select
        pilots.month,
        pilots.pilot_id,
        outcomes.arm,
        count(distinct outcomes.matured_month) as matured_month_count
        {%- for name in measured %},
        {{ total('outcomes.' ~ name) }} as {{ name }}
        {%- endfor %}
        {%- for name in amounts %},
        cast(sum(outcomes.{{ name }}) as decimal(18, 2)) as {{ name }}
        {%- endfor %}
    from pilots
    inner join outcomes
        on
            pilots.pilot_id = outcomes.pilot_id
            and pilots.month >= outcomes.matured_month
    group by pilots.month, pilots.pilot_id, outcomes.arm
),

-- What one month of them was delivered without is not known of all of them.
followed as (
    select
        pilots.month,
        pilots.pilot_id,
        arms.arm,
        coalesce(enrolled.enrolled_count, 0) as enrolled_count,
        {%- for name in covariates %}
        coalesce(enrolled.{{ name }}_known, 0) as {{ name }}_known,
        enrolled.{{ name }}_sum,
        enrolled.{{ name }}_squares,
        {%- endfor %}
        cast(coalesce(matured.matured_month_count, 0) as int) as matured_month_count,
        coalesce(matured.matured_count, 0) as matured_count,
        coalesce(matured.churned_count, 0) as churned_count,
        case when matured.behavioural_known_count = matured.matured_count then matured.behavioural_churned_count end
            as behavioural_churned_count,
        case when matured.billed_known_count = matured.matured_count then matured.billed_revenue_amount end
            as billed_revenue_amount,
        case when matured.topup_known_count > 0 then matured.topup_known_count end as topup_known_count,
        case when matured.topup_known_count > 0 then matured.second_topup_count end as second_topup_count,
        case when matured.contact_known_count = matured.matured_count then matured.contacted_count end
            as contacted_count,
        case when matured.contact_known_count = matured.matured_count then matured.reached_count end as reached_count,
        case when matured.spend_known_count = matured.matured_count then matured.spend_amount end as spend_amount,
        matured.margin_known_count,
        matured.margin_amount
    from pilots
    cross join arms
    left join enrolled
        on
            pilots.month = enrolled.month
            and pilots.pilot_id = enrolled.pilot_id
            and arms.arm = enrolled.arm
    left join matured
        on
            pilots.month = matured.month
            and pilots.pilot_id = matured.pilot_id
            and arms.arm = matured.arm
),

rated as (
    select
        followed.*,
        {{ ratio('churned_count', 'matured_count') }} as churn_rate,
        {{ ratio('behavioural_churned_count', 'matured_count') }} as behavioural_churn_rate,
        {{ money_per('billed_revenue_amount', '3 * matured_count') }} as arpu_amount,
        {{ ratio('second_topup_count', 'topup_known_count') }} as second_topup_rate,
        {{ ratio('contacted_count', 'matured_count') }} as contacted_share
    from followed
),

paired as (
    select
        month,
        pilot_id
        {%- for arm in arms %},
        {%- for name in [
            'matured_count', 'churned_count', 'churn_rate', 'behavioural_churned_count', 'behavioural_churn_rate',
            'arpu_amount', 'second_topup_rate', 'contacted_share', 'reached_count', 'spend_amount',
            'margin_known_count', 'margin_amount',
        ] %}
        max(case when arm = '{{ arm }}' then {{ name }} end) as {{ arm }}_{{ name }},
        {%- endfor %}
        {%- for name in covariates %}
        {%- for part in ['known', 'sum', 'squares'] %}
        max(case when arm = '{{ arm }}' then {{ name }}_{{ part }} end) as {{ arm }}_{{ name }}_{{ part }}
        {{- ',' if not loop.last }}
        {%- endfor %}
        {{- ',' if not loop.last }}
        {%- endfor %}
        {%- endfor %}
    from rated
    group by month, pilot_id
),

-- The names that the macro of the interval reads: a rate with its bounds, 95 % of both outcomes and 90 % of churn.
bounded as (
    select
        paired.*,
        {{ ratio('treated_reached_count', 'treated_matured_count') }} as reached_rate,
        {{ money_per('treated_margin_amount', 'treated_margin_known_count') }} as margin_mean_amount,
        {{ ratio('treated_spend_amount', 'treated_matured_count') }} as spend_per_treated,
        {%- for name in covariates %}
        {{ standardised_difference('treated_' ~ name, 'control_' ~ name) }} as {{ name }}_difference,
        {%- endfor %}
        {%- for arm in arms %}
        {%- for outcome, rate in [('churned', 'churn'), ('behavioural_churned', 'behavioural_churn')] %}
        {{ wilson_low(arm ~ '_' ~ outcome ~ '_count', arm ~ '_matured_count') }} as {{ arm }}_{{ rate }}_low,
        {{ wilson_high(arm ~ '_' ~ outcome ~ '_count', arm ~ '_matured_count') }} as {{ arm }}_{{ rate }}_high,
        {%- endfor %}
        {{ arm }}_churn_rate as {{ arm }}_cautious_rate,
        {{ wilson_low(arm ~ '_churned_count', arm ~ '_matured_count', z_of_90_per_cent()) }} as {{ arm }}_cautious_low,
        {{ wilson_high(arm ~ '_churned_count', arm ~ '_matured_count', z_of_90_per_cent()) }} as {{ arm }}_cautious_high
        {{- ',' if not loop.last }}
        {%- endfor %}
    from paired
),

compared as (
    select
        bounded.*,
        control_churn_rate - treated_churn_rate as effect,
        {{ newcombe_low('control_churn', 'treated_churn') }} as ci_low,
        {{ newcombe_high('control_churn', 'treated_churn') }} as ci_high,
        {{ newcombe_low('control_cautious', 'treated_cautious') }} as cautious_effect,
        control_behavioural_churn_rate - treated_behavioural_churn_rate as behavioural_effect,
        {{ newcombe_low('control_behavioural_churn', 'treated_behavioural_churn') }} as behavioural_ci_low,
        {{ newcombe_high('control_behavioural_churn', 'treated_behavioural_churn') }} as behavioural_ci_high,
        nullif(greatest(
            {%- for name in covariates %}
            coalesce({{ name }}_difference, -1e0){{ ',' if not loop.last }}
            {%- endfor %}
        ), -1e0) as balance
    from bounded
),

valued as (
    select
        compared.*,
        treated_matured_count * effect as saves,
        {{ money('effect * cast(margin_mean_amount as double) - spend_per_treated') }}
            as net_benefit_per_treated_amount,
        {{ money('cautious_effect * cast(margin_mean_amount as double) - spend_per_treated') }}
            as net_benefit_per_treated_low_amount,
        case
            {%- for name in covariates %}
            when {{ name }}_difference = balance then '{{ name }}'
            {%- endfor %}
        end as balance_covariate,
        {{ power_score(
            'control_churn_rate', 'thresholds.pilot_fall_share', 'treated_matured_count', 'control_matured_count'
        ) }} as power_score,
        {{ needed_arm_count('control_churn_rate', 'thresholds.pilot_fall_share') }} as needed_count,
        thresholds.pilot_balance_limit,
        thresholds.contamination_share,
        thresholds.small_cell_denominator
    from compared
    inner join thresholds
        on compared.month = thresholds.month
),

-- Before the last enrolment is three months old nothing is decided: who looks every month finds an effect by luck.
judged as (
    select
        valued.*,
        pilots.pilot_name,
        pilots.pilot_name_en,
        case
            when valued.month < pilots.verdict_month then 'too_early'
            when
                valued.net_benefit_per_treated_low_amount is null
                or valued.behavioural_effect is null
                or coalesce(valued.treated_reached_count, 0) = 0
                then 'undecided'
            when
                valued.net_benefit_per_treated_low_amount > 0
                and valued.effect > 0
                and valued.behavioural_effect > 0
                then 'roll_out'
            else 'do_not_roll_out'
        end as verdict
    from valued
    inner join pilots
        on
            valued.month = pilots.month
            and valued.pilot_id = pilots.pilot_id
),

pilot as (
    select
        rated.month,
        rated.pilot_id,
        judged.pilot_name,
        judged.pilot_name_en,
        rated.arm,
        rated.enrolled_count,
        rated.matured_month_count,
        rated.matured_count,
        rated.churned_count,
        rated.churn_rate,
        rated.behavioural_churned_count,
        rated.behavioural_churn_rate,
        rated.arpu_amount,
        rated.topup_known_count,
        rated.second_topup_rate,
        rated.contacted_count,
        rated.reached_count,
        rated.spend_amount,
        judged.treated_matured_count as treated_count,
        judged.control_matured_count as control_count,
        judged.treated_churn_rate as churn_rate_treated,
        judged.control_churn_rate as churn_rate_control,
        judged.effect,
        judged.ci_low,
        judged.ci_high,
        judged.ci_low > 0 or judged.ci_high < 0 as is_distinguishable,
        {{ ratio('judged.effect', 'judged.control_churn_rate') }} as relative_effect,
        {{ ratio('judged.effect', 'judged.reached_rate') }} as complier_effect,
        judged.behavioural_effect,
        judged.behavioural_ci_low,
        judged.behavioural_ci_high,
        cast(judged.treated_arpu_amount - judged.control_arpu_amount as decimal(18, 2)) as arpu_effect_amount,
        judged.treated_second_topup_rate - judged.control_second_topup_rate as second_topup_effect,
        judged.saves,
        judged.margin_mean_amount,
        case when judged.effect > 0 then {{ money(ratio('judged.treated_spend_amount', 'judged.saves')) }} end
            as cost_per_save_amount,
        {{ money('judged.saves * cast(judged.margin_mean_amount as double) - cast(judged.treated_spend_amount as double)') }}
            as net_benefit_amount,
        judged.net_benefit_per_treated_amount,
        judged.net_benefit_per_treated_low_amount,
        judged.control_contacted_share as contaminated_share,
        judged.control_contacted_share > judged.contamination_share as is_contaminated,
        judged.balance,
        judged.balance_covariate,
        judged.balance < judged.pilot_balance_limit as is_balanced,
        {{ normal_distribution('judged.power_score') }} as power,
        judged.needed_count,
        judged.verdict,
        verdicts.zh as verdict_name,
        verdicts.en as verdict_name_en,
        least(judged.treated_matured_count, judged.control_matured_count) < judged.small_cell_denominator as is_small
    from rated
    inner join judged
        on
            rated.month = judged.month
            and rated.pilot_id = judged.pilot_id
    left join {{ ref('pilot_verdicts') }} as verdicts
        on judged.verdict = verdicts.verdict
)

select * from pilot
