"""Cost caps, the revenue bridge and converted rates (domain.md part 4: G53, G60, G61, G65), through all models."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from dagster_project.lib import months
from tests.pipeline.printing import percent, rounded
from tests.worlds import World

pytestmark = pytest.mark.slow

MONTH = "2005-04"
JOINED = "2003-05-20"
ARPU = 200
OTHERS: Mapping[str, tuple[int, int]] = {"H": (16, 40), "M": (4, 100), "L": (4, 300), "G": (20, 100)}
"""How many others are on the network of the high, mid, low and group lines, and what they pay."""


@pytest.fixture(scope="module")
def caps(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Lines of 200 yuan on four networks, each of which won two newcomers in April for 300 yuan."""
    world = World(tmp_path_factory.mktemp("caps"))
    for month in months.between("2005-01", MONTH):
        lines = [
            (f"{network}{number}", network, fee) for network, (count, fee) in OTHERS.items() for number in range(count)
        ]
        lines += [(name, name[0].upper(), ARPU) for name in ("high", "mid", "low")]
        lines += [(f"group{number:02}", "G", ARPU) for number in range(12)]
        common = {"join_date": JOINED, "payment_type": "postpaid"}
        rows: list[dict[str, Any]] = [
            {
                **common,
                "subscriber_id": name,
                "network": network,
                "group_id": "G1" if name.startswith("group") else None,
            }
            for name, network, _ in lines
        ]
        if month == MONTH:
            rows += [
                {**common, "subscriber_id": f"new{network}{number}", "network": network, "join_date": f"{month}-10"}
                for network in OTHERS
                for number in range(2)
            ]
        world.add("crm_subscribers", month, rows)
        world.add("billing_bills", month, [{"subscriber_id": name, "total_fee": fee} for name, _, fee in lines])
    world.add("crm_groups", "2005-01", [{"group_id": "G1", "has_agreement": True}])
    costs = {"commission": 100, "handset_subsidy": 150, "marketing": 50}
    world.add(
        "finance_acquisition", MONTH, [{"network": network, "district_code": "D1", **costs} for network in OTHERS]
    )
    world.build("2005-01", MONTH, select="+mart_work_lists")
    return world


def test_g53_caps_at_arpu_200_acpu_150_and_twelve_lines(caps: World) -> None:
    rows = caps.query(
        "select subscriber_id, value_tier, acpu_amount, care_cap_amount, retention_cap_amount"
        f" from intermediate.int_subscriber_cost_caps where month = '{MONTH}'"
    )
    found = {
        row["subscriber_id"]: (row["value_tier"], str(row["care_cap_amount"]), str(row["retention_cap_amount"]))
        for row in rows
    }
    assert {str(row["acpu_amount"]) for row in rows} == {"150.00"}
    assert found["high"] == ("high", "20.00", "300.00")
    assert found["mid"] == ("mid", "20.00", "225.00")
    assert found["low"] == ("low", "0.00", "0.00")
    assert {found[f"group{number:02}"] for number in range(12)} == {("group", "480.00", "2700.00")}


def test_g53_the_caps_stand_on_the_lists(caps: World) -> None:
    rows = caps.query(
        "select subscriber_id, care_cap_amount, retention_cap_amount from retention.mart_work_lists"
        f" where month = '{MONTH}' and list_type = 'mid_high' and subscriber_id in ('high', 'mid', 'group00')"
    )
    assert {
        row["subscriber_id"]: (float(row["care_cap_amount"]), float(row["retention_cap_amount"])) for row in rows
    } == {
        "high": (20, 300),
        "mid": (20, 225),
        "group00": (480, 2700),
    }


BILLS: Mapping[str, tuple[list[str], int]] = {
    "2010-10": (["50.00"] * 4, 100),
    "2011-09": (["40.00"] * 5, 100),
    "2011-10": (["45.00"] * 5 + ["45.01"], 120),
}
"""The bills of a month and the minutes of each billed user."""


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    world = World(tmp_path_factory.mktemp("bridge"))
    for month, (fees, minutes) in BILLS.items():
        names = [f"s{number}" for number in range(8)]
        world.add("crm_subscribers", month, [{"subscriber_id": name} for name in names])
        bills = [{"subscriber_id": name, "total_fee": fee} for name, fee in zip(names, fees, strict=False)]
        world.add("billing_bills", month, bills)
        world.add("billing_usage", month, [{"subscriber_id": name, "mou_out": minutes, "mou_in": 0} for name in names])
    world.build("2010-10", "2011-10", select="+mart_revenue_bridge")
    rows = world.query("select * from retention.mart_revenue_bridge where scope_type = 'network' order by month")
    return {row["month"]: row for row in rows}


def test_g60_billed_users_times_arpu_is_revenue_to_the_fen(bridge: Mapping[str, Any]) -> None:
    for month, (fees, _) in BILLS.items():
        row = bridge[month]
        revenue = sum(map(Decimal, fees))
        assert (row["billed_count"], row["revenue_amount"]) == (len(fees), revenue)
        assert row["billed_count"] * Fraction(revenue) / len(fees) == Fraction(row["revenue_amount"])
        assert str(row["arpu_amount"]) == rounded(revenue / len(fees), 2)
    assert bridge["2011-09"]["billed_count"] * bridge["2011-09"]["arpu_amount"] == bridge["2011-09"]["revenue_amount"]


def test_g61_usage_and_price_change_the_arpu_and_the_parts_sum_to_the_change(bridge: Mapping[str, Any]) -> None:
    now = bridge["2011-10"]
    for suffix, earlier, parts in (
        ("mom", "2011-09", ("40.00", "48.00", "-17.99")),
        ("yoy", "2010-10", ("100.00", "60.00", "-89.99")),
    ):
        before = bridge[earlier]
        effects = [now[f"{kind}_effect_{suffix}"] for kind in ("volume", "usage", "price")]
        assert tuple(map(str, effects)) == parts
        assert sum(effects) == now["revenue_amount"] - before["revenue_amount"]
        arpu_change = (
            Fraction(now["revenue_amount"]) / 6 / (Fraction(before["revenue_amount"]) / before["billed_count"])
        )
        factors = now["mou"] / before["mou"] * now["price_per_unit"] / before["price_per_unit"]
        assert factors == pytest.approx(float(arpu_change))
    assert bridge["2010-10"]["volume_effect_mom"] is None


def test_g65_twenty_percent_a_year_is_1_84_percent_a_month(tmp_path: Any) -> None:
    world = World(tmp_path)
    names = [f"s{number}" for number in range(100)]
    for month, present in (("2010-01", names), ("2011-01", names[:80])):
        world.add("crm_subscribers", month, [{"subscriber_id": name, "join_date": "2010-01-10"} for name in present])
    world.build("2010-01", "2011-01", select="+mart_cohort_retention")
    rows = world.query("select * from retention.mart_cohort_retention where month = '2011-01'")
    assert [(row["joined_month"], row["age_months"], row["cohort_count"], row["survivors_count"]) for row in rows] == [
        ("2010-01", 12, 100, 80)
    ]
    assert percent(1 - rows[0]["survival_rate"], 0) == "20%"
    assert percent(rows[0]["monthly_churn_rate"]) == "1.84%"
