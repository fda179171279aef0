{{ config(**monthly()) }}

with

calendar as (
    {{ calendar() }}
),

thresholds as (
    {{ thresholds(['arrears_amount', 'scorecard_recovery_days']) }}
),

deliveries as (
    select month, has_payments, has_swap_evidence
    from {{ ref('int_deliveries_pivoted') }}
),

snapshot_columns as (
    select
        month,
        max(case when column_name = 'contract_end' then 1 else 0 end) = 1 as has_contract_ends,
        max(case when column_name = 'is_registration_complete' then 1 else 0 end) = 1 as has_registrations
    from {{ ref('stg_deliveries__columns') }}
    where
        data_set = 'crm_subscribers'
        and {{ months_in_range() }}
    group by month
),

lines as (
    select
        month,
        subscriber_id,
        district_code_open,
        district_code,
        account_manager,
        tenure_bucket_open,
        contract_end_on,
        group_id,
        is_on_net_open,
        is_on_net_close,
        is_churned,
        is_billed,
        is_silent,
        is_registration_complete,
        complaint_count
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range() }}
),

lines_before as (
    select
        calendar.month,
        earlier_lines.subscriber_id,
        earlier_lines.account_manager,
        earlier_lines.value_tier,
        earlier_lines.contract_end_on,
        earlier_lines.arrears_amount
    from {{ ref('fct_subscriber_months') }} as earlier_lines
    inner join calendar
        on earlier_lines.month = calendar.previous_month
    where
        {{ months_in_range('earlier_lines.month', look_back=1) }}
        and earlier_lines.is_on_net_close
),

paid as (
    select
        payments.month,
        payments.subscriber_id,
        sum(payments.payment_amount) as paid_amount
    from {{ ref('stg_billing__payments') }} as payments
    inner join calendar
        on payments.month = calendar.month
    inner join thresholds
        on payments.month = thresholds.month
    where
        {{ months_in_range('payments.month') }}
        and cast(payments.paid_at as date) >= calendar.first_on
        and {{ days_between('calendar.first_on', 'cast(payments.paid_at as date)') }} < thresholds.scorecard_recovery_days
    group by payments.month, payments.subscriber_id
),

-- Whom no office could keep: lines that a dealer hoards, and pupils whose school ends (ADR 11).
not_compared as (
    select month, subscriber_id
    from {{ ref('int_hoarding_suspicions') }}
    where
        {{ months_in_range() }}
        and is_suspicious
    union
    select lines.month, lines.subscriber_id
    from lines
    inner join {{ ref('dim_groups') }} as groups
        on
            lines.month = groups.month
            and lines.group_id = groups.group_id
    inner join ({{ in_force('group_calendars') }}) as calendars
        on
            groups.month = calendars.month
            and instr(groups.group_name, calendars.name_part) > 0
            and cast(substr(lines.month, 6, 2) as int) = calendars.calendar_month
),

opened as (
    select
        lines.month,
        lines.district_code_open as district_code,
        case when lines_before.subscriber_id is null then lines.account_manager else lines_before.account_manager end
            as account_manager,
        case
            when not_compared.subscriber_id is not null then 'not_compared'
            else concat(coalesce(lines.tenure_bucket_open, '(unknown)'), '/', coalesce(lines_before.value_tier, 'U'))
        end as stratum,
        deliveries.has_swap_evidence,
        not lines.is_churned as is_kept,
        coalesce(
            snapshot_columns.has_contract_ends
            and lines_before.contract_end_on between calendar.first_on and calendar.last_on,
            false
        ) as is_contract_ending,
        coalesce(lines.is_on_net_close and lines.contract_end_on > calendar.last_on, false) as is_renewed,
        coalesce(deliveries.has_payments and lines_before.arrears_amount >= thresholds.arrears_amount, false)
            as was_in_arrears,
        coalesce(paid.paid_amount >= lines_before.arrears_amount, false) as is_recovered
    from lines
    inner join calendar
        on lines.month = calendar.month
    inner join thresholds
        on lines.month = thresholds.month
    inner join deliveries
        on lines.month = deliveries.month
    left join snapshot_columns
        on lines.month = snapshot_columns.month
    left join lines_before
        on
            lines.month = lines_before.month
            and lines.subscriber_id = lines_before.subscriber_id
    left join paid
        on
            lines.month = paid.month
            and lines.subscriber_id = paid.subscriber_id
    left join not_compared
        on
            lines.month = not_compared.month
            and lines.subscriber_id = not_compared.subscriber_id
    where lines.is_on_net_open
),

opening_cells as (
    select
        month,
        district_code,
        account_manager,
        stratum,
        has_swap_evidence,
        count(*) as opening_count,
        count(case when is_kept then 1 end) as kept_count,
        count(case when is_contract_ending then 1 end) as ending_count,
        count(case when is_contract_ending and is_renewed then 1 end) as renewed_count,
        count(case when was_in_arrears then 1 end) as in_arrears_count,
        count(case when was_in_arrears and is_recovered then 1 end) as recovered_count
    from opened
    group by month, district_code, account_manager, stratum, has_swap_evidence
),

leavers as (
    select
        churned.month,
        churned.district_code,
        case
            when not_compared.subscriber_id is not null then 'not_compared'
            else concat(coalesce(churned.tenure_bucket, '(unknown)'), '/', churned.value_tier)
        end as stratum
    from {{ ref('fct_churn') }} as churned
    inner join deliveries
        on
            churned.month = deliveries.month
            and deliveries.has_swap_evidence
    left join not_compared
        on
            churned.month = not_compared.month
            and churned.subscriber_id = not_compared.subscriber_id
    where
        {{ months_in_range('churned.month') }}
        and coalesce(churned.swap_status, 'none') <> 'swap'
),

-- Who moved in the month opened in one district and is lost by the other, as in mart_churn_trend.
net_flow_cells as (
    select month, district_code, stratum, opening_count, 0 as net_churned_count
    from opening_cells
    where has_swap_evidence
    union all
    select month, district_code, stratum, 0 as opening_count, 1 as net_churned_count
    from leavers
),

closing_cells as (
    select
        lines.month,
        lines.district_code,
        lines.account_manager,
        count(lines.is_billed) as judged_billed_count,
        count(case when lines.is_billed then 1 end) as billed_count,
        count(lines.is_silent) as judged_silent_count,
        count(case when lines.is_silent then 1 end) as silent_count,
        count(case when snapshot_columns.has_registrations then 1 end) as judged_registered_count,
        count(case when lines.is_registration_complete then 1 end) as registered_count,
        count(lines.complaint_count) as judged_complained_count,
        count(case when lines.complaint_count > 0 then 1 end) as complained_count
    from lines
    left join snapshot_columns
        on lines.month = snapshot_columns.month
    where lines.is_on_net_close
    group by lines.month, lines.district_code, lines.account_manager
)

{{ scorecard_counts(
    'net_flow_cells', 'district', 'district_code', 'net_churn', 'opening_count', 'net_churned_count', 'stratum'
) }}
union all
{{ scorecard_counts(
    'opening_cells', 'manager', 'account_manager', 'portfolio_kept', 'opening_count', 'kept_count', 'stratum'
) }}
{%- for unit_type, unit in [('district', 'district_code'), ('manager', 'account_manager')] %}
union all
{{ scorecard_counts('opening_cells', unit_type, unit, 'renewed', 'ending_count', 'renewed_count') }}
{%- endfor %}
union all
{{ scorecard_counts(
    'opening_cells', 'district', 'district_code', 'arrears_recovered', 'in_arrears_count', 'recovered_count'
) }}
{%- for kpi_code, counted in [
    ('billed', 'billed'), ('silent', 'silent'), ('registration_complete', 'registered'),
] %}
union all
{{ scorecard_counts(
    'closing_cells', 'district', 'district_code', kpi_code, 'judged_' ~ counted ~ '_count', counted ~ '_count'
) }}
{%- endfor %}
union all
{{ scorecard_counts(
    'closing_cells', 'manager', 'account_manager', 'complained', 'judged_complained_count', 'complained_count'
) }}
