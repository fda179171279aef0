{#- What differs between the warehouses: where raw data is, and how whole months are replaced. -#}

{%- macro generate_schema_name(custom_schema_name, node) -%}
{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro -%}

{%- macro create_raw_views() -%}
{#- Spark reads the raw folders through views; DuckDB reads them in place (external_location). -#}
    {%- if execute and target.type == 'spark' -%}
        {%- do run_query('create database if not exists raw') -%}
        {%- for source in graph.sources.values() -%}
            {%- set folder = env_var('RETENTION_HOME', '../var') ~ '/raw/' ~ source.name -%}
            {%- do run_query('create or replace view raw.' ~ source.name ~ ' as select * from parquet.`' ~ folder ~ '`') -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro monthly() -%}
{#- The configuration of every model that holds months: a run replaces the months of its range, whole. -#}
    {%- set settings = {'materialized': 'incremental', 'on_schema_change': 'fail'} -%}
    {%- if target.type == 'spark' -%}
        {%- do settings.update({
            'incremental_strategy': 'insert_overwrite',
            'partition_by': ['month'],
            'pre_hook': "{{ drop_months(this) }}",
        }) -%}
    {%- else -%}
        {%- do settings.update({'incremental_strategy': 'replace_months'}) -%}
    {%- endif -%}
    {{ return(settings) }}
{%- endmacro -%}

{%- macro get_incremental_replace_months_sql(arg_dict) -%}
{#- DuckDB: take the range's months out, also those that have no rows any more, and put the new ones in. -#}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arg_dict['target_relation'] }} where month between '{{ from_month() }}' and '{{ to_month() }}';
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro -%}

{%- macro drop_months(relation) -%}
{#- Spark's insert_overwrite leaves months alone for which the new rows have none; so they go first. -#}
    {%- set months = months_between(from_month(), to_month()) -%}
    {%- if execute and months and load_relation(relation) is not none -%}
        alter table {{ relation }} drop if exists
        {% for month in months %}partition (month = '{{ month }}'){{ ', ' if not loop.last }}{% endfor %}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro -%}

{%- macro require_partition_on_spark() -%}
{#- Without partition_by insert_overwrite would replace the whole table: refuse to compile. -#}
    {%- if execute and target.type == 'spark' and model is defined and model.config is defined
        and model.config.materialized == 'incremental' and config.get('partition_by') != ['month'] -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ': a monthly model must be partitioned by month; begin it with {{ config(**monthly()) }}'
        ) -%}
    {%- endif -%}
{%- endmacro -%}

{%- macro report_rows_by_month(relation) -%}
{#- Tell whoever started dbt, in its log, how many rows the model now has in each month of the range. -#}
    {%- if execute -%}
        {%- set counts = [] -%}
        {%- for row in run_query('select month, count(*) from ' ~ relation ~ ' where ' ~ months_in_range()
            ~ ' group by month order by month') -%}
            {%- do counts.append(row[0] ~ '=' ~ row[1]) -%}
        {%- endfor -%}
        {%- do log('rows by month: ' ~ counts | join(' '), info=true) -%}
    {%- endif -%}
{%- endmacro -%}
