from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import synth_landing as landing_files

from dagster_project.lib import contract
from dagster_project.synth.dumps import generate
from dagster_project.synth.faults import FAULTS, FaultNotApplicable, UnknownFault, spoil
from dagster_project.synth.world import OperatorPlan

PLAN = OperatorPlan(subscribers=1_500, months=3)
LAST = "2011-03"

ROW_FAULTS = {
    "unparsable_value": ("billing_usage", {"mou_out"}),
    "missing_key": ("billing_usage", {"subscriber_id"}),
    "missing_required_value": ("billing_bills", {"total_fee"}),
    "unknown_enum": ("crm_subscribers", {"payment_type"}),
    "wrong_month": ("billing_usage", {"usage_month"}),
    "joined_after_month": ("crm_subscribers", {"join_date"}),
    "total_mismatch": ("billing_bills", {"total_fee"}),
    "unknown_district": ("crm_subscribers", {"district_code"}),
    "unknown_plan": ("crm_subscribers", {"plan_code"}),
    "unknown_subscriber": ("billing_bills", {"subscriber_id"}),
    "damaged_identifier": ("crm_subscribers", {"msisdn"}),
    "invalid_msisdn": ("crm_subscribers", {"msisdn"}),
    "out_of_range": ("billing_usage", {"calls_out"}),
    "too_many_decimals": ("billing_bills", {"arrears"}),
    "full_width_digits": ("billing_bills", {"rent_fee", "voice_fee", "total_fee"}),
}
"""Faults that change values in place: the data set and the columns in which they do so."""
MANIFEST_FAULTS = {name for name in FAULTS if name.startswith("manifest_")}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("good")
    generate(PLAN, out)
    return out


@pytest.fixture
def landing(good: Path, tmp_path: Path) -> Path:
    shutil.copytree(good, tmp_path / "landing")
    return tmp_path / "landing"


def changed_files(good: Path, spoilt: Path) -> set[str]:
    before, after = landing_files.hashes(good), landing_files.hashes(spoilt)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def manifest_of(landing: Path) -> dict[str, dict]:
    content = json.loads((landing / LAST / "manifest.json").read_text(encoding="utf-8"))
    return {said["name"]: said for said in content["files"]}


def test_every_way_of_the_contract_is_a_fault() -> None:
    assert len(FAULTS) >= 30
    assert {fault.outcome for fault in FAULTS.values()} == {"harmless", "quarantine", "warning", "refusal"}
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.data_set is None or fault.data_set in contract.DATA_SETS
        assert fault.description.endswith(".")
        assert fault.reason_code or fault.outcome in ("harmless", "warning")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_the_same_every_time(landing: Path, name: str) -> None:
    twin = landing.parent / "twin"
    shutil.copytree(landing, twin)
    spoil(landing, name)
    spoil(twin, name)
    assert landing_files.hashes(landing) == landing_files.hashes(twin)


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"missing_month"}))
def test_a_fault_touches_only_its_data_set_in_the_last_month_and_the_manifest(
    good: Path, landing: Path, name: str
) -> None:
    spoil(landing, name)
    changed = changed_files(good, landing)
    assert changed
    data_set = FAULTS[name].data_set
    allowed = (f"{LAST}/manifest.json",) if data_set is None else (f"{LAST}/manifest.json", f"{LAST}/{data_set}")
    assert all(file.startswith(allowed) for file in changed)


@pytest.mark.parametrize("name", sorted(set(FAULTS) - MANIFEST_FAULTS - {"missing_month"}))
def test_the_manifest_stays_true_unless_it_is_what_is_spoilt(landing: Path, name: str) -> None:
    spoil(landing, name)
    said_of = manifest_of(landing)
    files = landing_files.hashes(landing / LAST)
    assert set(said_of) == set(files) - {"manifest.json"}
    assert all(said["sha256"] == files[file] for file, said in said_of.items())


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_a_fault_in_rows_changes_a_few_values_of_its_columns(good: Path, landing: Path, name: str) -> None:
    data_set, columns = ROW_FAULTS[name]
    spoil(landing, name)
    before = landing_files.read(good / LAST, data_set)
    after = landing_files.read(landing / LAST, data_set)
    assert len(before) == len(after)
    different = before != after
    assert set(different.columns[different.any()]) <= columns
    touched = int(different.any(axis=1).sum())
    assert 3 <= touched < len(before) / 100
    assert data_set == FAULTS[name].data_set


@pytest.mark.parametrize("name", ["exact_duplicates", "repeated_key", "total_mismatch", "full_width_digits"])
def test_rows_and_totals_of_the_manifest_follow_the_spoilt_file(landing: Path, name: str) -> None:
    spoil(landing, name)
    data_set = FAULTS[name].data_set
    assert data_set is not None
    for path in landing_files.parts(landing / LAST, data_set):
        rows, said = landing_files.read_file(path, data_set), manifest_of(landing)[path.name]
        assert said["rows"] == len(rows)
        for column, total in said["totals"].items():
            plain = rows[column].str.normalize("NFKC")
            assert sum(map(Decimal, plain), Decimal(0)) == Decimal(str(total))


def test_duplicates_are_whole_rows_delivered_twice(good: Path, landing: Path) -> None:
    spoil(landing, "exact_duplicates")
    before = landing_files.read(good / LAST, "billing_payments")
    after = landing_files.read(landing / LAST, "billing_payments")
    assert after.duplicated().sum() == len(after) - len(before) >= 3
    pd.testing.assert_frame_equal(after.drop_duplicates(ignore_index=True), before)


def test_a_repeated_key_has_other_content_whose_total_adds_up(good: Path, landing: Path) -> None:
    spoil(landing, "repeated_key")
    after = landing_files.read(landing / LAST, "billing_bills")
    assert not after.duplicated().any()
    repeated = after[after.duplicated("subscriber_id", keep=False)]
    assert len(repeated) == 2 * (len(after) - len(landing_files.read(good / LAST, "billing_bills"))) >= 6
    fees = repeated[["rent_fee", "voice_fee", "data_fee", "sms_fee", "vas_fee", "other_fee"]].astype(float).sum(axis=1)
    assert (fees - repeated["discount"].astype(float) - repeated["total_fee"].astype(float)).abs().max() < 0.001


def lines_of(landing: Path, data_set: str) -> list[list[str]]:
    encoding, delimiter = landing_files.CSV_FORMS[data_set]
    path = landing / LAST / f"{data_set}.csv"
    return [line.split(delimiter) for line in path.read_text(encoding=encoding).splitlines()]


def test_a_few_rows_have_a_field_too_many(landing: Path) -> None:
    spoil(landing, "wrong_column_count")
    header, *rows = lines_of(landing, "billing_usage")
    wrong = [row for row in rows if len(row) != len(header)]
    assert 3 <= len(wrong) < len(rows) / 100
    assert all(len(row) == len(header) + 1 for row in wrong)


def test_a_stray_quote_is_opened_and_never_closed(landing: Path) -> None:
    spoil(landing, "stray_quote")
    _, *rows = lines_of(landing, "billing_usage")
    wrong = [row for row in rows if any('"' in field for field in row)]
    assert 3 <= len(wrong) < len(rows) / 100
    assert all(sum(field.count('"') for field in row) == 1 for row in wrong)


def test_more_than_one_percent_of_the_rows_are_bad(landing: Path) -> None:
    spoil(landing, "too_many_bad_rows")
    usage = landing_files.read(landing / LAST, "billing_usage")
    assert 0.01 < (usage["mou_out"] == "#VALUE!").mean() < 0.03


def test_a_required_column_is_missing(good: Path, landing: Path) -> None:
    spoil(landing, "missing_column")
    before, after = (landing_files.read(where / LAST, "crm_subscribers") for where in (good, landing))
    pd.testing.assert_frame_equal(after, before.drop(columns="join_date"))


def test_a_column_too_many_leaves_the_others_alone(good: Path, landing: Path) -> None:
    spoil(landing, "extra_column")
    before, after = (landing_files.read(where / LAST, "billing_usage") for where in (good, landing))
    pd.testing.assert_frame_equal(after.drop(columns="handset_model"), before)


def test_half_of_the_bills_are_missing(good: Path, landing: Path) -> None:
    spoil(landing, "volume_drop")
    before, after = (landing_files.read(where / LAST, "billing_bills") for where in (good, landing))
    assert len(after) == pytest.approx(len(before) / 2, abs=3)


@pytest.mark.parametrize("name", ["missing_required_data_set", "missing_optional_data_set"])
def test_a_data_set_is_not_delivered(landing: Path, name: str) -> None:
    spoil(landing, name)
    data_set = FAULTS[name].data_set
    assert data_set is not None
    assert landing_files.parts(landing / LAST, data_set) == []
    assert contract.DATA_SETS[data_set].required == (FAULTS[name].outcome == "refusal")


@pytest.mark.parametrize(
    ("name", "low", "high"), [("vanished_above_threshold", 0.005, 0.02), ("vanished_below_threshold", 0.0, 0.001)]
)
def test_subscribers_vanish_without_a_final_row(good: Path, landing: Path, name: str, low: float, high: float) -> None:
    spoil(landing, name)
    opening = landing_files.read(good / "2011-02", "crm_subscribers")
    opening = opening[~opening["status"].isin(landing_files.TERMINAL) & (opening["is_countable"] == "是")]
    before, after = (
        set(landing_files.read(where / LAST, "crm_subscribers")["subscriber_id"]) for where in (good, landing)
    )
    assert after < before
    assert before - after <= set(opening["subscriber_id"])
    assert low < len(before - after) / len(opening) <= high


def test_nobody_can_vanish_from_the_first_month(landing: Path) -> None:
    with pytest.raises(FaultNotApplicable, match="no month before"):
        spoil(landing, "vanished_above_threshold", "2011-01")


def test_the_month_before_the_last_is_missing(good: Path, landing: Path) -> None:
    spoil(landing, "missing_month")
    assert [folder.name for folder in landing_files.month_folders(landing)] == ["2011-01", LAST]
    assert {file[:7] for file in changed_files(good, landing)} == {"2011-02"}


def test_the_compressed_file_breaks_off(landing: Path) -> None:
    spoil(landing, "truncated_gzip")
    with pytest.raises(EOFError):
        landing_files.read_file(landing / LAST / "billing_payments.csv.gz", "billing_payments")


def test_the_snapshot_is_no_text(landing: Path) -> None:
    spoil(landing, "binary_as_csv")
    assert (landing / LAST / "crm_subscribers.csv").read_bytes().startswith(b"PK\x03\x04")


def test_the_file_is_empty(landing: Path) -> None:
    spoil(landing, "zero_bytes")
    assert (landing / LAST / "billing_usage.csv").read_bytes() == b""


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_some_bytes_are_text_in_no_encoding(landing: Path, encoding: str) -> None:
    spoil(landing, "undecodable_bytes")
    with pytest.raises(UnicodeDecodeError):
        (landing / LAST / "crm_subscribers.csv").read_bytes().decode(encoding)


@pytest.mark.parametrize("key", ["rows", "sha256", "totals"])
def test_one_statement_of_the_manifest_is_wrong(good: Path, landing: Path, key: str) -> None:
    spoil(landing, f"manifest_{key}")
    before, after = manifest_of(good), manifest_of(landing)
    wrong = [(name, part) for name, said in before.items() for part in said if after[name][part] != said[part]]
    assert wrong == [("billing_bills_1.csv.gz", key)]


def test_another_month_can_be_spoilt(good: Path, landing: Path) -> None:
    spoil(landing, "total_mismatch", "2011-01")
    assert {file[:7] for file in changed_files(good, landing)} == {"2011-01"}


def test_an_unknown_fault_names_those_there_are(landing: Path) -> None:
    with pytest.raises(UnknownFault, match="truncated_gzip"):
        spoil(landing, "no_such_fault")
