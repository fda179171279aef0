from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from delivered import GOOD, MONTH, Branch, codes

from dagster_project.lib import deliveries


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def test_a_month_without_a_folder_was_not_delivered(branch: Branch) -> None:
    with pytest.raises(deliveries.DeliveryMissing, match="2011-12"):
        deliveries.find(branch.settings, "2011-12")


def test_the_id_follows_the_content_and_not_the_clock(branch: Branch) -> None:
    first = branch.deliver().delivery_id
    assert branch.deliver().delivery_id == first
    assert len(first) == 12
    assert branch.deliver({"billing_bills.csv": GOOD["billing_bills.csv"] + "\n"}).delivery_id != first
    assert branch.deliver({"manifest.json": "{}"}).delivery_id != first


def test_a_file_belongs_to_the_longest_data_set_its_name_begins_with() -> None:
    assert deliveries.data_set_of("crm_subscribers_east-2.csv.gz") == "crm_subscribers"
    assert deliveries.data_set_of("crm_surveys.parquet") == "crm_surveys"
    assert deliveries.data_set_of("CRM_PLANS.CSV") == "crm_plans"
    assert deliveries.data_set_of("crm_plans.xlsx") is None
    assert deliveries.data_set_of("plans.csv") is None


def test_delivered_months_are_the_folders_named_like_months(branch: Branch) -> None:
    for name in ("2011-11", "2011-10", "2011-13", "old"):
        (branch.settings.landing / name).mkdir(parents=True)
    assert deliveries.delivered_months(branch.settings) == ("2011-10", "2011-11")


def test_the_ledger_tells_of_every_file(branch: Branch) -> None:
    delivery = branch.deliver({"billing_bills.csv": GOOD["billing_bills.csv"] + "U9,2011-10,1\n", "x.txt": "?"})
    branch.accept(delivery)
    entry = deliveries.accepted(branch.settings)[MONTH]
    files = {file["name"]: file for file in entry.files}
    bills = files["billing_bills.csv"]
    assert (bills["rows_read"], bills["loaded"], bills["quarantined"], bills["duplicates"]) == (3, 2, 1, 0)
    assert bills["sha256"] == hashlib.sha256(delivery.files[0].path.read_bytes()).hexdigest()
    assert files["x.txt"]["data_set"] is None
    assert entry.data_sets["billing_bills"]["quarantined_by_reason"] == {"unknown_subscriber": 1}


def test_an_earlier_version_delivered_again_is_accepted_again(branch: Branch) -> None:
    first = branch.deliver()
    branch.accept(first)
    branch.accept(branch.deliver({"billing_bills.csv": GOOD["billing_bills.csv"] + "U3,2011-10,1\n"}))
    branch.accept(branch.deliver())
    assert deliveries.accepted(branch.settings)[MONTH].delivery_id == first.delivery_id
    assert len(branch.raw("billing_bills")) == 2


def manifest(**stated: object) -> str:
    return json.dumps({"month": MONTH, "files": [{"name": "billing_bills.csv", **stated}]})


def test_a_manifest_that_holds_is_accepted(branch: Branch) -> None:
    digest = hashlib.sha256(GOOD["billing_bills.csv"].encode()).hexdigest()
    text = manifest(rows=2, sha256=digest, totals={"total_fee": 70.30, "应收金额": 70.3})
    reports = branch.accept(branch.deliver({"manifest.json": text}))
    assert not any(report.refusals for report in reports.values())


@pytest.mark.parametrize(
    ("text", "data_set", "code"),
    [
        (manifest(rows=3), "billing_bills", "manifest_rows"),
        (manifest(sha256="00"), "billing_bills", "manifest_sha256"),
        (manifest(totals={"total_fee": 70.32}), "billing_bills", "manifest_totals"),
        (manifest(totals={"no_such": 1}), "billing_bills", "manifest_totals"),
        (manifest(row=3), "crm_subscribers", "malformed_manifest"),
        (manifest(rows="3"), "crm_subscribers", "malformed_manifest"),
        ("{", "crm_subscribers", "malformed_manifest"),
        ("[]", "crm_subscribers", "malformed_manifest"),
        ('{"files": [{}]}', "crm_subscribers", "malformed_manifest"),
        ('{"month": "2011-09"}', "crm_subscribers", "manifest_month"),
        ('{"files": [{"name": "billing_usage.csv"}]}', "billing_usage", "manifest_missing_file"),
        ('{"files": [{"name": "other.csv"}]}', "crm_subscribers", "manifest_missing_file"),
    ],
)
def test_a_statement_that_does_not_hold_refuses_the_delivery(
    branch: Branch, text: str, data_set: str, code: str
) -> None:
    delivery = branch.deliver({"manifest.json": text})
    told = {name: codes(report) for name, report in branch.reports(delivery).items() if report.refusals}
    assert told == {data_set: [code]}


def test_manifest_totals_count_all_rows_of_the_file(branch: Branch) -> None:
    bills = GOOD["billing_bills.csv"] + "U1,2011-10,58.00\nU9,2011-10,1.00\n"
    delivery = branch.deliver(
        {"billing_bills.csv": bills, "manifest.json": manifest(rows=4, totals={"total_fee": 129.3})}
    )
    assert branch.ingest(delivery, "billing_bills").refusals == ()
