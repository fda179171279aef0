{#- Leavers meet newcomers only where they share a key: customer, handset, account or contact. -#}
{%- set weights = ['same_customer', 'same_handset', 'same_account', 'circle_high', 'circle_low'] %}

with thresholds as (

    {{ thresholds([
        'swap_days', 'swap_handset_days', 'swap_common_contacts', 'swap_circle_high_share', 'swap_circle_low_share',
        'swap_hub_lines', 'swap_shared_lines', 'swap_bulk_lines', 'swap_probable_score',
    ]) }}

),

weights as (

    {{ values_in_force(
        'swap_evidence', 'evidence', 'cast(swap_evidence.weight as double)', weights, otherwise='0e0'
    ) }}

),

lines as (

    select * from {{ ref('int_swap_lines_gathered') }}

),

keys as (

    {% for evidence, column in {'customer': 'customer_id', 'handset': 'imei_hash', 'account': 'pay_account'}.items() %}
    select month, line_role, subscriber_id, event_on, joined_on, '{{ evidence }}' as evidence, {{ column }} as shared_key
    from lines
    where {{ column }} is not null
    union all
    {% endfor %}
    select month, line_role, subscriber_id, event_on, joined_on, 'contact' as evidence, contact_hash as shared_key
    from {{ ref('int_swap_circles_ranked') }}

),

repeated_keys as (

    select month, evidence, shared_key
    from keys
    where evidence <> 'contact'
    group by month, evidence, shared_key
    having count(distinct subscriber_id) > 1

),

-- Whoever else on the network has the handset or the account counts too.
holders as (

    select month, evidence, shared_key, subscriber_id
    from keys
    {% for evidence, column in {'handset': 'imei_hash', 'account': 'pay_account'}.items() %}
    union all
    select repeated_keys.month, repeated_keys.evidence, repeated_keys.shared_key, snapshots.subscriber_id
    from repeated_keys
    inner join {{ ref('stg_crm__subscribers') }} as snapshots
        on repeated_keys.month = snapshots.month and repeated_keys.shared_key = snapshots.{{ column }}
    where repeated_keys.evidence = '{{ evidence }}' and {{ months_in_range('snapshots.month') }}
    {% endfor %}

),

key_lines as (

    select month, evidence, shared_key, count(distinct subscriber_id) as line_count
    from holders
    group by month, evidence, shared_key

),

-- What many lines share is a company's, a dealer's or a hotline's and says nothing of a person.
personal_keys as (

    select key_lines.month, key_lines.evidence, key_lines.shared_key
    from key_lines
    inner join thresholds on key_lines.month = thresholds.month
    where
        key_lines.line_count < case key_lines.evidence
            when 'customer' then thresholds.swap_bulk_lines
            when 'contact' then thresholds.swap_hub_lines
            else thresholds.swap_shared_lines
        end
        and key_lines.line_count > 1

),

circle_sizes as (

    select contacts.month, contacts.subscriber_id, count(*) as contact_count
    from {{ ref('int_swap_circles_ranked') }} as contacts
    inner join key_lines
        on contacts.month = key_lines.month and contacts.contact_hash = key_lines.shared_key
    inner join thresholds on contacts.month = thresholds.month
    where
        contacts.line_role = 'old'
        and key_lines.evidence = 'contact'
        and key_lines.line_count < thresholds.swap_hub_lines
    group by contacts.month, contacts.subscriber_id

),

personal as (

    select keys.*
    from keys
    inner join personal_keys
        on
            keys.month = personal_keys.month
            and keys.evidence = personal_keys.evidence
            and keys.shared_key = personal_keys.shared_key

),

-- A line that was there before the old one is the person's other line and no swap.
shared as (

    select
        old_keys.month,
        old_keys.subscriber_id as old_subscriber_id,
        new_keys.subscriber_id as new_subscriber_id,
        max(case when old_keys.evidence = 'customer' then 1 else 0 end) as same_customer,
        max(
            case
                when
                    old_keys.evidence = 'handset'
                    and abs({{ days_between('old_keys.event_on', 'new_keys.event_on') }}) <= thresholds.swap_handset_days
                    then 1
                else 0
            end
        ) as same_handset,
        max(case when old_keys.evidence = 'account' then 1 else 0 end) as same_account,
        {{ total("case when old_keys.evidence = 'contact' then 1 else 0 end") }} as common_contact_count
    from personal as old_keys
    inner join personal as new_keys
        on
            old_keys.month = new_keys.month
            and old_keys.evidence = new_keys.evidence
            and old_keys.shared_key = new_keys.shared_key
    inner join thresholds on old_keys.month = thresholds.month
    where
        old_keys.line_role = 'old'
        and new_keys.line_role = 'new'
        and old_keys.subscriber_id <> new_keys.subscriber_id
        and new_keys.joined_on > old_keys.joined_on
        and abs({{ days_between('old_keys.event_on', 'new_keys.event_on') }}) <= thresholds.swap_days
    group by old_keys.month, old_keys.subscriber_id, new_keys.subscriber_id

),

measured as (

    select
        shared.*,
        case
            when shared.common_contact_count >= thresholds.swap_common_contacts
                then {{ ratio('shared.common_contact_count', 'circle_sizes.contact_count') }}
        end as judged_share,
        {{ ratio('shared.common_contact_count', 'circle_sizes.contact_count') }} as circle_share,
        thresholds.swap_circle_high_share,
        thresholds.swap_circle_low_share,
        thresholds.swap_probable_score,
        thresholds.swap_bulk_lines
    from shared
    inner join thresholds on shared.month = thresholds.month
    left join circle_sizes
        on shared.month = circle_sizes.month and shared.old_subscriber_id = circle_sizes.subscriber_id

),

scored as (

    select
        measured.*,
        {{ noisy_or([
            'weights.same_customer * measured.same_customer',
            'weights.same_handset * measured.same_handset',
            'weights.same_account * measured.same_account',
            'case when measured.judged_share >= measured.swap_circle_high_share then weights.circle_high'
            ~ ' when measured.judged_share >= measured.swap_circle_low_share then weights.circle_low else 0e0 end',
        ]) }} as swap_score
    from measured
    inner join weights on measured.month = weights.month

),

pairs as (

    select
        scored.month,
        old_lines.event_month as churn_month,
        scored.old_subscriber_id,
        old_lines.event_on as terminated_on,
        scored.new_subscriber_id,
        new_lines.joined_on as new_joined_on,
        abs({{ days_between('old_lines.event_on', 'new_lines.joined_on') }}) as days_apart,
        case when old_lines.customer_id is not null and new_lines.customer_id is not null then scored.same_customer = 1 end
            as is_same_customer,
        case when old_lines.imei_hash is not null and new_lines.imei_hash is not null then scored.same_handset = 1 end
            as is_same_handset,
        case when old_lines.pay_account is not null and new_lines.pay_account is not null then scored.same_account = 1 end
            as is_same_account,
        scored.circle_share,
        old_lines.network_type as old_network_type,
        new_lines.network_type as new_network_type,
        case when old_lines.group_id = new_lines.group_id then old_lines.group_id end as common_group_id,
        scored.swap_score,
        scored.swap_bulk_lines
    from scored
    inner join lines as old_lines
        on
            scored.month = old_lines.month
            and scored.old_subscriber_id = old_lines.subscriber_id
            and old_lines.line_role = 'old'
    inner join lines as new_lines
        on
            scored.month = new_lines.month
            and scored.new_subscriber_id = new_lines.subscriber_id
            and new_lines.line_role = 'new'
    where scored.swap_score >= scored.swap_probable_score

),

bulk_groups as (

    select month, churn_month, common_group_id
    from pairs
    where common_group_id is not null
    group by month, churn_month, common_group_id
    having count(distinct old_subscriber_id) >= max(swap_bulk_lines)

),

final as (

    select pairs.*
    from pairs
    left join bulk_groups
        on
            pairs.month = bulk_groups.month
            and pairs.churn_month = bulk_groups.churn_month
            and pairs.common_group_id = bulk_groups.common_group_id
    where bulk_groups.month is null

)

select
    month,
    churn_month,
    old_subscriber_id,
    terminated_on,
    new_subscriber_id,
    new_joined_on,
    days_apart,
    is_same_customer,
    is_same_handset,
    is_same_account,
    circle_share,
    old_network_type,
    new_network_type,
    swap_score
from final
