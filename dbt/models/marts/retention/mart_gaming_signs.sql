{{ config(**monthly()) }}
{%- set keys = ['month', 'unit_type', 'unit_code', 'sign_code'] -%}
{%- set is_rare = '2 * (event_count + compared_event_count) <= case_count + compared_case_count' %}

with

thresholds as (
    {{ thresholds([
        'gaming_error_rate', 'gaming_least_cases', 'gaming_least_events', 'gaming_dip_share', 'gaming_spike_ratio',
        'gaming_share_margin', 'gaming_rate_ratio', 'gaming_rate_margin', 'gaming_other_share',
    ]) }}
),

measured as (
    select
        cases.*,
        cases.sign_code = 'other_causes' as has_limit,
        {{ ratio('cases.event_count', 'cases.case_count') }} as share,
        case
            when cases.sign_code = 'other_causes' then thresholds.gaming_other_share
            else {{ ratio('cases.compared_event_count', 'cases.compared_case_count') }}
        end as expected_share,
        -- What the unit's days between would give, were its first and last days like those of the others.
        cases.middle_count * {{ ratio(
            '(cases.compared_case_count - cases.compared_event_count)', 'cases.compared_middle_count'
        ) }} as expected_last_count,
        cases.middle_count * {{ ratio('cases.compared_event_count', 'cases.compared_middle_count') }}
            as expected_first_count,
        thresholds.gaming_error_rate,
        thresholds.gaming_least_cases,
        thresholds.gaming_least_events,
        thresholds.gaming_dip_share,
        thresholds.gaming_spike_ratio,
        thresholds.gaming_share_margin,
        thresholds.gaming_rate_ratio,
        thresholds.gaming_rate_margin,
        thresholds.gaming_other_share
    from {{ ref('int_gaming_cases') }} as cases
    inner join thresholds
        on cases.month = thresholds.month
),

judged as (
    select
        measured.*,
        case
            when has_limit
                then (share - gaming_other_share)
                    / nullif(sqrt(gaming_other_share * (1e0 - gaming_other_share) * {{ ratio('1', 'case_count') }}), 0)
            else {{ score_above('event_count', 'case_count', 'compared_event_count', 'compared_case_count') }}
        end as z_score,
        case
            when has_limit then gaming_other_share
            when sign_code in ('month_end_push', 'cherry_picked') then expected_share + gaming_share_margin
            else greatest(expected_share * gaming_rate_ratio, expected_share + gaming_rate_margin)
        end as threshold,
        case_count < gaming_least_cases or (compared_case_count < gaming_least_cases and not has_limit) as is_small,
        sign_code <> 'month_end_push'
        or (
            case_count - event_count <= gaming_dip_share * expected_last_count
            and event_count >= gaming_spike_ratio * expected_first_count
        ) as is_dip_and_spike
    from measured
),

-- As many units as are looked at share the chance of a false suspicion (Bonferroni).
counted as (
    select
        judged.*,
        gaming_error_rate / nullif(cast(sum(case when is_small then 0 else 1 end) over (
            partition by month, unit_type, sign_code
        ) as double), 0) as error_rate
    from judged
),

-- Of all events, so many or more belong to the unit though each is as likely in every case; of what is no event, so many
-- or more to the others where that is the rarer. Exact for rare events and on the safe side for frequent ones.
tested as (
    select
        {{ keys | join(', ') }},
        case
            when has_limit or {{ is_rare }} then event_count
            else compared_case_count - compared_event_count
        end as successes,
        case
            when has_limit then case_count
            when {{ is_rare }} then event_count + compared_event_count
            else case_count - event_count + compared_case_count - compared_event_count
        end as trials,
        case
            when has_limit then gaming_other_share
            when {{ is_rare }} then {{ ratio('case_count', 'case_count + compared_case_count') }}
            else {{ ratio('compared_case_count', 'case_count + compared_case_count') }}
        end as chance
    from judged
    where has_limit or compared_case_count > 0
),

tails as (
    {{ binomial_upper_tails('tested', keys, 'successes', 'trials', 'chance') }}
),

limited as (
    select
        counted.*,
        tails.p_value
    from counted
    left join tails
        on
            {%- for key in keys %}
            {{ "and " if not loop.first }}counted.{{ key }} = tails.{{ key }}
            {%- endfor %}
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

channels as (
    select month, channel_code, channel_name
    from {{ ref('dim_channels') }}
    where {{ months_in_range() }}
),

gaming_signs as (
    select
        limited.month,
        limited.unit_type,
        limited.unit_code,
        case limited.unit_type
            when 'district' then coalesce(districts.district_name, limited.unit_code)
            when 'dealer' then coalesce(channels.channel_name, limited.unit_code)
            else limited.unit_code
        end as unit_name,
        limited.sign_code,
        limited.case_count,
        limited.event_count,
        limited.share,
        limited.expected_share,
        limited.z_score,
        limited.p_value,
        limited.error_rate,
        limited.threshold,
        coalesce(
            not limited.is_small
            and limited.event_count >= limited.gaming_least_events
            and limited.share > limited.threshold
            and limited.p_value <= limited.error_rate
            and limited.is_dip_and_spike,
            false
        ) as is_raised,
        limited.is_small
    from limited
    left join districts
        on
            limited.month = districts.month
            and limited.unit_code = districts.district_code
    left join channels
        on
            limited.month = channels.month
            and limited.unit_code = channels.channel_code
)

select * from gaming_signs
