{{ config(materialized='table') }}

with

-- A late answer is looked for among the leavers of a year.
leavers as (
    select month, subscriber_id, district_code, brand, network_type, payment_type
    from {{ ref('fct_churn') }}
    where {{ months_in_range(look_back=12) }}
),

snapshot_columns as (
    select
        month,
        max(case when column_name = 'brand' then 1 else 0 end) as has_brand,
        max(case when column_name = 'network' then 1 else 0 end) as has_network,
        max(case when column_name = 'payment_type' then 1 else 0 end) as has_payment_type
    from {{ ref('stg_deliveries__columns') }}
    where
        data_set = 'crm_subscribers'
        and {{ months_in_range(look_back=12) }}
    group by month
),

survey_columns as (
    select
        month,
        max(case when column_name = 'cause_code' then 1 else 0 end) = 1 as has_causes,
        max(case when column_name = 'destination' then 1 else 0 end) = 1 as has_destinations
    from {{ ref('stg_deliveries__columns') }}
    where
        data_set = 'crm_exit_surveys'
        and {{ months_in_range() }}
    group by month
),

scoped_leavers as (
    select
        leavers.month,
        leavers.subscriber_id,
        coalesce(leavers.district_code, '(unknown)') as district_code,
        case when snapshot_columns.has_brand = 1 then coalesce(leavers.brand, '(unknown)') end as brand,
        case when snapshot_columns.has_network = 1 then coalesce(leavers.network_type, '(unknown)') end as network_type,
        case when snapshot_columns.has_payment_type = 1 then coalesce(leavers.payment_type, '(unknown)') end
            as payment_type
    from leavers
    left join snapshot_columns
        on leavers.month = snapshot_columns.month
),

numbered_answers as (
    select
        month as answered_month,
        subscriber_id,
        churn_month,
        cause_code,
        destination,
        row_number() over (
            partition by subscriber_id, churn_month
            order by month, coalesce(cause_code, ''), coalesce(destination, '')
        ) as answer_number
    from {{ ref('stg_crm__exit_surveys') }}
    where {{ months_in_range(look_back=12) }}
),

-- Who is asked again in a later month has answered already.
answers as (
    select *
    from numbered_answers
    where answer_number = 1
),

leavers_of_month as (
    select
        scoped_leavers.month,
        scoped_leavers.month as churn_month,
        scoped_leavers.subscriber_id,
        false as is_late,
        scoped_leavers.district_code,
        scoped_leavers.brand,
        scoped_leavers.network_type,
        scoped_leavers.payment_type,
        answers.cause_code as cause_answer,
        answers.destination
    from scoped_leavers
    left join answers
        on
            scoped_leavers.subscriber_id = answers.subscriber_id
            and scoped_leavers.month = answers.churn_month
            and scoped_leavers.month = answers.answered_month
    where {{ months_in_range('scoped_leavers.month') }}
),

-- A scope that was not delivered in the month of the answer has no rows in it, whatever was known of the leaver.
late_answers as (
    select
        answers.answered_month as month,
        answers.churn_month,
        answers.subscriber_id,
        true as is_late,
        scoped_leavers.district_code,
        case when snapshot_columns.has_brand = 1 then scoped_leavers.brand end as brand,
        case when snapshot_columns.has_network = 1 then scoped_leavers.network_type end as network_type,
        case when snapshot_columns.has_payment_type = 1 then scoped_leavers.payment_type end as payment_type,
        answers.cause_code as cause_answer,
        answers.destination
    from answers
    inner join scoped_leavers
        on
            answers.subscriber_id = scoped_leavers.subscriber_id
            and answers.churn_month = scoped_leavers.month
    left join snapshot_columns
        on answers.answered_month = snapshot_columns.month
    where
        {{ months_in_range('answers.answered_month') }}
        and answers.churn_month < answers.answered_month
        and {{ month_number('answers.churn_month') }} >= {{ month_number('answers.answered_month') }} - 12
),

leavers_and_late_answers as (
    select * from leavers_of_month
    union all
    select * from late_answers
),

exit_answers as (
    select
        leavers_and_late_answers.*,
        survey_columns.has_causes,
        survey_columns.has_destinations
    from leavers_and_late_answers
    inner join survey_columns
        on leavers_and_late_answers.month = survey_columns.month
)

select * from exit_answers
