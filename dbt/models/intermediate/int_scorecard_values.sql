{{ config(**monthly()) }}

with

kpis as (
    {{ in_force('scorecard_kpis') }}
),

-- The months of each indicator's window, and the twelve before it, which are its history.
months_of_kpis as (
    select
        kpis.month,
        kpis.unit_type,
        kpis.kpi_code,
        kpis.is_higher_better,
        kpis.window_months,
        lags.lagged_month as case_month,
        lags.lag < kpis.window_months as is_current
    from kpis
    inner join ({{ lags(23) }}) as lags
        on kpis.month = lags.month
    where lags.lag < kpis.window_months + 12
),

cases as (
    select
        months_of_kpis.month,
        months_of_kpis.unit_type,
        months_of_kpis.kpi_code,
        months_of_kpis.window_months,
        months_of_kpis.case_month,
        months_of_kpis.is_current,
        cases.unit_code,
        cases.stratum,
        cases.case_count,
        cases.event_count,
        -- Of the effect of lists both arms count who left: what is lost is judged from the two shares.
        case
            when months_of_kpis.is_higher_better and months_of_kpis.kpi_code <> 'list_effect'
                then cases.case_count - cases.event_count
            else cases.event_count
        end as loss_count
    from months_of_kpis
    inner join {{ ref('int_scorecard_cases') }} as cases
        on
            months_of_kpis.case_month = cases.month
            and months_of_kpis.unit_type = cases.unit_type
            and months_of_kpis.kpi_code = cases.kpi_code
    where
        cases.case_count > 0
        and {{ months_in_range('cases.month', look_back=23) }}
),

cells as (
    select
        month,
        unit_type,
        unit_code,
        kpi_code,
        stratum,
        {{ total('case when is_current then case_count else 0 end') }} as case_count,
        {{ total('case when is_current then event_count else 0 end') }} as event_count,
        {{ total('case when is_current then loss_count else 0 end') }} as loss_count,
        {{ total('case when is_current then 0 else case_count end') }} as history_case_count,
        {{ total('case when is_current then 0 else loss_count end') }} as history_loss_count
    from cases
    group by month, unit_type, unit_code, kpi_code, stratum
),

histories as (
    select
        month,
        unit_type,
        unit_code,
        kpi_code,
        count(distinct case_month) as history_month_count,
        -- An indicator of one month asks the same people again every month: twelve months do not make it surer than one.
        case when max(window_months) = 1 then count(distinct case_month) else 1 end as repeat_count
    from cases
    where not is_current
    group by month, unit_type, unit_code, kpi_code
),

branch_strata as (
    select
        month,
        unit_type,
        kpi_code,
        stratum,
        {{ total('case_count') }} as case_count,
        {{ total('loss_count') }} as loss_count,
        {{ total('history_case_count') }} as history_case_count,
        {{ total('history_loss_count') }} as history_loss_count
    from cells
    group by month, unit_type, kpi_code, stratum
),

branches as (
    select
        month,
        unit_type,
        kpi_code,
        {{ total('history_case_count') }} as history_case_count,
        {{ total('history_loss_count') }} as history_loss_count
    from branch_strata
    group by month, unit_type, kpi_code
),

shares_counted as (
    select
        cells.month,
        cells.unit_type,
        cells.unit_code,
        cells.kpi_code,
        {{ total('cells.case_count') }} as case_count,
        {{ total('cells.event_count') }} as event_count,
        {{ total('cells.loss_count') }} as loss_count,
        {{ total('cells.history_case_count') }} as history_case_count,
        {{ total('cells.history_loss_count') }} as history_loss_count,
        {{ total('case when strata.history_case_count > 0 then cells.case_count else 0 end') }} as covered_count,
        -- What the unit cannot help is in its value, and whoever compares it expects it as it was.
        {{ sum_in_any_order(
            "case when cells.stratum = 'not_compared' then cells.loss_count else cells.case_count * coalesce("
            ~ ratio('strata.loss_count', 'strata.case_count') ~ ", 0e0) end"
        ) }} as peer_losses,
        {{ sum_in_any_order(
            "case when cells.stratum = 'not_compared' then cells.loss_count else cells.case_count * coalesce("
            ~ ratio('strata.history_loss_count', 'strata.history_case_count') ~ ", "
            ~ ratio('branches.history_loss_count', 'branches.history_case_count') ~ ") end"
        ) }} as peer_losses_by_history,
        {{ sum_in_any_order(
            "case when cells.stratum = 'not_compared' then cells.history_loss_count else cells.history_case_count * "
            ~ ratio('strata.history_loss_count', 'strata.history_case_count') ~ " end"
        ) }} as history_peer_losses
    from cells
    inner join branch_strata as strata
        on
            cells.month = strata.month
            and cells.unit_type = strata.unit_type
            and cells.kpi_code = strata.kpi_code
            and cells.stratum = strata.stratum
    inner join branches
        on
            cells.month = branches.month
            and cells.unit_type = branches.unit_type
            and cells.kpi_code = branches.kpi_code
    where cells.kpi_code <> 'list_effect'
    group by cells.month, cells.unit_type, cells.unit_code, cells.kpi_code
),

shares as (
    select
        counted.month,
        counted.unit_type,
        counted.unit_code,
        counted.kpi_code,
        counted.case_count,
        counted.event_count,
        counted.case_count as least_arm_count,
        counted.case_count as judged_count,
        {{ ratio('counted.event_count', 'counted.case_count') }} as value,
        {{ wilson_low('counted.event_count', 'counted.case_count') }} as ci_low,
        {{ wilson_high('counted.event_count', 'counted.case_count') }} as ci_high,
        {{ ratio('counted.loss_count', 'counted.case_count') }} as loss,
        {{ share_variance('counted.loss_count', 'counted.case_count') }} as loss_variance,
        {{ ratio('counted.peer_losses', 'counted.case_count') }} as peer_loss,
        {{ ratio('counted.peer_losses_by_history', 'counted.case_count') }} as branch_history_loss,
        case when counted.covered_count > 0 and histories.history_month_count > 0 then
            least(
                1e0,
                coalesce({{ ratio('counted.history_loss_count', 'counted.history_peer_losses') }}, 1e0)
                * {{ ratio('counted.peer_losses_by_history', 'counted.case_count') }}
            )
        end as own_history_loss,
        -- The own ratio to the branch is what history samples; the branch itself is taken as known.
        {{ share_variance('counted.history_loss_count', 'counted.history_case_count') }}
        * histories.repeat_count
        * power(coalesce({{ ratio('counted.history_case_count', 'counted.history_peer_losses') }}, 1e0), 2)
        * power({{ ratio('counted.peer_losses_by_history', 'counted.case_count') }}, 2) as own_history_variance,
        coalesce(histories.history_month_count, 0) as history_month_count
    from shares_counted as counted
    left join histories
        on
            counted.month = histories.month
            and counted.unit_type = histories.unit_type
            and counted.unit_code = histories.unit_code
            and counted.kpi_code = histories.kpi_code
    where counted.case_count > 0
),

arms_of_units as (
    select
        month,
        unit_type,
        unit_code,
        kpi_code
        {%- for arm in ['treated', 'control'] %}
        {%- for column in ['case_count', 'event_count', 'history_case_count', 'history_loss_count'] %},
        {{ total("case when stratum = '" ~ arm ~ "' then " ~ column ~ " else 0 end") }} as {{ arm }}_{{ column }}
        {%- endfor %}
        {%- endfor %}
    from cells
    where kpi_code = 'list_effect'
    group by month, unit_type, unit_code, kpi_code
),

arms_of_branches as (
    select
        month,
        unit_type,
        kpi_code
        {%- for arm in ['treated', 'control'] %}
        {%- for column in ['case_count', 'event_count', 'history_case_count', 'history_loss_count'] %},
        {{ total(arm ~ '_' ~ column) }} as {{ arm }}_{{ column }}
        {%- endfor %}
        {%- endfor %}
    from arms_of_units
    group by month, unit_type, kpi_code
),

arms as (
    select
        arms_of_units.*,
        {%- for arm in ['treated', 'control'] %}
        {{ ratio(arm ~ '_event_count', arm ~ '_case_count') }} as {{ arm }}_rate,
        {{ wilson_low(arm ~ '_event_count', arm ~ '_case_count') }} as {{ arm }}_low,
        {{ wilson_high(arm ~ '_event_count', arm ~ '_case_count') }} as {{ arm }}_high,
        {{ share_variance(arm ~ '_event_count', arm ~ '_case_count') }} as {{ arm }}_variance,
        {{ ratio(arm ~ '_history_loss_count', arm ~ '_history_case_count') }} as {{ arm }}_history_rate,
        {{ share_variance(arm ~ '_history_loss_count', arm ~ '_history_case_count') }} as {{ arm }}_history_variance
        {{- ',' if not loop.last }}
        {%- endfor %}
    from arms_of_units
),

effects as (
    select
        arms.month,
        arms.unit_type,
        arms.unit_code,
        arms.kpi_code,
        arms.treated_case_count + arms.control_case_count as case_count,
        arms.treated_event_count + arms.control_event_count as event_count,
        least(arms.treated_case_count, arms.control_case_count) as least_arm_count,
        -- Only what becomes of the treated is the unit's to change.
        arms.treated_case_count as judged_count,
        arms.control_rate - arms.treated_rate as value,
        {{ newcombe_low('arms.control', 'arms.treated') }} as ci_low,
        {{ newcombe_high('arms.control', 'arms.treated') }} as ci_high,
        1e0 - (arms.control_rate - arms.treated_rate) as loss,
        arms.control_variance + arms.treated_variance as loss_variance,
        1e0 - (
            {{ ratio('branches.control_event_count', 'branches.control_case_count') }}
            - {{ ratio('branches.treated_event_count', 'branches.treated_case_count') }}
        ) as peer_loss,
        1e0 - (
            {{ ratio('branches.control_history_loss_count', 'branches.control_history_case_count') }}
            - {{ ratio('branches.treated_history_loss_count', 'branches.treated_history_case_count') }}
        ) as branch_history_loss,
        1e0 - (arms.control_history_rate - arms.treated_history_rate) as own_history_loss,
        arms.control_history_variance + arms.treated_history_variance as own_history_variance,
        coalesce(histories.history_month_count, 0) as history_month_count
    from arms
    inner join arms_of_branches as branches
        on
            arms.month = branches.month
            and arms.unit_type = branches.unit_type
            and arms.kpi_code = branches.kpi_code
    left join histories
        on
            arms.month = histories.month
            and arms.unit_type = histories.unit_type
            and arms.unit_code = histories.unit_code
            and arms.kpi_code = histories.kpi_code
    where arms.treated_case_count + arms.control_case_count > 0
),

all_values as (
    select * from shares
    union all
    select * from effects
)

select * from all_values
