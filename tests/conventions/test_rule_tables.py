"""What every rule table keeps to: read by month through one macro, named in both languages, its decision on record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from dagster_project.lib import rules
from dagster_project.lib.exports.catalog import read_catalog
from dagster_project.settings import DBT_PROJECT_DIR, PROJECT_ROOT

DECISION = PROJECT_ROOT / "docs" / "adr" / "0009-rule-tables.md"
DATED = {**rules.RULE_TABLES, "thresholds": ("key",)}


@pytest.fixture(scope="module")
def seeds(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "seed"}


def test_the_rule_tables_are_the_seeds_with_a_validity(seeds: Mapping[str, Mapping[str, Any]]) -> None:
    assert set(DATED) == {name for name, seed in seeds.items() if "valid_from" in seed["config"]["column_types"]}
    for name in DATED:
        columns = set(rules.seed(name)[0])
        assert columns == set(seeds[name]["config"]["column_types"]), name
        assert {"valid_from", "valid_to", "source"} <= columns, name


def test_the_validity_of_every_rule_table_is_tested_by_its_key(manifest: Mapping[str, Any]) -> None:
    tested = {
        node["attached_node"].split(".")[-1]: tuple(node["test_metadata"]["kwargs"]["key"])
        for node in manifest["nodes"].values()
        if (node.get("test_metadata") or {}).get("name") == "validity_is_seamless"
    }
    assert tested == DATED


def test_every_model_reads_rule_tables_by_month_only() -> None:
    direct = re.compile(rf"ref\(\s*['\"]({'|'.join(DATED)})['\"]")
    for path in (DBT_PROJECT_DIR / "models").rglob("*.sql"):
        assert not direct.search(path.read_text(encoding="utf-8")), f"{path.name}: use in_force()"


def test_the_record_of_decisions_names_every_seed_on_its_side(seeds: Mapping[str, Mapping[str, Any]]) -> None:
    dated, _, plain = DECISION.read_text(encoding="utf-8").partition("## Not dated")
    assert set(re.findall(r"^\| `(\w+)` \|", dated, re.MULTILINE)) == set(DATED)
    assert set(re.findall(r"^\| `(\w+)` \|", plain, re.MULTILINE)) == set(seeds) - set(DATED)


@pytest.mark.parametrize("table", rules.RULE_TABLES)
def test_every_rule_has_a_name_and_words_in_both_languages(table: str) -> None:
    for rule in rules.rules_of(table):
        assert re.search(r"[\u4e00-\u9fff]", rule.name("zh")), f"{table}: {rule.key}"
        assert rule.source, f"{table}: {rule.key}"
        english = [rule.name("en"), *rule.facts("en")]
        assert table == "group_calendars" or "_" not in "".join(english), f"{table}: {rule.key}"
        assert len(rule.facts("zh")) == len(rule.facts("en"))


def test_an_output_names_only_rule_tables_that_decide_what_it_shows(manifest_file: Any) -> None:
    catalog = read_catalog(manifest_file)
    for export in catalog.exports:
        made_from = {each for name in export.depends_on for each in catalog.ancestors(name)}
        assert set(export.meta.get("rules", ())) <= made_from & set(rules.RULE_TABLES), export.name
