{{ config(**monthly()) }}

{{ scorecard('district') }}
