"""Public data of two operators through the command line; every figure is worked out again with pandas."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from dagster_project.lib import months
from tests.commandline import Branch, is_whole

MAPPINGS = Path(__file__).parents[1] / "mappings"
SHARED = Path(os.environ.get("RETENTION_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.thorough,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the public data sets are not beside the repository (shared/data)"),
]

YEAR = months.between("2018-01", "2018-12")
WINTER = months.between("2019-10", "2020-02")


def run(name: str, range_: tuple[str, ...], folder: Path) -> Branch:
    branch = Branch(folder / "home", SHARED / name, MAPPINGS / name)
    said = branch.run(range_[0], range_[-1])
    assert said.exit_status == 0, said.words
    return branch


@pytest.fixture(scope="module")
def megaline(tmp_path_factory: pytest.TempPathFactory) -> Branch:
    return run("megaline", YEAR, tmp_path_factory.mktemp("megaline"))


@pytest.fixture(scope="module")
def interconnect(tmp_path_factory: pytest.TempPathFactory) -> Branch:
    return run("interconnect", WINTER, tmp_path_factory.mktemp("interconnect"))


def megaline_file(name: str) -> pd.DataFrame:
    """Amounts stay text, so that nothing is lost before they are added up."""
    return pd.read_csv(SHARED / "megaline" / f"megaline_{name}", dtype=str)


def published_leavers(branch: Branch) -> dict[str, int]:
    query = f"select month, churned_count from {branch.series('mart_churn_trend')} where scope_type = 'network'"
    return dict(branch.rows(query))


def test_one_command_publishes_the_twelve_months_of_megaline(megaline: Branch) -> None:
    assert tuple(megaline.current) == YEAR
    assert all(is_whole(folder) for folder in megaline.current.values())


def test_megalines_leavers_are_the_churn_dates_of_its_users(megaline: Branch) -> None:
    left = megaline_file("users.csv")["churn_date"].dropna().str[:7].value_counts()
    assert published_leavers(megaline) == {month: int(left.get(month, 0)) for month in YEAR}


def test_megalines_stock_and_flow_follow_from_its_users(megaline: Branch) -> None:
    users = megaline_file("users.csv")
    joined, left = users["reg_date"].str[:7], users["churn_date"].fillna("9999-12").str[:7]
    expected = {
        month: (
            int(((joined < month) & (left >= month)).sum()),
            int((joined == month).sum()),
            int((left == month).sum()),
            int(((joined <= month) & (left > month)).sum()),
        )
        for month in YEAR
    }
    query = f"""
        select month, opening_count, new_count, churned_count, closing_count
        from {megaline.series("mart_churn_trend")} where scope_type = 'network'
    """
    assert {row[0]: tuple(row[1:]) for row in megaline.rows(query)} == expected


def on_net(users: pd.DataFrame) -> pd.DataFrame:
    """User and month of everybody who had joined by the month's end and not left before its first day."""
    every = users.merge(pd.DataFrame({"month": YEAR}), how="cross")
    left = every["churn_date"].fillna("9999-12").str[:7]
    return every[(every["reg_date"].str[:7] <= every["month"]) & (left >= every["month"])]


def events(users: pd.DataFrame, name: str, date: str) -> pd.DataFrame:
    """The events of users on net in the month of the event."""
    found = megaline_file(name)
    found["month"] = found[date].str[:7]
    return found.merge(on_net(users)[["user_id", "month", "plan"]], on=["user_id", "month"])


def exact(amounts: pd.Series) -> Decimal:
    return sum(map(Decimal, amounts), Decimal(0))


def test_megalines_usage_is_the_sum_of_its_events_to_the_last_unit(megaline: Branch) -> None:
    users = megaline_file("users.csv")
    calls, texts, data = (
        events(users, name, date)
        for name, date in (
            ("calls.csv.gz", "call_date"),
            ("messages.csv.gz", "message_date"),
            ("internet.csv.gz", "session_date"),
        )
    )
    expected = {
        month: (
            exact(calls["duration"][calls["month"] == month]),
            int((calls["month"] == month).sum()),
            int((texts["month"] == month).sum()),
            exact(data["mb_used"][data["month"] == month]),
        )
        for month in YEAR
    }
    query = f"""
        select month, sum(mou_out), sum(calls_out), sum(sms_out), sum(data_mb)
        from {megaline.series("fct_subscriber_months")} group by month
    """
    assert {month: tuple(sums) for month, *sums in megaline.rows(query)} == expected


def test_megalines_bills_are_plan_price_plus_overage(megaline: Branch) -> None:
    users = megaline_file("users.csv")
    plans = pd.read_csv(SHARED / "megaline" / "megaline_plans.csv").set_index("plan_name")
    key = ["user_id", "month"]
    calls = events(users, "calls.csv.gz", "call_date")
    calls["minutes"] = (calls["duration"].astype(float) * 100).round().floordiv(-100).mul(-1)
    data = events(users, "internet.csv.gz", "session_date")
    data["hundredths"] = (data["mb_used"].astype(float) * 100).round().astype(int)
    used = on_net(users).set_index(key)[["plan"]].join(plans, on="plan")
    used["minutes"] = calls.groupby(key)["minutes"].sum()
    used["texts"] = events(users, "messages.csv.gz", "message_date").groupby(key).size()
    used["gigabytes"] = data.groupby(key)["hundredths"].sum().floordiv(-102400).mul(-1)
    used = used.fillna({"minutes": 0, "texts": 0, "gigabytes": 0})
    cents = used["usd_monthly_pay"] * 100
    cents += (used["minutes"] - used["minutes_included"]).clip(lower=0) * (used["usd_per_minute"] * 100).round()
    cents += (used["texts"] - used["messages_included"]).clip(lower=0) * (used["usd_per_message"] * 100).round()
    cents += (used["gigabytes"] - used["mb_per_month_included"] / 1024).clip(lower=0) * used["usd_per_gb"] * 100
    expected = {place: int(amount) for place, amount in cents.round().items()}
    query = f"select subscriber_id, month, total_fee_amount from {megaline.series('fct_subscriber_months')}"
    assert {(who, month): int(fee * 100) for who, month, fee in megaline.rows(query)} == expected


def test_interconnects_leavers_are_its_end_dates(interconnect: Branch) -> None:
    ends = pd.read_csv(SHARED / "interconnect" / "contract.csv", dtype=str)["EndDate"]
    left = ends[ends != "No"].str[:7].value_counts()
    assert set(left.index) <= set(WINTER)
    assert published_leavers(interconnect) == {month: int(left.get(month, 0)) for month in WINTER}


def test_interconnects_bills_add_up_to_its_monthly_charges(interconnect: Branch) -> None:
    contracts = pd.read_csv(SHARED / "interconnect" / "contract.csv", dtype=str)
    expected = {}
    for month in WINTER:
        begun = contracts["BeginDate"].str[:7] <= month
        billed = contracts[begun & ((contracts["EndDate"] == "No") | (contracts["EndDate"].str[:7] > month))]
        expected[month] = exact(billed["MonthlyCharges"])
    query = f"select month, sum(total_fee_amount) from {interconnect.series('fct_subscriber_months')} group by month"
    assert dict(interconnect.rows(query)) == expected


DELIVERED = {"crm_subscribers", "crm_districts", "crm_plans", "billing_bills"}


def test_what_interconnect_does_not_have_is_shown_as_not_available(interconnect: Branch) -> None:
    query = f"select data_set, status, loaded_count from {interconnect.series('mart_delivery_quality')}"
    rows = interconnect.rows(query)
    assert {name for name, _, _ in rows} >= DELIVERED
    assert {name for name, status, _ in rows if status == "absent"} == {name for name, _, _ in rows} - DELIVERED
    assert {count for _, status, count in rows if status == "absent"} == {None}
    for month in WINTER:
        stated = set(interconnect.manifest(month)["not_available"])
        assert stated == {name for name, _, _ in rows} - DELIVERED


NEEDS_OTHER_DATA = {
    "billing_usage": ("mou", "mou_out", "calls_out", "sms_out", "data_mb", "is_active", "is_silent", "silent_months"),
    "billing_payments": ("payment_amount", "payment_count"),
    "crm_complaints": ("complaint_count",),
    "crm_surveys": ("survey_min_score",),
}


@pytest.mark.parametrize("data_set", NEEDS_OTHER_DATA)
def test_a_measure_without_its_data_set_is_null_and_never_zero(interconnect: Branch, data_set: str) -> None:
    counts = ", ".join(f"count({column})" for column in NEEDS_OTHER_DATA[data_set])
    query = f"select count(*), {counts} from {interconnect.series('fct_subscriber_months')}"
    ((rows, *known),) = interconnect.rows(query)
    assert rows > 20_000
    assert known == [0] * len(known)


def test_nobody_is_called_silent_where_usage_is_unknown(interconnect: Branch) -> None:
    query = f"select distinct list_type from {interconnect.series('mart_work_lists')}"
    assert {row[0] for row in interconnect.rows(query)} == {"churned", "mid_high"}


def test_columns_that_interconnect_does_not_have_make_no_scope(interconnect: Branch) -> None:
    query = f"select distinct scope_type from {interconnect.series('mart_churn_trend')}"
    assert {row[0] for row in interconnect.rows(query)} == {"network", "district", "payment_type"}
