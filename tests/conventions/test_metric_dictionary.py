"""The metric dictionary says what is run: formulas, sources, thresholds; and the page in ``docs`` is that of today."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lib import rules
from dagster_project.lib.exports import metrics
from dagster_project.lib.exports.catalog import Catalog, read_catalog
from dagster_project.settings import DBT_PROJECT_DIR, PROJECT_ROOT
from dagster_project.synth import world

READINGS = PROJECT_ROOT / "docs" / "readings.md"
COMPUTED = {
    "mart_churn_by_arpu_band",
    "mart_churn_by_plan",
    "mart_churn_by_plan_tenure",
    "mart_churn_by_tenure",
    "mart_churn_cause",
    "mart_churn_destination",
    "mart_churn_trend",
    "mart_dealer_scorecard",
    "mart_delivery_quality",
    "mart_district_scorecard",
    "mart_lifecycle_cube",
    "mart_list_quality",
    "mart_manager_scorecard",
    "mart_pilot",
    "mart_retention_effect",
    "mart_satisfaction",
}
"""Marts whose every measure says how it is computed."""


@pytest.fixture(scope="module")
def catalog(manifest_file: Path) -> Catalog:
    return read_catalog(manifest_file)


def test_the_page_in_docs_is_up_to_date(catalog: Catalog) -> None:
    page = (PROJECT_ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == metrics.page(catalog), "run `retention dictionary`"


def test_every_published_column_stands_in_both_languages(catalog: Catalog) -> None:
    chinese, english = metrics.page(catalog).split("\n## English\n")
    for name in catalog.published_models:
        for column in catalog.model(name).columns.values():
            assert f"| `{column.name}` | {column.headings['zh']} |" in chinese, f"{name}.{column.name}"
            assert f"| `{column.name}` |" in english, f"{name}.{column.name}"


def test_every_measure_says_how_it_is_computed(catalog: Catalog) -> None:
    for name in COMPUTED:
        for column in catalog.model(name).columns.values():
            is_measure = column.data_type == "double" or column.data_type.startswith("decimal")
            assert column.formula or not is_measure, f"{name}.{column.name}: give config.meta.formula"


def test_a_chinese_formula_has_no_english_words(catalog: Catalog) -> None:
    for name in catalog.published_models:
        model = catalog.model(name)
        for column in model.columns.values():
            words = metrics.formula(model, column, "zh")
            left = re.findall(r"[A-Za-z_]{3,}", words.replace("Wilson", "").replace("ARPU", "").replace("MOU", ""))
            assert not left, f"{name}.{column.name}: {left}; see wording/formulas.yml"


def test_the_thresholds_of_a_model_are_those_that_its_compiled_sql_reads(
    catalog: Catalog, manifest: Mapping[str, Any]
) -> None:
    compiled = {
        node["name"]: node["compiled_code"] for node in manifest["nodes"].values() if node["resource_type"] == "model"
    }
    for name, model in catalog.models.items():
        assert set(model.threshold_keys) == set(re.findall(r"thresholds\.key = '(\w+)'", compiled[name])), name


def test_every_threshold_is_asked_for_and_every_key_asked_for_is_a_threshold(catalog: Catalog) -> None:
    asked = {key for model in catalog.models.values() for key in model.threshold_keys}
    assert asked == {row.key for row in rules.thresholds()}


def test_every_threshold_has_a_chinese_name_a_source_and_a_note() -> None:
    for row in rules.thresholds():
        assert re.search(r"[\u4e00-\u9fff]", row.name("zh")), f"{row.key}: name it in wording/thresholds.yml"
        assert row.source and row.note, row.key


def test_an_output_names_only_thresholds_that_decide_what_it_shows(catalog: Catalog) -> None:
    for export in catalog.exports:
        decides = {key for name in export.depends_on for key in catalog.threshold_keys(name)}
        assert set(export.meta.get("thresholds", ())) <= decides, export.name


def test_every_list_the_scorecard_and_the_report_name_their_thresholds(catalog: Catalog) -> None:
    for export in (*catalog.of_kind("scorecard"), *catalog.of_kind("report"), *catalog.of_kind("list")):
        assert export.meta.get("thresholds") or export.meta.get("list_type") == "churned", export.name


def test_the_event_calendar_holds_the_campaigns_of_the_demo_operator() -> None:
    campaigns = [row for row in rules.seed("event_calendar") if row["event_kind"] == "competitor"]
    assert {int(row["from_on"][5:7]) for row in campaigns} == set(world.CAMPAIGN_CALENDAR_MONTHS)
    assert {row["from_on"][:7] for row in campaigns} == {"2011-05", "2011-11", "2012-05"}


def test_every_survey_category_of_the_demo_operator_has_a_cause() -> None:
    assert {row["answer_code"] for row in rules.seed("survey_causes")} == set(world.CAUSE_CODES)


def test_the_readings_cover_every_contradiction_and_name_what_is_there() -> None:
    page = READINGS.read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == [str(number) for number in range(1, 16)]
    for path in re.findall(r"`((?:dbt|tests)/[\w/.]+)`", page):
        assert (PROJECT_ROOT / path).is_file(), path
    columns = {path.stem: path.read_text(encoding="utf-8") for path in (DBT_PROJECT_DIR / "models").rglob("mart_*.yml")}
    for mart, column in re.findall(r"`(mart_\w+)\.(\w+)`", page):
        assert f"- name: {column}\n" in columns[mart], f"{mart}.{column}"
