"""The rules that are tables."""

from __future__ import annotations

import csv
import re
from collections import Counter

from dagster_project.settings import DBT_PROJECT_DIR

SEEDS = DBT_PROJECT_DIR / "seeds"


def seed(name: str) -> list[dict[str, str]]:
    """Rows of a seed file that hold to this day."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if not row.get("valid_to")]


def test_the_measure_catalogue_has_38_codes_none_of_them_twice() -> None:
    codes = [row["measure_code"] for row in seed("measures")]
    assert len(codes) == len(set(codes)) == 38
    sizes = Counter(code[:2] for code in codes)
    assert sizes == {"PM": 3, "PS": 4, "PA": 5, "RM": 5, "RS": 5, "RA": 5, "DM": 4, "DS": 3, "DA": 4}


def test_rm002_ties_through_contracts_and_pm002_regulates_offers() -> None:
    names = {row["measure_code"]: row["zh"] for row in seed("measures")}
    assert (names["RM002"], names["PM002"]) == ("协议绑定", "规范政策")


def test_the_cause_taxonomy_has_seven_groups_and_23_leaves() -> None:
    causes = [row for row in seed("causes") if row["is_leaf"] == "true"]
    assert len({row["cause_code"] for row in causes}) == len(causes) == 23
    assert len({row["cause_group"] for row in causes}) == 7
    assert {row["side"] for row in causes} == {"internal", "external"}


def test_twenty_actions_are_urgent_in_three_degrees_and_each_answers_a_cause() -> None:
    actions = seed("cause_actions")
    assert Counter(row["urgency"] for row in actions) == {"low": 7, "mid": 7, "high": 6}
    assert {row["cause_code"] for row in actions} <= {row["cause_code"] for row in seed("causes")}


def test_a_cause_has_the_highest_urgency_of_its_actions() -> None:
    degrees = ("", "low", "mid", "high")
    highest: dict[str, int] = {}
    for row in seed("cause_actions"):
        highest[row["cause_code"]] = max(highest.get(row["cause_code"], 0), degrees.index(row["urgency"]))
    leaves = [row for row in seed("causes") if row["is_leaf"] == "true"]
    assert {row["cause_code"]: row["urgency"] for row in leaves} == {
        row["cause_code"]: degrees[highest.get(row["cause_code"], 0)] for row in leaves
    }


def test_every_threshold_that_a_model_reads_is_a_seed_row_with_its_source() -> None:
    rows = seed("thresholds")
    known = {row["key"] for row in rows}
    assert all(row["source"] and row["valid_from"] for row in rows)
    asked: set[str] = set()
    for model in (DBT_PROJECT_DIR / "models").rglob("*.sql"):
        for keys in re.findall(r"thresholds\(\[(.*?)\][,)]", model.read_text(encoding="utf-8"), re.DOTALL):
            asked |= set(re.findall(r"'(\w+)'", keys))
    assert asked <= known
    assert known - asked == set()


def test_every_placeholder_of_a_reason_exists_in_both_languages() -> None:
    for row in seed("reason_templates"):
        assert set(re.findall(r"{\w+}", row["zh"])) == set(re.findall(r"{\w+}", row["en"])), row["reason_code"]
