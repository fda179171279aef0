"""Suites: clean candidates pass, and every single expectation fails when, and only when, it is broken."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import duckdb
import pytest

from dagster_project.lib import contract, expectations, failing_rows, months
from dagster_project.lib.checks import CheckOutcome
from dagster_project.lib.contract import Kind
from dagster_project.settings import Settings

MONTH = "2011-10"
ROWS = 300

_CELLS = {
    Kind.MONTH: "'{month}'",
    Kind.TEXT: "'{name} ' || i",
    Kind.IDENTIFIER: "'{name}-' || i",
    Kind.MSISDN: "'138' || lpad(i::varchar, 8, '0')",
    Kind.DATE: "date '2009-05-06'",
    Kind.TIMESTAMP: "timestamp '{month}-28 10:00:00'",
    Kind.MONEY: "10 + i % 50",
    Kind.NUMBER: "10 + i % 50",
    Kind.COUNT: "1 + i % 5",
    Kind.BOOL: "i % 2 = 0",
}

_CLEAN: Mapping[str, Mapping[str, str]] = {
    "crm_plans": {"price_per_minute": "0.25"},
    "crm_subscribers": {
        "status": "case when i % 10 = 0 then 'cancelled' else 'active' end",
        "status_date": "case when i % 10 = 0 then date '{month}-11' end",
        "contract_end": "date '2012-06-30'",
    },
    "billing_usage": {"last_activity_date": "date '{month}-28'", "calls_out": "20", "forward_offnet_calls": "0"},
    "crm_contacts": {"outcome": "case when i % 2 = 0 then 'accepted' else 'declined' end"},
    "crm_surveys": {"score": "i % 11"},
}
"""Where a kind's usual value would not be clean."""


def _twice(column: str) -> dict[str, str]:
    return {column: f"case when i = 1 then '{column}-2' else {column} end"}


def _twice_named(column: str) -> dict[str, str]:
    return {column: f"case when i % 10 = 1 then '{column} 2' else {column} end"}


def _first(column: str, value: str) -> dict[str, str]:
    return {column: f"case when i = 0 then {value} else {column} end"}


def _some(column: str, value: str) -> dict[str, str]:
    """In two rows of five."""
    return {column: f"case when i % 5 < 2 then {value} else {column} end"}


_NONE: dict[str, str] = {}

_SPOILT: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "crm_districts": {
        "at_least_one_row_is_delivered": _NONE,
        "district_codes_are_unique": _twice("district_code"),
        "district_names_are_unique": _twice_named("district_name"),
    },
    "crm_plans": {
        "at_least_one_row_is_delivered": _NONE,
        "plan_codes_are_unique": _twice("plan_code"),
        "plan_names_are_unique": _twice_named("plan_name"),
        "monthly_rents_are_plausible": _first("monthly_rent", "5800"),
        "minute_prices_are_plausible": _first("price_per_minute", "25"),
        "included_minutes_fit_a_month": _first("included_minutes", "60000"),
    },
    "crm_channels": {
        "channel_codes_are_unique": _twice("channel_code"),
        "channel_names_are_unique": _twice_named("channel_name"),
        "most_channels_have_a_district": _some("district_code", "null"),
        "commission_months_are_plausible": _first("commission_months", "600"),
    },
    "crm_groups": {
        "group_ids_are_unique": _twice("group_id"),
        "group_names_are_mostly_unique": _twice_named("group_name"),
        "most_groups_have_a_district": _some("district_code", "null"),
    },
    "crm_subscribers": {
        "at_least_one_row_is_delivered": _NONE,
        "subscribers_are_unique": _twice("subscriber_id"),
        "snapshot_month_is_the_delivery_month": _first("snapshot_month", "'{before}'"),
        "statuses_are_known": _first("status", "'gone'"),
        "nobody_joined_after_the_month": {
            "join_date": "case when i = 1 then date '{next}-01' else join_date end",
            "contract_end": "date '{next}-01'",
        },
        "join_dates_are_plausible": _some("join_date", "date '1970-01-01'"),
        "most_subscribers_are_on_the_network": {
            "status": "case when i % 10 < 6 then 'cancelled' else 'active' end",
            "status_date": "date '{month}-11'",
        },
        "termination_is_not_after_the_month": _first("status_date", "date '{next}-01'"),
        "nobody_left_before_joining": {
            "status_date": "case when i % 10 = 1 then date '2008-01-01' else status_date end"
        },
        "leavers_have_a_termination_date": {"status_date": "case when i % 20 = 0 then status_date end"},
        "leavers_left_in_the_month": {
            "status_date": "case when i % 20 = 0 then date '{before}-11' else status_date end"
        },
        "live_phone_numbers_are_unique": {"msisdn": "case when i = 1 then '13800000002' else msisdn end"},
        "contract_commitments_are_plausible": _some("contract_commitment", "99999"),
        "contracts_have_no_more_left_than_committed": _some("contract_remaining", "contract_commitment + 1"),
        "contract_remainders_are_not_negative": _first("contract_remaining", "-1"),
        "contracts_end_after_joining": _some("contract_end", "date '2009-05-05'"),
        "contracts_end_in_sight": _some("contract_end", "date '2099-12-31'"),
        "points_are_not_negative": {
            **_first("points_balance", "-1"),
            **_first("points_expiring", "-2"),
        },
        "expiring_points_are_part_of_the_balance": _some("points_expiring", "points_balance + 1"),
        "most_subscribers_have_a_phone_number": _some("msisdn", "null"),
        "most_subscribers_have_a_customer": _some("customer_id", "null"),
        "most_subscribers_have_a_payment_type": _some("payment_type", "null"),
        "most_subscribers_have_a_network": _some("network", "null"),
    },
    "billing_bills": {
        "at_least_one_row_is_delivered": _NONE,
        "one_bill_per_subscriber": _twice("subscriber_id"),
        "bill_month_is_the_delivery_month": _first("bill_month", "'{before}'"),
        "bills_are_in_yuan": {"total_fee": "case when i % 50 = 0 then 5001 else total_fee end"},
        "the_mean_bill_is_plausible": {"total_fee": "total_fee * 50"},
        "no_bill_is_enormous": _first("total_fee", "50001"),
        "discounts_reduce_the_bill": _some("discount", "-1"),
        "rents_are_not_negative": _some("rent_fee", "-1"),
        "arrears_are_positive_amounts": _some("arrears", "-1"),
        "arrears_are_plausible": _some("arrears", "10001"),
        "most_bills_name_their_plan": _some("plan_code", "null"),
    },
    "billing_usage": {
        "one_usage_row_per_subscriber": _twice("subscriber_id"),
        "usage_month_is_the_delivery_month": _first("usage_month", "'{before}'"),
        "outgoing_minutes_fit_a_month": {"mou_out": "case when i % 100 = 0 then 44641 else mou_out end"},
        "incoming_minutes_fit_a_month": _some("mou_in", "-1"),
        "mean_outgoing_minutes_are_plausible": {"mou_out": "mou_out * 100"},
        "data_volume_is_in_megabytes": _some("data_mb", "1000001"),
        "active_days_fit_the_month": _first("active_days", "32"),
        "last_activity_is_not_after_the_month": _first("last_activity_date", "date '{next}-01'"),
        "the_active_were_last_active_in_the_month": _first("last_activity_date", "date '{before}-28'"),
        "nobody_called_more_numbers_than_calls": _some("distinct_called", "21"),
        "forwarding_off_net_is_part_of_forwarding": _some("forward_offnet_calls", "forward_calls + 1"),
        "minutes_come_with_calls": {"calls_out": "0", "distinct_called": "0"},
    },
    "billing_payments": {
        "payments_are_unique": _twice("payment_id"),
        "payments_are_in_yuan": _some("amount", "10001"),
        "payments_are_mostly_positive": _some("amount", "-5"),
        "payments_are_not_delivered_twice": {"subscriber_id": "'subscriber_id-' || (i // 2)", "amount": "30"},
        "payments_cover_the_whole_month": {"paid_at": "timestamp '{month}-26 10:00:00'"},
    },
    "billing_call_circle": {
        "contacts_are_unique_per_subscriber": {
            **_twice("subscriber_id"),
            "contact_hash": "case when i = 1 then 'contact_hash-2' else contact_hash end",
        },
        "every_contact_was_called": _first("calls", "0"),
        "calls_per_contact_are_plausible": _some("calls", "3001"),
        "contacts_are_hashes_and_not_phone_numbers": _first("contact_hash", "'13812345678'"),
    },
    "crm_complaints": {
        "complaints_are_unique": _twice("complaint_id"),
        "complaints_are_resolved_after_they_are_made": _first("resolved_at", "created_at - interval 1 minute"),
        "no_complaint_is_resolved_in_the_future": _first("resolved_at", "timestamp '{next}-01 00:00:00'"),
        "most_complaints_have_a_category": _some("category", "null"),
        "complaints_are_recent": _some("created_at", "timestamp '1999-12-31 23:59:00'"),
    },
    "crm_contacts": {
        "contacts_are_unique": _twice("contact_id"),
        "contacts_follow_their_list": _first("contacted_at", "timestamp '{before}-28 10:00:00'"),
        "contact_costs_are_plausible": _some("cost", "1001"),
        "accepted_contacts_name_their_measure": _some("measure_code", "null"),
        "not_every_contact_is_accepted": {"outcome": "'accepted'"},
    },
    "crm_exit_surveys": {
        "one_exit_survey_per_leaver": _twice("subscriber_id"),
        "every_exit_survey_says_something": {**_first("cause_code", "null"), **_first("destination", "null")},
        "most_exit_surveys_have_a_cause": _some("cause_code", "null"),
    },
    "crm_surveys": {
        "surveys_are_unique": _twice("survey_id"),
        "scores_differ": {"score": "7"},
        "scores_use_the_upper_half_of_the_scale": {"score": "1 + i % 5"},
    },
    "crm_blacklist": {
        "blacklisted_customers_are_unique": _twice("customer_id"),
        "listing_dates_are_plausible": _some("listed_at", "timestamp '1970-01-01 00:00:00'"),
        "most_listings_have_a_reason": {"reason": "case when i % 5 = 0 then reason end"},
    },
    "finance_acquisition": {
        "one_row_per_network_and_district": {
            "network": "case when i = 1 then 'network 2' else network end",
            **_twice("district_code"),
        },
        "commission_is_plausible": _first("commission", "-1"),
        "handset_subsidy_is_plausible": _first("handset_subsidy", "100000001"),
        "marketing_is_plausible": _first("marketing", "-0.01"),
        "costs_name_their_network": _first("network", "null"),
    },
}
"""Per expectation what to change in a clean candidate; nothing to change means that there are no rows."""


MONTHS = months.between("2009-10", "2012-06")
"""One for each case, so that a data set's cases are judged in one go."""

CLEAN, BARE, EMPTY = "clean", "bare", "empty"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return _settings(tmp_path)


def _settings(home: Path) -> Settings:
    return Settings(home=home, landing=home, memory_limit="2GB")


def clean(data_set: str, month: str = MONTH) -> str:
    """A select of a clean candidate; column ``i`` numbers its rows."""
    return f"select i, {_cells(data_set, {}, month)} from range({ROWS}) as numbers(i)"


def spoilt(data_set: str, changes: Mapping[str, str], month: str = MONTH) -> str:
    """A clean candidate with some columns changed."""
    kept = {column.name: column.name for column in contract.DATA_SETS[data_set].columns}
    return f"select i, {_cells(data_set, {**kept, **changes}, month)} from ({clean(data_set, month)})"


def _cells(data_set: str, given: Mapping[str, str], month: str) -> str:
    near = {"month": month, "next": months.shift(month, 1), "before": months.shift(month, -1)}
    return ", ".join(
        f"cast({(given.get(column.name) or _usual(data_set, column)).format(name=column.name, **near)}"
        f" as {column.kind.sql_type}) as {column.name}"
        for column in contract.DATA_SETS[data_set].columns
    )


def _usual(data_set: str, column: contract.Column) -> str:
    of_kind = f"'{next(iter(column.values))}'" if column.values else _CELLS[column.kind]
    return _CLEAN.get(data_set, {}).get(column.name, of_kind)


def write(path: Path, select: str) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"copy (select * exclude (i) from ({select})) to '{path}' (format parquet)")
    return path


def _select(data_set: str, case: str, month: str) -> str:
    of_data_set = contract.DATA_SETS[data_set]
    if case == CLEAN:
        return clean(data_set, month)
    if case == BARE:
        optional = [column.name for column in of_data_set.columns if not column.required]
        return spoilt(data_set, {name: "null" for name in optional if name not in of_data_set.key}, month)
    changes = _SPOILT[data_set].get(case)
    return spoilt(data_set, changes, month) if changes else f"{clean(data_set, month)} where false"


Judged = Callable[[str], dict[str, tuple[CheckOutcome, ...]]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Per data set the outcomes of its clean, bare, empty and spoilt candidates, judged together."""

    @cache
    def of_data_set(data_set: str) -> dict[str, tuple[CheckOutcome, ...]]:
        home = tmp_path_factory.mktemp(data_set)
        cases = dict(zip((CLEAN, BARE, EMPTY, *_SPOILT[data_set]), MONTHS, strict=False))
        candidates = {
            month: write(home / f"{month}.parquet", _select(data_set, case, month)) for case, month in cases.items()
        }
        outcomes = expectations.validate_months(_settings(home), data_set, candidates)
        return {case: outcomes[month] for case, month in cases.items()}

    return of_data_set


def failed(outcomes: tuple[CheckOutcome, ...]) -> set[str]:
    return {outcome.check_id for outcome in outcomes if not outcome.passed}


def test_every_expectation_has_a_case_that_breaks_it() -> None:
    declared = {(name, spec.id) for name in expectations.suite_names() for spec in expectations.expectations_of(name)}
    assert declared == {(data_set, check_id) for data_set, cases in _SPOILT.items() for check_id in cases}


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_a_broken_candidate_fails_the_broken_expectation_and_no_other(judged: Judged, data_set: str) -> None:
    found = {case: failed(outcomes) for case, outcomes in judged(data_set).items() if case in _SPOILT[data_set]}
    assert found == {check_id: {check_id} for check_id in _SPOILT[data_set]}


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_a_clean_candidate_meets_every_expectation(judged: Judged, data_set: str) -> None:
    outcomes = judged(data_set)[CLEAN]
    assert failed(outcomes) == set()
    assert {outcome.observed["is_applicable"] for outcome in outcomes} == {1}
    assert [outcome.check_id for outcome in outcomes] == [spec.id for spec in expectations.expectations_of(data_set)]


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_columns_that_were_not_delivered_fail_nothing(judged: Judged, data_set: str) -> None:
    # An exit survey with neither a cause nor a destination says nothing, whatever the reason.
    allowed = {"every_exit_survey_says_something"} if data_set == "crm_exit_surveys" else set()
    assert failed(judged(data_set)[BARE]) == allowed


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_an_empty_candidate_fails_only_where_rows_are_required(judged: Judged, data_set: str) -> None:
    required = {"at_least_one_row_is_delivered"} if contract.DATA_SETS[data_set].required else set()
    assert failed(judged(data_set)[EMPTY]) == required


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_failing_rows_are_counted_and_named_by_key_and_never_by_personal_data(judged: Judged, data_set: str) -> None:
    of_data_set = contract.DATA_SETS[data_set]
    entries = {entry.id: entry for entry in expectations.suite(data_set)}
    for case, outcomes in judged(data_set).items():
        for outcome in outcomes:
            told = json.dumps(dataclasses.asdict(outcome), ensure_ascii=False)
            assert not re.search(r"1[3-9]\d{9}|msisdn|account_manager|contact_hash-", told), case
            if not outcome.passed and failing_rows.is_of_rows(entries[outcome.check_id].type):
                assert 1 <= len(outcome.failing_keys) <= min(20, outcome.failing_count)
                assert outcome.failing_keys == tuple(sorted(outcome.failing_keys))
                assert of_data_set.key


@pytest.mark.parametrize(
    ("data_set", "case"),
    [
        ("crm_subscribers", "leavers_left_in_the_month"),
        ("billing_payments", "payments_are_not_delivered_twice"),
        ("billing_bills", "the_mean_bill_is_plausible"),
        ("billing_call_circle", "contacts_are_hashes_and_not_phone_numbers"),
        ("crm_exit_surveys", BARE),
        ("crm_groups", EMPTY),
    ],
)
def test_a_month_judged_alone_is_judged_as_among_others(
    judged: Judged, settings: Settings, tmp_path: Path, data_set: str, case: str
) -> None:
    among_others = judged(data_set)[case]
    month = among_others[0].month
    alone = expectations.validate(
        settings, data_set, write(tmp_path / "alone.parquet", _select(data_set, case, month)), month
    )
    assert failed(alone) == failed(among_others)
    assert [o for o in alone if not o.passed] == [o for o in among_others if not o.passed]


def test_failing_rows_are_counted_as_great_expectations_counts_them(judged: Judged) -> None:
    subscribers = {outcome.check_id: outcome for outcome in judged("crm_subscribers")["subscribers_are_unique"]}
    assert subscribers["subscribers_are_unique"].failing_count == 2
    assert subscribers["subscribers_are_unique"].failing_keys == ("subscriber_id-2",)
    # every fifth and the next: 120 of 300 rows
    phones = {
        outcome.check_id: outcome for outcome in judged("crm_subscribers")["most_subscribers_have_a_phone_number"]
    }
    outcome = phones["most_subscribers_have_a_phone_number"]
    assert (outcome.failing_count, len(outcome.failing_keys), outcome.observed["failing_share"]) == (120, 20, 0.4)


def test_a_statistic_of_few_rows_is_not_judged(settings: Settings, tmp_path: Path) -> None:
    few = f"select * from ({spoilt('billing_bills', {'total_fee': '900'})}) limit 199"
    outcomes = expectations.validate(settings, "billing_bills", write(tmp_path / "few.parquet", few), MONTH)
    mean = next(outcome for outcome in outcomes if outcome.check_id == "the_mean_bill_is_plausible")
    assert (mean.passed, mean.observed["is_applicable"]) == (True, 0)


def test_sentences_speak_the_chosen_language(settings: Settings, tmp_path: Path) -> None:
    candidate = write(tmp_path / "clean.parquet", clean("crm_groups"))
    english = dataclasses.replace(settings, language="en")
    assert expectations.validate(settings, "crm_groups", candidate, MONTH)[0].sentence == "集团编号不重复"
    assert (
        expectations.validate(english, "crm_groups", candidate, MONTH)[0].sentence == "no group identifier is repeated"
    )


def test_validating_opens_no_connection_and_leaves_no_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = write(tmp_path / "clean.parquet", clean("crm_surveys"))

    def refuse(*_: object) -> None:
        raise AssertionError("validation reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    expectations.validate(settings, "crm_surveys", candidate, MONTH)
    assert {path.name for path in tmp_path.iterdir()} <= {"clean.parquet", "scratch"}
    assert not [path for path in settings.scratch.rglob("*") if path.is_file()]


def test_reading_the_declarations_does_not_import_great_expectations() -> None:
    code = (
        "import sys; from dagster_project.lib import expectations as e;"
        "assert e.expectations_of('crm_subscribers'); assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
