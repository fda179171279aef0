"""What every dbt model keeps to: contract, words, names, and SQL that both warehouses run alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from dagster_project.lib import contract, raw
from dagster_project.settings import DBT_PROJECT_DIR

Node = Mapping[str, Any]

LAYER_PREFIXES = {
    "staging": ("stg_",),
    "intermediate": ("int_",),
    "core": ("fct_", "dim_"),
    "retention": ("mart_",),
}
TYPES_BY_NAME = (
    (re.compile(r"^(is|has)_"), {"boolean"}),
    (re.compile(r"_count$"), {"bigint", "int"}),
    (re.compile(r"(_rate|_share|_ratio)$|^churn_rate_|^ci_"), {"double"}),
    (re.compile(r"_amount$"), {"decimal(18,2)"}),
    (re.compile(r"_on$"), {"date"}),
    (re.compile(r"^month$|_id$|_code$"), {"string"}),
)
FORBIDDEN = {
    "::": re.compile(r"::"),
    "qualify": re.compile(r"\bqualify\b"),
    "group by all": re.compile(r"\bgroup\s+by\s+all\b"),
    "order by all": re.compile(r"\border\s+by\s+all\b"),
    "group by a position": re.compile(r"\bgroup\s+by\s+\d"),
    "select * exclude or replace": re.compile(r"\*\s*(exclude|replace|except)\b"),
    "strftime or strptime": re.compile(r"\bstr[fp]time\b"),
    "date_format or to_date": re.compile(r"\b(date_format|to_date|to_timestamp)\s*\("),
    "regexp_replace": re.compile(r"\bregexp_replace\b"),
    "dayofweek": re.compile(r"\bdayofweek\b"),
    "interval": re.compile(r"\binterval\b"),
    "trim with a list of characters": re.compile(r"\b[lr]?trim\s*\([^()]*,"),
    "ilike": re.compile(r"\bilike\b"),
    "asof join": re.compile(r"\basof\b"),
    "a substring from 0": re.compile(r"\bsubstr(ing)?\s*\([^()]*,\s*0\s*,"),
    "varchar, which Spark wants with a length": re.compile(r"\bvarchar\b"),
    "today's date, which makes runs differ": re.compile(r"\b(current_date|current_timestamp|now\(\))"),
    "avg, whose type and last bits differ": re.compile(r"\bavg\s*\("),
}
REQUIRED_COLUMNS = {
    "mart_churn_trend": """scope_type scope_code scope_name opening_count new_count reinstated_count appeared_count
        moved_in_count moved_out_count vanished_count churned_count same_month_churned_count passive_churned_count
        active_churned_count swap_count probable_swap_count net_churned_count closing_count churn_rate_opening
        churn_rate_opening_strict churn_rate_average churn_rate_closing churn_rate_exposure churn_rate_net ci_low
        ci_high churn_to_new_ratio ytd_churned_count ytd_new_count ytd_churn_to_new_ratio ytd_churn_rate
        yoy_churned_change_rate is_record_high""",
    "mart_list_quality": """list_month list_type scope_type scope_code listed_count holdout_count hit_rate_holdout
        hit_rate_naive coverage_rate lift missed_not_eligible_count missed_not_listed_count missed_not_reached_count
        reached_left_count""",
    "mart_work_orders": """list_month list_type main_list_type work_order_reason district account_manager subscriber_id
        msisdn reason risk_level measure_codes care_cap_amount retention_cap_amount suppressed_because sort_order""",
    "mart_churn_by_tenure": """window_months scope_type scope_code scope_name tenure_bucket churned_count
        at_risk_count closing_count churn_rate_exposure churn_rate_legacy ci_low ci_high is_small churned_share
        base_share""",
    "mart_churn_by_plan": """window_months plan_code plan_name churned_count closing_count churn_rate_exposure
        churn_rate_legacy churned_share churned_rank top10_churned_share is_inverse_tenure""",
    "mart_churn_by_plan_tenure": """window_months plan_code tenure_bucket churned_count at_risk_count closing_count
        churn_rate_exposure churn_rate_legacy ci_low ci_high is_small churned_share base_share""",
    "mart_churn_by_arpu_band": """window_months arpu_band churned_count closing_count churned_share base_share
        band_index""",
    "mart_churn_cause": """scope_type scope_code side cause_group leaf controllability urgency policy reported_count
        share unknown_share""",
    "mart_churn_destination": """scope_type scope_code destination reported_count share""",
    "mart_churn_hazard": """tenure_month at_risk_count churned_count hazard_rate is_spike""",
    "mart_churn_by_group": "group_id group_name member_count churned_count churned_count_2m is_alert",
    "mart_churn_by_channel": """channel_code new_count early_churned_count second_topup_rate
        survival_to_assessment_rate assessment_spike_ratio suspicious_count suspicious_share is_suspicious""",
    "mart_lifecycle_cube": """lifecycle_stage value_tier subscriber_count billed_revenue_amount arpu_amount
        churned_next_month_count""",
    "mart_lifecycle_transition": "from_stage to_stage subscriber_count share",
    "mart_revenue_bridge": """scope_type scope_code billed_count revenue_amount arpu_amount mou price_per_unit
        volume_effect_mom usage_effect_mom price_effect_mom volume_effect_yoy usage_effect_yoy price_effect_yoy""",
    "mart_base_flow": "scope_type scope_code new_count returning_count resurrecting_count dormant_count",
    "mart_cohort_retention": "joined_month age_months survivors_count survival_rate arpu_amount",
    "mart_high_value_cohort": "scope_type scope_code cohort_count kept_count kept_rate",
    "mart_satisfaction": """scope_type scope_code topic answers_count mean_score dissatisfied_share followed_up_share
        resolved_share""",
    "mart_retention_effect": """list_month list_type measure_code treated_count control_count churn_rate_treated
        churn_rate_control effect ci_low ci_high saves spend_amount cost_per_save_amount net_benefit_amount""",
    "mart_pilot": """pilot_id arm treated_count control_count churn_rate_treated churn_rate_control effect ci_low
        ci_high saves spend_amount cost_per_save_amount net_benefit_amount balance power verdict""",
    "mart_delivery_quality": """data_set files lines_read loaded_count quarantined_count duplicate_count share
        status""",
    **dict.fromkeys(
        ("mart_district_scorecard", "mart_manager_scorecard", "mart_dealer_scorecard"),
        """unit_code kpi_code value target floor weight score ci_low ci_high total_score rank is_distinguishable""",
    ),
}
"""The columns that the output contract promises beside ``month``."""


@pytest.fixture(scope="module")
def models(manifest: Mapping[str, Any]) -> list[Node]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


@pytest.fixture(scope="module")
def published(models: list[Node]) -> list[Node]:
    """Facts, dimensions and marts: what others than dbt models read."""
    return [model for model in models if model["fqn"][1] == "marts"]


def test_every_raw_table_is_a_source_and_every_source_a_raw_table(manifest: Mapping[str, Any]) -> None:
    assert {source["name"] for source in manifest["sources"].values()} == set(raw.tables())


def test_every_source_says_what_a_row_is(manifest: Mapping[str, Any]) -> None:
    for source in manifest["sources"].values():
        assert source["description"].startswith("One row per "), source["name"]


def test_every_contract_column_is_staged_and_nothing_else(manifest: Mapping[str, Any], models: list[Node]) -> None:
    for model in models:
        if layer(model) != "staging":
            continue
        (source,) = (manifest["sources"][key] for key in model["depends_on"]["nodes"])
        read = {column.name for column in parsed(model).find_all(exp.Column)}
        columns = set(raw.table_columns(source["name"]))
        same_as_partition = {"snapshot_month", "bill_month", "usage_month", "month"}
        assert read - {"delivery_month", "hive_partitioning", "hive_types_autocast"} <= columns, model["name"]
        assert columns - read <= same_as_partition, f"{model['name']} leaves out {columns - read}"


def test_every_data_set_has_one_staging_model(manifest: Mapping[str, Any], models: list[Node]) -> None:
    staged = [
        manifest["sources"][key]["name"]
        for model in models
        if layer(model) == "staging"
        for key in model["depends_on"]["nodes"]
    ]
    assert sorted(staged) == sorted(raw.tables())
    for model in models:
        if layer(model) == "staging":
            assert re.fullmatch(r"stg_[a-z]+__[a-z_]+", model["name"]), model["name"]
    assert {name.partition("_")[0] for name in contract.DATA_SETS} == {"billing", "crm", "finance"}


def test_every_model_is_named_after_its_layer(models: list[Node]) -> None:
    for model in models:
        assert model["name"].startswith(LAYER_PREFIXES[layer(model)]), model["name"]


def test_every_published_model_has_an_enforced_contract(published: list[Node]) -> None:
    for model in published:
        assert model["contract"]["enforced"], model["name"]


def test_every_published_model_says_its_grain_first_and_in_both_languages(published: list[Node]) -> None:
    for model in published:
        meta = model["config"]["meta"]
        assert model["description"].startswith("One row per "), model["name"]
        assert has_chinese(meta["zh"]), model["name"]
        assert has_chinese(meta["description_zh"]), model["name"]
        assert isinstance(meta["is_restricted"], bool), model["name"]
        assert set(meta["grain"]) <= set(model["columns"]), model["name"]


def test_every_published_model_has_an_owner(published: list[Node]) -> None:
    for model in published:
        assert str(model["config"]["meta"]["owner"]).startswith("team:"), model["name"]


def test_every_published_column_has_type_description_and_chinese_heading(published: list[Node]) -> None:
    for model in published:
        for name, column in model["columns"].items():
            assert column["data_type"], f"{model['name']}.{name}"
            assert column["description"], f"{model['name']}.{name}"
            assert has_chinese(column["config"]["meta"]["zh"]), f"{model['name']}.{name}"


def test_chinese_headings_are_unique_within_a_published_model(published: list[Node]) -> None:
    for model in published:
        headings = [column["config"]["meta"]["zh"] for column in model["columns"].values()]
        assert len(headings) == len(set(headings)), f"{model['name']}: {duplicates(headings)}"


def test_every_published_column_is_named_after_its_type(published: list[Node]) -> None:
    for model in published:
        for name, column in model["columns"].items():
            for pattern, types in TYPES_BY_NAME:
                if pattern.search(name):
                    assert column["data_type"].replace(" ", "") in types, f"{model['name']}.{name}"
                    break


def test_month_is_the_first_column_and_part_of_the_grain(published: list[Node]) -> None:
    for model in published:
        assert next(iter(model["columns"])) == "month", model["name"]
        assert {"month", "list_month"} & set(model["config"]["meta"]["grain"]), model["name"]


def test_the_grain_of_every_published_model_is_tested(manifest: Mapping[str, Any], published: list[Node]) -> None:
    tested: dict[str, list[list[str]]] = {}
    for node in manifest["nodes"].values():
        metadata = node.get("test_metadata") or {}
        if metadata.get("name") == "unique_together":
            tested.setdefault(node["attached_node"], []).append(sorted(metadata["kwargs"]["columns"]))
    for model in published:
        assert sorted(model["config"]["meta"]["grain"]) in tested.get(model["unique_id"], []), model["name"]


def test_every_promised_column_is_there(published: list[Node]) -> None:
    by_name = {model["name"]: model for model in published}
    for name, columns in REQUIRED_COLUMNS.items():
        missing = set(columns.split()) - set(by_name[name]["columns"])
        assert not missing, f"{name} lacks {sorted(missing)}"


def test_every_monthly_model_replaces_whole_months(published: list[Node]) -> None:
    for model in published:
        assert model["config"]["materialized"] == "incremental", model["name"]
        assert model["config"]["incremental_strategy"] == "replace_months", model["name"]
        assert "config(**monthly())" in model["raw_code"], model["name"]


def test_every_compiled_model_parses_as_spark(models: list[Node]) -> None:
    for model in models:
        assert parsed(model).find(exp.Select), model["name"]


def test_every_division_is_guarded(models: list[Node]) -> None:
    for model in models:
        for division in parsed(model).find_all(exp.Div):
            divisor = division.expression
            guarded = divisor.find(exp.Nullif) or not divisor.find(exp.Column)
            assert guarded, f"{model['name']}: {division.sql('spark')}"


def test_no_select_uses_an_alias_of_its_own(models: list[Node]) -> None:
    for model in models:
        for select in parsed(model).find_all(exp.Select):
            reused = set(lateral_aliases(select))
            assert not reused, f"{model['name']}: {sorted(reused)}"


@pytest.mark.parametrize("construct", FORBIDDEN)
def test_no_sql_has_a_construct_that_the_warehouses_read_differently(construct: str) -> None:
    for path, text in portable_sql():
        found = FORBIDDEN[construct].search(text)
        assert not found, f"{path}: {text[max(0, found.start() - 60) : found.end() + 30]}" if found else ""


def layer(model: Node) -> str:
    """The layer a model belongs to, from its folder."""
    return str(model["fqn"][2] if model["fqn"][1] == "marts" else model["fqn"][1])


def parsed(model: Node) -> exp.Expression:
    """A model's compiled SQL as Spark reads it."""
    tree = sqlglot.parse_one(model["compiled_code"], read="spark")
    assert isinstance(tree, exp.Expression)
    return tree


def lateral_aliases(select: exp.Select) -> Iterator[str]:
    """Names that a select gives to something new and then uses, unqualified, further on in its own list."""
    given: set[str] = set()
    for projection in select.expressions:
        for column in projection.find_all(exp.Column):
            if not column.table and column.name in given and column.find_ancestor(exp.Select) is select:
                yield column.name
        if isinstance(projection, exp.Alias) and not has_column(projection.this, projection.alias):
            given.add(projection.alias)


def has_column(expression: exp.Expression, name: str) -> bool:
    """Whether the expression reads a column of that name, so that the name is a source's."""
    return any(column.name == name for column in expression.find_all(exp.Column))


def portable_sql() -> Iterator[tuple[Path, str]]:
    """Every model, test and macro without its comments; macros of one warehouse only are left out."""
    for folder in ("models", "macros", "tests"):
        for path in sorted((DBT_PROJECT_DIR / folder).rglob("*.sql")):
            text = re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(), flags=re.DOTALL)
            text = re.sub(r"\{%-? macro (default|spark|duckdb)__.*?endmacro -?%\}", "", text, flags=re.DOTALL)
            yield path.relative_to(DBT_PROJECT_DIR), text.lower()


def has_chinese(text: str) -> bool:
    """Whether the text has a Chinese character or is a name that needs none."""
    return bool(re.search(r"[\u4e00-\u9fff]|^(ARPU|MOU)", text))


def duplicates(values: list[str]) -> list[str]:
    """Values that occur more than once."""
    return sorted({value for value in values if values.count(value) > 1})
