"""Causes, destinations and events over months: late answers, surveys that stay away, and what stands on the trend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dagster_project.lib import months
from tests.worlds import World

pytestmark = pytest.mark.slow

MARTS = "+mart_churn_trend +mart_churn_cause +mart_churn_destination"
FIRST, LAST = "2011-03", "2011-06"


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Ten of a hundred leave every month. March and April are surveyed, May is not, June has no causes."""
    world = World(tmp_path_factory.mktemp("rates"))
    for month in months.between(FIRST, LAST):
        world.add("crm_subscribers", month, [_subscriber(month, place) for place in range(100)])
    world.add("crm_exit_surveys", "2011-03", [_answer("2011-03", place, "price") for place in range(4)])
    late = [_answer("2011-03", place, "handset") for place in (3, 4)]
    world.add("crm_exit_surveys", "2011-04", [*late, _answer("2011-04", 0, "after_sales+billing")])
    silent = {"subscriber_id": "L2011-060", "churn_month": "2011-06", "destination": "internal"}
    world.add("crm_exit_surveys", "2011-06", [silent])
    world.build(FIRST, LAST, select=MARTS)
    return world


def _subscriber(month: str, place: int) -> dict[str, Any]:
    if place >= 10:
        return {"subscriber_id": f"S{place}"}
    return {
        "subscriber_id": f"L{month}{place}",
        "join_date": f"{month}-01",
        "status": "cancelled",
        "status_date": f"{month}-15",
    }


def _answer(churn_month: str, place: int, cause: str) -> dict[str, Any]:
    return {
        "subscriber_id": f"L{churn_month}{place}",
        "churn_month": churn_month,
        "cause_code": cause,
        "destination": "rival_mobile",
    }


def _network(world: World, mart: str, key: str, month: str) -> Mapping[str, Mapping[str, Any]]:
    rows = world.query(f"select * from retention.{mart} where scope_type = 'network' and month = '{month}'")
    return {row[key]: row for row in rows}


def test_a_late_answer_counts_apart_and_only_once(branch: World) -> None:
    march = _network(branch, "mart_churn_cause", "cause_code", "2011-03")
    assert {code: row["reported_count"] for code, row in march.items()} == {"price_war": 4, "unknown": 0}
    assert march["unknown"]["unknown_share"] == 0.6
    april = _network(branch, "mart_churn_cause", "cause_code", "2011-04")
    assert april["handset_quality"]["late_reported_count"] == 1, "one of the two had answered in March"
    assert april["handset_quality"]["reported_count"] == 0
    assert april["handset_quality"]["share"] == 0


def test_an_answer_with_two_causes_is_one_answer(branch: World) -> None:
    april = _network(branch, "mart_churn_cause", "cause_code", "2011-04")
    for code in ("billing_errors", "handset_repair"):
        assert (april[code]["reported_count"], april[code]["reported_weight"], april[code]["share"]) == (1, 0.5, 0.05)
    assert {row["answered_count"] for row in april.values()} == {1}


def test_months_without_a_survey_or_without_its_columns_have_no_rows(branch: World) -> None:
    surveyed = {
        mart: [row["month"] for row in branch.query(f"select distinct month from retention.{mart} order by month")]
        for mart in ("mart_churn_cause", "mart_churn_destination")
    }
    assert surveyed == {
        "mart_churn_cause": ["2011-03", "2011-04"],
        "mart_churn_destination": ["2011-03", "2011-04", "2011-06"],
    }


def test_events_of_the_month_stand_on_every_scope(branch: World) -> None:
    rows = branch.query(
        "select month, scope_type, event_codes, event_kinds, event_titles from retention.mart_churn_trend"
    )
    found = {(row["month"], row["scope_type"]): row for row in rows}
    may = found["2011-05", "district"]
    assert may["event_codes"] == "labour_day_2011+rival_campaign_2011_05"
    assert may["event_kinds"] == "holiday+competitor"
    assert may["event_titles"] == "劳动节、竞争对手五月促销"
    assert found["2011-03", "network"]["event_codes"] is None


def test_a_month_built_alone_equals_the_month_built_among_others(branch: World) -> None:
    def held() -> list[dict[str, Any]]:
        return [
            row
            for mart in ("mart_churn_trend", "mart_churn_cause", "mart_churn_destination")
            for row in branch.query(f"select * from retention.{mart} order by all")
        ]

    before = held()
    branch.build("2011-04", "2011-04", select=MARTS)
    assert held() == before
