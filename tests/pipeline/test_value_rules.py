"""The marts of value and flow over months: in any order, and without optional data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import World, varied_world

pytestmark = pytest.mark.slow

MARTS: Mapping[str, str] = {
    "core.fct_subscriber_months": "month, subscriber_id",
    "core.fct_churn": "month, subscriber_id",
    "retention.mart_work_lists": "month, list_type, subscriber_id",
    "retention.mart_lifecycle_transition": "month, from_stage, to_stage",
    "retention.mart_revenue_bridge": "month, scope_type, scope_code",
    "retention.mart_base_flow": "month, scope_type, scope_code",
    "retention.mart_cohort_retention": "month, joined_month",
    "retention.mart_high_value_cohort": "month, scope_type, scope_code",
    "core.fct_pilot_assignments": "month, pilot_id, subscriber_id",
    "retention.mart_retention_effect": "month, list_type",
    "retention.mart_pilot": "month, pilot_id, arm",
}
CHOSEN = " ".join(f"+{relation.partition('.')[2]}" for relation in MARTS)


def contents(world: World) -> Mapping[str, list[dict[str, Any]]]:
    return {relation: world.query(f"select * from {relation} order by {key}") for relation, key in MARTS.items()}


@pytest.mark.thorough
def test_months_one_by_one_give_the_same_as_the_whole_range(tmp_path: Path) -> None:
    together, one_by_one = varied_world(tmp_path / "together"), varied_world(tmp_path / "one_by_one")
    together.build("2011-02", "2011-06", select=CHOSEN)
    for first, last in (("2011-05", "2011-05"), ("2011-02", "2011-03"), ("2011-04", "2011-04"), ("2011-05", "2011-06")):
        one_by_one.build(first, last, select=CHOSEN)
    expected, found = contents(together), contents(one_by_one)
    for relation in MARTS:
        assert expected[relation], relation
        assert found[relation] == expected[relation], relation
    smoothed = [
        row for row in expected["core.fct_subscriber_months"] if row["value_tier"] != row["value_tier_unsmoothed"]
    ]
    assert smoothed, "the world has lines that hysteresis keeps"


@pytest.mark.thorough
def test_snapshots_alone_leave_the_measures_of_optional_data_unknown(tmp_path: Path) -> None:
    world = World(tmp_path)
    for month in ("2011-01", "2011-02"):
        rows = [{"subscriber_id": f"s{number}", "join_date": "2011-01-03"} for number in range(3)]
        world.add("crm_subscribers", month, [{"subscriber_id": "old", "is_special": True}, *rows])
    world.build("2011-01", "2011-02", select=CHOSEN)
    found = contents(world)
    unknown = {
        "retention.mart_revenue_bridge": ("billed_count", "revenue_amount", "arpu_amount", "mou", "price_effect_mom"),
        "retention.mart_base_flow": ("active_count", "new_count", "returning_count", "dormant_count", "left_count"),
        "retention.mart_cohort_retention": ("billed_count", "arpu_amount"),
        "retention.mart_high_value_cohort": ("kept_count", "kept_rate", "ci_low"),
        "retention.mart_work_lists": ("care_cap_amount", "retention_cap_amount", "expected_margin_amount"),
    }
    for relation, columns in unknown.items():
        assert found[relation], relation
        assert {row[column] for row in found[relation] for column in columns} == {None}, relation
    high_value = [row for row in found["retention.mart_high_value_cohort"] if row["scope_type"] == "network"]
    assert [(row["cohort_month"], row["cohort_count"], row["on_net_count"]) for row in high_value] == [
        ("2011-01", 1, 1),
        ("2011-01", 1, 1),
    ]
