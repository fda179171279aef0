{{ config(**monthly()) }}

with

scope_types as (
    {{ scope_types() }}
),

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

destinations as (
    select * from {{ ref('destinations') }}
),

leavers as (
    select *
    from {{ ref('int_exit_answers_joined') }}
    where
        {{ months_in_range() }}
        and has_destinations
),

leavers_by_scope as (
    select
        leavers.month,
        leavers.is_late,
        leavers.destination as answer,
        coalesce(leavers.destination, 'unknown') as destination,
        scope_types.scope_type,
        {{ scope_code('leavers') }} as scope_code
    from leavers
    cross join scope_types
),

scopes as (
    select
        month,
        scope_type,
        scope_code,
        count(case when not is_late then 1 end) as churned_count,
        count(case when not is_late then answer end) as answered_count
    from leavers_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code
),

counts as (
    select
        month,
        scope_type,
        scope_code,
        destination,
        count(case when not is_late then 1 end) as churned_count,
        count(case when not is_late then answer end) as reported_count,
        count(case when is_late then answer end) as late_reported_count
    from leavers_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code, destination
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

churn_destination as (
    select
        scopes.month,
        scopes.scope_type,
        scopes.scope_code,
        {{ scope_name('scopes.scope_type', 'scopes.scope_code', 'districts.district_name') }} as scope_name,
        destinations.destination,
        destinations.zh as destination_name,
        destinations.en as destination_name_en,
        destinations.is_rival,
        scopes.churned_count,
        scopes.answered_count,
        coalesce(counts.reported_count, 0) as reported_count,
        {{ ratio('coalesce(counts.churned_count, 0)', 'scopes.churned_count') }} as share,
        {{ ratio('coalesce(counts.reported_count, 0)', 'scopes.answered_count') }} as answered_share,
        {{ ratio('(scopes.churned_count - scopes.answered_count)', 'scopes.churned_count') }} as unknown_share,
        coalesce(counts.late_reported_count, 0) as late_reported_count,
        scopes.churned_count < thresholds.small_cell_denominator as is_small
    from scopes
    cross join destinations
    inner join thresholds
        on scopes.month = thresholds.month
    left join counts
        on
            scopes.month = counts.month
            and scopes.scope_type = counts.scope_type
            and scopes.scope_code = counts.scope_code
            and destinations.destination = counts.destination
    left join districts
        on
            scopes.month = districts.month
            and scopes.scope_type = 'district'
            and scopes.scope_code = districts.district_code
)

select * from churn_destination
