{{ config(**monthly()) }}

{#- An answer's causes share its weight in whole parts: divisible by every number up to twelve. -#}
{%- set parts = 27720 -%}

with

scope_types as (
    {{ scope_types() }}
),

thresholds as (
    {{ thresholds(['small_cell_denominator']) }}
),

causes as (
    {{ in_force('causes') }}
),

answer_codes as (
    {{ answer_codes() }}
),

leavers as (
    select *
    from {{ ref('int_exit_answers_joined') }}
    where
        {{ months_in_range() }}
        and has_causes
),

named_causes as (
    select distinct
        leavers.month,
        leavers.churn_month,
        leavers.subscriber_id,
        answer_codes.cause_code
    from leavers
    inner join answer_codes
        on
            leavers.month = answer_codes.month
            and {{ answers_name('leavers.cause_answer', 'answer_codes.answer_code') }}
),

weighed_causes as (
    select
        month,
        churn_month,
        subscriber_id,
        cause_code,
        count(*) over (partition by month, churn_month, subscriber_id) as cause_count,
        row_number() over (partition by month, churn_month, subscriber_id order by cause_code) as cause_number
    from named_causes
),

-- An answer that names no known cause is an answer all the same, of unknown cause.
answered_causes as (
    select
        leavers.month,
        leavers.is_late,
        leavers.district_code,
        leavers.brand,
        leavers.network_type,
        leavers.payment_type,
        coalesce(weighed_causes.cause_code, 'unknown') as cause_code,
        case
            when weighed_causes.cause_code is null then {{ parts }}
            when weighed_causes.cause_number = 1
                then {{ parts }} - (weighed_causes.cause_count - 1)
                    * cast(floor({{ parts }}e0 / nullif(weighed_causes.cause_count, 0)) as bigint)
            else cast(floor({{ parts }}e0 / nullif(weighed_causes.cause_count, 0)) as bigint)
        end as parts
    from leavers
    left join weighed_causes
        on
            leavers.month = weighed_causes.month
            and leavers.churn_month = weighed_causes.churn_month
            and leavers.subscriber_id = weighed_causes.subscriber_id
    where leavers.cause_answer is not null
),

leavers_by_scope as (
    select
        leavers.month,
        leavers.is_late,
        leavers.cause_answer,
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
        count(case when not is_late then cause_answer end) as answered_count
    from leavers_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code
),

causes_by_scope as (
    select
        answered_causes.month,
        answered_causes.is_late,
        answered_causes.cause_code,
        answered_causes.parts,
        scope_types.scope_type,
        {{ scope_code('answered_causes') }} as scope_code
    from answered_causes
    cross join scope_types
),

counts as (
    select
        month,
        scope_type,
        scope_code,
        cause_code,
        count(case when not is_late then 1 end) as reported_count,
        {{ total('case when not is_late then parts else 0 end') }} as reported_parts,
        count(case when is_late then 1 end) as late_reported_count
    from causes_by_scope
    where scope_code is not null
    group by month, scope_type, scope_code, cause_code
),

known_parts as (
    select
        month,
        scope_type,
        scope_code,
        {{ total("case when cause_code <> 'unknown' then reported_parts else 0 end") }} as reported_parts
    from counts
    group by month, scope_type, scope_code
),

cells as (
    select month, scope_type, scope_code, cause_code from counts
    union
    select month, scope_type, scope_code, 'unknown' as cause_code from scopes
),

weighed_cells as (
    select
        cells.month,
        cells.scope_type,
        cells.scope_code,
        cells.cause_code,
        scopes.churned_count,
        scopes.answered_count,
        coalesce(counts.reported_count, 0) as reported_count,
        coalesce(counts.reported_parts, 0) as reported_parts,
        coalesce(counts.late_reported_count, 0) as late_reported_count,
        {{ parts }} * scopes.churned_count - coalesce(known_parts.reported_parts, 0) as unknown_parts,
        case
            when cells.cause_code = 'unknown' then {{ parts }} * scopes.churned_count - coalesce(known_parts.reported_parts, 0)
            else counts.reported_parts
        end as churned_parts
    from cells
    inner join scopes
        on
            cells.month = scopes.month
            and cells.scope_type = scopes.scope_type
            and cells.scope_code = scopes.scope_code
    left join counts
        on
            cells.month = counts.month
            and cells.scope_type = counts.scope_type
            and cells.scope_code = counts.scope_code
            and cells.cause_code = counts.cause_code
    left join known_parts
        on
            cells.month = known_parts.month
            and cells.scope_type = known_parts.scope_type
            and cells.scope_code = known_parts.scope_code
),

-- The unknown come last, however many they are.
ranked_cells as (
    select
        *,
        row_number() over (
            partition by month, scope_type, scope_code
            order by case when cause_code = 'unknown' then 1 else 0 end, churned_parts desc, cause_code
        ) as cause_rank,
        sum(churned_parts) over (
            partition by month, scope_type, scope_code
            order by case when cause_code = 'unknown' then 1 else 0 end, churned_parts desc, cause_code
            rows between unbounded preceding and current row
        ) as cumulative_parts
    from weighed_cells
),

districts as (
    select month, district_code, district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

churn_cause as (
    select
        ranked_cells.month,
        ranked_cells.scope_type,
        ranked_cells.scope_code,
        {{ scope_name('ranked_cells.scope_type', 'ranked_cells.scope_code', 'districts.district_name') }} as scope_name,
        ranked_cells.cause_code,
        causes.zh as cause_name,
        causes.en as cause_name_en,
        causes.side,
        causes.cause_group,
        causes.cause_group_zh as cause_group_name,
        case when causes.is_leaf then causes.zh end as leaf,
        {{ text_or_null('causes.controllability') }} as controllability,
        {{ text_or_null('causes.urgency') }} as urgency,
        {{ text_or_null('causes.policy') }} as policy,
        {{ text_or_null('causes.policy_zh') }} as policy_name,
        causes.is_hard_to_control,
        ranked_cells.churned_count,
        ranked_cells.answered_count,
        ranked_cells.reported_count,
        {{ ratio('ranked_cells.reported_parts', parts) }} as reported_weight,
        {{ ratio('ranked_cells.churned_parts', parts ~ ' * ranked_cells.churned_count') }} as share,
        {{ ratio('ranked_cells.reported_parts', parts ~ ' * ranked_cells.answered_count') }} as answered_share,
        {{ ratio('ranked_cells.unknown_parts', parts ~ ' * ranked_cells.churned_count') }} as unknown_share,
        cast(ranked_cells.cause_rank as int) as cause_rank,
        {{ ratio('ranked_cells.cumulative_parts', parts ~ ' * ranked_cells.churned_count') }} as cumulative_share,
        ranked_cells.late_reported_count,
        ranked_cells.churned_count < thresholds.small_cell_denominator as is_small
    from ranked_cells
    inner join thresholds
        on ranked_cells.month = thresholds.month
    inner join causes
        on
            ranked_cells.month = causes.month
            and ranked_cells.cause_code = causes.cause_code
    left join districts
        on
            ranked_cells.month = districts.month
            and ranked_cells.scope_type = 'district'
            and ranked_cells.scope_code = districts.district_code
)

select * from churn_cause
