"""The churn marts over months that come, change and stay away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pytest

from dagster_project.lib import months
from dagster_project.lib.dbt import months_arguments
from tests.worlds import BuildFailed, World, run_dbt

pytestmark = pytest.mark.slow

CHURN_MARTS = "+mart_churn_trend +mart_churn_by_tenure +mart_churn_by_plan +mart_churn_by_arpu_band"


def deliver(world: World, month: str, leavers: int, **columns: object) -> None:
    """Deliver 300 subscribers of two districts, the first ``leavers`` of whom leave; the others stay for ever."""
    rows = [
        {
            "subscriber_id": f"{'L' + month if place < leavers else 'S'}{place}",
            "district_code": f"D{place % 2}",
            "status": "cancelled" if place < leavers else "active",
            "status_date": f"{month}-11" if place < leavers else None,
            **columns,
        }
        for place in range(300)
    ]
    world.add("crm_subscribers", month, rows)


def trend(world: World) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    rows = world.query("select * from retention.mart_churn_trend")
    return {(row["month"], row["scope_code"]): row for row in rows}


def windows(world: World) -> list[tuple[str, int]]:
    rows = world.query("select distinct month, window_months from retention.mart_churn_by_plan order by 1, 2")
    return [(row["month"], row["window_months"]) for row in rows]


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Deliveries from January to June 2011 without April; brand from June on."""
    world = World(tmp_path_factory.mktemp("rules"))
    for month in months.between("2011-01", "2011-06"):
        if month != "2011-04":
            deliver(world, month, leavers=10, **({"brand": "M"} if month == "2011-06" else {}))
    world.build("2011-01", "2011-06", select=CHURN_MARTS)
    return world


def test_a_window_of_three_months_needs_all_three(branch: World) -> None:
    assert windows(branch) == [
        ("2011-01", 1),
        ("2011-02", 1),
        ("2011-03", 1),
        ("2011-03", 3),
        ("2011-05", 1),
        ("2011-06", 1),
    ]


def test_the_year_to_date_counts_the_delivered_months(branch: World) -> None:
    row = trend(branch)["2011-06", "all"]
    assert (row["ytd_month_count"], row["ytd_churned_count"]) == (5, 50)


def test_a_scope_appears_with_its_column(branch: World) -> None:
    rows = trend(branch)
    assert ("2011-05", "M") not in rows
    assert rows["2011-06", "M"]["closing_count"] == 290
    assert ("2011-06", "prepaid") not in rows


def test_a_scope_in_which_nobody_was_before_is_small_and_has_every_rate_but_those_over_its_opening(
    branch: World,
) -> None:
    row = trend(branch)["2011-06", "M"]
    assert (row["opening_count"], row["is_small"]) == (0, True)
    assert (row["churn_rate_opening"], row["churn_rate_opening_strict"], row["ci_low"]) == (None, None, None)
    assert row["churn_rate_closing"] == 10 / 290
    assert row["churn_rate_average"] == 20 / 290


def test_districts_add_up_to_the_network(branch: World) -> None:
    rows = trend(branch)
    for column in ("opening_count", "churned_count", "closing_count"):
        parts = rows["2011-06", "D0"][column] + rows["2011-06", "D1"][column]
        assert parts == rows["2011-06", "all"][column]


@pytest.mark.thorough
def test_a_restated_month_changes_its_rows_and_no_others(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = World(tmp_path_factory.mktemp("restated"))
    for month in ("2011-01", "2011-02"):
        deliver(world, month, leavers=10)
    world.build("2011-01", "2011-02", select=CHURN_MARTS)
    before = trend(world)
    deliver(world, "2011-02", leavers=30)
    world.build("2011-02", "2011-02", select=CHURN_MARTS)
    after = trend(world)
    assert {key: row for key, row in after.items() if key[0] == "2011-01"} == {
        key: row for key, row in before.items() if key[0] == "2011-01"
    }
    assert after["2011-02", "all"]["churned_count"] == 50, "20 more leave, and the 20 stayers in their place vanish"
    assert after["2011-02", "all"]["vanished_count"] == 20
    world.build("2011-02", "2011-02", select=CHURN_MARTS)
    assert trend(world) == after, "building once more changes nothing"


def test_a_spoiled_mart_fails_the_tests_that_it_breaks(branch: World) -> None:
    spoiling = {
        "opening_plus_arrivals_minus_losses_is_closing": "closing_count = closing_count + 1 where scope_code = 'D0'",
        "has_only_mart_churn_trend_scope_type": "scope_type = 'somewhere' where scope_code = 'D1'",
        "a_rate_is_missing_only_when_its_denominator_is_zero": "ci_low = null where scope_code = 'D0'",
        "mart_churn_trend_is_complete": "churned_count = null where scope_code = 'M'",
    }
    with duckdb.connect(str(branch.settings.duckdb_file)) as connection:
        connection.execute("create table kept as select * from retention.mart_churn_trend")
        for change in spoiling.values():
            connection.execute(f"update retention.mart_churn_trend set {change}")
    try:
        with pytest.raises(BuildFailed) as failure:
            run_dbt(
                branch.settings,
                ["build", "--select", "mart_churn_trend,test_type:data", *months_arguments("2011-01", "2011-06")],
            )
    finally:
        with duckdb.connect(str(branch.settings.duckdb_file)) as connection:
            connection.execute("delete from retention.mart_churn_trend")
            connection.execute("insert into retention.mart_churn_trend select * from kept")
            connection.execute("drop table kept")
    for test in spoiling:
        assert f"Failure in test {test}" in str(failure.value)
