-- What is not care is retention: also a cost of a measure that is planned to cost nothing, or of one that is not known.
with spending as (

    select
        lags.month,
        contacts.subscriber_id,
        case when costs.cap_kind = 'care' then 'care' else 'retention' end as cap_kind,
        cast(
            sum(case when costs.cap_kind = 'care' and lags.lag > 0 then 0 else contacts.cost_amount end)
            as decimal(18, 2)
        ) as spent_amount
    from {{ ref('stg_crm__contacts') }} as contacts
    inner join ({{ lags(11) }}) as lags on contacts.month = lags.lagged_month
    left join ({{ in_force('measure_costs', look_back=11) }}) as costs
        on contacts.month = costs.month and contacts.measure_code = costs.measure_code
    where {{ months_in_range('contacts.month', look_back=11) }} and contacts.cost_amount > 0
    group by lags.month, contacts.subscriber_id, case when costs.cap_kind = 'care' then 'care' else 'retention' end

),

-- A group's lines share one cap and what was spent on any of them counts against it.
units as (

    select
        spending.month,
        {{ cap_holder('caps.cap_unit', 'spending.subscriber_id') }} as cap_holder,
        cast(sum(case when spending.cap_kind = 'care' then spending.spent_amount else 0 end) as decimal(18, 2))
            as care_spent_amount,
        cast(sum(case when spending.cap_kind = 'retention' then spending.spent_amount else 0 end) as decimal(18, 2))
            as retention_spent_amount
    from spending
    left join {{ ref('int_subscriber_cost_caps') }} as caps
        on spending.month = caps.month and spending.subscriber_id = caps.subscriber_id
    group by spending.month, {{ cap_holder('caps.cap_unit', 'spending.subscriber_id') }}

),

spent as (

    select
        caps.month,
        caps.subscriber_id,
        {{ cap_holder('caps.cap_unit', 'caps.subscriber_id') }} as cap_holder,
        caps.care_cap_amount,
        caps.retention_cap_amount,
        cast(coalesce(units.care_spent_amount, 0) as decimal(18, 2)) as care_spent_amount,
        cast(coalesce(units.retention_spent_amount, 0) as decimal(18, 2)) as retention_spent_amount
    from {{ ref('int_subscriber_cost_caps') }} as caps
    left join units on caps.month = units.month and {{ cap_holder('caps.cap_unit', 'caps.subscriber_id') }} = units.cap_holder

),

final as (

    select
        spent.*,
        {%- for kind in ['care', 'retention'] %}
        case
            when {{ kind }}_cap_amount is not null
                then cast(greatest({{ kind }}_cap_amount - {{ kind }}_spent_amount, 0) as decimal(18, 2))
        end as {{ kind }}_left_amount{{ ',' if not loop.last }}
        {%- endfor %}
    from spent

)

select * from final
