"""Who is on the network, who came and who went: subscriber months and churn events out of deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import World

pytestmark = pytest.mark.slow

MONTHS = ("2011-01", "2011-02", "2011-03")


def leaver(subscriber_id: str, day: str, status: str = "cancelled") -> dict[str, Any]:
    """A final snapshot row."""
    return {"subscriber_id": subscriber_id, "status": status, "status_date": day}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three months in which a handful of subscribers stay, leave, vanish, come back and move."""
    world = World(tmp_path_factory.mktemp("flows"))
    snapshots: Mapping[str, list[dict[str, Any]]] = {
        "2011-01": [
            {"subscriber_id": "stays"},
            {"subscriber_id": "leaves"},
            {"subscriber_id": "vanishes"},
            {"subscriber_id": "moves", "district_code": "D2"},
            {"subscriber_id": "stopped", "status": "suspended_arrears"},
            leaver("gone long ago", "2010-11-02"),
        ],
        "2011-02": [
            {"subscriber_id": "stays"},
            leaver("leaves", "2011-02-11"),
            {"subscriber_id": "moves"},
            leaver("stopped", "2011-02-20", "disconnected"),
            {"subscriber_id": "joins", "join_date": "2011-02-10"},
            {"subscriber_id": "quarantined later", "join_date": "2011-02-10"},
            leaver("same month", "2011-02-15") | {"join_date": "2011-02-03"},
        ],
        "2011-03": [
            {"subscriber_id": "stays"},
            {"subscriber_id": "moves"},
            {"subscriber_id": "joins", "join_date": "2011-02-10"},
            {"subscriber_id": "leaves"},
            {"subscriber_id": "appears"},
            leaver("stopped", "2011-02-20", "disconnected"),
        ],
    }
    for month in MONTHS:
        world.add("crm_subscribers", month, snapshots[month])
        world.add("billing_bills", month, [{"subscriber_id": "stays", "total_fee": 30}])
    world.add("quarantined_subscribers", "2011-03", [{"subscriber_id": "quarantined later"}])
    world.build(MONTHS[0], MONTHS[-1], select="+fct_churn +mart_lifecycle_cube")
    return world


def ids(world: World, month: str, condition: str) -> set[str]:
    """Who fulfils ``condition`` in ``month``."""
    rows = world.query(f"select subscriber_id from core.fct_subscriber_months where month = '{month}' and {condition}")
    return {str(row["subscriber_id"]) for row in rows}


def test_the_first_month_opens_with_those_who_joined_earlier(world: World) -> None:
    assert ids(world, "2011-01", "is_on_net_open") == {"stays", "leaves", "vanishes", "moves", "stopped"}


def test_a_leaver_of_an_earlier_time_takes_no_part_in_the_first_month(world: World) -> None:
    assert ids(world, "2011-01", "subscriber_id = 'gone long ago'") == set()


def test_leavers_vanished_and_same_month_leavers_have_churned(world: World) -> None:
    assert ids(world, "2011-02", "is_churned") == {"leaves", "vanishes", "stopped", "same month"}
    assert ids(world, "2011-02", "is_vanished") == {"vanishes"}
    assert ids(world, "2011-02", "is_same_month_churned") == {"same month"}


def test_churn_is_passive_after_an_arrears_stop_and_unknown_when_vanished(world: World) -> None:
    rows = world.query("select subscriber_id, churn_kind from core.fct_churn where month = '2011-02'")
    kinds = {row["subscriber_id"]: row["churn_kind"] for row in rows}
    assert kinds == {"leaves": "active", "vanishes": "unknown", "stopped": "passive", "same month": "active"}


def test_who_churned_and_is_back_is_reinstated_and_who_was_never_seen_has_appeared(world: World) -> None:
    assert ids(world, "2011-03", "is_reinstated") == {"leaves"}
    assert ids(world, "2011-03", "is_appeared") == {"appears"}


def test_a_final_row_delivered_again_is_no_second_churn(world: World) -> None:
    assert ids(world, "2011-03", "is_churned") == set()


def test_a_subscriber_in_quarantine_has_not_vanished(world: World) -> None:
    assert ids(world, "2011-03", "is_carried_forward and is_on_net_close") == {"quarantined later"}


def test_a_move_opens_in_the_old_district(world: World) -> None:
    rows = world.query(
        "select district_code_open, district_code from core.fct_subscriber_months "
        "where month = '2011-02' and subscriber_id = 'moves'"
    )
    assert rows == [{"district_code_open": "D2", "district_code": "D1"}]


def test_data_that_was_not_delivered_is_null_and_a_missing_bill_is_zero(world: World) -> None:
    rows = world.query(
        "select billed_revenue_amount, arrears_amount, mou, is_silent, payment_amount, complaint_count "
        "from core.fct_subscriber_months where month = '2011-02' and subscriber_id = 'joins'"
    )
    assert rows[0].pop("billed_revenue_amount") == 0
    assert set(rows[0].values()) == {None}


@pytest.mark.thorough
def test_a_month_built_again_is_replaced_whole_and_its_neighbours_stay(tmp_path: Path) -> None:
    world = World(tmp_path)
    for month in MONTHS:
        world.add("crm_subscribers", month, [{"subscriber_id": "a"}, {"subscriber_id": "b"}])
        world.add("billing_bills", month)
    world.build(MONTHS[0], MONTHS[-1], select="+fct_churn")
    world.add("crm_subscribers", "2011-03", [{"subscriber_id": "a"}, leaver("b", "2011-03-04")])
    world.build("2011-03", "2011-03", select="+fct_churn")
    assert world.query("select month, subscriber_id from core.fct_churn") == [
        {"month": "2011-03", "subscriber_id": "b"}
    ]
    world.add("crm_subscribers", "2011-03", [{"subscriber_id": "a"}, {"subscriber_id": "b"}])
    world.build("2011-03", "2011-03", select="+fct_churn")
    assert world.query("select * from core.fct_churn") == []
    rows = world.query("select month, count(*) as n from core.fct_subscriber_months group by month order by month")
    assert [row["n"] for row in rows] == [2, 2, 2]
