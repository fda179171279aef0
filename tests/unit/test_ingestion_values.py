from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from delivered import Branch, whole

SNAPSHOT = "snapshot_month,subscriber_id,district_code,plan_code,join_date,status"


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def snapshot_with(column: str, value: str, **others: str) -> str:
    values = {
        "snapshot_month": "2011-10",
        "subscriber_id": "U1",
        "district_code": "D1",
        "plan_code": "P1",
        "join_date": "2010-01-05",
        "status": "active",
    }
    values |= others | {column: value}
    quoted = ['"' + text.replace('"', '""') + '"' for text in values.values()]
    return f"{','.join(values)}\n{','.join(quoted)}\n"


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("snapshot_month", "2011-10", "2011-10"),
        ("snapshot_month", "201110", "2011-10"),
        ("snapshot_month", "2011/10", "2011-10"),
        ("snapshot_month", "２０１１１０", "2011-10"),
        ("join_date", "2010-01-05", dt.date(2010, 1, 5)),
        ("join_date", "2010/1/5", dt.date(2010, 1, 5)),
        ("join_date", "20100105", dt.date(2010, 1, 5)),
        ("join_date", "2010-01-05 13:14:15", dt.date(2010, 1, 5)),
        ("join_date", "2010/1/5 1:02", dt.date(2010, 1, 5)),
        ("join_date", "20100105131415", dt.date(2010, 1, 5)),
        ("join_date", "2010-01-05T13:14:15.5", dt.date(2010, 1, 5)),
        ("join_date", "　２０１０－０１－０５ ", dt.date(2010, 1, 5)),
        ("status", "在用", "active"),
        ("status", "ACTIVE", "active"),
        ("status", " 停机保号 ", "suspended_voluntary"),
        ("is_special", "是", True),
        ("is_special", "Y", True),
        ("is_special", "ｙ", True),
        ("is_special", "1", True),
        ("is_special", "True", True),
        ("is_special", "否", False),
        ("is_special", "n", False),
        ("is_special", "0", False),
        ("is_special", "", None),
        ("contract_commitment", "1,234.50", Decimal("1234.50")),
        ("contract_commitment", "１２３．５", Decimal("123.50")),
        ("contract_commitment", "－12.5", Decimal("-12.50")),
        ("contract_commitment", "+12", Decimal("12.00")),
        ("contract_commitment", "\u00a012\u200b", Decimal("12.00")),
        ("contract_commitment", "12.340000000000002", Decimal("12.34")),
        ("contract_commitment", "0.1", Decimal("0.10")),
        ("contract_commitment", "  ", None),
        ("points_balance", "1，234，567.25", Decimal("1234567.2500")),
        ("points_balance", "1.5E+03", Decimal("1500.0000")),
        ("customer_id", "０００１２３", "000123"),
        ("customer_id", " 00123\t", "00123"),
        ("customer_id", "1E10", "1E10"),
        ("msisdn", "１３８００００１１１１", "13800001111"),
        ("account_manager", "𠮷田", "𠮷田"),
        ("account_manager", "ＡＢ", "ＡＢ"),
        ("brand", "　全球通 ", "全球通"),
        ("brand", 'a,"b";|c', 'a,"b";|c'),
    ],
)
def test_a_value_is_read_as_what_it_means(branch: Branch, column: str, text: str, value: Any) -> None:
    delivery = branch.deliver({"crm_subscribers.csv": snapshot_with(column, text)})
    report = branch.ingest(delivery, "crm_subscribers")
    assert report.refusals == ()
    assert branch.quarantined(delivery, "crm_subscribers") == []
    assert branch.loaded(delivery, "crm_subscribers", column) == [(value,)]


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("snapshot_month", "2011-13", "unparsable_value"),
        ("snapshot_month", "2011-09", "wrong_month"),
        ("snapshot_month", "", "missing_key"),
        ("subscriber_id", "", "missing_key"),
        ("subscriber_id", "1.38E+10", "damaged_identifier"),
        ("subscriber_id", "1.38e10", "damaged_identifier"),
        ("subscriber_id", "13800001111.0", "damaged_identifier"),
        ("msisdn", "1.38E+10", "damaged_identifier"),
        ("msisdn", "1380000111", "invalid_msisdn"),
        ("msisdn", "23800001111", "invalid_msisdn"),
        ("district_code", "D9", "unknown_district"),
        ("district_code", "", "missing_required_value"),
        ("plan_code", "P9", "unknown_plan"),
        ("join_date", "2010-02-30", "unparsable_value"),
        ("join_date", "2010-01/05", "unparsable_value"),
        ("join_date", "2010-1-5x", "unparsable_value"),
        ("join_date", "infinity", "unparsable_value"),
        ("join_date", "10-01-05", "unparsable_value"),
        ("join_date", "2011-11-01", "date_after_month"),
        ("join_date", "", "missing_required_value"),
        ("status", "sleeping", "unknown_value"),
        ("payment_type", "现金", "unknown_value"),
        ("is_special", "maybe", "unparsable_value"),
        ("contract_commitment", "12.345", "too_many_decimals"),
        ("contract_commitment", "inf", "unparsable_value"),
        ("contract_commitment", "nan", "unparsable_value"),
        ("contract_commitment", "1_000", "unparsable_value"),
        ("contract_commitment", "12,34", "unparsable_value"),
        ("contract_commitment", "1e30", "out_of_range"),
        ("points_balance", "many", "unparsable_value"),
    ],
)
def test_a_value_that_breaks_the_contract_is_quarantined(branch: Branch, column: str, text: str, code: str) -> None:
    delivery = branch.deliver({"crm_subscribers.csv": snapshot_with(column, text)})
    report = branch.ingest(delivery, "crm_subscribers")
    value = text or None
    assert branch.quarantined(delivery, "crm_subscribers") == [("crm_subscribers.csv", 2, column, value, code)]
    assert report.quarantined_by_reason == {code: 1}
    assert whole(report)


@pytest.mark.parametrize(
    ("text", "code"),
    [("-1", "out_of_range"), ("2.5", "unparsable_value"), ("3.0", None), ("1,000", None), ("９", None)],
)
def test_a_count_is_whole_and_not_negative(branch: Branch, text: str, code: str | None) -> None:
    usage = f'subscriber_id,usage_month,calls_out\nU1,2011-10,"{text}"\n'
    delivery = branch.deliver({"billing_usage.csv": usage})
    report = branch.ingest(delivery, "billing_usage")
    assert dict(report.quarantined_by_reason) == ({code: 1} if code else {})


@pytest.mark.parametrize(("score", "is_good"), [("0", True), ("10", True), ("11", False), ("-1", False)])
def test_a_score_lies_between_its_bounds(branch: Branch, score: str, is_good: bool) -> None:
    surveys = f"survey_id,subscriber_id,answered_at,score\nS1,U1,2011-10-01 08:00:00,{score}\n"
    report = branch.ingest(branch.deliver({"crm_surveys.csv": surveys}), "crm_surveys")
    assert dict(report.quarantined_by_reason) == ({} if is_good else {"out_of_range": 1})


@pytest.mark.parametrize(
    ("fees", "is_good"),
    [
        ("50,10,,60", True),
        ("50,10,5,55", True),
        ("50,10,5,55.01", True),
        ("50,10,5,55.02", False),
        (",,,99", True),
        (",,5,99", True),
        ("50,,,60", False),
    ],
)
def test_a_bill_adds_up_where_fees_are_delivered(branch: Branch, fees: str, is_good: bool) -> None:
    bills = f"subscriber_id,bill_month,rent_fee,voice_fee,discount,total_fee\nU1,2011-10,{fees}\n"
    report = branch.ingest(branch.deliver({"billing_bills.csv": bills}), "billing_bills")
    assert dict(report.quarantined_by_reason) == ({} if is_good else {"total_mismatch": 1})


def test_a_payment_of_another_month_is_quarantined(branch: Branch) -> None:
    payments = (
        "payment_id,subscriber_id,paid_at,amount\n"
        "A1,U1,2011-10-31 23:59:59,10\n"
        "A2,U1,2011-11-01 00:00:00,10\n"
        "A3,U1,2011/9/30 8:00,10\n"
    )
    delivery = branch.deliver({"billing_payments.csv": payments})
    report = branch.ingest(delivery, "billing_payments")
    assert report.quarantined_by_reason == {"wrong_month": 2}
    assert report.amounts == {"amount": Decimal("10.00")}


def test_columns_are_found_by_their_chinese_aliases_in_any_order(branch: Branch) -> None:
    text = "应收金额, 用户编号 ,账期,备注\n５８,U1,201110,x\n"
    delivery = branch.deliver({"billing_bills.csv": text.encode("gb18030")})
    report = branch.ingest(delivery, "billing_bills")
    assert report.files[0].encoding == "gb18030"
    assert report.unknown_columns == ("备注",)
    assert report.delivered_columns == ("subscriber_id", "bill_month", "total_fee")
    assert branch.loaded(delivery, "billing_bills", "subscriber_id, total_fee, rent_fee") == [
        ("U1", Decimal("58.00"), None)
    ]
