{{ config(**monthly()) }}

{#- Months from joining to the close at which early churn and the second top-up, and survival, are judged; and how many
    months of newcomers a dealer's arrears and complaints are asked of. -#}
{%- set early_months = 3 -%}
{%- set survival_months = 6 -%}
{%- set recent_months = 6 -%}

with

thresholds as (
    {{ thresholds(['arrears_amount', 'hoarding_topups']) }}
),

-- An outcome over a gap would miss who left in it, and a top-up that was not delivered would be missed.
deliveries as (
    select
        lags.month,
        count(case when lags.lag <= {{ early_months }} and deliveries.has_snapshots then 1 end) = {{ early_months + 1 }}
            as has_early_months,
        count(case when lags.lag <= {{ early_months }} and deliveries.has_payments then 1 end) = {{ early_months + 1 }}
            as has_early_payments,
        count(case when deliveries.has_snapshots then 1 end) = {{ survival_months + 1 }} as has_survival_months
    from ({{ lags(survival_months) }}) as lags
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries
        on lags.lagged_month = deliveries.month
    group by lags.month
),

lines as (
    select
        month,
        subscriber_id,
        district_code,
        channel_code,
        payment_type,
        tenure_month,
        is_new,
        is_churned,
        is_on_net_close,
        payment_count,
        arrears_amount,
        complaint_count
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=survival_months) }}
),

present as (
    select month, subscriber_id
    from lines
    where is_on_net_close
),

ended as (
    select distinct lags.month, lines.subscriber_id
    from lines
    inner join ({{ lags(survival_months) }}) as lags
        on lines.month = lags.lagged_month
    where lines.is_churned
),

-- Who has left the counted base since is neither on net nor gone.
entrants as (
    select
        lags.month,
        lags.lag,
        lines.subscriber_id,
        lines.district_code,
        lines.channel_code,
        coalesce(lines.payment_type, '(unknown)') as stratum,
        coalesce(lines.payment_type, 'prepaid') = 'prepaid' as is_prepaid,
        present.subscriber_id is not null as is_on_net
    from lines
    inner join ({{ lags(survival_months) }}) as lags
        on
            lines.month = lags.lagged_month
            and lags.lag in ({{ early_months }}, {{ survival_months }})
    left join present
        on
            lags.month = present.month
            and lines.subscriber_id = present.subscriber_id
    left join ended
        on
            lags.month = ended.month
            and lines.subscriber_id = ended.subscriber_id
    where
        lines.is_new
        and (present.subscriber_id is not null or ended.subscriber_id is not null)
),

-- The last word on a leaver's swap is that of two months later, or of now.
swapped as (
    select distinct lags.month, swaps.new_subscriber_id as subscriber_id
    from {{ ref('fct_number_swaps') }} as swaps
    inner join ({{ lags(survival_months) }}) as lags
        on swaps.month = lags.lagged_month
    where
        {{ months_in_range('swaps.month', look_back=survival_months) }}
        and swaps.swap_status = 'swap'
        and (lags.lag = 0 or {{ month_number('swaps.month') }} - {{ month_number('swaps.churn_month') }} = 2)
),

suspicions as (
    select month, subscriber_id, channel_code, is_judged, is_suspicious
    from {{ ref('int_hoarding_suspicions') }}
    where {{ months_in_range() }}
),

early_cells as (
    select
        entrants.month,
        entrants.district_code,
        count(*) as entrant_count,
        count(case when not entrants.is_on_net then 1 end) as churned_count
    from entrants
    inner join deliveries
        on
            entrants.month = deliveries.month
            and deliveries.has_early_months
    left join swapped
        on
            entrants.month = swapped.month
            and entrants.subscriber_id = swapped.subscriber_id
    left join suspicions
        on
            entrants.month = suspicions.month
            and entrants.subscriber_id = suspicions.subscriber_id
    where
        entrants.lag = {{ early_months }}
        and swapped.subscriber_id is null
        and not coalesce(suspicions.is_suspicious, false)
    group by entrants.month, entrants.district_code
),

survival_cells as (
    select
        entrants.month,
        entrants.channel_code,
        entrants.stratum,
        count(*) as entrant_count,
        count(case when entrants.is_on_net then 1 end) as survived_count
    from entrants
    inner join deliveries
        on
            entrants.month = deliveries.month
            and deliveries.has_survival_months
    where entrants.lag = {{ survival_months }}
    group by entrants.month, entrants.channel_code, entrants.stratum
),

topups as (
    select lags.month, lines.subscriber_id, sum(lines.payment_count) as topup_count
    from lines
    inner join ({{ lags(early_months) }}) as lags
        on lines.month = lags.lagged_month
    where lines.tenure_month <= {{ early_months + 1 }}
    group by lags.month, lines.subscriber_id
),

topup_cells as (
    select
        entrants.month,
        entrants.channel_code,
        count(*) as entrant_count,
        count(case when topups.topup_count >= thresholds.hoarding_topups then 1 end) as second_topup_count
    from entrants
    inner join deliveries
        on
            entrants.month = deliveries.month
            and deliveries.has_early_months
            and deliveries.has_early_payments
    inner join thresholds
        on entrants.month = thresholds.month
    left join topups
        on
            entrants.month = topups.month
            and entrants.subscriber_id = topups.subscriber_id
    where
        entrants.lag = {{ early_months }}
        and entrants.is_prepaid
    group by entrants.month, entrants.channel_code
),

suspicion_cells as (
    select
        month,
        channel_code,
        count(case when is_judged then 1 end) as judged_count,
        count(case when is_judged and is_suspicious then 1 end) as suspicious_count
    from suspicions
    group by month, channel_code
),

recent_cells as (
    select
        lines.month,
        lines.channel_code,
        count(lines.arrears_amount) as judged_in_arrears_count,
        count(case when lines.arrears_amount >= thresholds.arrears_amount then 1 end) as in_arrears_count,
        count(lines.complaint_count) as judged_complained_count,
        count(case when lines.complaint_count > 0 then 1 end) as complained_count
    from lines
    inner join thresholds
        on lines.month = thresholds.month
    where
        lines.is_on_net_close
        and lines.tenure_month <= {{ recent_months }}
    group by lines.month, lines.channel_code
)

{{ scorecard_counts('early_cells', 'district', 'district_code', 'early_churn', 'entrant_count', 'churned_count') }}
union all
{{ scorecard_counts(
    'survival_cells', 'dealer', 'channel_code', 'survived', 'entrant_count', 'survived_count', 'stratum'
) }}
union all
{{ scorecard_counts('topup_cells', 'dealer', 'channel_code', 'second_topup', 'entrant_count', 'second_topup_count') }}
union all
{{ scorecard_counts('suspicion_cells', 'dealer', 'channel_code', 'suspected', 'judged_count', 'suspicious_count') }}
{%- for kpi_code in ['in_arrears', 'complained'] %}
union all
{{ scorecard_counts(
    'recent_cells', 'dealer', 'channel_code', kpi_code, 'judged_' ~ kpi_code ~ '_count', kpi_code ~ '_count'
) }}
{%- endfor %}
