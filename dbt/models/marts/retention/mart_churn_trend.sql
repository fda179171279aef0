{{ config(**monthly()) }}

with

-- Two years back: the look-back of the record; last year's January lies within 23 months.
flows as (
    select
        flows.*,
        {{ month_number('flows.month') }} as month_number,
        cast(substr(flows.month, 1, 4) as int) as calendar_year
    from {{ ref('int_churn_flows_counted') }} as flows
    where {{ months_in_range('flows.month', look_back=24) }}
),

thresholds as (
    {{ thresholds(['small_cell_denominator', 'outlier_history_months', 'outlier_score_limit']) }}
),

current_flows as (
    select * from flows where {{ months_in_range() }}
),

years_to_date as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        count(*) as month_count,
        count(month_last_year.month) as month_count_last_year,
        {{ total('month_this_year.churned_count') }} as churned_count,
        {{ total('month_this_year.new_count') }} as new_count,
        {{ total('month_this_year.opening_count') }} as opening_count,
        {{ total('month_last_year.churned_count') }} as churned_count_last_year,
        -- The share that would be left of a base that lost each month's rate in turn.
        {% for place in range(12) -%}
        greatest(0e0, 1e0 - coalesce(max(case when month_this_year.month_number % 12 = {{ place }}
            then {{ ratio('month_this_year.churned_count', 'month_this_year.opening_count') }} end), 0e0)){{ ' * ' if not loop.last }}
        {%- endfor %} as survival_share
    from current_flows
    inner join flows as month_this_year
        on
            current_flows.scope_type = month_this_year.scope_type
            and current_flows.scope_code = month_this_year.scope_code
            and current_flows.calendar_year = month_this_year.calendar_year
            and current_flows.month_number >= month_this_year.month_number
    left join flows as month_last_year
        on
            month_this_year.scope_type = month_last_year.scope_type
            and month_this_year.scope_code = month_last_year.scope_code
            and month_this_year.month_number - 12 = month_last_year.month_number
    group by current_flows.month, current_flows.scope_type, current_flows.scope_code
),

same_months_before as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        max({{ ratio('before.churned_count', 'before.opening_count') }}) as churn_rate_opening,
        max(case when current_flows.month_number - 12 = before.month_number then before.churned_count end) as churned_count_last_year,
        max(
            case
                when current_flows.month_number - 12 = before.month_number
                    then {{ ratio('before.churned_count', 'before.opening_count') }}
            end
        ) as churn_rate_last_year
    from current_flows
    inner join flows as before
        on
            current_flows.scope_type = before.scope_type
            and current_flows.scope_code = before.scope_code
            and before.month_number in (current_flows.month_number - 12, current_flows.month_number - 24)
    group by current_flows.month, current_flows.scope_type, current_flows.scope_code
),

half_years_to_date as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        count(*) as month_count,
        {{ total('flows.churned_count') }} as churned_count,
        {{ total('flows.opening_count') }} as opening_count
    from current_flows
    inner join flows
        on
            current_flows.scope_type = flows.scope_type
            and current_flows.scope_code = flows.scope_code
            and flows.month_number between
                current_flows.month_number - current_flows.month_number % 6 and current_flows.month_number
    group by current_flows.month, current_flows.scope_type, current_flows.scope_code
),

last_three_months as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        count(*) as month_count,
        {{ total('flows.churned_count') }} as churned_count,
        {{ total('flows.opening_count') }} as opening_count
    from current_flows
    inner join flows
        on
            current_flows.scope_type = flows.scope_type
            and current_flows.scope_code = flows.scope_code
            and flows.month_number between current_flows.month_number - 2 and current_flows.month_number
    group by current_flows.month, current_flows.scope_type, current_flows.scope_code
),

past_rates as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        flows.month_number as past_month_number,
        {{ ratio('flows.churned_count', 'flows.opening_count') }} as churn_rate
    from current_flows
    inner join flows
        on
            current_flows.scope_type = flows.scope_type
            and current_flows.scope_code = flows.scope_code
            and flows.month_number between current_flows.month_number - 24 and current_flows.month_number - 1
    where flows.opening_count > 0
),

{{ median_of('past_rates', 'churn_rate', ['month', 'scope_type', 'scope_code'], 'past_month_number') }},

past_deviations as (
    select
        past_rates.month,
        past_rates.scope_type,
        past_rates.scope_code,
        past_rates.past_month_number,
        past_rates_median.median as churn_rate,
        abs(past_rates.churn_rate - past_rates_median.median) as deviation
    from past_rates
    inner join past_rates_median
        on
            past_rates.month = past_rates_median.month
            and past_rates.scope_type = past_rates_median.scope_type
            and past_rates.scope_code = past_rates_median.scope_code
),

{{ median_of('past_deviations', 'deviation', ['month', 'scope_type', 'scope_code'], 'past_month_number') }},

-- 1.4826 makes the median deviation comparable with the standard deviation of a normal distribution.
usual_rates as (
    select
        past_rates_median.month,
        past_rates_median.scope_type,
        past_rates_median.scope_code,
        past_rates_median.row_count as month_count,
        past_rates_median.median as churn_rate,
        1.4826e0 * past_deviations_median.median as spread
    from past_rates_median
    inner join past_deviations_median
        on
            past_rates_median.month = past_deviations_median.month
            and past_rates_median.scope_type = past_deviations_median.scope_type
            and past_rates_median.scope_code = past_deviations_median.scope_code
),

outlier_scores as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        case
            when usual_rates.month_count >= thresholds.outlier_history_months
                then {{ ratio(
                    '(' ~ ratio('current_flows.churned_count', 'current_flows.opening_count') ~ ' - usual_rates.churn_rate)',
                    'usual_rates.spread'
                ) }}
        end as outlier_score,
        thresholds.outlier_score_limit
    from current_flows
    inner join thresholds
        on current_flows.month = thresholds.month
    left join usual_rates
        on
            current_flows.month = usual_rates.month
            and current_flows.scope_type = usual_rates.scope_type
            and current_flows.scope_code = usual_rates.scope_code
),

numbered_events as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        events.event_code,
        events.event_kind,
        events.title_zh,
        events.title_en,
        row_number() over (
            partition by current_flows.month, current_flows.scope_type, current_flows.scope_code
            order by events.from_on, events.event_code
        ) as event_number
    from current_flows
    inner join {{ ref('int_events_of_months') }} as events
        on
            current_flows.month = events.month
            and (
                events.scope_type = 'network'
                or (current_flows.scope_type = events.scope_type and current_flows.scope_code = events.scope_code)
            )
),

events_by_scope as (
    select
        month,
        scope_type,
        scope_code,
        count(*) as event_count
        {%- for column, joined, separator in [
            ('event_code', 'event_codes', '+'), ('event_kind', 'event_kinds', '+'),
            ('title_zh', 'event_titles', '、'), ('title_en', 'event_titles_en', ', '),
        ] %},
        concat_ws('{{ separator }}'
            {%- for number in range(1, 13) %}, max(case when event_number = {{ number }} then {{ column }} end){% endfor -%}
        ) as {{ joined }}
        {%- endfor %}
    from numbered_events
    group by month, scope_type, scope_code
),

months_of_run as (
    {{ calendar() }}
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

snapshots as (
    select month, coalesce(snapshots_hold_leavers, true) as hold_leavers
    from {{ ref('stg_deliveries__data_sets') }}
    where
        data_set = 'crm_subscribers'
        and {{ months_in_range() }}
),

-- As known in the month itself; mart_churn_revision shows what later months know of it.
swaps as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        case when deliveries.has_swap_evidence then coalesce(versions.swap_count, 0) end as swap_count,
        case when deliveries.has_swap_evidence then coalesce(versions.probable_swap_count, 0) end
            as probable_swap_count
    from current_flows
    left join {{ ref('int_deliveries_pivoted') }} as deliveries
        on current_flows.month = deliveries.month
    left join {{ ref('int_churn_versions_counted') }} as versions
        on
            current_flows.month = versions.month
            and current_flows.month = versions.churn_month
            and current_flows.scope_type = versions.scope_type
            and current_flows.scope_code = versions.scope_code
),

churn_trend as (
    select
        current_flows.month,
        current_flows.scope_type,
        current_flows.scope_code,
        {{ scope_name('current_flows.scope_type', 'current_flows.scope_code', 'districts.district_name') }} as scope_name,
        current_flows.opening_count,
        current_flows.new_count,
        current_flows.reinstated_count,
        current_flows.appeared_count,
        current_flows.moved_in_count,
        current_flows.moved_out_count,
        current_flows.vanished_count,
        current_flows.churned_count,
        current_flows.same_month_churned_count,
        case when snapshots.hold_leavers then current_flows.passive_churned_count end as passive_churned_count,
        case when snapshots.hold_leavers then current_flows.active_churned_count end as active_churned_count,
        swaps.swap_count,
        swaps.probable_swap_count,
        current_flows.churned_count - swaps.swap_count as net_churned_count,
        current_flows.churned_count - swaps.swap_count - swaps.probable_swap_count as net_churned_count_low,
        current_flows.churned_count - swaps.swap_count as net_churned_count_high,
        current_flows.closing_count,
        current_flows.exposure_days,
        {{ ratio('current_flows.churned_count', 'current_flows.opening_count') }} as churn_rate_opening,
        {{ ratio('current_flows.opening_churned_count', 'current_flows.opening_count') }} as churn_rate_opening_strict,
        {{ ratio('2 * current_flows.churned_count', '(current_flows.opening_count + current_flows.closing_count)') }}
            as churn_rate_average,
        {{ ratio('current_flows.churned_count', 'current_flows.closing_count') }} as churn_rate_closing,
        {{ ratio('current_flows.churned_count * months_of_run.days_in_month', 'current_flows.exposure_days') }}
            as churn_rate_exposure,
        {{ ratio('(current_flows.churned_count - swaps.swap_count)', 'current_flows.opening_count') }} as churn_rate_net,
        {{ wilson_low('current_flows.churned_count', 'current_flows.opening_count') }} as ci_low,
        {{ wilson_high('current_flows.churned_count', 'current_flows.opening_count') }} as ci_high,
        current_flows.opening_count < thresholds.small_cell_denominator as is_small,
        {{ ratio('current_flows.churned_count', 'current_flows.new_count') }} as churn_to_new_ratio,
        case
            when current_flows.new_count > swaps.swap_count
                then {{ ratio(
                    '(current_flows.churned_count - swaps.swap_count)',
                    '(current_flows.new_count - swaps.swap_count)'
                ) }}
        end as churn_to_new_ratio_net,
        years_to_date.month_count as ytd_month_count,
        years_to_date.churned_count as ytd_churned_count,
        years_to_date.new_count as ytd_new_count,
        {{ ratio('years_to_date.churned_count', 'years_to_date.new_count') }} as ytd_churn_to_new_ratio,
        {{ ratio('years_to_date.churned_count * years_to_date.month_count', 'years_to_date.opening_count') }}
            as ytd_churn_rate,
        {{ ratio('years_to_date.churned_count', 'years_to_date.opening_count') }} as ytd_monthly_churn_rate,
        {{ ratio(
            '(current_flows.churned_count - same_months_before.churned_count_last_year)',
            'same_months_before.churned_count_last_year'
        ) }} as yoy_churned_change_rate,
        case
            when years_to_date.month_count_last_year = years_to_date.month_count
                then {{ ratio(
                    '(years_to_date.churned_count - years_to_date.churned_count_last_year)',
                    'years_to_date.churned_count_last_year'
                ) }}
        end as yoy_ytd_churned_change_rate,
        {{ ratio('current_flows.churned_count', 'current_flows.opening_count') }} > same_months_before.churn_rate_opening
            as is_record_high,
        half_years_to_date.month_count as half_year_month_count,
        half_years_to_date.churned_count as half_year_churned_count,
        {{ ratio('half_years_to_date.churned_count * half_years_to_date.month_count', 'half_years_to_date.opening_count') }}
            as half_year_churn_rate,
        {{ ratio('half_years_to_date.churned_count', 'half_years_to_date.opening_count') }} as half_year_monthly_churn_rate,
        {{ monthly_equivalent(
            ratio('half_years_to_date.churned_count * half_years_to_date.month_count', 'half_years_to_date.opening_count'),
            'half_years_to_date.month_count'
        ) }} as half_year_monthly_churn_rate_compound,
        case when years_to_date.opening_count > 0 then {{ rounded('1e0 - years_to_date.survival_share', 12) }} end as ytd_churn_rate_compound,
        {{ monthly_equivalent(
            ratio('years_to_date.churned_count * years_to_date.month_count', 'years_to_date.opening_count'),
            'years_to_date.month_count'
        ) }} as ytd_monthly_churn_rate_compound,
        case
            when last_three_months.month_count = 3
                then {{ ratio('last_three_months.churned_count', 'last_three_months.opening_count') }}
        end as churn_rate_mean_3m,
        {{ ratio('current_flows.churned_count', 'current_flows.opening_count') }} - same_months_before.churn_rate_last_year
            as yoy_churn_rate_change,
        outlier_scores.outlier_score,
        abs(outlier_scores.outlier_score) >= outlier_scores.outlier_score_limit as is_outlier,
        coalesce(events_by_scope.event_count, 0) as event_count,
        events_by_scope.event_codes,
        events_by_scope.event_kinds,
        events_by_scope.event_titles,
        events_by_scope.event_titles_en
    from current_flows
    inner join thresholds
        on current_flows.month = thresholds.month
    inner join months_of_run
        on current_flows.month = months_of_run.month
    inner join years_to_date
        on
            current_flows.month = years_to_date.month
            and current_flows.scope_type = years_to_date.scope_type
            and current_flows.scope_code = years_to_date.scope_code
    inner join swaps
        on
            current_flows.month = swaps.month
            and current_flows.scope_type = swaps.scope_type
            and current_flows.scope_code = swaps.scope_code
    left join same_months_before
        on
            current_flows.month = same_months_before.month
            and current_flows.scope_type = same_months_before.scope_type
            and current_flows.scope_code = same_months_before.scope_code
    {%- for relation in ['half_years_to_date', 'last_three_months', 'outlier_scores'] %}
    inner join {{ relation }}
        on
            current_flows.month = {{ relation }}.month
            and current_flows.scope_type = {{ relation }}.scope_type
            and current_flows.scope_code = {{ relation }}.scope_code
    {%- endfor %}
    left join events_by_scope
        on
            current_flows.month = events_by_scope.month
            and current_flows.scope_type = events_by_scope.scope_type
            and current_flows.scope_code = events_by_scope.scope_code
    left join districts
        on
            current_flows.month = districts.month
            and current_flows.scope_type = 'district'
            and current_flows.scope_code = districts.district_code
    left join snapshots
        on current_flows.month = snapshots.month
)

select * from churn_trend
