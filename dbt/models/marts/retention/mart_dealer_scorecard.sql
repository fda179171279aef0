{{ config(**monthly()) }}

{{ scorecard('dealer') }}
