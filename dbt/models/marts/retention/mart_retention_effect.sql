{{ config(**monthly()) }}

with

thresholds as (
    {{ thresholds(['small_cell_denominator', 'contamination_share']) }}
),

windows as (
    select month, starting_month, has_contacts, has_costs
    from {{ ref('int_outcome_windows_delivered') }}
),

listed as (
    {{ listed_arms_followed(['list_month', 'expected_margin_amount']) }}
),

contacts as (
    select
        windows.month,
        contacts.list_type,
        contacts.subscriber_id,
        max(case when contacts.outcome <> 'unreached' then 1 else 0 end) as is_reached,
        cast(coalesce(sum(contacts.cost_amount), 0) as decimal(18, 2)) as spend_amount
    from {{ ref('stg_crm__contacts') }} as contacts
    inner join windows
        on
            contacts.list_month = windows.starting_month
            and contacts.month between windows.starting_month and windows.month
    where {{ months_in_range('contacts.month', look_back=3) }}
    group by windows.month, contacts.list_type, contacts.subscriber_id
),

-- The hold-out is withheld from all lists of its month, so a contact for another of them spoils it as well.
touched as (
    select distinct month, subscriber_id
    from contacts
),

booked as (
    select
        month,
        list_type,
        cast(sum(spend_amount) as decimal(18, 2)) as spend_amount
    from contacts
    group by month, list_type
),

followed as (
    select
        listed.*,
        contacts.subscriber_id is not null as is_contacted,
        coalesce(contacts.is_reached, 0) = 1 as is_reached,
        touched.subscriber_id is not null as is_touched,
        contacts.spend_amount
    from listed
    left join contacts
        on
            listed.month = contacts.month
            and listed.list_type = contacts.list_type
            and listed.subscriber_id = contacts.subscriber_id
    left join touched
        on
            listed.month = touched.month
            and listed.subscriber_id = touched.subscriber_id
),

counted as (
    select
        month,
        list_month,
        list_type,
        count(*) as listed_count,
        count(case when arm = 'exempt' then 1 end) as exempt_count,
        count(case when arm = 'treated' then 1 end) as treated_count,
        count(case when arm = 'control' then 1 end) as control_count,
        count(case when arm = 'treated' and is_churned then 1 end) as treated_churned_count,
        count(case when arm = 'control' and is_churned then 1 end) as control_churned_count,
        count(case when arm = 'treated' and is_contacted then 1 end) as contacted_count,
        count(case when arm = 'treated' and is_reached then 1 end) as reached_count,
        count(case when arm = 'treated' and is_reached and not is_churned then 1 end) as reached_kept_count,
        count(case when arm = 'control' and is_touched then 1 end) as contaminated_count,
        cast(coalesce(sum(case when arm = 'treated' then spend_amount end), 0) as decimal(18, 2)) as spend_amount,
        sum(case when arm = 'treated' then expected_margin_amount end) as margin_amount,
        count(case when arm = 'treated' then expected_margin_amount end) as margin_known_count
    from followed
    group by month, list_month, list_type
),

-- What contacts tell is null when a month of the window came without them, never 0.
known as (
    select
        counted.month,
        counted.list_month,
        counted.list_type,
        counted.listed_count,
        counted.exempt_count,
        counted.treated_count,
        counted.control_count,
        counted.treated_churned_count,
        counted.control_churned_count,
        case when windows.has_contacts then counted.contacted_count end as contacted_count,
        case when windows.has_contacts then counted.reached_count end as reached_count,
        case when windows.has_contacts then counted.reached_kept_count end as reached_kept_count,
        case when windows.has_contacts then counted.contaminated_count end as contaminated_count,
        case when windows.has_costs then counted.spend_amount end as spend_amount,
        case when windows.has_costs then cast(coalesce(booked.spend_amount, 0) as decimal(18, 2)) end
            as booked_spend_amount,
        {{ money_per('counted.margin_amount', 'counted.margin_known_count') }} as margin_mean_amount,
        {{ ratio('counted.treated_churned_count', 'counted.treated_count') }} as treated_rate,
        {{ wilson_low('counted.treated_churned_count', 'counted.treated_count') }} as treated_low,
        {{ wilson_high('counted.treated_churned_count', 'counted.treated_count') }} as treated_high,
        {{ ratio('counted.control_churned_count', 'counted.control_count') }} as control_rate,
        {{ wilson_low('counted.control_churned_count', 'counted.control_count') }} as control_low,
        {{ wilson_high('counted.control_churned_count', 'counted.control_count') }} as control_high,
        thresholds.contamination_share,
        least(counted.treated_count, counted.control_count) < thresholds.small_cell_denominator as is_small
    from counted
    inner join windows
        on counted.month = windows.month
    inner join thresholds
        on counted.month = thresholds.month
    left join booked
        on
            counted.month = booked.month
            and counted.list_type = booked.list_type
),

compared as (
    select
        known.*,
        control_rate - treated_rate as effect,
        {{ newcombe_low('control', 'treated') }} as ci_low,
        {{ newcombe_high('control', 'treated') }} as ci_high,
        {{ ratio('reached_count', 'treated_count') }} as reached_rate,
        {{ ratio('contaminated_count', 'control_count') }} as contaminated_share
    from known
),

valued as (
    select
        compared.*,
        treated_count * effect as saves
    from compared
),

retention_effect as (
    select
        month,
        list_month,
        list_type,
        'all' as measure_code,
        listed_count,
        exempt_count,
        treated_count,
        control_count,
        treated_churned_count,
        control_churned_count,
        treated_rate as churn_rate_treated,
        control_rate as churn_rate_control,
        effect,
        ci_low,
        ci_high,
        ci_low > 0 or ci_high < 0 as is_distinguishable,
        {{ ratio('effect', 'control_rate') }} as relative_effect,
        saves,
        contacted_count,
        reached_count,
        reached_rate,
        {{ ratio('effect', 'reached_rate') }} as complier_effect,
        reached_kept_count,
        {{ ratio('reached_kept_count', 'reached_count') }} as retained_rate_naive,
        spend_amount,
        booked_spend_amount,
        case when effect > 0 then {{ money(ratio('spend_amount', 'saves')) }} end as cost_per_save_amount,
        margin_mean_amount,
        {{ money('saves * cast(margin_mean_amount as double) - cast(spend_amount as double)') }} as net_benefit_amount,
        contaminated_count,
        contaminated_share,
        contaminated_share > contamination_share as is_contaminated,
        is_small
    from valued
)

select * from retention_effect
