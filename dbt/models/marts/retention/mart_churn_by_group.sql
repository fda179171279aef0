{{ config(**monthly()) }}

with

thresholds as (
    {{ thresholds(['group_alert_leavers', 'group_alert_share', 'group_alert_members', 'small_cell_denominator']) }}
),

delivered as (
    select distinct month
    from {{ ref('stg_deliveries__columns') }}
    where
        {{ months_in_range() }}
        and data_set = 'crm_subscribers'
        and column_name = 'group_id'
),

members as (
    select
        month,
        group_id,
        count(case when is_on_net_open then 1 end) as opening_count,
        count(case when is_on_net_close then 1 end) as closing_count,
        count(case when is_churned then 1 end) as churned_count
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=1) }}
    group by month, group_id
),

-- The month and the one before it, where that was delivered.
lagged as (
    select
        lags.month,
        lags.lag,
        cast(substr(lags.lagged_month, 6, 2) as int) as calendar_month,
        members.group_id,
        members.opening_count,
        members.closing_count,
        members.churned_count,
        max(lags.lag) over (partition by lags.month) as deepest_lag,
        min(lags.lag) over (partition by lags.month) as nearest_lag
    from ({{ lags(1) }}) as lags
    inner join members
        on lags.lagged_month = members.month
),

groups as (
    select month, group_id, group_name
    from {{ ref('dim_groups') }}
    where {{ months_in_range() }}
),

-- Months in which the members of a school finish it.
graduations as (
    select distinct
        groups.month,
        groups.group_id,
        calendars.calendar_month
    from groups
    inner join ({{ in_force('group_calendars') }}) as calendars
        on
            groups.month = calendars.month
            and instr(groups.group_name, calendars.name_part) > 0
),

branch as (
    select
        month,
        {{ total('case when lag = 0 then churned_count else 0 end') }} as churned_count,
        {{ total('churned_count') }} as churned_count_2m
    from lagged
    where nearest_lag = 0
    group by month
),

counts as (
    select
        lagged.month,
        lagged.group_id,
        max(lagged.deepest_lag) as deepest_lag,
        {{ total('case when lagged.lag = 0 then lagged.closing_count else 0 end') }} as member_count,
        {{ total('case when lagged.lag = lagged.deepest_lag then lagged.opening_count else 0 end') }}
            as opening_member_count,
        {{ total('case when lagged.lag = 0 then lagged.churned_count else 0 end') }} as churned_count,
        {{ total('lagged.churned_count') }} as churned_count_2m,
        {{ total('case when graduations.group_id is not null then lagged.churned_count else 0 end') }}
            as graduated_count
    from lagged
    left join graduations
        on
            lagged.month = graduations.month
            and lagged.group_id = graduations.group_id
            and lagged.calendar_month = graduations.calendar_month
    where
        lagged.group_id is not null
        and lagged.nearest_lag = 0
    group by lagged.month, lagged.group_id
),

ranked as (
    select
        counts.*,
        row_number() over (
            partition by month
            order by churned_count_2m desc nulls last, churned_count desc nulls last, group_id asc nulls last
        ) as churned_rank
    from counts
),

all_groups as (
    select
        branch.month,
        max(counts.deepest_lag) as deepest_lag,
        {{ total('coalesce(counts.member_count, 0)') }} as member_count,
        {{ total('coalesce(counts.opening_member_count, 0)') }} as opening_member_count,
        {{ total('coalesce(counts.churned_count, 0)') }} as churned_count,
        {{ total('coalesce(counts.churned_count_2m, 0)') }} as churned_count_2m,
        {{ total('coalesce(counts.graduated_count, 0)') }} as graduated_count
    from branch
    left join counts
        on branch.month = counts.month
    group by branch.month
),

united as (
    select
        ranked.month,
        ranked.group_id,
        coalesce(groups.group_name, ranked.group_id) as group_name,
        ranked.deepest_lag,
        ranked.member_count,
        ranked.opening_member_count,
        ranked.churned_count,
        ranked.churned_count_2m,
        ranked.graduated_count,
        cast(ranked.churned_rank as bigint) as churned_rank,
        ranked.churned_count_2m - ranked.graduated_count >= thresholds.group_alert_leavers
        or ranked.opening_member_count >= thresholds.group_alert_members
        and {{ ratio('ranked.churned_count_2m - ranked.graduated_count', 'ranked.opening_member_count') }}
        >= thresholds.group_alert_share as is_alert
    from ranked
    inner join thresholds
        on ranked.month = thresholds.month
    left join groups
        on
            ranked.month = groups.month
            and ranked.group_id = groups.group_id

    union all

    select
        month,
        'all' as group_id,
        '全部集团' as group_name,
        deepest_lag,
        member_count,
        opening_member_count,
        churned_count,
        churned_count_2m,
        graduated_count,
        cast(null as bigint) as churned_rank,
        cast(null as boolean) as is_alert
    from all_groups
),

{%- set known = 'delivered.month is not null' %}
{%- set known_2m = 'delivered.month is not null and united.deepest_lag = 1' %}

churn_by_group as (
    select
        united.month,
        united.group_id,
        united.group_name,
        case when {{ known }} then united.member_count end as member_count,
        case when {{ known }} then united.opening_member_count end as opening_member_count,
        case when {{ known }} then united.churned_count end as churned_count,
        case when {{ known_2m }} then united.churned_count_2m end as churned_count_2m,
        case when {{ known }} then united.graduated_count end as graduated_count,
        case when {{ known }} then {{ ratio('united.churned_count', 'branch.churned_count') }} end as churned_share,
        case when {{ known_2m }} then {{ ratio('united.churned_count_2m', 'branch.churned_count_2m') }} end
            as churned_share_2m,
        case when {{ known }} then {{ ratio('united.churned_count_2m', 'united.opening_member_count') }} end
            as member_loss_ratio,
        united.churned_rank,
        united.is_alert,
        coalesce(united.opening_member_count < thresholds.small_cell_denominator, true) as is_small
    from united
    inner join branch
        on united.month = branch.month
    inner join thresholds
        on united.month = thresholds.month
    left join delivered
        on united.month = delivered.month
)

select * from churn_by_group
