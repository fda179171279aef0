from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from delivered import codes, whole

from dagster_project.lib import contract, deliveries, ingestion, mapping, raw, shaping
from dagster_project.settings import Settings

MAPPINGS = Path(__file__).parents[1] / "mappings"
SHARED = Path(os.environ.get("RETENTION_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")


def written(folder: Path, sources: str, **statements: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.yml").write_text(sources)
    for name, sql in statements.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


ONE = "files:\n  - {name: people, pattern: people.csv}\n"


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ("files: [", "not valid YAML"),
        ("months: {from: 2011-10}\nfiles: [{name: a, pattern: b}]", "months.to is missing"),
        ("months: {from: 2011-13, to: 2012-01}\nfiles: [{name: a, pattern: b}]", "months: '2011-13'"),
        ("{}", "files is missing"),
        ("files: []", "at least one file"),
        ("files: [{name: a}]", r"files\[0\].pattern is missing"),
        ("files: [{name: A b, pattern: c}]", r"files\[0\].name"),
        ("files: [{name: a, pattern: ../x}]", r"files\[0\].pattern"),
        ("files: [{name: a, pattern: x, colour: red}]", r"files\[0\].colour is unknown"),
        ("files: [{name: a, pattern: x, encoding: klingon}]", r"files\[0\].encoding"),
        ("files: [{name: a, pattern: x, delimiter: '~'}]", r"files\[0\].delimiter"),
        ("files: [{name: a, pattern: x, header: false}]", r"files\[0\].columns"),
        ("files: [{name: a, pattern: x, feeds: [bills]}]", r"files\[0\].feeds: bills"),
        ("files: [{name: a, pattern: x, money_unit: jiao}]", r"files\[0\].money_unit"),
        ("files: [{name: a, pattern: x}, {name: a, pattern: y}]", "given twice"),
        ("files: [{name: a, pattern: x}]\nsnapshots_hold_leavers: maybe", "snapshots_hold_leavers"),
    ],
)
def test_a_mistake_in_the_sources_is_named_with_file_and_key(tmp_path: Path, sources: str, told: str) -> None:
    with pytest.raises(mapping.InvalidMapping, match=told) as caught:
        mapping.load(written(tmp_path, sources))
    assert "sources.yml" in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select 1; select 2", "exactly one SELECT"),
        ("delete from people", "exactly one SELECT"),
        ("copy (select 1) to 'x'", "exactly one SELECT"),
        ("select from where", "not valid SQL"),
        ("select * from nobody", "no file named nobody"),
    ],
)
def test_a_statement_is_exactly_one_select_over_the_sources(tmp_path: Path, sql: str, told: str) -> None:
    with pytest.raises(mapping.InvalidMapping, match=told):
        mapping.load(written(tmp_path, ONE, crm_plans=sql))


def branch_of(tmp_path: Path, sources: str, files: dict[str, str | bytes], **statements: str) -> Settings:
    landing = tmp_path / "landing"
    for name, content in files.items():
        path = landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    folder = written(tmp_path / "mapping", sources, **statements)
    return Settings(home=tmp_path, landing=landing, mapping=folder, quarantine_share_limit=1.0, language="en")


def rows_of(settings: Settings, delivery: deliveries.Delivery, name: str, columns: str) -> list[tuple[object, ...]]:
    path = ingestion.candidate_path(settings, delivery, name)
    return duckdb.sql(f"select {columns} from read_parquet('{path}')").fetchall()


def test_a_file_feeds_a_data_set_by_names_renames_and_units(tmp_path: Path) -> None:
    sources = """
files:
  - name: fees
    pattern: "{month}/fee_{yyyymm}*.txt"
    encoding: gb18030
    delimiter: tab
    header: false
    columns: [资费号, 名称, 月租]
    rename: {资费号: plan_code, 名称: plan_name}
    money_unit: fen
    feeds: [crm_plans]
"""
    settings = branch_of(tmp_path, sources, {"2011-10/fee_201110_1.txt": "P1\t全球通\t5850\n".encode("gb18030")})
    assert deliveries.delivered_months(settings) == ("2011-10",)
    delivery = deliveries.find(settings, "2011-10")
    assert delivery.files[0].data_set == "crm_plans"
    ingestion.ingest(settings, delivery, "crm_plans")
    assert rows_of(settings, delivery, "crm_plans", "plan_code, plan_name, monthly_rent") == [
        ("P1", "全球通", Decimal("58.50"))
    ]


def test_months_that_are_read_side_by_side_read_their_common_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = (
        "months: {from: 2011-09, to: 2011-12}\nfiles:\n"
        "  - {name: tickets, pattern: tickets.csv, feeds: [crm_complaints]}\n"
    )
    text = "complaint_id,subscriber_id,created_at\nA,U1,2011-09-30\n"
    settings = branch_of(tmp_path, sources, {"tickets.csv": text})
    readings: list[str] = []
    read_source, all_are_here = shaping._read_source, threading.Barrier(4)

    def read(*arguments: Any) -> None:
        readings.append(arguments[1].name)
        read_source(*arguments)

    def tables(month: str) -> shaping.SourceTable:
        found = deliveries.find(settings, month)
        assert found.mapping
        all_are_here.wait()
        return shaping.source_table(settings, found.files[0], found.mapping.sources[0])

    monkeypatch.setattr(shaping, "_read_source", read)
    with ThreadPoolExecutor(4) as pool:
        tables_of_months = list(pool.map(tables, ("2011-09", "2011-10", "2011-11", "2011-12")))
    assert readings == ["tickets.csv"]
    assert len({table.rows for table in tables_of_months}) == 1


def test_rows_of_other_months_are_counted_and_not_quarantined(tmp_path: Path) -> None:
    sources = (
        "months: {from: 2011-09, to: 2011-10}\nfiles:\n"
        "  - {name: tickets, pattern: tickets.csv, feeds: [crm_complaints]}\n"
    )
    text = "complaint_id,subscriber_id,created_at\nA,U1,2011-09-30\nB,U1,2011-10-01\nC,U1,bad\n"
    settings = branch_of(tmp_path, sources, {"tickets.csv": text})
    assert deliveries.delivered_months(settings) == ("2011-09", "2011-10")
    for month in ("2011-09", "2011-10"):
        report = ingestion.ingest(settings, deliveries.find(settings, month), "crm_complaints")
        assert (report.loaded_count, report.quarantined_count, report.files[0].other_months) == (1, 1, 1)
        assert whole(report)


def test_a_statement_unpivots_wide_months_and_quarantine_names_its_lines(tmp_path: Path) -> None:
    sql = """
    select user_id as complaint_id, 'U' as subscriber_id, left_at as created_at, _file, _line
    from people
    where getvariable('month') = '2011-10'; -- the month
    """
    settings = branch_of(
        tmp_path,
        "files:\n  - {name: people, pattern: 'people_*.csv'}\n",
        {
            "people_a.csv": "user_id,left_at\n1,2011-10-05\n2,x\n",
            "people_b.csv": "left_at,user_id\n2011-10-06,3\nx,4,5\n",
        },
        crm_complaints=sql,
    )
    delivery = deliveries.find(settings, "2011-10")
    report = ingestion.ingest(settings, delivery, "crm_complaints")
    assert [(e.file, e.line, e.reason_code) for e in report.quarantine_examples] == [
        ("people_a.csv", 3, "unparsable_value"),
        ("people_b.csv", 3, "wrong_column_count"),
    ]
    assert [(f.rows_read, f.loaded) for f in report.files] == [(2, 1), (2, 1)]
    assert whole(report)


@pytest.mark.parametrize("reach", ["read_csv('/etc/hostname')", "read_text('/etc/hostname')", "glob('/*')"])
def test_a_statement_reaches_nothing_but_its_sources(tmp_path: Path, reach: str) -> None:
    settings = branch_of(
        tmp_path,
        ONE,
        {"people.csv": "a\n1\n"},
        crm_plans=f"select 'P' as plan_code, 'x' as plan_name, (select count(*) from {reach}) as n from people",
    )
    report = ingestion.ingest(settings, deliveries.find(settings, "2011-10"), "crm_plans")
    assert codes(report) == ["mapping_failed"]


def test_the_mapping_is_part_of_the_delivery(tmp_path: Path) -> None:
    settings = branch_of(tmp_path, ONE, {"people.csv": "a\n1\n"}, crm_plans="select a as plan_code from people")
    first = deliveries.find(settings, "2011-10").delivery_id
    (tmp_path / "mapping" / "crm_plans.sql").write_text("select a as plan_code, a as plan_name from people")
    assert deliveries.find(settings, "2011-10").delivery_id != first


def loaded(tmp_path: Path, name: str) -> Settings:
    settings = Settings(home=tmp_path, landing=SHARED / name, mapping=MAPPINGS / name)
    for month in deliveries.delivered_months(settings):
        delivery = deliveries.find(settings, month)
        reports = {data_set: ingestion.ingest(settings, delivery, data_set) for data_set in contract.DATA_SETS}
        assert not any(report.quarantined_count for report in reports.values())
        ingestion.accept(settings, delivery, reports)
    return settings


def raw_frame(settings: Settings, table: str) -> pd.DataFrame:
    return duckdb.sql(f"select * from read_parquet('{settings.raw}/{table}/*/data.parquet')").df()


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data sets are not here")
def test_megaline_gives_its_usage_its_bills_and_its_leavers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[str] = []
    read_source = shaping._read_source
    monkeypatch.setattr(shaping, "_read_source", lambda *a: (readings.append(a[1].name), read_source(*a)))
    settings = loaded(tmp_path, "megaline")
    assert len(readings) == 5

    def source(name: str) -> pd.DataFrame:
        return pd.read_csv(SHARED / "megaline" / f"megaline_{name}")

    users, plans = source("users.csv"), source("plans.csv").set_index("plan_name")
    calls, texts, data = source("calls.csv.gz"), source("messages.csv.gz"), source("internet.csv.gz")
    calls["month"], texts["month"], data["month"] = (
        frame[column].str[:7]
        for frame, column in ((calls, "call_date"), (texts, "message_date"), (data, "session_date"))
    )
    usage = raw_frame(settings, "billing_usage")

    def hundredths(amounts: pd.Series) -> int:
        return sum(int(Decimal(str(amount)) * 100) for amount in amounts)

    assert hundredths(usage.mou_out) == hundredths(calls.duration)
    assert hundredths(usage.data_mb) == hundredths(data.mb_used)
    assert (usage.calls_out.sum(), usage.sms_out.sum()) == (len(calls), len(texts))

    snapshots = raw_frame(settings, "crm_subscribers")
    leavers = snapshots[snapshots.status == "cancelled"].groupby("snapshot_month").size().to_dict()
    assert leavers == users.churn_date.dropna().str[:7].value_counts().to_dict()

    calls["minutes"] = (-(-(calls.duration * 100).round().astype(int) // 100)).astype(int)
    minutes = calls.groupby(["user_id", "month"]).minutes.sum()
    messages = texts.groupby(["user_id", "month"]).size()
    megabytes = data.groupby(["user_id", "month"]).mb_used.sum().round(2)
    bills = raw_frame(settings, "billing_bills").set_index(["subscriber_id", "bill_month"])
    expected = {}
    for user in users.itertuples():
        plan = plans.loc[user.plan]
        for month in (f"2018-{number:02d}" for number in range(1, 13)):
            if not (
                user.reg_date[:7] <= month and not (isinstance(user.churn_date, str) and user.churn_date[:7] < month)
            ):
                continue
            key = (user.user_id, month)
            cents = plan.usd_monthly_pay * 100
            cents += max(minutes.get(key, 0) - plan.minutes_included, 0) * round(plan.usd_per_minute * 100)
            cents += max(messages.get(key, 0) - plan.messages_included, 0) * round(plan.usd_per_message * 100)
            gigabytes = -(-megabytes.get(key, 0) // 1024)
            cents += max(gigabytes - plan.mb_per_month_included / 1024, 0) * plan.usd_per_gb * 100
            expected[str(user.user_id), month] = round(cents)
    assert {key: round(float(total) * 100) for key, total in bills.total_fee.items()} == expected


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data sets are not here")
def test_interconnect_gives_its_charges_and_its_leavers(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "interconnect")
    contracts = pd.read_csv(SHARED / "interconnect" / "contract.csv", dtype=str)
    ends = contracts.EndDate[contracts.EndDate != "No"].str[:7]
    snapshots = raw_frame(settings, "crm_subscribers")
    leavers = snapshots[snapshots.status == "cancelled"].groupby("snapshot_month").size().to_dict()
    assert leavers == ends.value_counts().to_dict()
    bills = raw_frame(settings, "billing_bills")
    last = bills[bills.bill_month == "2020-02"]
    current = contracts[contracts.EndDate == "No"]
    assert len(last) == len(current) == 5174
    assert sum(map(Decimal, current.MonthlyCharges)) == sum(Decimal(str(fee)) for fee in last.total_fee)
    absent = duckdb.sql(
        f"select count(*) from read_parquet('{raw.path(settings, 'deliveries', '2020-02')}') where not is_delivered"
    ).fetchone()
    assert absent == (len(contract.DATA_SETS) - 4,)
