"""Value tiers and lifecycle stages as Unicom's slide 35 has them (domain.md part 4, G54 to G56), through all models.

Four months of bills; April is judged. The ratio's lines, the prepaid lines and the four prototypes are on networks of
their own, because a line's value is measured against its own network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from dagster_project.lib import months
from tests.worlds import World

pytestmark = pytest.mark.slow

MONTH = "2005-04"
JOINED = "2003-05-20"
RATIO_BILLS = {"r3.00": 300, "r3.01": 301, "r1.00": 100, "r0.99": 99, **{f"other{number}": 75 for number in range(16)}}
"""Twenty bills of 100 yuan on average."""
PREPAID_BILLS = {f"prepaid{number}": 10 * number for number in range(1, 11)}
PROTOTYPES: Mapping[str, Mapping[str, Any]] = {
    "growth": {"join_date": "2005-02-10"},
    "sunk": {"join_date": JOINED},
    "stable": {"join_date": JOINED},
    "warning": {"join_date": JOINED, "contract_end": "2005-06-30"},
}
"""April is the third tenure month of the one that grows."""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    world = World(tmp_path_factory.mktemp("tiers"))
    for month in months.between("2005-01", MONTH):
        _deliver(world, month)
    world.build("2005-01", MONTH, select="+mart_lifecycle_cube")
    rows = world.query(f"select * from core.fct_subscriber_months where month = '{MONTH}'")
    cube = world.query(
        "select lifecycle_stage, value_tier, sum(subscriber_count) as people from retention.mart_lifecycle_cube"
        f" where month = '{MONTH}' group by lifecycle_stage, value_tier"
    )
    counted = Counter((row["lifecycle_stage"], row["value_tier"]) for row in rows)
    assert {(row["lifecycle_stage"], row["value_tier"]): row["people"] for row in cube} == counted
    return {row["subscriber_id"]: row for row in rows}


def _deliver(world: World, month: str) -> None:
    common = {"join_date": JOINED, "payment_type": "postpaid"}
    postpaid = [{**common, "subscriber_id": name, "network": "GSM"} for name in RATIO_BILLS]
    prepaid = [
        {**common, "subscriber_id": name, "network": "CDMA", "payment_type": "prepaid"} for name in PREPAID_BILLS
    ]
    typical = [
        {**common, "subscriber_id": name, "network": "3G", **facts}
        for name, facts in PROTOTYPES.items()
        if facts["join_date"][:7] <= month
    ]
    world.add("crm_subscribers", month, [*postpaid, *prepaid, *typical])
    quiet = month == MONTH
    bills = {**RATIO_BILLS, **PREPAID_BILLS, **{str(row["subscriber_id"]): 50 for row in typical}}
    if quiet:
        bills["sunk"] = 3
    world.add("billing_bills", month, [{"subscriber_id": name, "total_fee": fee} for name, fee in bills.items()])
    minutes = {name: 1 if quiet and name == "sunk" else 200 for name in bills}
    usage = [
        {"subscriber_id": name, "mou_out": mou, "mou_in": 0, "data_mb": 0, "active_days": 20}
        for name, mou in minutes.items()
    ]
    world.add("billing_usage", month, usage)


def test_g54_up_to_three_times_the_network_is_mid_and_below_once_is_low(
    lines: Mapping[str, Mapping[str, Any]],
) -> None:
    ratios = {name: float(lines[name]["value_ratio"]) for name in list(RATIO_BILLS)[:4]}
    assert ratios == {"r3.00": 3.0, "r3.01": 3.01, "r1.00": 1.0, "r0.99": 0.99}
    assert [lines[name]["value_tier"] for name in ratios] == ["mid", "high", "mid", "low"]


def test_g55_of_ten_prepaid_lines_two_are_high_three_mid_and_five_low(
    lines: Mapping[str, Mapping[str, Any]],
) -> None:
    tiers = [lines[f"prepaid{number}"]["value_tier"] for number in range(10, 0, -1)]
    assert tiers == ["high"] * 2 + ["mid"] * 3 + ["low"] * 5


def test_g56_the_four_prototypes_are_told_apart_and_the_third_month_is_growth(
    lines: Mapping[str, Mapping[str, Any]],
) -> None:
    assert {name: lines[name]["lifecycle_stage"] for name in PROTOTYPES} == {name: name for name in PROTOTYPES}
    assert lines["growth"]["tenure_month"] == 3
