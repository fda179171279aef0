"""Why and where leavers went: behavioural end, arrears, number swaps, classes and the versions of a month."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lib import months
from dagster_project.lib.dbt import months_arguments
from dagster_project.synth.world import OperatorPlan
from tests import operators
from tests.worlds import World, run_dbt

pytestmark = pytest.mark.slow

MONTHS = ("2011-08", "2011-09", "2011-10")
FACTS = "+mart_churn_class +mart_churn_revision"
RELATIONS = (
    "core.fct_churn",
    "core.fct_number_swaps",
    "retention.mart_churn_trend",
    "retention.mart_churn_class",
    "retention.mart_churn_revision",
)
TESTED = ("mart_churn_class", "mart_churn_revision", "fct_churn", "fct_number_swaps")

SWAP_COLUMNS = ("customer_id", "imei_hash", "pay_account")

Row = Mapping[str, Any]


def line(subscriber_id: str, **columns: object) -> dict[str, object]:
    """A snapshot row of a line with a customer, a handset and an account of its own."""
    own = {name: f"{name} of {subscriber_id}" for name in SWAP_COLUMNS}
    return {"subscriber_id": subscriber_id, **own, **columns}


def ended(row: Mapping[str, object], day: str, status: str = "cancelled") -> dict[str, object]:
    """The same line's final row."""
    return {**row, "status": status, "status_date": day}


def joined(subscriber_id: str, day: str, **columns: object) -> dict[str, object]:
    return line(subscriber_id, join_date=day, **columns)


def of_one_customer(row: Mapping[str, object]) -> dict[str, object]:
    return {"customer_id": row["customer_id"]}


STAYS = [line("stays"), line("second b", customer_id="customer_id of second a")]
MOVED, RENUMBERED, PERHAPS = line("moved", network="GSM"), line("renumbered", district_code="D2"), line("perhaps")
BACK, SECOND = line("back"), line("second a")
NEW_IN_AUGUST = [
    joined("renumbered new", "2011-08-12", **of_one_customer(RENUMBERED)),
    joined("perhaps new", "2011-08-16", pay_account=PERHAPS["pay_account"]),
]
NEW_IN_SEPTEMBER = joined("moved new", "2011-09-10", network="3G", **of_one_customer(MOVED))
DEFAULTER = joined("defaulter", "2011-05-02")
FORWARDS, DIES, PORTED, PRESUMED, GONE = (line(name) for name in ("forwards", "dies", "ported", "presumed", "gone"))
LEAVE_IN_OCTOBER = [FORWARDS, DIES, PORTED, PRESUMED, GONE]
SNAPSHOTS: Mapping[str, list[dict[str, object]]] = {
    "2011-08": [
        *STAYS,
        ended(MOVED, "2011-08-20"),
        ended(RENUMBERED, "2011-08-10"),
        ended(PERHAPS, "2011-08-15"),
        ended(BACK, "2011-08-05"),
        ended(SECOND, "2011-08-25"),
        *NEW_IN_AUGUST,
        {**DEFAULTER, "status": "suspended_arrears", "status_date": "2011-08-21"},
        *LEAVE_IN_OCTOBER,
    ],
    "2011-09": [
        *STAYS,
        *NEW_IN_AUGUST,
        NEW_IN_SEPTEMBER,
        {**DEFAULTER, "status": "suspended_arrears", "status_date": "2011-08-21"},
        *LEAVE_IN_OCTOBER,
    ],
    "2011-10": [
        *STAYS,
        *NEW_IN_AUGUST,
        NEW_IN_SEPTEMBER,
        {**BACK, "status": "active", "status_date": "2011-10-02"},
        ended(DEFAULTER, "2011-10-20", "disconnected"),
        ended(FORWARDS, "2011-10-12"),
        ended(DIES, "2011-10-13"),
        ended(PORTED, "2011-10-11", "ported_out"),
        ended(PRESUMED, "2011-10-14"),
    ],
}
USAGE: Mapping[str, list[dict[str, object]]] = {
    "2011-08": [{"subscriber_id": "moved", "calls_out": 3, "last_activity_date": "2011-08-02"}],
    "2011-09": [{"subscriber_id": "forwards", "forward_offnet_calls": 3, "calls_in": 1}],
    "2011-10": [{"subscriber_id": "presumed", "calls_out": 3, "last_activity_date": "2011-10-09"}],
}
OPTIONAL = ("billing_usage", "billing_payments", "crm_exit_surveys")


def deliver(world: World, *, without: Iterable[str] = ()) -> None:
    """The three months, without the named data sets or snapshot columns."""
    for month in MONTHS:
        rows = [{name: value for name, value in row.items() if name not in without} for row in SNAPSHOTS[month]]
        world.add("crm_subscribers", month, rows)
        bills = {"subscriber_id": "defaulter", "total_fee": 40 if month == "2011-08" else 0, "arrears": 80}
        world.add("billing_bills", month, [bills, {"subscriber_id": "moved", "total_fee": 30}])
        optional = {
            "billing_usage": USAGE[month],
            "billing_payments": [
                {"payment_id": month, "subscriber_id": "stays", "paid_at": f"{month}-03 10:00:00", "amount": 10}
            ],
            "crm_exit_surveys": [{"subscriber_id": "dies", "churn_month": "2011-10", "cause_code": "death"}],
        }
        for data_set in OPTIONAL:
            if data_set not in without:
                world.add(data_set, month, optional[data_set])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five leave in August and six in October; some swap, one comes back."""
    world = World(tmp_path_factory.mktemp("facts"))
    deliver(world)
    world.build(MONTHS[0], MONTHS[-1], select=FACTS)
    return world


def churn(world: World, month: str) -> Mapping[str, Row]:
    rows = world.query(f"select * from core.fct_churn where month = '{month}'")
    return {row["subscriber_id"]: row for row in rows}


def versions(world: World, scope_code: str = "all") -> Mapping[str, tuple[Any, ...]]:
    """What each version says of August: churned, reinstated, swaps, probable swaps, net, low, high."""
    rows = world.query(
        "select version, churned_count, reinstated_count, swap_count, probable_swap_count, net_churned_count,"
        " net_churned_count_low, net_churned_count_high from retention.mart_churn_revision"
        f" where churn_month = '2011-08' and scope_code = '{scope_code}'"
    )
    return {row["version"]: tuple(row.values())[1:] for row in rows}


def classes(world: World, month: str, scope_code: str = "all") -> Mapping[str, Any]:
    rows = world.query(
        "select churn_class, churned_count from retention.mart_churn_class"
        f" where month = '{month}' and scope_code = '{scope_code}'"
    )
    return {row["churn_class"]: row["churned_count"] for row in rows}


def test_every_data_test_of_the_churn_facts_passes(world: World) -> None:
    chosen = " ".join(f"{model},test_type:data" for model in TESTED)
    command = ["build", *months_arguments("2011-08", "2011-10"), "--select", chosen]
    assert "ERROR=0 SKIP=0" in run_dbt(world.settings, command).stdout


def test_three_versions_of_a_month_know_more_and_more_of_it(world: World) -> None:
    assert versions(world) == {
        "T+3": (5, 0, 1, 1, 4, 3, 4),
        "T+35": (5, 0, 2, 1, 3, 2, 3),
        "T+65": (5, 1, 2, 1, 2, 1, 2),
    }
    assert versions(world, "D2") == dict.fromkeys(("T+3", "T+35", "T+65"), (1, 0, 1, 0, 0, 0, 0))


def test_the_trend_has_what_the_month_itself_knew(world: World) -> None:
    (row,) = world.query(
        "select swap_count, probable_swap_count, net_churned_count, net_churned_count_low, net_churned_count_high,"
        " churn_rate_net, churn_to_new_ratio_net, opening_count, new_count"
        " from retention.mart_churn_trend where month = '2011-08' and scope_type = 'network'"
    )
    assert tuple(row.values())[:5] == (1, 1, 4, 3, 4)
    assert (row["opening_count"], row["new_count"]) == (13, 2)
    assert row["churn_rate_net"] == 4 / 13
    assert row["churn_to_new_ratio_net"] == 4 / 1


def test_a_swap_names_both_lines_and_a_second_line_is_none(world: World) -> None:
    rows = world.query("select * from core.fct_number_swaps where month = '2011-10'")
    pairs = {row["old_subscriber_id"]: row for row in rows}
    assert {old: (row["new_subscriber_id"], row["swap_status"], row["swap_type"]) for old, row in pairs.items()} == {
        "moved": ("moved new", "swap", "network_move"),
        "renumbered": ("renumbered new", "swap", "unknown"),
        "perhaps": ("perhaps new", "probable", "unknown"),
    }
    assert (pairs["moved"]["days_apart"], pairs["moved"]["new_joined_month"]) == (21, "2011-09")


def test_every_leaver_has_one_class(world: World) -> None:
    assert {name: row["churn_class"] for name, row in churn(world, "2011-10").items()} == {
        "defaulter": "passive_unknown",
        "forwards": "external_confirmed",
        "dies": "natural",
        "ported": "external_confirmed",
        "presumed": "external_presumed",
        "gone": "unknown",
    }
    assert classes(world, "2011-08") == {
        "internal": 1,
        "external_confirmed": 0,
        "external_presumed": 3,
        "passive_unknown": 0,
        "natural": 0,
        "unknown": 1,
    }


def test_a_defaulter_who_never_paid_is_malicious_and_the_days_from_stop_to_end_are_counted(world: World) -> None:
    row = churn(world, "2011-10")["defaulter"]
    assert (row["churn_kind"], row["arrears_amount"], row["is_malicious_arrears"]) == ("passive", 80, True)
    assert row["arrears_to_disconnect_days"] == 60
    assert churn(world, "2011-10")["presumed"]["is_malicious_arrears"] is False


def test_the_behavioural_end_is_the_last_day_of_use(world: World) -> None:
    assert churn(world, "2011-08")["moved"]["behavioural_churn_on"] == datetime.date(2011, 8, 2)
    assert churn(world, "2011-10")["presumed"]["behavioural_churn_on"] == datetime.date(2011, 10, 9)
    assert churn(world, "2011-10")["forwards"]["behavioural_churn_on"] == datetime.date(2011, 9, 30)
    assert churn(world, "2011-10")["ported"]["behavioural_churn_on"] is None


@pytest.mark.thorough
def test_a_month_by_itself_gives_the_same_rows_as_in_the_whole_range(world: World, tmp_path: Path) -> None:
    in_parts = World(tmp_path)
    deliver(in_parts)
    for first, last in ((MONTHS[0], MONTHS[1]), (MONTHS[2], MONTHS[2])):
        in_parts.build(first, last, select=FACTS)
    for relation in RELATIONS:
        query = f"select * from {relation} order by all"
        assert in_parts.query(query) == world.query(query), relation


def test_what_was_not_delivered_leaves_what_it_feeds_not_available_and_no_zero(tmp_path: Path) -> None:
    world = World(tmp_path)
    deliver(world, without=(*SWAP_COLUMNS, *OPTIONAL))
    world.build(MONTHS[0], MONTHS[-1], select=FACTS)
    assert versions(world)["T+65"] == (5, 1, None, None, None, None, None)
    (row,) = world.query(
        "select swap_count, probable_swap_count, net_churned_count, churn_rate_net, churn_to_new_ratio_net"
        " from retention.mart_churn_trend where month = '2011-10' and scope_type = 'network'"
    )
    assert set(row.values()) == {None}
    rows = churn(world, "2011-10").values()
    for column in ("behavioural_churn_on", "arpu3_behavioural_amount", "is_malicious_arrears", "swap_status"):
        assert {row[column] for row in rows} == {None}, column
    assert (classes(world, "2011-10")["internal"], classes(world, "2011-10")["natural"]) == (None, None)
    beside = world.query("select distinct silent_count, dormant_count, dormant_rate from retention.mart_churn_class")
    assert [set(row.values()) for row in beside] == [{None}]


OPERATOR = OperatorPlan(subscribers=3_000, months=6)


@dataclass(frozen=True)
class Operator:
    """What the models make of a made-up operator's months, and the folder of its truth files."""

    world: World
    truth_folder: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.world.query(sql)]

    def truth(self, name: str) -> str:
        return f"'{self.truth_folder}/{name}.parquet'"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """A made-up operator of 3,000 subscribers and six months."""
    world = World(tmp_path_factory.mktemp("swapping"))
    truth_folder = operators.deliver(world, OPERATOR)
    world.build(OPERATOR.month_names[0], OPERATOR.month_names[-1], select=FACTS)
    return Operator(world, truth_folder)


def final_pairs(operator: Operator) -> set[tuple[str, str]]:
    """The swaps of every churn month by its last version."""
    last = OPERATOR.month_names[-1]
    rows = operator.rows(
        "select churn_month, month, old_subscriber_id, new_subscriber_id from core.fct_number_swaps"
        " where swap_status = 'swap'"
    )
    return {(old, new) for churn_month, month, old, new in rows if month == min(months.shift(churn_month, 2), last)}


def test_planted_swaps_are_found_and_few_others(operator: Operator) -> None:
    planted = set(
        operator.rows(
            f"select old_subscriber_id, new_subscriber_id from {operator.truth('swaps')} as swaps"
            f" inner join {operator.truth('subscribers')} as subscribers"
            " on swaps.old_subscriber_id = subscribers.subscriber_id and subscribers.is_countable"
        )
    )
    found = final_pairs(operator)
    assert len(planted) >= 20
    assert len(found & planted) / len(planted) >= 0.9
    assert len(found & planted) / len(found) >= 0.9


def test_the_behavioural_end_is_within_a_month_of_the_truth(operator: Operator) -> None:
    close, known, leavers = operator.rows(
        "select"
        " count(case when abs(churn.behavioural_churn_on - truth.behavioural_churn_date) <= 31 then 1 end) as close,"
        " count(churn.behavioural_churn_on) as known, count(*) as leavers"
        f" from core.fct_churn as churn inner join {operator.truth('subscribers')} as truth"
        " on churn.subscriber_id = truth.subscriber_id and churn.month = truth.churn_month"
        " where truth.behavioural_churn_date is not null"
    )[0]
    assert leavers >= 300
    assert known == leavers
    assert close / leavers >= 0.95
