{{ config(**monthly()) }}
{%- set signals = ['few_calls', 'few_callees', 'no_second_topup', 'shared_handset', 'zero_rent'] %}

with

calendar as (
    {{ calendar() }}
),

thresholds as (
    {{ thresholds([
        'hoarding_window_months', 'hoarding_calls', 'hoarding_data_mb', 'hoarding_callees', 'hoarding_topups',
        'hoarding_handset_lines', 'hoarding_line_score',
    ]) }}
),

points as (
    {{ values_in_force('hoarding_signals', 'signal_code', 'hoarding_signals.points', signals, otherwise='0') }}
),

early_months as (
    select *
    from {{ ref('int_early_months_measured') }}
    where {{ months_in_range(look_back=23) }}
),

-- Every early month that is known in a month of the run, of the lines that joined in the window ending in it.
seen as (
    select
        calendar.month,
        early_months.subscriber_id,
        early_months.joined_on,
        early_months.tenure_month,
        early_months.is_on_net_close,
        early_months.channel_code,
        early_months.payment_type,
        early_months.plan_rent_amount,
        early_months.call_count,
        early_months.distinct_called,
        early_months.data_mb,
        early_months.payment_count,
        early_months.imei_hash
    from ({{ lags(23) }}) as lags
    inner join calendar
        on lags.month = calendar.month
    inner join thresholds
        on lags.month = thresholds.month
    inner join early_months
        on lags.lagged_month = early_months.month
    where
        lags.lag < thresholds.hoarding_window_months
        and calendar.month_number - {{ date_month_number('early_months.joined_on') }} < thresholds.hoarding_window_months
),

handsets as (
    select
        month,
        imei_hash,
        count(distinct subscriber_id) as line_count
    from seen
    where imei_hash is not null
    group by month, imei_hash
),

measured as (
    select
        seen.month,
        seen.subscriber_id,
        {{ month_of('max(seen.joined_on)') }} as joined_month,
        max(seen.channel_code) as channel_code,
        max(seen.plan_rent_amount) as rent_amount,
        max(handsets.line_count) as handset_line_count,
        -- Known once the first whole month has ended with the line on the network: who leaves earlier used it less.
        max(case when seen.tenure_month = 2 and seen.is_on_net_close and seen.call_count is not null then 1 end)
            as has_calls,
        sum(case when seen.tenure_month <= 2 then seen.call_count end) as call_count,
        max(case when seen.tenure_month <= 2 then seen.data_mb end) as data_mb,
        max(case when seen.tenure_month = 2 and seen.is_on_net_close and seen.distinct_called is not null then 1 end)
            as has_callees,
        max(case when seen.tenure_month <= 2 then seen.distinct_called end) as callee_count,
        -- Bills are no top-ups: those who pay later are not judged by them.
        count(
            case
                when seen.tenure_month <= 3 and seen.is_on_net_close and coalesce(seen.payment_type, 'prepaid') = 'prepaid'
                    then seen.payment_count
            end
        ) as topup_months,
        sum(case when seen.tenure_month <= 3 then seen.payment_count end) as topup_count
    from seen
    left join handsets
        on
            seen.month = handsets.month
            and seen.imei_hash = handsets.imei_hash
    group by seen.month, seen.subscriber_id
),

signalled as (
    select
        measured.month,
        measured.subscriber_id,
        measured.joined_month,
        measured.channel_code,
        case when measured.has_calls = 1 then cast(measured.call_count as bigint) end as call_count,
        case when measured.has_callees = 1 then cast(measured.callee_count as bigint) end as callee_count,
        case when measured.topup_months = 3 then cast(measured.topup_count as bigint) end as topup_count,
        measured.handset_line_count,
        measured.rent_amount,
        case
            when measured.has_calls = 1
                then measured.call_count <= thresholds.hoarding_calls
                    and coalesce(measured.data_mb, 0) <= thresholds.hoarding_data_mb
        end as is_few_calls,
        case when measured.has_callees = 1 then measured.callee_count < thresholds.hoarding_callees end as is_few_callees,
        case when measured.topup_months = 3 then measured.topup_count < thresholds.hoarding_topups end
            as is_no_second_topup,
        measured.handset_line_count >= thresholds.hoarding_handset_lines as is_shared_handset,
        measured.rent_amount = 0 as is_zero_rent,
        thresholds.hoarding_line_score
    from measured
    inner join thresholds
        on measured.month = thresholds.month
),

scored as (
    select
        signalled.*,
        cast(least(
            cast(1 as decimal(4, 2)),
            cast(
                {%- for signal in signals %}
                {{ "+ " if not loop.first }}case when signalled.is_{{ signal }} then points.{{ signal }} else 0 end
                {%- endfor %}
                as decimal(4, 2)
            )
        ) as double) as suspicion_score
    from signalled
    inner join points
        on signalled.month = points.month
)

select
    month,
    subscriber_id,
    joined_month,
    channel_code,
    call_count,
    callee_count,
    topup_count,
    handset_line_count,
    rent_amount,
    {%- for signal in signals %}
    is_{{ signal }},
    {%- endfor %}
    -- A plan alone tells nothing: a line is judged once anything it did, or its handset, is known.
    coalesce(is_few_calls, is_few_callees, is_no_second_topup, is_shared_handset) is not null as is_judged,
    suspicion_score,
    suspicion_score >= hoarding_line_score as is_suspicious
from scored
