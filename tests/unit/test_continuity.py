"""Continuity of a delivery with the months before; every figure is counted by hand in the test."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lib import continuity, contract, raw
from dagster_project.lib.checks import CheckOutcome
from tests.worlds import World

Rows = Iterable[Mapping[str, Any]]


class Branch:
    """Accepted months and one delivery that is about to be checked."""

    def __init__(self, home: Path) -> None:
        self.accepted = World(home / "accepted")
        self.delivered = World(home / "delivered")
        self.quarantined: Path | None = None

    def accept(
        self, month: str, snapshot: Rows = (), *, quarantined: Iterable[str | None] = (), **others: Rows
    ) -> None:
        for table, rows in {"crm_subscribers": snapshot, **others}.items():
            self.accepted.add(table, month, rows)
        self.accepted.add("deliveries", month, [{"data_set": "crm_subscribers"}])
        self.accepted.add("quarantined_subscribers", month, [{"subscriber_id": one} for one in quarantined])

    def deliver(self, month: str, snapshot: Rows, *, quarantined: Iterable[str | None] = (), **others: Rows) -> None:
        for table, rows in {"crm_subscribers": snapshot, **others}.items():
            self.delivered.add(table, month, rows)
        self.delivered.add("quarantined_subscribers", month, [{"subscriber_id": one} for one in quarantined])
        self.quarantined = raw.path(self.delivered.settings, "quarantined_subscribers", month)

    def check(self, month: str, previous: str | None, **options: Any) -> dict[str, CheckOutcome]:
        def candidate(data_set: str) -> Path | None:
            path = raw.path(self.delivered.settings, data_set, month)
            return path if path.is_file() else None

        outcomes = continuity.check(
            self.accepted.settings, month, candidate, previous, quarantined_subscribers=self.quarantined, **options
        )
        assert [outcome.check_id for outcome in outcomes] == [spec.id for spec in continuity.check_specs()]
        return {outcome.check_id: outcome for outcome in outcomes}


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def people(*names: str, **values: Any) -> list[dict[str, Any]]:
    return [{"subscriber_id": name, **values} for name in names]


FLOWS = ("opening", "new", "back", "moved_in", "churned", "moved_out", "closing")


def flows(outcome: CheckOutcome) -> tuple[Any, ...]:
    return tuple(outcome.observed[name] for name in FLOWS)


def test_every_kind_of_flow_is_counted_once(branch: Branch) -> None:
    branch.accept("2011-09", people("stays", "moves", "leaves", "vanishes", "excluded"))
    branch.deliver(
        "2011-10",
        [
            *people("stays"),
            *people("moves", district_code="D2"),
            *people("leaves", status="cancelled", status_date="2011-10-09"),
            *people("excluded", is_countable=False),
            *people("joins", join_date="2011-10-02"),
            *people("joins_and_leaves", join_date="2011-10-02", status="ported_out", status_date="2011-10-30"),
            *people("appears"),
            *people("left_long_ago", status="disconnected", status_date="2011-03-01"),
            *people("machine", is_countable=False),
        ],
    )
    identity = branch.check("2011-10", "2011-09")["opening_plus_flows_is_closing"]
    # stays, moves, joins, appears are on the network at the end
    assert flows(identity) == (5, 2, 1, 0, 3, 1, 4)
    assert identity.passed


def test_a_move_between_districts_leaves_one_and_enters_the_other(branch: Branch) -> None:
    from dagster_project.lib import engine, stock_and_flow

    branch.accept("2011-09", people("moves", "stays"))
    branch.deliver("2011-10", [*people("moves", district_code="D2"), *people("stays")])
    settings = branch.accepted.settings
    with engine.connect(settings) as connection:
        stock_and_flow.load(
            connection,
            settings,
            "2011-10",
            snapshot=raw.path(branch.delivered.settings, "crm_subscribers", "2011-10"),
            previous="2011-09",
            quarantined=None,
        )
        districts = stock_and_flow.balances(connection, "district")
        brands = stock_and_flow.balances(connection, "brand")
    assert vars(districts["D1"]) == dict(zip(FLOWS, (2, 0, 0, 0, 0, 1, 1), strict=True))
    assert vars(districts["D2"]) == dict(zip(FLOWS, (0, 0, 0, 1, 0, 0, 1), strict=True))
    assert vars(brands["(unknown)"]) == dict(zip(FLOWS, (2, 0, 0, 0, 0, 0, 2), strict=True))


def test_who_moved_and_left_leaves_from_the_new_district(branch: Branch) -> None:
    branch.accept("2011-09", people("one", "two"))
    branch.deliver(
        "2011-10",
        [*people("one", district_code="D2", status="cancelled", status_date="2011-10-05"), *people("two")],
    )
    assert branch.check("2011-10", "2011-09")["opening_plus_flows_is_closing"].passed


def test_the_first_month_opens_with_who_joined_earlier(branch: Branch) -> None:
    branch.deliver(
        "2011-10",
        [
            *people("old", "older"),
            *people("new", join_date="2011-10-01"),
            *people("leaver", status="cancelled", status_date="2011-10-20"),
            *people("left_before", status="cancelled", status_date="2011-08-20"),
            *people("left_at_some_time", status="cancelled"),
        ],
    )
    outcomes = branch.check("2011-10", None)
    identity = outcomes["opening_plus_flows_is_closing"]
    # old, older, leaver, left_at_some_time open; the last two leave; new comes
    assert flows(identity) == (4, 1, 0, 0, 2, 0, 3)
    assert identity.passed
    assert outcomes["few_subscribers_vanished"].passed


def test_a_subscriber_who_is_counted_twice_breaks_the_identity(branch: Branch) -> None:
    branch.accept("2011-09", people("one", "two"))
    branch.deliver("2011-10", [*people("one"), *people("one", district_code="D2"), *people("two")])
    identity = branch.check("2011-10", "2011-09")["opening_plus_flows_is_closing"]
    assert not identity.passed
    assert identity.severity == "blocking"
    assert identity.failing_keys[0] == "network all"


def test_who_comes_back_into_the_counted_base_is_moved_in(branch: Branch) -> None:
    branch.accept("2011-09", [*people("one"), *people("machine", is_countable=False)])
    branch.deliver("2011-10", people("one", "machine"))
    identity = branch.check("2011-10", "2011-09")["opening_plus_flows_is_closing"]
    assert flows(identity) == (1, 0, 0, 1, 0, 0, 2)
    assert identity.passed


def test_more_vanished_than_the_limit_stops_the_month_and_names_them(branch: Branch) -> None:
    names = [f"S{number:03}" for number in range(100)]
    branch.accept("2011-09", people(*names))
    branch.deliver("2011-10", people(*names[30:]))
    outcomes = branch.check("2011-10", "2011-09")
    few = outcomes["few_subscribers_vanished"]
    assert (few.passed, few.severity, few.failing_count) == (False, "blocking", 30)
    assert few.failing_keys == tuple(names[:20])
    assert few.observed["vanished_share"] == 0.3


def test_a_vanished_subscriber_within_the_limit_is_a_warning(branch: Branch) -> None:
    branch.accepted.settings = dataclasses.replace(branch.accepted.settings, vanished_share_limit=0.25)
    branch.accept("2011-09", people("one", "two", "three", "four"))
    branch.deliver("2011-10", people("two", "three", "four"))
    outcomes = branch.check("2011-10", "2011-09")
    assert outcomes["few_subscribers_vanished"].passed
    none = outcomes["no_subscriber_vanished"]
    assert (none.passed, none.severity, none.failing_keys) == (False, "warning", ("one",))


def test_absence_is_no_defect_where_snapshots_hold_no_leavers(branch: Branch) -> None:
    branch.accept("2011-09", people("one", "two"))
    branch.deliver("2011-10", people("one"))
    outcomes = branch.check("2011-10", "2011-09", snapshots_hold_leavers=False)
    assert outcomes["few_subscribers_vanished"].passed
    assert outcomes["no_subscriber_vanished"].passed
    assert flows(outcomes["opening_plus_flows_is_closing"]) == (2, 0, 0, 0, 1, 0, 1)


def test_a_quarantined_subscriber_is_carried_on_and_has_not_vanished(branch: Branch) -> None:
    branch.accept("2011-09", people("one", "two"))
    branch.deliver("2011-10", people("one"), quarantined=["two"])
    outcomes = branch.check("2011-10", "2011-09")
    assert outcomes["no_subscriber_vanished"].passed
    assert flows(outcomes["opening_plus_flows_is_closing"]) == (2, 0, 0, 0, 0, 0, 2)


def test_a_quarantined_row_without_identifier_excuses_nobody(branch: Branch) -> None:
    branch.accept("2011-09", people("one", "two"))
    branch.deliver("2011-10", people("one"), quarantined=[None])
    assert branch.check("2011-10", "2011-09")["no_subscriber_vanished"].failing_keys == ("two",)


def test_a_subscriber_quarantined_for_two_months_is_still_in_the_opening_base(branch: Branch) -> None:
    branch.accept("2011-08", people("one", "two"))
    branch.accept("2011-09", people("one"), quarantined=["two"])
    branch.deliver("2011-10", people("one"), quarantined=["two"])
    outcomes = branch.check("2011-10", "2011-09")
    assert flows(outcomes["opening_plus_flows_is_closing"]) == (2, 0, 0, 0, 0, 0, 2)
    assert outcomes["no_subscriber_vanished"].passed


def test_a_subscriber_is_not_carried_over_a_month_without_quarantine(branch: Branch) -> None:
    branch.accept("2011-08", people("one", "two"))
    branch.accept("2011-09", people("one"))
    branch.deliver("2011-10", people("one"), quarantined=["two"])
    identity = branch.check("2011-10", "2011-09")["opening_plus_flows_is_closing"]
    assert flows(identity) == (1, 0, 0, 0, 0, 0, 1)


def test_a_missing_month_in_between_is_named(branch: Branch) -> None:
    branch.accept("2011-07", people("one"))
    branch.deliver("2011-10", people("one"))
    outcome = branch.check("2011-10", None)["the_month_before_was_delivered"]
    assert (outcome.passed, outcome.severity) == (False, "warning")
    assert outcome.failing_keys == ("2011-08", "2011-09")


def test_the_first_month_of_all_misses_none(branch: Branch) -> None:
    branch.deliver("2011-10", people("one"))
    assert branch.check("2011-10", None)["the_month_before_was_delivered"].passed


def test_later_accepted_months_do_not_count_as_earlier_ones(branch: Branch) -> None:
    branch.accept("2011-12", people("one"))
    branch.deliver("2011-10", people("one"))
    assert branch.check("2011-10", None)["the_month_before_was_delivered"].passed


def test_unknown_channels_and_groups_are_named_by_code(branch: Branch) -> None:
    branch.accept("2011-09", people("one"), crm_groups=[{"group_id": "G1"}])
    branch.deliver(
        "2011-10",
        [*people("one", channel_code="C1", group_id="G1"), *people("two", channel_code="C9", group_id="G9")],
        crm_channels=[{"channel_code": "C1"}],
    )
    outcomes = branch.check("2011-10", "2011-09")
    assert outcomes["channel_codes_are_known"].failing_keys == ("C9",)
    assert outcomes["group_codes_are_known"].failing_keys == ("G9",)
    assert outcomes["group_codes_are_known"].failing_count == 1


def test_codes_without_any_reference_data_are_no_defect(branch: Branch) -> None:
    branch.deliver("2011-10", people("one", channel_code="C1"))
    outcome = branch.check("2011-10", None)["channel_codes_are_known"]
    assert outcome.passed
    assert outcome.observed["is_applicable"] == 0


@pytest.mark.parametrize(
    ("check", "data_set"),
    [("bills_cover_the_subscribers", "billing_bills"), ("usage_covers_the_subscribers", "billing_usage")],
)
def test_a_share_without_rows_far_above_the_month_before_is_a_warning(
    branch: Branch, check: str, data_set: str
) -> None:
    fee = {"total_fee": 30} if data_set == "billing_bills" else {}
    branch.accept("2011-09", people("a", "b", "c", "d"), **{data_set: people("a", "b", "c", **fee)})
    branch.deliver("2011-10", people("a", "b", "c", "d"), **{data_set: people("a", "b", **fee)})
    outcome = branch.check("2011-10", "2011-09")[check]
    assert (outcome.passed, outcome.severity) == (False, "warning")
    assert outcome.observed["share"] == 0.5
    assert outcome.observed["share_month_before"] == 0.25


def test_a_usual_share_without_bills_is_no_defect(branch: Branch) -> None:
    branch.accept("2011-09", people("a", "b"), billing_bills=people("a", total_fee=30))
    branch.deliver("2011-10", people("a", "b"), billing_bills=people("b", total_fee=30))
    assert branch.check("2011-10", "2011-09")["bills_cover_the_subscribers"].passed


def test_a_bill_of_a_vanished_subscriber_is_a_warning_and_of_an_earlier_leaver_is_not(branch: Branch) -> None:
    leaver = people("leaver", status="cancelled", status_date="2011-09-20")
    branch.accept("2011-09", [*people("stays", "vanishes"), *leaver])
    branch.deliver("2011-10", people("stays"), billing_bills=people("stays", "vanishes", "leaver", total_fee=30))
    outcome = branch.check("2011-10", "2011-09")["billed_subscribers_are_in_the_snapshot"]
    assert (outcome.passed, outcome.failing_keys) == (False, ("vanishes",))


def _many(branch: World, month: str, rows: int, fee: float) -> None:
    branch.add_sql(
        "billing_bills", month, f"select 'S' || i as subscriber_id, {fee} as total_fee from range({rows}) t(i)"
    )


@pytest.mark.parametrize(
    ("rows", "fee", "far"),
    [(1299, 30, ()), (1301, 30, ("rows", "total_fee")), (699, 30, ("rows", "total_fee")), (1000, 60, ("total_fee",))],
)
def test_volumes_far_from_the_median_of_the_months_before_are_a_warning(
    branch: Branch, rows: int, fee: float, far: tuple[str, ...]
) -> None:
    for month, count in (("2011-07", 1000), ("2011-08", 900), ("2011-09", 5000)):
        branch.accept(month, people("one"))
        _many(branch.accepted, month, count, 30)
    branch.deliver("2011-10", people("one"))
    _many(branch.delivered, "2011-10", rows, fee)
    outcome = branch.check("2011-10", "2011-09")["billing_bills_volume_is_near_earlier_months"]
    assert outcome.failing_keys == far
    assert outcome.passed is not bool(far)
    assert outcome.observed["usual_rows"] == 1000


def test_only_the_six_newest_months_tell_what_is_usual(branch: Branch) -> None:
    for number in range(1, 10):
        branch.accept(f"2011-{number:02}", people("one"))
        _many(branch.accepted, f"2011-{number:02}", 250 if number <= 3 else 1000, 30)
    branch.deliver("2011-10", people("one"))
    _many(branch.delivered, "2011-10", 1000, 30)
    outcome = branch.check("2011-10", "2011-09")["billing_bills_volume_is_near_earlier_months"]
    assert outcome.observed["usual_rows"] == 1000
    assert outcome.passed


def test_a_small_data_set_may_vary_but_not_disappear(branch: Branch) -> None:
    for month in ("2011-08", "2011-09"):
        branch.accept(month, people("one"), crm_groups=[{"group_id": f"G{number}"} for number in range(100)])
    branch.deliver("2011-10", people("one"), crm_groups=[{"group_id": "G1"}])
    assert branch.check("2011-10", "2011-09")["crm_groups_volume_is_near_earlier_months"].passed
    raw.remove(branch.delivered.settings, "crm_groups", "2011-10")
    outcome = branch.check("2011-10", "2011-09")["crm_groups_volume_is_near_earlier_months"]
    assert (outcome.passed, outcome.failing_keys) == (False, ("rows",))


def test_a_phone_number_used_as_identifier_is_masked(branch: Branch) -> None:
    branch.accept("2011-09", people("13812345678", "one"))
    branch.deliver("2011-10", people("one"))
    outcomes = branch.check("2011-10", "2011-09")
    assert outcomes["few_subscribers_vanished"].failing_keys == ("*********78",)
    assert "13812345678" not in json.dumps([dataclasses.asdict(outcome) for outcome in outcomes.values()])


def test_sentences_speak_the_chosen_language(branch: Branch) -> None:
    branch.deliver("2011-10", people("one"))
    assert "期初" in branch.check("2011-10", None)["opening_plus_flows_is_closing"].sentence
    branch.accepted.settings = dataclasses.replace(branch.accepted.settings, language="en")
    assert branch.check("2011-10", None)["opening_plus_flows_is_closing"].sentence.startswith("opening + new")


def test_every_data_set_has_its_volume_check_and_every_name_is_unique() -> None:
    names = [spec.id for spec in continuity.check_specs()]
    assert len(names) == len(set(names))
    assert {f"{data_set}_volume_is_near_earlier_months" for data_set in contract.DATA_SETS} <= set(names)
