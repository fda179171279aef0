{{ config(**monthly()) }}
{%- set suspicious_ratio = ratio(
    ratio('judged.suspicious_count', 'judged.judged_count'), ratio('branch.suspicious_count', 'branch.judged_count')
) %}

with

thresholds as (
    {{ thresholds([
        'hazard_window_months', 'channel_early_tenure_months', 'channel_spike_ratio', 'channel_spike_z',
        'hoarding_channel_ratio', 'hoarding_channel_lines', 'hoarding_channel_suspicious_lines', 'hoarding_topups',
    ]) }}
),

cells as (
    select *
    from {{ ref('int_hazard_cells_counted') }}
    where {{ months_in_range(look_back=23) }}
),

delivered as (
    select distinct month from cells
),

-- A month of the run that was not delivered has earlier ones, but nothing to show.
windows as (
    select lags.month, lags.lag, lags.lagged_month
    from ({{ lags(23) }}) as lags
    inner join thresholds
        on lags.month = thresholds.month
    inner join delivered
        on lags.month = delivered.month
    where lags.lag < thresholds.hazard_window_months
),

window_lengths as (
    select windows.month, count(*) as window_months
    from windows
    inner join delivered
        on windows.lagged_month = delivered.month
    group by windows.month
),

tenures as (
    select
        windows.month,
        cells.channel_code,
        cells.tenure_month,
        {{ total('cells.at_risk_count') }} as at_risk_count,
        {{ total('cells.churned_count') }} as churned_count,
        {{ total('case when windows.lag = 0 then cells.at_risk_count else 0 end') }} as month_at_risk_count,
        {{ total('case when windows.lag = 0 then cells.churned_count else 0 end') }} as month_churned_count,
        {{ total('case when windows.lag = 0 then cells.new_count else 0 end') }} as month_new_count
    from windows
    inner join cells
        on windows.lagged_month = cells.month
    group by windows.month, cells.channel_code, cells.tenure_month
),

branch_tenures as (
    select
        month,
        tenure_month,
        {{ total('at_risk_count') }} as at_risk_count,
        {{ total('churned_count') }} as churned_count
    from tenures
    group by month, tenure_month
),

channels as (
    select
        tenures.month,
        tenures.channel_code,
        {{ total('tenures.month_new_count') }} as new_count,
        {{ total('tenures.month_churned_count') }} as churned_count,
        {{ total('tenures.month_at_risk_count - tenures.month_churned_count') }} as closing_count,
        {{ total('case when tenures.tenure_month <= thresholds.channel_early_tenure_months
            then tenures.month_churned_count else 0 end') }} as early_churned_count
    from tenures
    inner join thresholds
        on tenures.month = thresholds.month
    group by tenures.month, tenures.channel_code
),

names as (
    select
        month,
        channel_code,
        channel_name,
        channel_type,
        case when commission_months > 0 then commission_months end as commission_months
    from {{ ref('dim_channels') }}
    where {{ months_in_range() }}
),

-- The two tenure months after the assessment, and survival up to it, against all other channels.
assessed as (
    select
        tenures.month,
        tenures.channel_code,
        {{ total('case when tenures.tenure_month > names.commission_months then tenures.at_risk_count end') }}
            as at_risk_count,
        {{ total('case when tenures.tenure_month > names.commission_months then tenures.churned_count end') }}
            as churned_count,
        {{ total('case when tenures.tenure_month > names.commission_months
            then branch_tenures.at_risk_count - tenures.at_risk_count end') }} as peer_at_risk_count,
        {{ total('case when tenures.tenure_month > names.commission_months
            then branch_tenures.churned_count - tenures.churned_count end') }} as peer_churned_count,
        {{ survival(
            'tenures.churned_count', 'tenures.at_risk_count',
            'tenures.tenure_month <= names.commission_months', 'max(names.commission_months)'
        ) }} as survival_to_assessment_rate,
        {{ survival(
            '(branch_tenures.churned_count - tenures.churned_count)',
            '(branch_tenures.at_risk_count - tenures.at_risk_count)',
            'tenures.tenure_month <= names.commission_months', 'max(names.commission_months)'
        ) }} as peer_survival_rate
    from tenures
    inner join branch_tenures
        on
            tenures.month = branch_tenures.month
            and tenures.tenure_month = branch_tenures.tenure_month
    inner join names
        on
            tenures.month = names.month
            and tenures.channel_code = names.channel_code
    where tenures.tenure_month <= names.commission_months + 2
    group by tenures.month, tenures.channel_code
),

judged as (
    select
        suspicions.month,
        coalesce(suspicions.channel_code, '(unknown)') as channel_code,
        count(case when suspicions.is_judged then 1 end) as judged_count,
        count(case when suspicions.is_judged and suspicions.is_suspicious then 1 end) as suspicious_count,
        count(suspicions.topup_count) as topup_known_count,
        count(case when suspicions.topup_count >= thresholds.hoarding_topups then 1 end) as second_topup_count
    from {{ ref('int_hoarding_suspicions') }} as suspicions
    inner join thresholds
        on suspicions.month = thresholds.month
    where {{ months_in_range('suspicions.month') }}
    group by suspicions.month, coalesce(suspicions.channel_code, '(unknown)')
),

branch as (
    select
        month,
        {{ total('judged_count') }} as judged_count,
        {{ total('suspicious_count') }} as suspicious_count
    from judged
    group by month
),

compared as (
    select
        channels.month,
        channels.channel_code,
        names.channel_name,
        names.channel_type,
        names.commission_months,
        cast(window_lengths.window_months as int) as window_months,
        channels.new_count,
        channels.churned_count,
        channels.closing_count,
        channels.early_churned_count,
        case when judged.topup_known_count > 0 then judged.topup_known_count end as topup_known_count,
        {{ ratio('judged.second_topup_count', 'judged.topup_known_count') }} as second_topup_rate,
        assessed.survival_to_assessment_rate,
        assessed.peer_survival_rate,
        assessed.at_risk_count as assessment_at_risk_count,
        assessed.churned_count as assessment_churned_count,
        {{ ratio('assessed.churned_count', 'assessed.at_risk_count') }} as assessment_hazard_rate,
        {{ ratio('assessed.peer_churned_count', 'assessed.peer_at_risk_count') }} as peer_assessment_hazard_rate,
        {{ wilson_low('assessed.churned_count', 'assessed.at_risk_count') }} as assessment_hazard_low,
        case when judged.judged_count > 0 then judged.judged_count end as judged_count,
        case when judged.judged_count > 0 then judged.suspicious_count end as suspicious_count,
        {{ ratio('judged.suspicious_count', 'judged.judged_count') }} as suspicious_share,
        {{ ratio('branch.suspicious_count', 'branch.judged_count') }} as branch_suspicious_share,
        {{ suspicious_ratio }} as suspicious_ratio,
        thresholds.channel_spike_ratio,
        thresholds.channel_spike_z,
        thresholds.hoarding_channel_ratio,
        thresholds.hoarding_channel_lines,
        thresholds.hoarding_channel_suspicious_lines
    from channels
    inner join thresholds
        on channels.month = thresholds.month
    inner join window_lengths
        on channels.month = window_lengths.month
    left join names
        on
            channels.month = names.month
            and channels.channel_code = names.channel_code
    left join assessed
        on
            channels.month = assessed.month
            and channels.channel_code = assessed.channel_code
    left join judged
        on
            channels.month = judged.month
            and channels.channel_code = judged.channel_code
    left join branch
        on channels.month = branch.month
),

spiked as (
    select
        compared.*,
        {{ ratio('assessment_hazard_rate', 'peer_assessment_hazard_rate') }} as assessment_spike_ratio,
        (assessment_churned_count - assessment_at_risk_count * peer_assessment_hazard_rate) / nullif(sqrt(
            assessment_at_risk_count * peer_assessment_hazard_rate * (1e0 - peer_assessment_hazard_rate)
        ), 0) as assessment_spike_z
    from compared
),

churn_by_channel as (
    select
        month,
        channel_code,
        channel_name,
        channel_type,
        window_months,
        new_count,
        churned_count,
        closing_count,
        early_churned_count,
        topup_known_count,
        second_topup_rate,
        commission_months,
        survival_to_assessment_rate,
        peer_survival_rate,
        assessment_at_risk_count,
        assessment_churned_count,
        assessment_hazard_rate,
        peer_assessment_hazard_rate,
        assessment_spike_ratio,
        assessment_spike_z,
        assessment_at_risk_count >= hoarding_channel_lines
        and assessment_spike_z >= channel_spike_z
        and assessment_hazard_low >= channel_spike_ratio * peer_assessment_hazard_rate as is_assessment_spike,
        judged_count,
        suspicious_count,
        suspicious_share,
        branch_suspicious_share,
        case
            when judged_count is not null and channel_code <> '(unknown)'
                then judged_count >= hoarding_channel_lines
                    and suspicious_count >= hoarding_channel_suspicious_lines
                    and suspicious_ratio >= hoarding_channel_ratio
        end as is_suspicious,
        coalesce(judged_count, 0) < hoarding_channel_lines as is_small
    from spiked
)

select * from churn_by_channel
