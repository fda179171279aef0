"""Every named fault gives what it states. What a fault did is seen by comparing files, not by asking it."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from dagster_project.lib import admission, deliveries, expectations, ingestion, quarantine, raw
from dagster_project.lib.admission import Admission
from dagster_project.lib.checks import CheckOutcome
from dagster_project.lib.deliveries import Delivery
from dagster_project.settings import Settings
from dagster_project.synth.faults import FAULTS, spoil
from tests.commandline import Branch, Said, actual_hashes, is_whole

MONTH = "2011-04"
ACCEPTED = ("2011-01", "2011-02", "2011-03")

REFUSED_PLACES: Mapping[str, tuple[str | None, bool, str | None]] = {
    "too_many_bad_rows": ("billing_usage.csv", True, "mou_out"),
    "missing_column": ("crm_subscribers.csv", True, "join_date"),
    "repeated_column": ("billing_usage.csv", True, "data_mb"),
    "missing_required_data_set": (None, False, None),
    "vanished_above_threshold": (None, False, None),
    "truncated_gzip": ("billing_payments.csv.gz", False, None),
    "binary_as_csv": ("crm_subscribers.csv", True, None),
    "zero_bytes": ("billing_usage.csv", False, None),
    "undecodable_bytes": ("crm_subscribers.csv", True, None),
    "manifest_rows": ("billing_bills_1.csv.gz", False, None),
    "manifest_sha256": ("billing_bills_1.csv.gz", False, None),
    "manifest_totals": ("billing_bills_1.csv.gz", False, "total_fee"),
    "manifest_month": ("manifest.json", False, None),
    "manifest_missing_file": ("crm_surveys.csv", False, None),
    "manifest_malformed": ("manifest.json", False, None),
}
"""What a refusal must name: the file, whether a line, and the column."""

WARNED: Mapping[str, set[str]] = {
    "extra_column": set(),
    "volume_drop": {"billing_bills_volume_is_near_earlier_months", "bills_cover_the_subscribers"},
    "missing_optional_data_set": {"billing_usage_volume_is_near_earlier_months"},
    "vanished_below_threshold": {"no_subscriber_vanished", "billed_subscribers_are_in_the_snapshot"},
    "missing_month": {"the_month_before_was_delivered"},
}
"""The checks that must warn: the fault's own, and those that see the same thing from another side."""


def of_outcome(outcome: str) -> list[str]:
    return sorted(name for name, fault in FAULTS.items() if fault.outcome == outcome)


@pytest.fixture(scope="module", autouse=True)
def _same_bytes_are_judged_once() -> Iterator[None]:
    """A fault spoils one data set of fifteen: the suites judge the other candidates once, not once a fault."""
    judge = expectations.validate_months
    known: dict[tuple[str, str, str], tuple[CheckOutcome, ...]] = {}

    def judge_once(
        settings: Settings, data_set: str, candidates: Mapping[str, Path]
    ) -> Mapping[str, tuple[CheckOutcome, ...]]:
        keys = {
            month: (data_set, month, hashlib.sha256(path.read_bytes()).hexdigest())
            for month, path in candidates.items()
        }
        new = {month: path for month, path in candidates.items() if keys[month] not in known}
        if new:
            known.update({keys[month]: found for month, found in judge(settings, data_set, new).items()})
        return {month: known[key] for month, key in keys.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expectations, "validate_months", judge_once)
        yield


@pytest.fixture(scope="module")
def accepted(operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Branch:
    """A home in which 2011-01 to 2011-03 are accepted, without marts."""
    branch = Branch(tmp_path_factory.mktemp("accepted") / "home", operator)
    for month in ACCEPTED:
        admission.admit(branch.settings, deliveries.find(branch.settings, month))
    return branch


@pytest.fixture(scope="module")
def good(accepted: Branch, tmp_path_factory: pytest.TempPathFactory) -> Branch:
    """The same with 2011-04 accepted as it was made."""
    home = tmp_path_factory.mktemp("good") / "home"
    shutil.copytree(accepted.home, home)
    branch = Branch(home, accepted.landing)
    admission.admit(branch.settings, deliveries.find(branch.settings, MONTH))
    return branch


@dataclasses.dataclass(frozen=True)
class Spoilt:
    """A branch to which a spoilt 2011-04 was delivered, and what became of it."""

    branch: Branch
    delivery: Delivery
    before: Mapping[str, str]
    """The accepted data before the spoilt delivery came."""
    admission: Admission | None
    refused: ingestion.DeliveryRefused | None

    @property
    def kept_out(self) -> pd.DataFrame:
        """All quarantined rows of the delivery."""
        folder = quarantine.path(self.branch.settings, MONTH, self.delivery.delivery_id, "any").parent
        with duckdb.connect() as connection:
            return connection.execute(f"select * from read_parquet('{folder}/*.parquet')").df()


@pytest.fixture(scope="module")
def deliver(accepted: Branch, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Spoilt]:
    """Deliver 2011-04 with a fault, once a fault."""

    @cache
    def delivered(fault: str) -> Spoilt:
        branch = accepted.copy(tmp_path_factory.mktemp(fault))
        spoil(branch.landing, fault, MONTH)
        delivery = deliveries.find(branch.settings, MONTH)
        before = actual_hashes(branch.settings.raw)
        try:
            found, refused = admission.admit(branch.settings, delivery), None
        except ingestion.DeliveryRefused as error:
            found, refused = None, error
        return Spoilt(branch, delivery, before, found, refused)

    return delivered


def text_lines(file: Path) -> list[bytes]:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).split(b"\n")


def changed_lines(before: Path, after: Path) -> set[tuple[str, int]]:
    """File and line, counted from 1, of every line that is not as it was; none may have been added."""
    changed = set()
    for file in sorted(after.glob("*.csv*")):
        old, new = text_lines(before / file.name), text_lines(file)
        assert len(old) == len(new)
        changed |= {(file.name, n) for n, (one, other) in enumerate(zip(old, new, strict=True), 1) if one != other}
    return changed


@pytest.mark.parametrize("fault", sorted(set(of_outcome("quarantine")) - {"repeated_key"}))
def test_exactly_the_spoilt_rows_go_to_quarantine_and_the_month_is_accepted(
    deliver: Callable[[str], Spoilt], operator: Path, fault: str
) -> None:
    spoilt = deliver(fault)
    assert spoilt.admission, spoilt.refused
    kept_out = spoilt.kept_out
    lines = changed_lines(operator / MONTH, spoilt.branch.landing / MONTH)
    assert len(lines) >= 3
    assert set(zip(kept_out["file"], kept_out["line"], strict=True)) == lines
    assert set(kept_out["reason_code"]) == {FAULTS[fault].reason_code}
    assert all(kept_out["reason"].str.len() > 0)


def test_two_rows_of_one_key_with_different_content_are_both_kept_out(deliver: Callable[[str], Spoilt]) -> None:
    kept_out = deliver("repeated_key").kept_out
    assert set(kept_out["reason_code"]) == {"repeated_key"}
    assert set(kept_out["subscriber_id"].value_counts()) == {2}
    assert len(kept_out) >= 6


@pytest.mark.parametrize("fault", of_outcome("quarantine"))
def test_every_row_that_was_read_is_accounted_for_and_the_good_ones_load(
    deliver: Callable[[str], Spoilt], fault: str
) -> None:
    spoilt = deliver(fault)
    (entry,) = spoilt.branch.states(MONTH)
    assert entry.state == "accepted"
    files = [file for file in entry.files if file["data_set"]]
    assert all(f["rows_read"] == f["loaded"] + f["quarantined"] + f["duplicates"] for f in files)
    assert sum(f["quarantined"] for f in files) == len(spoilt.kept_out)
    for data_set in {file["data_set"] for file in files}:
        loaded = rows_of(spoilt.branch.settings, data_set)
        assert len(loaded) == sum(f["loaded"] for f in files if f["data_set"] == data_set)


@pytest.mark.parametrize("fault", of_outcome("refusal"))
def test_a_refusal_names_its_place_and_changes_no_accepted_data(deliver: Callable[[str], Spoilt], fault: str) -> None:
    spoilt = deliver(fault)
    assert spoilt.refused
    (refusal,) = spoilt.refused.refusals
    file, has_line, column = REFUSED_PLACES[fault]
    assert refusal.reason_code == FAULTS[fault].reason_code
    assert (refusal.file, refusal.line is not None, refusal.column) == (file, has_line, column)
    assert refusal.reason
    assert refusal.remedy
    assert actual_hashes(spoilt.branch.settings.raw) == spoilt.before
    (entry,) = spoilt.branch.states(MONTH)
    assert (entry.state, [told["reason_code"] for told in entry.refusals]) == ("refused", [refusal.reason_code])
    assert set(deliveries.accepted(spoilt.branch.settings)) == set(ACCEPTED)


def test_a_refusal_names_the_very_line(deliver: Callable[[str], Spoilt], operator: Path) -> None:
    spoilt = deliver("undecodable_bytes")
    assert spoilt.refused
    (refusal,) = spoilt.refused.refusals
    assert {(refusal.file, refusal.line)} == changed_lines(operator / MONTH, spoilt.branch.landing / MONTH)


@pytest.mark.parametrize("fault", sorted(set(WARNED) - {"missing_month"}))
def test_a_warning_is_told_and_stops_nothing(deliver: Callable[[str], Spoilt], fault: str) -> None:
    spoilt = deliver(fault)
    assert spoilt.admission, spoilt.refused
    warned = {outcome.check_id for outcome in spoilt.admission.warnings}
    assert warned == WARNED[fault]
    assert spoilt.kept_out.empty
    assert MONTH in deliveries.accepted(spoilt.branch.settings)


def test_a_column_that_the_contract_does_not_know_is_kept_out_and_reported(
    deliver: Callable[[str], Spoilt], good: Branch
) -> None:
    spoilt = deliver("extra_column")
    assert spoilt.admission
    assert spoilt.admission.reports["billing_usage"].unknown_columns == ("handset_model",)
    (entry,) = spoilt.branch.states(MONTH)
    assert any("handset_model" in warning for warning in entry.warnings)
    assert rows_of(spoilt.branch.settings, "billing_usage") == rows_of(good.settings, "billing_usage")


def test_a_data_set_that_is_missing_is_absent_and_not_empty(deliver: Callable[[str], Spoilt]) -> None:
    spoilt = deliver("missing_optional_data_set")
    assert not raw.path(spoilt.branch.settings, "billing_usage", MONTH).exists()
    status = {row[0]: row[-2] for row in rows_of(spoilt.branch.settings, "deliveries")}
    assert status["billing_usage"] == "absent"
    assert status["billing_bills"] == "loaded"


def test_the_month_after_one_that_was_never_delivered_is_accepted_with_a_warning(
    accepted: Branch, tmp_path: Path
) -> None:
    branch = accepted.copy(tmp_path)
    spoil(branch.landing, "missing_month", MONTH)
    assert not (branch.landing / MONTH).exists()
    found = admission.admit(branch.settings, deliveries.find(branch.settings, "2011-05"))
    assert {outcome.check_id for outcome in found.warnings} == WARNED["missing_month"]


@pytest.mark.parametrize("fault", of_outcome("harmless"))
def test_a_harmless_fault_changes_no_accepted_row(deliver: Callable[[str], Spoilt], good: Branch, fault: str) -> None:
    spoilt = deliver(fault)
    assert spoilt.admission, spoilt.refused
    assert spoilt.admission.warnings == ()
    assert spoilt.kept_out.empty
    for data_set in spoilt.admission.reports:
        assert rows_of(spoilt.branch.settings, data_set) == rows_of(good.settings, data_set)


def test_rows_delivered_twice_load_once_and_are_counted(
    deliver: Callable[[str], Spoilt], operator: Path, good: Branch
) -> None:
    spoilt = deliver("exact_duplicates")
    name = "billing_payments.csv.gz"
    added = len(text_lines(spoilt.branch.landing / MONTH / name)) - len(text_lines(operator / MONTH / name))
    (entry,) = spoilt.branch.states(MONTH)
    assert entry.data_sets["billing_payments"]["duplicates"] == added >= 3
    (clean,) = good.states(MONTH)
    assert entry.data_sets["billing_payments"]["loaded"] == clean.data_sets["billing_payments"]["loaded"]


def rows_of(settings: Settings, table: str) -> list[tuple[Any, ...]]:
    """All rows of the month's accepted data, in a fixed order."""
    path = raw.path(settings, table, MONTH)
    with duckdb.connect() as connection:
        return connection.execute(f"from read_parquet('{path}', hive_partitioning = false) order by all").fetchall()


@pytest.fixture(scope="module")
def stopped(published: Branch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Branch, Said]:
    """One command over six months: three are published, one has bad rows, one is refused, one is good."""
    branch = published.copy(tmp_path_factory.mktemp("stopped"))
    spoil(branch.landing, "invalid_msisdn", "2011-04")
    spoil(branch.landing, "too_many_bad_rows", "2011-05")
    return branch, branch.run("2011-01", "2011-06")


@pytest.mark.slow
def test_months_before_a_refused_one_are_published_and_those_after_it_are_not(stopped: tuple[Branch, Said]) -> None:
    branch, said = stopped
    assert said.exit_status == 3
    assert list(branch.current) == ["2011-01", "2011-02", "2011-03", "2011-04"]
    assert [entry.state for month in ("2011-04", "2011-05") for entry in branch.states(month)] == [
        "accepted",
        "refused",
    ]
    assert not [entry for entry in branch.states("2011-06") if entry.state == "accepted"]


@pytest.mark.slow
def test_a_refused_delivery_is_told_with_file_line_column_reason_and_remedy(stopped: tuple[Branch, Said]) -> None:
    branch, said = stopped
    file = branch.landing / "2011-05" / "billing_usage.csv"
    first = next(n for n, line in enumerate(text_lines(file), 1) if b"#VALUE!" in line)
    assert "2011-05 was refused" in said.words
    assert f"billing_usage.csv:{first} mou_out [too_many_quarantined]" in said.words
    assert "deliver again" in said.words
    assert "Traceback" not in said.words


@pytest.mark.slow
def test_earlier_publications_are_untouched_by_a_refused_delivery(
    published: Branch, stopped: tuple[Branch, Said]
) -> None:
    branch, _ = stopped
    for month in ACCEPTED:
        assert actual_hashes(branch.home / "published" / month) == actual_hashes(published.home / "published" / month)
        assert is_whole(branch.current[month])
    assert not (branch.home / "published" / "2011-05").exists()
    assert not (branch.home / "published" / ".staging" / "2011-04").exists()


@pytest.mark.slow
def test_quarantined_rows_are_shown_in_the_published_delivery_quality(
    stopped: tuple[Branch, Said], operator: Path
) -> None:
    branch, _ = stopped
    bad = changed_lines(operator / "2011-04", branch.landing / "2011-04")
    query = f"""
        select data_set, lines_read, loaded_count, quarantined_count, duplicate_count, status
        from {branch.series("mart_delivery_quality")} where month = '2011-04' and quarantined_count > 0
    """
    ((data_set, read, loaded, kept_out, duplicates, status),) = branch.rows(query)
    assert (data_set, kept_out, duplicates) == ("crm_subscribers", len(bad), 0)
    assert read == loaded + kept_out
    assert status


_NUMBER = re.compile(rb"(?<!\d)1[3-9]\d{8,9}(?!\d)")
_PERSONAL = ("raw", "incoming", "quarantine", "warehouse")
_LISTS = (".csv", ".xlsx")


@pytest.mark.slow
def test_no_phone_number_is_in_anything_that_is_said_logged_or_published_unrestricted(
    stopped: tuple[Branch, Said],
) -> None:
    branch, said = stopped
    numbers = phone_numbers(branch.landing)
    assert len(numbers) > 1_000
    checked = branch.call("check", "--month", "2011-04")
    assert checked.exit_status == 0
    told = {"run": said.out + said.err, "check": checked.out + checked.err, "status": branch.call("status").out}
    leaks = [name for name, words in told.items() if numbers & found_in([words.encode()])]
    leaks += [str(file) for file in shared_files(branch) if numbers & found_in(readable(file))]
    assert leaks == []


@pytest.mark.slow
def test_the_search_for_phone_numbers_finds_them_where_they_belong(stopped: tuple[Branch, Said]) -> None:
    branch, _ = stopped
    numbers = phone_numbers(branch.landing)
    network = branch.current["2011-04"] / "network"
    assert numbers & found_in(readable(network / "work_order.csv"))
    assert numbers & found_in(readable(network / "work_order.xlsx"))
    assert not numbers & found_in(readable(network / "mid_high.csv")), "only work orders have whole numbers"
    assert numbers & found_in(readable(branch.current["2011-04"] / "restricted" / "fct_subscriber_months.parquet"))


def phone_numbers(landing: Path) -> set[bytes]:
    """Every phone number of the snapshots, those with a digit cut off included."""
    numbers: set[bytes] = set()
    for file in landing.glob("*/crm_subscribers*.csv"):
        numbers |= set(_NUMBER.findall(file.read_bytes()))
    return numbers


def shared_files(branch: Branch) -> Iterator[Path]:
    """Everything in the home that more people read than may see a subscriber's number."""
    for file in sorted(path for path in branch.home.rglob("*") if path.is_file()):
        parts = file.relative_to(branch.home).parts
        is_list = (
            parts[0] == "published"
            and file.suffix in _LISTS
            and file.stem not in ("scorecard", "comparison", "data_dictionary")
        )
        if parts[0] not in _PERSONAL and "restricted" not in parts and not is_list:
            yield file


def readable(file: Path) -> Sequence[bytes]:
    """A file's content as text: tables and archives unpacked."""
    if file.suffix == ".parquet":
        with duckdb.connect() as connection:
            rows = connection.execute(f"select cast(t as varchar) from read_parquet('{file}') as t").fetchall()
        return [str(row[0]).encode() for row in rows]
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
            return [archive.read(name) for name in archive.namelist()]
    if file.suffix == ".db":
        return database_texts(file)
    return [file.read_bytes()]


def database_texts(file: Path) -> list[bytes]:
    """Every row of every table; reading the file's bytes would miss what a page's end cuts in two."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        return [str(row).encode() for table in tables for row in connection.execute(f'select * from "{table}"')]
    finally:
        connection.close()


def found_in(texts: Sequence[bytes]) -> set[bytes]:
    return {number for text in texts for number in _NUMBER.findall(text)}


def test_the_table_of_expected_places_and_warnings_is_complete() -> None:
    assert set(REFUSED_PLACES) == set(of_outcome("refusal"))
    assert set(WARNED) == set(of_outcome("warning"))
