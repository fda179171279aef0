{#- How dbt's unit tests are given their rows. -#}

{%- macro get_fixture_sql(rows, column_name_to_data_types) -%}
{#- Takes the place of dbt's macro of this name on DuckDB: that writes every column of a table into every row. Here a row
    says what it gives, and the table itself has the other columns and all types. -#}
    {%- if target.type != 'duckdb' -%}
        {{ return(dbt.get_fixture_sql(rows, column_name_to_data_types)) }}
    {%- endif -%}
    {%- set types = {} -%}
    {%- for column in run_query('describe ' ~ this) -%}
        {%- do types.update({column[0] | lower: column[1]}) -%}
    {%- endfor -%}
    select * from {{ this }} where false
    {%- for row in rows %}
    union all by name
    select
        {%- for name, value in row.items() %}
        {%- if name | lower not in types -%}
            {%- do exceptions.raise_compiler_error('the unit test gives ' ~ this ~ ' a column ' ~ name) -%}
        {%- endif %}
        cast({{ fixture_literal(value) }} as {{ types[name | lower] }}) as "{{ name | lower }}"{{ ',' if not loop.last }}
        {%- endfor %}
    {%- endfor %}
{%- endmacro -%}

{%- macro fixture_literal(value) -%}
    {%- if value is string -%}
    '{{ value | replace("'", "''") }}'
    {%- else -%}
    {{ 'null' if value is none else value }}
    {%- endif -%}
{%- endmacro -%}
