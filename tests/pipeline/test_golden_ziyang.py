"""The Ziyang report's figures (domain.md part 4, S0) out of a branch with exactly its counts.

Three months of deliveries with 146 979 leavers and 1 535 376 subscribers at the end go as raw data through all
models; every test names the figure it reproduces. Left to later work, because its mart does not exist yet: G38
(pilot). G37 asserts that the report does not close.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.pipeline import ziyang
from tests.pipeline.printing import SUPPRESSED, percent, rounded, ten_thousands
from tests.worlds import World

pytestmark = pytest.mark.slow

END = "2011-10"
MARTS = "+mart_churn_trend +mart_churn_by_tenure +mart_churn_by_plan +mart_churn_by_arpu_band"

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("ziyang"))
    world.add_sql("crm_plans", "2011-08", ziyang.plans())
    for month in ziyang.CHURNED_BY_MONTH:
        stayers = f" union all ({ziyang.stayers(month)})" if month == END else ""
        world.add_sql("crm_subscribers", month, f"({ziyang.leavers(month)}){stayers}")
    world.build("2011-08", END, select=MARTS)
    return world


@pytest.fixture(scope="module")
def trend(branch: World) -> Mapping[str, Row]:
    rows = branch.query("select * from retention.mart_churn_trend where scope_type = 'network'")
    return {row["month"]: row for row in rows}


@pytest.fixture(scope="module")
def buckets(branch: World) -> Mapping[str, Row]:
    """The network's row of the plan table, with the churn of three months."""
    rows = branch.query(
        "select * from retention.mart_churn_by_tenure"
        f" where month = '{END}' and window_months = 3 and scope_type = 'network'"
    )
    return {row["tenure_bucket"]: row for row in rows}


@pytest.fixture(scope="module")
def plans(branch: World) -> Mapping[str, Row]:
    rows = branch.query(f"select * from retention.mart_churn_by_plan where month = '{END}' and window_months = 3")
    return {row["plan_code"]: row for row in rows}


@pytest.fixture(scope="module")
def cells(branch: World) -> Mapping[tuple[str, str], Row]:
    rows = branch.query(
        f"select * from retention.mart_churn_by_plan_tenure where month = '{END}' and window_months = 3"
    )
    return {(row["plan_code"], row["tenure_bucket"]): row for row in rows}


def test_g13_three_months_lose_14_7_wan_and_a_month_4_9_wan(buckets: Mapping[str, Row]) -> None:
    churned = sum(row["churned_count"] for row in buckets.values())
    assert churned == 146_979
    assert ten_thousands(churned, 1) == "14.7万"
    assert ten_thousands(churned // 3, 1) == "4.9万"
    assert churned == 3 * 48_993


def test_g14_the_three_month_rate_is_9_57_percent_and_a_month_3_19(buckets: Mapping[str, Row]) -> None:
    churned = sum(row["churned_count"] for row in buckets.values())
    closing = sum(row["closing_count"] for row in buckets.values())
    assert closing == 1_535_376
    assert percent(churned / closing) == "9.57%"
    assert percent(churned / closing / 3) == "3.19%"


def test_g15_months_4_to_6_lose_8_78_percent_a_month_2_75_times_the_mean(buckets: Mapping[str, Row]) -> None:
    rate = buckets["04-06"]["churn_rate_legacy"]
    assert percent(rate) == "26.33%"
    assert percent(rate / 3) == "8.78%"
    assert rounded(Decimal("8.78") / Decimal("3.19"), 2) == "2.75"
    assert rounded(rate / 3 / 0.0319, 2) == "2.75"


def test_g16_months_7_to_12_lose_6_84_percent_a_month(buckets: Mapping[str, Row]) -> None:
    rate = buckets["07-12"]["churn_rate_legacy"]
    assert percent(rate) == "20.51%"
    assert percent(rate / 3) == "6.84%"


def test_g17_the_network_row_prints_as_in_the_report(buckets: Mapping[str, Row]) -> None:
    printed = tuple(percent(buckets[bucket]["churn_rate_legacy"]) for bucket in ziyang.BUCKETS)
    assert printed == ziyang.NETWORK


def test_g17_the_exposure_rate_stands_beside_it_and_stays_below_one(buckets: Mapping[str, Row]) -> None:
    for row in buckets.values():
        assert row["churn_rate_exposure"] == row["churned_count"] / row["at_risk_count"]
        assert row["ci_low"] < row["churn_rate_exposure"] < row["ci_high"] < 1
        assert not row["is_small"]


def test_g18_the_shares_of_the_losses_imply_the_bases(buckets: Mapping[str, Row]) -> None:
    shares = {bucket: percent(buckets[bucket]["churned_share"], 0) for bucket in ("07-12", "04-06", "13-24")}
    assert shares == {"07-12": "31%", "04-06": "24%", "13-24": "21%"}
    bases = {bucket: buckets[bucket]["closing_count"] for bucket in ("07-12", "04-06", "13-24")}
    assert bases == {"07-12": 222_153, "04-06": 133_973, "13-24": 296_215}
    assert percent(buckets["04-06"]["base_share"] + buckets["07-12"]["base_share"], 1) == "23.2%"


def test_g19_the_other_buckets_lose_3_99_percent(buckets: Mapping[str, Row]) -> None:
    others = [row for bucket, row in buckets.items() if bucket not in ("04-06", "07-12", "13-24")]
    churned = sum(row["churned_count"] for row in others)
    closing = sum(row["closing_count"] for row in others)
    assert percent(sum(row["churned_share"] for row in others), 0) == "24%"
    assert closing in (883_035, 883_036)
    assert percent(churned / closing) == "3.99%"


@pytest.mark.parametrize(
    ("code", "churned", "closing", "printed"),
    [
        pytest.param("XX10", 41_363, 234_416, "17.65%", id="G20"),
        pytest.param("CSK9", 24_288, 281_343, "8.63%", id="G21"),
        pytest.param("JYSJ", 22_767, 210_819, "10.80%", id="G22"),
        pytest.param("JYDX", 15_237, 255_009, "5.98%", id="G23"),
        pytest.param("XX09", 7_568, 89_154, "8.49%", id="G24"),
        pytest.param("WL09", 5_152, 27_277, "18.89%", id="G25"),
        pytest.param("ZJ8B", 5_104, 91_984, "5.55%", id="G26"),
        pytest.param("HSK1", 3_812, 15_932, "23.93%", id="G27"),
    ],
)
def test_g20_to_g27_each_plan_prints_its_total(
    plans: Mapping[str, Row], code: str, churned: int, closing: int, printed: str
) -> None:
    row = plans[code]
    assert (row["churned_count"], row["closing_count"]) == (churned, closing)
    assert row["plan_name"] == ziyang.PLANS[code].name
    assert percent(row["churn_rate_legacy"]) == printed


@pytest.mark.parametrize("code", ziyang.PLANS)
def test_g20_to_g27_the_plan_table_prints_cell_by_cell(cells: Mapping[tuple[str, str], Row], code: str) -> None:
    printed = tuple(percent(cells[code, bucket]["churn_rate_legacy"]) for bucket in ziyang.BUCKETS)
    assert printed == ziyang.PLANS[code].printed


@pytest.mark.parametrize("code", ziyang.PLANS)
def test_g20_to_g27_the_exposure_method_gives_a_share_for_every_cell_with_anybody_in_it(
    cells: Mapping[tuple[str, str], Row], code: str
) -> None:
    for bucket in ziyang.BUCKETS:
        row = cells[code, bucket]
        rate = row["churn_rate_exposure"]
        assert (rate is None) == (row["churned_count"] + row["closing_count"] == 0)
        assert rate is None or 0 <= row["ci_low"] <= rate <= row["ci_high"] <= 1


@pytest.mark.parametrize("code", ziyang.PLANS)
def test_g20_to_g27_the_legacy_rate_is_withheld_for_every_base_below_100(
    cells: Mapping[tuple[str, str], Row], code: str
) -> None:
    for bucket in ziyang.BUCKETS:
        row = cells[code, bucket]
        assert row["is_small"] == (row["churn_rate_legacy"] is None) == (row["closing_count"] < 100)


def test_g24_cells_without_a_base_are_empty_not_divided_by_zero(cells: Mapping[tuple[str, str], Row]) -> None:
    for bucket in ("01-03", "04-06", "07-12"):
        row = cells["XX09", bucket]
        assert (row["churned_count"], row["closing_count"], row["is_small"]) == (0, 0, True)
        assert percent(row["churn_rate_legacy"]) == percent(row["churn_rate_exposure"]) == SUPPRESSED


def test_g26_the_fixed_line_loses_more_the_longer_it_lasts(plans: Mapping[str, Row]) -> None:
    flags = {code: plans[code]["is_inverse_tenure"] for code in ziyang.PLANS}
    assert flags.pop("ZJ8B") is True
    assert flags.pop("HSK1") is None, "two buckets of some size are too few to tell"
    assert set(flags.values()) == {False}


def test_g27_5022_percent_is_withheld_as_a_small_cell(cells: Mapping[tuple[str, str], Row]) -> None:
    row = cells["HSK1", "04-06"]
    assert (row["churned_count"], row["closing_count"], row["is_small"]) == (452, 9, True)
    assert percent(row["churned_count"] / row["closing_count"]) == "5022.22%"
    assert row["churn_rate_legacy"] is None
    assert row["churn_rate_exposure"] <= 1
    assert percent(row["churn_rate_exposure"]) == "98.05%", "452 of the 461 who left or remained"


def test_g27_25_percent_of_four_is_withheld_and_one_of_five_has_a_wide_interval(
    cells: Mapping[tuple[str, str], Row],
) -> None:
    row = cells["HSK1", "01-03"]
    assert (row["churned_count"], row["closing_count"], row["is_small"]) == (1, 4, True)
    assert percent(row["churned_count"] / row["closing_count"]) == "25.00%"
    assert row["churn_rate_legacy"] is None
    assert row["churn_rate_exposure"] == 0.2
    assert (percent(row["ci_low"]), percent(row["ci_high"])) == ("3.62%", "62.45%")


def test_g28_the_eight_named_plans_hold_78_5_percent_of_the_base(plans: Mapping[str, Row]) -> None:
    churned = sum(plans[code]["churned_count"] for code in ziyang.PLANS)
    closing = sum(plans[code]["closing_count"] for code in ziyang.PLANS)
    assert (churned, closing) == (125_291, 1_205_934)
    assert percent(closing / ziyang.CLOSING, 1) == "78.5%"


def test_g29_the_top_ten_plans_take_89_44_percent_of_the_losses(plans: Mapping[str, Row]) -> None:
    top_ten = [row for row in plans.values() if row["churned_rank"] <= 10]
    churned = sum(row["churned_count"] for row in top_ten)
    assert (len(top_ten), churned) == (10, 131_458)
    assert {percent(row["top10_churned_share"]) for row in plans.values()} == {"89.44%"}
    assert ten_thousands(churned, 2) == "13.15万"


def test_g30_the_two_largest_losers_take_31_5_and_18_5_percent_of_the_top_ten(plans: Mapping[str, Row]) -> None:
    first, second = plans["XX10"], plans["CSK9"]
    assert (first["churned_rank"], second["churned_rank"]) == (1, 2)
    assert percent(first["share_of_top10_churned"], 1) == "31.5%"
    assert percent(second["share_of_top10_churned"], 1) == "18.5%"


def test_g31_the_two_unnamed_plans_of_the_top_ten_lose_6167(plans: Mapping[str, Row]) -> None:
    unnamed = [row for code, row in plans.items() if row["churned_rank"] <= 10 and code not in ziyang.PLANS]
    assert [row["churned_rank"] for row in sorted(unnamed, key=lambda row: row["churned_rank"])] == [9, 10]
    assert sum(row["churned_count"] for row in unnamed) == 6_167
    assert max(row["churned_count"] for row in unnamed) < 3_812


def test_g34_october_leaves_103_946_to_august_and_september(trend: Mapping[str, Row]) -> None:
    churned = {month: row["churned_count"] for month, row in trend.items()}
    assert churned["2011-10"] == 102_233 - 59_200 == 43_033
    assert churned["2011-08"] + churned["2011-09"] == 103_946
    assert churned["2011-09"] < churned["2011-08"]
    assert churned["2011-08"] > 51_973
