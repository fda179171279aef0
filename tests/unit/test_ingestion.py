from __future__ import annotations

import gzip
import io
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from delivered import GOOD, MONTH, Branch, codes, whole

from dagster_project.lib import contract, deliveries, ingestion, raw
from dagster_project.lib.ingestion import DataSetReport

BILLS = "subscriber_id,bill_month,total_fee\n"


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16-le"),
        ("gb18030", "gb18030"),
    ],
)
def test_every_encoding_of_the_contract_is_found(branch: Branch, encoding: str, found: str) -> None:
    text = "区县编码,区县名称\nD1,𠮷安\nD2,李亮\n"
    delivery = branch.deliver({"crm_districts.csv": text.encode(encoding)})
    report = branch.ingest(delivery, "crm_districts")
    assert report.files[0].encoding == found
    assert branch.loaded(delivery, "crm_districts", "district_name") == [("𠮷安",), ("李亮",)]


def test_utf16_with_the_other_byte_order_is_read(branch: Branch) -> None:
    data = b"\xfe\xff" + GOOD["crm_districts.csv"].encode("utf-16-be")
    assert branch.ingest(branch.deliver({"crm_districts.csv": data}), "crm_districts").loaded_count == 2


@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_is_read(branch: Branch, delimiter: str, line_end: str) -> None:
    text = GOOD["crm_subscribers.csv"].replace(",", delimiter).replace("\n", line_end)
    report = branch.ingest(branch.deliver({"crm_subscribers.csv": text}), "crm_subscribers")
    assert (report.files[0].delimiter, report.loaded_count, report.refusals) == (delimiter, 3, ())


def test_a_quoted_delimiter_in_the_header_is_no_delimiter(branch: Branch) -> None:
    text = 'district_code|district_name|"a,b,c,d"\nD1|安岳|x\n'
    report = branch.ingest(branch.deliver({"crm_districts.csv": text}), "crm_districts")
    assert (report.files[0].delimiter, report.loaded_count) == ("|", 1)


def test_parts_of_a_data_set_are_read_together_whatever_their_format(branch: Branch) -> None:
    frame = pd.DataFrame({"total_fee": [1.5], "subscriber_id": ["U3"], "bill_month": ["2011-10"]})
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    delivery = branch.deliver(
        {
            "billing_bills.csv": BILLS + "U1,2011-10,58\n",
            "billing_bills_2.csv.gz": gzip.compress(b"total_fee;bill_month;subscriber_id\n12;201110;U2\n"),
            "billing_bills_3.parquet": parquet.getvalue(),
        }
    )
    report = branch.ingest(delivery, "billing_bills")
    assert [f.loaded for f in report.files] == [1, 1, 1]
    assert report.amounts == {"total_fee": Decimal("71.50")}


def test_typed_parquet_columns_are_read_and_a_float_identifier_is_damaged(branch: Branch) -> None:
    frame = pd.DataFrame(
        {
            "snapshot_month": pd.to_datetime(["2011-10-01", "2011-10-01"]),
            "subscriber_id": [1, 2],
            "msisdn": [13800001111.0, None],
            "district_code": "D1",
            "plan_code": "P1",
            "join_date": pd.to_datetime(["2010-01-05", "2010-01-05"]),
            "status": "active",
            "is_countable": [True, False],
        }
    )
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    delivery = branch.deliver({"crm_subscribers.csv": None, "crm_subscribers.parquet": parquet.getvalue()})
    assert branch.ingest(delivery, "crm_subscribers").quarantined_by_reason == {"damaged_identifier": 1}
    assert branch.loaded(delivery, "crm_subscribers", "subscriber_id, is_countable") == [("2", False)]


def test_blank_lines_are_counted_and_are_no_rows(branch: Branch) -> None:
    delivery = branch.deliver({"billing_bills.csv": "\n" + BILLS + "\nU1,2011-10,5\n\n\nU9,2011-10,5\n\n"})
    report = branch.ingest(delivery, "billing_bills")
    assert (report.files[0].lines_read, report.files[0].rows_read) == (8, 2)
    assert branch.quarantined(delivery, "billing_bills")[0][1] == 7


def test_a_stray_quote_costs_its_own_line_only(branch: Branch) -> None:
    text = 'district_code,district_name\nD1,"安岳\nD2,乐至\nD3,"a ""b"""\nD4,x"y\nD5,"a"b\n'
    delivery = branch.deliver({"crm_districts.csv": text})
    report = branch.ingest(delivery, "crm_districts")
    assert [(line, code) for _, line, _, _, code in branch.quarantined(delivery, "crm_districts")] == [
        (2, "broken_quote"),
        (6, "broken_quote"),
    ]
    assert branch.loaded(delivery, "crm_districts", "district_code, district_name") == [
        ("D2", "乐至"),
        ("D3", 'a "b"'),
        ("D4", 'x"y'),
    ]
    assert whole(report)


def test_a_quoted_line_break_belongs_to_its_value_and_later_lines_keep_their_numbers(branch: Branch) -> None:
    text = 'district_code,district_name\nD1,"安\n岳"\nD2,乐至,x\n'
    delivery = branch.deliver({"crm_districts.csv": text})
    report = branch.ingest(delivery, "crm_districts")
    assert branch.loaded(delivery, "crm_districts", "district_name") == [("安\n岳",)]
    assert branch.quarantined(delivery, "crm_districts") == [("crm_districts.csv", 4, None, None, "wrong_column_count")]
    assert whole(report)


def test_exact_duplicates_load_once_also_across_parts(branch: Branch) -> None:
    delivery = branch.deliver(
        {"billing_bills.csv": BILLS + "U1,2011-10,5\nU1,201110,5.00\n", "billing_bills_b.csv": BILLS + "U1,2011-10,5\n"}
    )
    report = branch.ingest(delivery, "billing_bills")
    assert (report.loaded_count, report.duplicate_count, report.quarantined_count) == (1, 2, 0)
    assert [f.duplicates for f in report.files] == [1, 1]


def test_rows_of_one_key_with_different_content_are_all_quarantined(branch: Branch) -> None:
    delivery = branch.deliver({"billing_bills.csv": BILLS + "U1,2011-10,5\nU1,2011-10,6\nU1,2011-10,5\nU2,2011-10,1\n"})
    report = branch.ingest(delivery, "billing_bills")
    assert report.quarantined_by_reason == {"repeated_key": 3}
    assert (report.loaded_count, report.duplicate_count) == (1, 0)


def test_a_bill_of_a_subscriber_never_seen_is_quarantined(branch: Branch) -> None:
    branch.accept(branch.deliver(month="2011-09"))
    snapshot = GOOD["crm_subscribers.csv"].replace("2011-10,U1", "2011-10,U5").replace("2010-01-05", "nonsense")
    bills = BILLS + "U1,2011-10,1\nU5,2011-10,1\nU9,2011-10,1\n"
    delivery = branch.deliver({"crm_subscribers.csv": snapshot, "billing_bills.csv": bills})
    report = branch.ingest(delivery, "billing_bills")
    assert report.quarantined_by_reason == {"unknown_subscriber": 1}
    assert branch.quarantined(delivery, "billing_bills")[0][3] == "U9"


def test_the_newest_earlier_reference_data_applies_when_none_is_delivered(branch: Branch) -> None:
    branch.accept(branch.deliver(month="2011-09"))
    delivery = branch.deliver({"crm_plans.csv": None, "crm_districts.csv": None})
    reports = branch.reports(delivery)
    assert not any(report.refusals for report in reports.values())
    assert not reports["crm_plans"].is_delivered
    assert reports["crm_subscribers"].loaded_count == 3


def test_reference_data_of_an_earlier_month_of_the_same_run_apply_as_if_accepted(branch: Branch) -> None:
    """A range is read before any of its months is accepted; month by month gives the same."""
    earlier = branch.deliver(month="2011-09")
    snapshot = GOOD["crm_subscribers.csv"] + "2011-10,U4,D9,P1,2010-01-05,active\n"
    without = {"crm_plans.csv": None, "crm_districts.csv": None, "crm_subscribers.csv": snapshot}
    later = branch.deliver(without)
    run = (later, earlier)

    def read(delivery: deliveries.Delivery) -> dict[str, DataSetReport]:
        return {name: ingestion.ingest(branch.settings, delivery, name, run) for name in contract.DATA_SETS}

    read(earlier)
    reports = read(later)
    assert not any(report.refusals for report in reports.values())
    assert reports["crm_subscribers"].quarantined_by_reason == {"unknown_district": 1}
    branch.accept(earlier)
    assert branch.reports(later) == reports


def test_an_earlier_delivery_that_is_not_of_the_run_does_not_apply_before_it_is_accepted(branch: Branch) -> None:
    earlier = branch.deliver(month="2011-09")
    branch.ingest(earlier, "crm_plans")
    later = branch.deliver({"crm_plans.csv": None})
    assert codes(branch.ingest(later, "crm_plans")) == ["missing_data_set"]


@pytest.mark.parametrize("name", ["crm_districts", "crm_plans", "crm_subscribers", "billing_bills"])
def test_a_required_data_set_that_is_missing_is_refused(branch: Branch, name: str) -> None:
    delivery = branch.deliver({f"{name}.csv": None})
    assert codes(branch.ingest(delivery, name)) == ["missing_data_set"]


def test_an_optional_data_set_that_is_missing_is_not_available(branch: Branch) -> None:
    branch.accept(branch.deliver())
    assert branch.raw("deliveries", columns="is_delivered, status, loaded_count")[-1] == (False, "absent", 0)
    assert len(branch.raw("deliveries")) == len(contract.DATA_SETS)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("billing_bills.csv", b"", "empty_file"),
        ("billing_bills.csv", b"\n\n", "empty_file"),
        ("billing_bills.csv.gz", gzip.compress(GOOD["billing_bills.csv"].encode() * 500)[:-9], "truncated_file"),
        ("billing_bills.csv.gz", b"not gzip at all", "truncated_file"),
        ("billing_bills.csv", b"PK\x03\x04\x14\x00\x06\x00", "binary_file"),
        ("billing_bills.csv", b"a,b\n\x00\x01\x02", "binary_file"),
        ("billing_bills.csv", BILLS.encode() + b"U1,2011-10,\xff\xff\n", "undecodable"),
        ("billing_bills.parquet", b"PAR1 no", "unreadable_parquet"),
        ("billing_bills.parquet", b"", "empty_file"),
        ("billing_bills.csv", b"subscriber_id,bill_month\nU1,2011-10\n", "missing_column"),
        ("billing_bills.csv", (BILLS.strip() + ",应收金额\nU1,2011-10,1,1\n").encode(), "duplicate_column"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(branch: Branch, name: str, content: bytes, code: str) -> None:
    delivery = branch.deliver({"billing_bills.csv": None, name: content})
    report = branch.ingest(delivery, "billing_bills")
    assert codes(report) == [code]
    assert report.refusals[0].file == name
    assert name in report.refusals[0].reason
    assert report.refusals[0].remedy


def test_damaged_utf8_is_not_read_as_another_encoding(branch: Branch) -> None:
    names = "".join(f"D{n},成都市青羊区\n" for n in range(20)).encode()
    data = b"district_code,district_name\n" + names + b"D99,\xe5\xae\n"
    report = branch.ingest(branch.deliver({"crm_districts.csv": data}), "crm_districts")
    assert codes(report) == ["undecodable"]
    assert report.refusals[0].line == 22


def test_a_missing_column_is_named_with_the_headers_found(branch: Branch) -> None:
    report = branch.ingest(branch.deliver({"billing_bills.csv": "subscriber_id,账期,fee\nU1,1,2\n"}), "billing_bills")
    refusal = report.refusals[0]
    assert (refusal.column, refusal.file) == ("total_fee", "billing_bills.csv")
    assert "subscriber_id, 账期, fee" in refusal.reason


def test_a_first_line_of_data_is_not_shown_as_headers(branch: Branch) -> None:
    data = "2011-10,U1,13800001111,D1\n2011-10,U2,13800002222,D1\n"
    report = branch.ingest(branch.deliver({"crm_subscribers.csv": data}), "crm_subscribers")
    assert set(codes(report)) == {"missing_column"}
    assert not any("13800001111" in refusal.reason for refusal in report.refusals)


def test_too_many_quarantined_rows_refuse_the_data_set(tmp_path: Path) -> None:
    branch = Branch(tmp_path, {"quarantine_share_limit": 0.01})
    delivery = branch.deliver({"billing_bills.csv": BILLS + "U1,2011-10,5\nU2,2011-10,x\n"})
    report = branch.ingest(delivery, "billing_bills")
    assert codes(report) == ["too_many_quarantined"]
    refusal = report.refusals[0]
    assert (refusal.file, refusal.line, refusal.column) == ("billing_bills.csv", 3, "total_fee")
    assert "unparsable_value 1" in refusal.reason
    with pytest.raises(ingestion.DeliveryRefused):
        branch.accept(delivery)
    assert branch.raw("billing_bills") == []


def test_a_share_at_the_limit_is_accepted(tmp_path: Path) -> None:
    branch = Branch(tmp_path, {"quarantine_share_limit": 0.5})
    delivery = branch.deliver({"billing_bills.csv": BILLS + "U1,2011-10,5\nU2,2011-10,x\n"})
    assert branch.ingest(delivery, "billing_bills").refusals == ()


def test_a_required_data_set_without_rows_is_refused(branch: Branch) -> None:
    assert codes(branch.ingest(branch.deliver({"billing_bills.csv": BILLS}), "billing_bills")) == ["no_rows"]


def test_a_file_of_no_data_set_is_reported_and_not_loaded(branch: Branch) -> None:
    delivery = branch.deliver({"readme.txt": "x", "notes.csv": "a\n"})
    reports = branch.accept(delivery)
    assert len(reports["crm_subscribers"].warnings) == 2
    assert len(deliveries.accepted(branch.settings)[MONTH].warnings) == 2


def test_an_unchanged_delivery_is_not_read_again(branch: Branch) -> None:
    delivery = branch.deliver()
    first = branch.ingest(delivery, "crm_subscribers")
    path = ingestion.report_path(branch.settings, delivery, "crm_subscribers")
    written_at = path.stat().st_mtime_ns
    assert branch.ingest(delivery, "crm_subscribers") == first
    assert path.stat().st_mtime_ns == written_at
    branch.changes["msisdn_pattern"] = "x"
    branch.ingest(delivery, "crm_subscribers")
    assert path.stat().st_mtime_ns > written_at


def test_the_same_delivery_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        branch = Branch(tmp_path / name)
        delivery = branch.deliver()
        branch.accept(delivery)
        contents.append([raw.path(branch.settings, t, MONTH).read_bytes() for t in ("crm_subscribers", "deliveries")])
    assert contents[0] == contents[1]


def test_a_restatement_replaces_the_month_whole(branch: Branch) -> None:
    first = branch.deliver({"billing_usage.csv": "subscriber_id,usage_month,calls_out\nU1,2011-10,3\n"})
    branch.accept(first)
    assert branch.raw("billing_usage", columns="calls_out") == [(3,)]
    second = branch.deliver({"billing_bills.csv": BILLS + "U1,2011-10,99\n"})
    branch.accept(second)
    assert branch.raw("billing_bills", columns="total_fee") == [(Decimal("99.00"),)]
    assert branch.raw("billing_usage") == []
    states = {entry.delivery_id: (entry.state, entry.supersedes) for entry in deliveries.entries(branch.settings)}
    assert states == {
        first.delivery_id: ("superseded", None),
        second.delivery_id: ("accepted", first.delivery_id),
    }
    assert [path.name for path in (branch.settings.incoming / MONTH).iterdir()] == [second.delivery_id]


def test_a_refused_delivery_leaves_the_accepted_data_alone(branch: Branch) -> None:
    branch.accept(branch.deliver())
    before = branch.raw("billing_bills")
    bad = branch.deliver({"billing_bills.csv": b""})
    reports = branch.reports(bad)
    refusals = [refusal for report in reports.values() for refusal in report.refusals]
    ingestion.refuse(branch.settings, bad, reports, refusals)
    assert branch.raw("billing_bills") == before
    entry = next(e for e in deliveries.entries(branch.settings, MONTH) if e.delivery_id == bad.delivery_id)
    assert (entry.state, entry.refusals[0]["reason_code"]) == ("refused", "empty_file")


def test_accepting_can_be_interrupted_and_run_again(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = branch.deliver()
    reports = branch.reports(delivery)
    replaced = raw.replace

    def fail_at_bills(settings: object, table: str, *rest: object) -> None:
        if table == "billing_bills":
            raise OSError("disk full")
        replaced(settings, table, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(raw, "replace", fail_at_bills)
    raw_ready = branch.settings.raw
    with pytest.raises(OSError, match="disk full"):
        ingestion.accept(branch.settings, delivery, reports)
    assert deliveries.accepted(branch.settings) == {}
    monkeypatch.undo()
    ingestion.accept(branch.settings, delivery, branch.reports(delivery))
    assert len(branch.raw("billing_bills")) == 2
    assert raw_ready.is_dir()
    assert set(deliveries.accepted(branch.settings)) == {MONTH}


def test_raw_says_who_is_in_quarantine_and_which_columns_came(branch: Branch) -> None:
    snapshot = GOOD["crm_subscribers.csv"].replace("2010-01-05", "nonsense")
    branch.accept(branch.deliver({"crm_subscribers.csv": snapshot}))
    assert branch.raw("quarantined_subscribers") == [("U1",)]
    assert ("crm_plans", "plan_name") in branch.raw("delivered_columns")
    assert ("crm_plans", "brand") not in branch.raw("delivered_columns")


def test_personal_values_appear_in_no_report(branch: Branch) -> None:
    header = GOOD["crm_subscribers.csv"].splitlines()[0] + ",msisdn,account_manager\n"
    rows = "2011-10,U1,D1,P1,2010-01-05,active,23800001111,王五\n"
    branch.changes["quarantine_share_limit"] = 0.0
    delivery = branch.deliver({"crm_subscribers.csv": header + rows})
    branch.ingest(delivery, "crm_subscribers")
    text = ingestion.report_path(branch.settings, delivery, "crm_subscribers").read_text()
    assert "23800001111" not in text
    assert "王五" not in text


def test_raw_files_have_the_types_of_the_contract(branch: Branch) -> None:
    branch.accept(branch.deliver())
    for name in ("crm_subscribers", "billing_bills"):
        path = raw.path(branch.settings, name, MONTH)
        described = duckdb.sql(f"describe select * from read_parquet('{path}', hive_partitioning = false)").fetchall()
        expected = {column: kind.upper() for column, kind in raw.table_columns(name).items()}
        assert {row[0]: row[1] for row in described} == expected


def test_candidates_keep_the_order_of_the_file(branch: Branch) -> None:
    rows = "U3,2011-10,1\nU9,2011-10,1\nU1,2011-10,2\nU3,2011-10,1\nU2,2011-10,3\n"
    delivery = branch.deliver({"billing_bills.csv": BILLS + rows})
    branch.ingest(delivery, "billing_bills")
    assert branch.loaded(delivery, "billing_bills", "subscriber_id") == [("U3",), ("U1",), ("U2",)]


_LATE_BILL = {"billing_bills.csv": "subscriber_id,bill_month,total_fee\nU1,2011-11,58.00\nU0,2011-11,3.00\n"}
_FIRST_MONTH = {
    "crm_subscribers.csv": GOOD["crm_subscribers.csv"] + "2011-10,U0,D1,P1,2008-01-01,active\n",
}


def test_a_month_looks_back_on_the_candidate_of_a_month_that_is_read_in_the_same_run(branch: Branch) -> None:
    branch.ingest(branch.deliver(_FIRST_MONTH), "crm_subscribers")
    report = branch.ingest(branch.deliver(_LATE_BILL, "2011-11"), "billing_bills")
    assert (report.loaded_count, report.quarantined_count) == (2, 0)


def test_accepting_an_earlier_month_does_not_make_a_later_one_be_read_again(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = branch.deliver(_FIRST_MONTH)
    branch.ingest(first, "crm_subscribers")
    second = branch.deliver(_LATE_BILL, "2011-11")
    read = branch.reports(second)
    branch.accept(first)
    monkeypatch.setattr(ingestion, "read_batch", lambda *_: pytest.fail("it was read again"))
    assert branch.reports(second) == read


def test_a_restated_earlier_month_makes_only_what_looked_back_on_it_be_read_again(branch: Branch) -> None:
    branch.accept(branch.deliver(_FIRST_MONTH))
    second = branch.deliver(_LATE_BILL, "2011-11")
    assert branch.ingest(second, "billing_bills").quarantined_count == 0
    branch.accept(branch.deliver())
    assert branch.ingest(second, "billing_bills").quarantined_by_reason == {"unknown_subscriber": 1}
