{{ config(**monthly()) }}

with

districts as (
    select
        month,
        district_code,
        district_name
    from {{ ref('dim_districts') }}
    where {{ months_in_range() }}
),

portfolios as (
    select
        month,
        account_manager,
        coalesce(district_code, '(unknown)') as district_code,
        count(*) as line_count
    from {{ ref('fct_subscriber_months') }}
    where
        is_on_net_close
        and account_manager is not null
        and {{ months_in_range() }}
    group by month, account_manager, coalesce(district_code, '(unknown)')
),

largest_portfolios as (
    select
        month,
        account_manager,
        max(line_count) as line_count
    from portfolios
    group by month, account_manager
),

managers as (
    select
        portfolios.month,
        portfolios.account_manager,
        min(portfolios.district_code) as district_code
    from portfolios
    inner join largest_portfolios
        on
            portfolios.month = largest_portfolios.month
            and portfolios.account_manager = largest_portfolios.account_manager
            and portfolios.line_count = largest_portfolios.line_count
    group by portfolios.month, portfolios.account_manager
),

months_of_sale as (
    select distinct
        month,
        channel_code
    from {{ ref('fct_subscriber_months') }}
    where
        is_new
        and {{ months_in_range(look_back=11) }}
),

selling_channels as (
    select distinct
        lags.month,
        months_of_sale.channel_code
    from ({{ lags(11) }}) as lags
    inner join months_of_sale
        on lags.lagged_month = months_of_sale.month
),

dealers as (
    select
        channels.month,
        channels.channel_code,
        channels.channel_name,
        channels.district_code
    from {{ ref('dim_channels') }} as channels
    inner join selling_channels
        on
            channels.month = selling_channels.month
            and channels.channel_code = selling_channels.channel_code
    where {{ months_in_range('channels.month') }}
),

units as (
    select
        month,
        'district' as unit_type,
        district_code as unit_code,
        district_name as unit_name,
        district_code,
        'all' as peer_group
    from districts
    union all
    select
        month,
        'manager' as unit_type,
        account_manager as unit_code,
        account_manager as unit_name,
        district_code,
        district_code as peer_group
    from managers
    union all
    select
        month,
        'dealer' as unit_type,
        channel_code as unit_code,
        channel_name as unit_name,
        district_code,
        'all' as peer_group
    from dealers
)

select * from units
