{{ config(**monthly()) }}

{{ scorecard('manager') }}
