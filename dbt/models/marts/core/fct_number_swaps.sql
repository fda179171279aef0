{{ config(**monthly()) }}

{#- One old line with one new line, best pairs first: a pair that is the best of both its lines is taken and all others
    of these lines fall away, again and again. That is the greedy matching by score, then nearest dates, then the
    earlier end; a pair still undecided after the last round is left out. -#}
{%- set rounds = 4 %}
{%- set order = 'swap_score desc, days_apart, terminated_on, new_joined_on, old_subscriber_id, new_subscriber_id' %}

with thresholds as (

    {{ thresholds(['swap_score']) }}

),

kept_0 as (

    select * from {{ ref('int_swap_pairs_scored') }}

),

{% for round in range(1, rounds + 1) %}
ranked_{{ round }} as (

    select
        pairs.*,
        row_number() over (partition by month, old_subscriber_id order by {{ order }}) as place_of_old,
        row_number() over (partition by month, new_subscriber_id order by {{ order }}) as place_of_new
    from kept_{{ round - 1 }} as pairs

),

settled_{{ round }} as (

    select
        ranked_{{ round }}.*,
        max(case when place_of_old = 1 and place_of_new = 1 then 1 else 0 end)
            over (partition by month, old_subscriber_id) as is_old_settled,
        max(case when place_of_old = 1 and place_of_new = 1 then 1 else 0 end)
            over (partition by month, new_subscriber_id) as is_new_settled
    from ranked_{{ round }}

),

kept_{{ round }} as (

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
    from settled_{{ round }}
    where
        (place_of_old = 1 and place_of_new = 1)
        {%- if not loop.last %}
        or (is_old_settled = 0 and is_new_settled = 0)
        {%- endif %}

),

{% endfor %}
number_swaps as (

    select
        matched.month,
        matched.old_subscriber_id,
        matched.churn_month,
        matched.terminated_on,
        matched.new_subscriber_id,
        matched.new_joined_on,
        {{ month_of('matched.new_joined_on') }} as new_joined_month,
        matched.days_apart,
        matched.is_same_customer,
        matched.is_same_handset,
        matched.is_same_account,
        matched.circle_share,
        matched.old_network_type,
        matched.new_network_type,
        matched.swap_score,
        case when matched.swap_score >= thresholds.swap_score then 'swap' else 'probable' end as swap_status,
        case
            when matched.old_network_type is null or matched.new_network_type is null then 'unknown'
            when matched.old_network_type = matched.new_network_type then 'same_network'
            else 'network_move'
        end as swap_type
    from kept_{{ rounds }} as matched
    inner join thresholds on matched.month = thresholds.month
    where matched.churn_month >= {{ add_months('matched.month', -2) }}

)

select * from number_swaps
