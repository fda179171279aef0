{%- macro snapshot_columns() -%}
{#- Columns of a snapshot row but its month, so that rows carried forward have the same shape. -#}
    {{ return([
        'subscriber_id', 'msisdn', 'customer_id', 'district_code', 'brand', 'network_type', 'payment_type',
        'plan_code', 'joined_on', 'status', 'status_on', 'contract_end_on', 'contract_commitment_amount',
        'contract_remaining_amount', 'channel_code', 'group_id', 'is_special', 'is_bank_debit', 'vpn_id',
        'account_manager', 'points_balance', 'points_expiring', 'points_expire_on',
        'is_registration_complete', 'is_countable', 'is_do_not_contact',
    ]) }}
{%- endmacro -%}
