{{ config(**monthly()) }}

with

-- Who is on several lists of a month is one case: the arm is the same on all of them, and so is the outcome.
listed as (
    select
        month,
        subscriber_id,
        max(district_code) as district_code,
        max(account_manager) as account_manager,
        min(arm) as stratum,
        max(case when is_churned then 1 else 0 end) as is_churned
    from ({{ listed_arms_followed(['district_code', 'account_manager']) }}) as arms
    where arm <> 'exempt'
    group by month, subscriber_id
),

effect_cells as (
    select
        month,
        district_code,
        account_manager,
        stratum,
        count(*) as listed_count,
        count(case when is_churned = 1 then 1 end) as churned_count
    from listed
    group by month, district_code, account_manager, stratum
),

cohort_cells as (
    select
        month,
        nullif(scope_code, '(unknown)') as district_code,
        substr(month, 6, 2) as stratum,
        cohort_count,
        kept_count
    from {{ ref('mart_high_value_cohort') }}
    where
        {{ months_in_range() }}
        and scope_type = 'district'
        and kept_count is not null
),

answer_codes as (
    {{ answer_codes() }}
),

answers as (
    select
        month,
        churn_month,
        subscriber_id,
        nullif(district_code, '(unknown)') as district_code,
        cause_answer
    from {{ ref('int_exit_answers_joined') }}
    where
        {{ months_in_range() }}
        and has_causes
        and not is_late
),

known as (
    select distinct answers.month, answers.subscriber_id
    from answers
    inner join answer_codes
        on
            answers.month = answer_codes.month
            and answer_codes.cause_code <> 'unknown'
            and {{ answers_name('answers.cause_answer', 'answer_codes.answer_code') }}
),

reason_cells as (
    select
        answers.month,
        answers.district_code,
        count(*) as left_count,
        count(known.subscriber_id) as known_count
    from answers
    left join known
        on
            answers.month = known.month
            and answers.subscriber_id = known.subscriber_id
    group by answers.month, answers.district_code
)

{% for unit_type, unit in [('district', 'district_code'), ('manager', 'account_manager')] -%}
{{ scorecard_counts('effect_cells', unit_type, unit, 'list_effect', 'listed_count', 'churned_count', 'stratum') }}
union all
{% endfor -%}
{{ scorecard_counts(
    'cohort_cells', 'district', 'district_code', 'high_value_kept', 'cohort_count', 'kept_count', 'stratum'
) }}
union all
{{ scorecard_counts('reason_cells', 'district', 'district_code', 'reason_known', 'left_count', 'known_count') }}
