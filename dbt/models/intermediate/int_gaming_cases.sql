{#- Which signs are looked for in which kind of unit: elsewhere a unit has no say in them, or too few cases. -#}
{%- set unit_types = {
    'month_end_push': ['district', 'dealer'],
    'suspension_before_close': ['district', 'manager'],
    'reinstatement_loop': ['district'],
    'swaps_as_new': ['district', 'dealer'],
    'cherry_picked': ['district', 'manager'],
    'other_causes': ['district', 'manager'],
} -%}
{%- set unit_columns = {'district': 'district_code', 'manager': 'account_manager', 'dealer': 'channel_code'} -%}
{%- set counts = ['case_count', 'event_count', 'middle_count'] -%}
{%- set leaving = "('cancelled', 'disconnected', 'ported_out', 'pre_cancelled')" -%}

with

calendar as (
    {{ calendar() }}
),

thresholds as (
    {{ thresholds(['gaming_last_days', 'gaming_first_days']) }}
),

delivered as (
    select
        calendar.month,
        calendar.previous_month,
        calendar.first_on,
        previous_delivery.month is not null as has_previous_month,
        deliveries.has_contacts
    from calendar
    inner join {{ ref('int_deliveries_pivoted') }} as deliveries
        on calendar.month = deliveries.month
    left join (select month from {{ ref('int_deliveries_pivoted') }} where has_snapshots) as previous_delivery
        on calendar.previous_month = previous_delivery.month
),

subscriber_months as (
    select
        month,
        subscriber_id,
        district_code,
        account_manager,
        channel_code,
        is_on_net_close,
        is_new,
        is_reinstated,
        is_churned,
        is_vanished,
        termination_on,
        status,
        status_on
    from {{ ref('fct_subscriber_months') }}
    where {{ months_in_range(look_back=1) }}
),

-- Both months' terminations by the day on which they took effect; who vanished has no day.
terminations as (
    select
        delivered.month,
        leavers.district_code,
        leavers.account_manager,
        leavers.channel_code,
        day(leavers.termination_on) as day_of_month,
        {{ days_between('delivered.first_on', 'leavers.termination_on') }} as days_after_close,
        thresholds.gaming_last_days,
        thresholds.gaming_first_days
    from ({{ lags(1) }}) as lags
    inner join delivered
        on
            lags.month = delivered.month
            and delivered.has_previous_month
    inner join thresholds
        on lags.month = thresholds.month
    inner join subscriber_months as leavers
        on lags.lagged_month = leavers.month
    where leavers.is_churned and not leavers.is_vanished
),

-- Everybody of whom this month and the month before are known, as they were at the close of the latter.
followed as (
    select
        delivered.month,
        delivered.first_on,
        earlier.subscriber_id,
        earlier.district_code,
        earlier.account_manager,
        earlier.channel_code,
        earlier.is_on_net_close,
        earlier.is_churned,
        earlier.is_vanished,
        earlier.status as status_before,
        earlier.status_on as status_before_on,
        after_close.status,
        after_close.status_on,
        after_close.is_reinstated
    from subscriber_months as earlier
    inner join delivered
        on earlier.month = delivered.previous_month
    left join subscriber_months as after_close
        on
            delivered.month = after_close.month
            and earlier.subscriber_id = after_close.subscriber_id
    where earlier.status = 'suspended_voluntary' or earlier.is_churned
),

new_lines_of_swaps as (
    select distinct month, new_subscriber_id
    from {{ ref('fct_number_swaps') }}
    where {{ months_in_range() }}
),

tried as (
    select distinct month, subscriber_id, list_month
    from {{ ref('stg_crm__contacts') }}
    where {{ months_in_range() }}
),

answers_with_a_cause as (
    select distinct answers.month, answers.subscriber_id
    from {{ ref('int_exit_answers_joined') }} as answers
    inner join ({{ answer_codes() }}) as answer_codes
        on
            answers.month = answer_codes.month
            and {{ answers_name('answers.cause_answer', 'answer_codes.answer_code') }}
    where
        answers.has_causes
        and not answers.is_late
        and answer_codes.cause_code <> 'unknown'
),

-- One row per case: what is an event, what it is compared with inside the unit, and the days between for a push.
cases as (
    select
        month,
        'month_end_push' as sign_code,
        district_code,
        account_manager,
        channel_code,
        case when days_after_close < - gaming_last_days then 'middle' else 'case' end as part,
        days_after_close >= 0 as is_event
    from terminations
    where
        days_after_close between - gaming_last_days and gaming_first_days - 1
        or (days_after_close < - gaming_last_days and day_of_month > gaming_first_days)
    union all
    select
        followed.month,
        'suspension_before_close' as sign_code,
        followed.district_code,
        followed.account_manager,
        followed.channel_code,
        'case' as part,
        coalesce(
            {{ days_between('followed.status_before_on', 'followed.first_on') }} <= thresholds.gaming_last_days
            and (
                followed.status in {{ leaving }}
                or followed.status = 'active'
                or followed.status_on >= followed.first_on
            ),
            false
        ) as is_event
    from followed
    inner join thresholds
        on followed.month = thresholds.month
    where followed.is_on_net_close and followed.status_before = 'suspended_voluntary'
    union all
    select
        month,
        'reinstatement_loop' as sign_code,
        district_code,
        account_manager,
        channel_code,
        'case' as part,
        coalesce(is_reinstated, false) as is_event
    from followed
    where is_churned and not is_vanished
    union all
    select
        newcomers.month,
        'swaps_as_new' as sign_code,
        newcomers.district_code,
        newcomers.account_manager,
        newcomers.channel_code,
        'case' as part,
        swaps.new_subscriber_id is not null as is_event
    from subscriber_months as newcomers
    left join new_lines_of_swaps as swaps
        on
            newcomers.month = swaps.month
            and newcomers.subscriber_id = swaps.new_subscriber_id
    where
        {{ months_in_range('newcomers.month') }}
        and newcomers.is_new
    union all
    select
        delivered.month,
        'cherry_picked' as sign_code,
        orders.district_code,
        orders.account_manager,
        null as channel_code,
        case when orders.risk_level = 'red' then 'case' else 'compared' end as part,
        tried.subscriber_id is null as is_event
    from {{ ref('mart_work_orders') }} as orders
    inner join delivered
        on
            orders.month = delivered.previous_month
            and delivered.has_contacts
    left join tried
        on
            delivered.month = tried.month
            and orders.list_month = tried.list_month
            and orders.subscriber_id = tried.subscriber_id
    where
        {{ months_in_range('orders.month', look_back=1) }}
        and orders.is_planned
    union all
    select
        answers.month,
        'other_causes' as sign_code,
        leavers.district_code,
        leavers.account_manager,
        leavers.channel_code,
        'case' as part,
        named.subscriber_id is null as is_event
    from {{ ref('int_exit_answers_joined') }} as answers
    inner join subscriber_months as leavers
        on
            answers.month = leavers.month
            and answers.subscriber_id = leavers.subscriber_id
    left join answers_with_a_cause as named
        on
            answers.month = named.month
            and answers.subscriber_id = named.subscriber_id
    where
        answers.has_causes
        and not answers.is_late
        and answers.cause_answer is not null
),

unit_types as (
    {%- for sign_code, types in unit_types.items() %}
    {%- set is_last_sign = loop.last %}
    {%- for unit_type in types %}
    select '{{ sign_code }}' as sign_code, '{{ unit_type }}' as unit_type
    {{- '\n    union all' if not (is_last_sign and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

signs as (
    {{ in_force('gaming_signs') }}
),

cases_of_units as (
    select
        cases.month,
        cases.sign_code,
        unit_types.unit_type,
        case unit_types.unit_type
            {%- for unit_type, column in unit_columns.items() %}
            when '{{ unit_type }}' then cases.{{ column }}
            {%- endfor %}
        end as unit_code,
        cases.part,
        cases.is_event
    from cases
    inner join signs
        on
            cases.month = signs.month
            and cases.sign_code = signs.sign_code
    inner join unit_types
        on cases.sign_code = unit_types.sign_code
),

units as (
    select
        month,
        sign_code,
        unit_type,
        unit_code,
        count(case when part = 'case' then 1 end) as case_count,
        count(case when part = 'case' and is_event then 1 end) as event_count,
        count(case when part = 'middle' then 1 end) as middle_count,
        count(case when part = 'compared' then 1 end) as own_case_count,
        count(case when part = 'compared' and is_event then 1 end) as own_event_count
    from cases_of_units
    group by month, sign_code, unit_type, unit_code
),

branch as (
    select
        month,
        sign_code,
        unit_type,
        {%- for column in counts %}
        {{ total(column) }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from units
    group by month, sign_code, unit_type
),

-- Red orders are compared with the unit's other orders, everything else with the rest of the branch.
gaming_cases as (
    select
        units.month,
        units.unit_type,
        units.unit_code,
        units.sign_code,
        units.case_count,
        units.event_count,
        case when units.sign_code = 'cherry_picked' then units.own_case_count
            else branch.case_count - units.case_count end as compared_case_count,
        case when units.sign_code = 'cherry_picked' then units.own_event_count
            else branch.event_count - units.event_count end as compared_event_count,
        units.middle_count,
        branch.middle_count - units.middle_count as compared_middle_count
    from units
    inner join branch
        on
            units.month = branch.month
            and units.sign_code = branch.sign_code
            and units.unit_type = branch.unit_type
    where
        units.unit_code is not null
        and units.case_count > 0
)

select * from gaming_cases
