{#- Lines that fade meet lines that joined lately only where they share a key that is a person's. -#}
{%- set keys = {'customer': 'customer_id', 'handset': 'imei_hash', 'account': 'pay_account'} %}
{%- set evidence %}
    (
        {%- for kind in keys %}
        {{ 'union all ' if not loop.first }}select '{{ kind }}' as evidence
        {%- endfor %}
    ) as evidence_kinds
{%- endset %}
{%- set shared_key %}
        case evidence_kinds.evidence
            {%- for kind, column in keys.items() %}
            when '{{ kind }}' then {{ column }}
            {%- endfor %}
        end as shared_key
{%- endset %}

with calendar as (

    {{ calendar() }}

),

thresholds as (

    {{ thresholds([
        'swap_days', 'swap_handset_days', 'swap_shared_lines', 'swap_bulk_lines', 'swap_probable_score',
        'near_silent_days', 'near_silent_share',
    ]) }}

),

weights as (

    {{ values_in_force(
        'swap_evidence', 'evidence', 'cast(swap_evidence.weight as double)',
        ['same_customer', 'same_handset', 'same_account'], otherwise='0e0'
    ) }}

),

snapshots as (

    select month, subscriber_id, customer_id, imei_hash, pay_account
    from {{ ref('stg_crm__subscribers') }}
    where {{ months_in_range() }}

),

-- Who made no calls before does not fade by making none.
judged as (

    select
        subscriber_months.month,
        subscriber_months.subscriber_id,
        subscriber_months.customer_id,
        subscriber_months.group_id,
        subscriber_months.joined_on,
        coalesce(subscriber_months.last_activity_on, calendar.last_on) as last_used_on,
        not subscriber_months.is_new
        and subscriber_months.status <> 'suspended_voluntary'
        and (
            coalesce(subscriber_months.is_silent, false)
            or coalesce(subscriber_months.active_days <= thresholds.near_silent_days, false)
            or coalesce(
                subscriber_months.mou_prior3_mean > 0
                and subscriber_months.mou <= thresholds.near_silent_share * subscriber_months.mou_prior3_mean,
                false
            )
        ) as is_fading,
        not coalesce(subscriber_months.is_silent, true)
        and {{ days_between('subscriber_months.joined_on', 'calendar.first_on') }} <= thresholds.swap_days as is_newcomer
    from {{ ref('fct_subscriber_months') }} as subscriber_months
    inner join calendar on subscriber_months.month = calendar.month
    inner join thresholds on subscriber_months.month = thresholds.month
    where {{ months_in_range('subscriber_months.month') }} and subscriber_months.is_on_net_close

),

lines as (

    select judged.*, snapshots.imei_hash, snapshots.pay_account
    from judged
    left join snapshots on judged.month = snapshots.month and judged.subscriber_id = snapshots.subscriber_id
    where judged.is_fading or judged.is_newcomer

),

line_keys as (

    select
        lines.month,
        lines.subscriber_id,
        lines.group_id,
        lines.joined_on,
        lines.last_used_on,
        lines.is_fading,
        lines.is_newcomer,
        evidence_kinds.evidence,
        {{- shared_key }}
    from lines
    cross join {{- evidence }}

),

holders as (

    select
        snapshots.month,
        snapshots.subscriber_id,
        evidence_kinds.evidence,
        {{- shared_key }}
    from snapshots
    cross join {{- evidence }}

),

meeting_keys as (

    select month, evidence, shared_key
    from line_keys
    where shared_key is not null
    group by month, evidence, shared_key
    having count(case when is_fading then 1 end) > 0 and count(case when is_newcomer then 1 end) > 0

),

-- What many lines have is a company's or a dealer's and says nothing of a person.
personal_keys as (

    select meeting_keys.month, meeting_keys.evidence, meeting_keys.shared_key
    from meeting_keys
    inner join thresholds on meeting_keys.month = thresholds.month
    left join holders
        on
            meeting_keys.month = holders.month
            and meeting_keys.evidence = holders.evidence
            and meeting_keys.shared_key = holders.shared_key
    group by meeting_keys.month, meeting_keys.evidence, meeting_keys.shared_key
    having
        count(holders.subscriber_id) < max(
            case meeting_keys.evidence
                when 'customer' then thresholds.swap_bulk_lines
                else thresholds.swap_shared_lines
            end
        )

),

personal as (

    select line_keys.*
    from line_keys
    inner join personal_keys
        on
            line_keys.month = personal_keys.month
            and line_keys.evidence = personal_keys.evidence
            and line_keys.shared_key = personal_keys.shared_key

),

-- A line that was there before the old one is the person's other line and no swap.
met as (

    select
        old_keys.month,
        old_keys.subscriber_id,
        new_keys.subscriber_id as new_subscriber_id,
        new_keys.joined_on as new_joined_on,
        case when old_keys.group_id = new_keys.group_id then old_keys.group_id end as common_group_id,
        abs({{ days_between('old_keys.last_used_on', 'new_keys.joined_on') }}) as days_apart,
        old_keys.evidence
    from personal as old_keys
    inner join personal as new_keys
        on
            old_keys.month = new_keys.month
            and old_keys.evidence = new_keys.evidence
            and old_keys.shared_key = new_keys.shared_key
    where old_keys.is_fading and new_keys.is_newcomer and new_keys.joined_on > old_keys.joined_on

),

shared as (

    select
        met.month,
        met.subscriber_id,
        met.new_subscriber_id,
        met.new_joined_on,
        met.common_group_id,
        met.days_apart,
        max(case when met.evidence = 'customer' then 1 else 0 end) as same_customer,
        max(case when met.evidence = 'handset' and met.days_apart <= thresholds.swap_handset_days then 1 else 0 end)
            as same_handset,
        max(case when met.evidence = 'account' then 1 else 0 end) as same_account
    from met
    inner join thresholds on met.month = thresholds.month
    where met.days_apart <= thresholds.swap_days
    group by
        met.month, met.subscriber_id, met.new_subscriber_id, met.new_joined_on, met.common_group_id, met.days_apart

),

scored as (

    select
        shared.*,
        {{ noisy_or([
            'weights.same_customer * shared.same_customer',
            'weights.same_handset * shared.same_handset',
            'weights.same_account * shared.same_account',
        ]) }} as swap_score
    from shared
    inner join weights on shared.month = weights.month

),

ranked_of_old as (

    select
        scored.*,
        thresholds.swap_bulk_lines,
        row_number() over (
            partition by scored.month, scored.subscriber_id
            order by scored.swap_score desc, scored.days_apart, scored.new_subscriber_id
        ) as place_of_old
    from scored
    inner join thresholds on scored.month = thresholds.month
    where scored.swap_score >= thresholds.swap_probable_score

),

-- Many lines of a group that take new lines of it at once are renumbered.
renumbered as (

    select
        ranked_of_old.*,
        count(*) over (partition by month, common_group_id) as group_pair_count
    from ranked_of_old
    where place_of_old = 1

),

ranked_of_new as (

    select
        renumbered.*,
        row_number() over (
            partition by month, new_subscriber_id order by swap_score desc, days_apart, subscriber_id
        ) as place_of_new
    from renumbered
    where common_group_id is null or group_pair_count < swap_bulk_lines

)

select
    month,
    subscriber_id,
    new_subscriber_id,
    new_joined_on,
    days_apart,
    swap_score
from ranked_of_new
where place_of_new = 1
