"""Unicom's figures (domain.md part 4, S1) out of worlds with the printed proportions, through all models.

Causes and destinations (G40 to G42, G50) are in test_golden_causes, G53 (cost caps) in test_golden_value, G51 (tenure
means) in test_golden_structure.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from dagster_project.settings import DBT_PROJECT_DIR
from tests.pipeline import unicom
from tests.pipeline.printing import percent, rounded
from tests.worlds import World

CHURN_MARTS = "+mart_churn_trend +mart_churn_by_tenure +mart_churn_by_plan +mart_churn_by_arpu_band"

Rates = Mapping[int, Mapping[str, float]]


@pytest.fixture(scope="module")
def half_years(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("half_years"))
    for year in unicom.YEARS:
        for number in range(1, 7):
            world.add_sql("crm_subscribers", f"{year}-{number:02}", unicom.snapshot(year, number))
    world.build("2004-01", "2005-06", select=CHURN_MARTS)
    return world


@pytest.fixture(scope="module")
def national(half_years: World) -> Rates:
    """The cumulative half-year rate by year and network."""
    return _rates(half_years, "network_type", prefix="")


@pytest.fixture(scope="module")
def cdma(half_years: World) -> Rates:
    return _rates(half_years, "district", prefix="CDMA")


@pytest.fixture(scope="module")
def gsm(half_years: World) -> Rates:
    return _rates(half_years, "district", prefix="GSM")


def _rates(world: World, scope_type: str, prefix: str) -> Rates:
    rows = world.query(
        "select cast(substr(month, 1, 4) as int) as year, scope_code, ytd_churn_rate from retention.mart_churn_trend"
        f" where month like '%-06' and scope_type = '{scope_type}' and scope_code like '{prefix}%'"
    )
    return {
        year: {row["scope_code"].removeprefix(prefix): row["ytd_churn_rate"] for row in rows if row["year"] == year}
        for year in unicom.YEARS
    }


def _rank(rates: Mapping[str, float], national: float) -> int:
    """The nation's place among its provinces, the lowest rate first."""
    return 1 + sum(rate <= national for rate in rates.values())


@pytest.mark.slow
def test_g43_cdma_lost_15_6_percent_in_the_half_year_rank_15_of_32(national: Rates, cdma: Rates) -> None:
    rate = national[2005]["CDMA"]
    assert (percent(rate, 1), percent(rate, 0)) == ("15.6%", "16%")
    printed = {province: int(percent(value, 0).rstrip("%")) for province, value in cdma[2005].items()}
    assert printed == {province: rates[1] for province, rates in unicom.CDMA.items()}
    assert (_rank(cdma[2005], rate), len(cdma[2005]) + 1) == (15, 32)
    assert sum(value >= 20 for value in printed.values()) == 10
    assert sum(value <= 12 for value in printed.values()) == 9
    assert sum(value < 12 for value in printed.values()) == 7


@pytest.mark.slow
def test_g44_cdma_rose_by_2_6_points(national: Rates) -> None:
    before, after = (percent(national[year]["CDMA"], 1) for year in unicom.YEARS)
    assert (before, percent(national[2004]["CDMA"], 0)) == ("13.0%", "13%")
    assert rounded(float(after.rstrip("%")) - float(before.rstrip("%")), 1) == "2.6"


@pytest.mark.slow
def test_g45_gsm_lost_29_percent_rank_18(national: Rates, gsm: Rates) -> None:
    rate = national[2005]["GSM"]
    assert percent(rate, 0) == "29%"
    printed = {province: int(percent(value, 0).rstrip("%")) for province, value in gsm[2005].items()}
    assert printed == {province: rates[1] for province, rates in unicom.GSM.items()}
    assert _rank(gsm[2005], rate) == 18
    assert sum(value >= 30 for value in printed.values()) == 14
    assert sum(value > 30 for value in printed.values()) == 13


@pytest.mark.slow
def test_g46_gsm_fell_slightly_by_one_point(national: Rates) -> None:
    assert percent(national[2004]["GSM"], 0) == "30%"
    assert int(percent(national[2005]["GSM"], 0)[:2]) - int(percent(national[2004]["GSM"], 0)[:2]) == -1


@pytest.mark.slow
def test_g47_the_biggest_movers_of_cdma(cdma: Rates) -> None:
    change = {name: round((cdma[2005][name] - cdma[2004][name]) * 100) for name in cdma[2005]}
    ranked = sorted(change.items(), key=lambda item: item[1])
    assert ranked[-1:-4:-1] == [("辽宁", 28), ("宁夏", 24), ("福建", 21)]
    assert ranked[:3] == [("湖北", -14), ("山西", -12), ("湖南", -11)]


@pytest.mark.slow
def test_g52_a_half_year_of_15_6_percent_is_2_60_simple_and_2_79_compounded_a_month(
    national: Rates, half_years: World
) -> None:
    rate = round(national[2005]["CDMA"], 3)
    assert percent(rate / 6) == "2.60%"
    assert percent(1 - (1 - rate) ** (1 / 6)) == "2.79%"
    (row,) = half_years.query(
        "select * from retention.mart_churn_trend"
        f" where month = '2005-06' and scope_type = 'network_type' and scope_code = '{unicom.EXACT[0]}'"
    )
    assert (row["half_year_month_count"], row["half_year_churned_count"]) == (6, 39)
    assert row["half_year_churn_rate"] == row["ytd_churn_rate"] == 0.156
    assert percent(row["half_year_monthly_churn_rate"]) == "2.60%"
    assert percent(row["half_year_monthly_churn_rate_compound"]) == "2.79%"


@pytest.fixture(scope="module")
def bands(tmp_path_factory: pytest.TempPathFactory) -> World:
    """S1: 1 000 leavers and 10 000 stayers by ARPU and payment; S0: 146 979 leavers by ARPU."""
    world = World(tmp_path_factory.mktemp("bands"))
    everybody = """
        with cells(amount, stays, people, above) as (values
            (20, false, 870, 0), (80, false, 110, 870), (150, false, 20, 980),
            (20, true, 5800, 1000), (80, true, 2400, 6800), (150, true, 1800, 9200)
        ), people as (select *, above + unnest(range(people)) as place from cells)
    """
    world.add_sql(
        "crm_subscribers", "2005-05", f"{everybody} select 'G' || place as subscriber_id, {_LINE} from people"
    )
    world.add_sql(
        "billing_bills", "2005-05", f"{everybody} select 'G' || place as subscriber_id, amount as total_fee from people"
    )
    world.add_sql(
        "crm_subscribers",
        "2005-06",
        f"""{everybody} select 'G' || place as subscriber_id, {_LINE},
        case when stays then 'active' else 'cancelled' end as status,
        case when not stays then date '2005-06-09' end as status_date from people""",
    )
    ziyang = "from range(146979 + 100) as people(place)"
    world.add_sql("crm_subscribers", "2011-09", f"select 'Z' || place as subscriber_id {ziyang}")
    world.add_sql(
        "billing_bills",
        "2011-09",
        f"""select 'Z' || place as subscriber_id,
        case when place < 81400 then 30 when place < 81400 + 35275 then 50 else 50.01 end as total_fee {ziyang}""",
    )
    world.add_sql(
        "crm_subscribers",
        "2011-10",
        f"""select 'Z' || place as subscriber_id, case when place < 146979 then 'cancelled' else 'active' end as status,
        case when place < 146979 then date '2011-10-09' end as status_date {ziyang}""",
    )
    world.build("2005-05", "2005-06", select=CHURN_MARTS)
    world.build("2011-09", "2011-10", select=CHURN_MARTS)
    return world


_LINE = """
    date '2003-05-20' as join_date,
    case when place % 100 < 39 then 'prepaid' when place % 100 < 74 then 'quasi_prepaid' else 'postpaid' end
        as payment_type
"""


def _bands(world: World, month: str) -> Mapping[str, Mapping[str, Any]]:
    rows = world.query(f"select * from retention.mart_churn_by_arpu_band where month = '{month}' and window_months = 1")
    return {row["arpu_band"]: row for row in rows}


@pytest.mark.slow
def test_g32_55_percent_of_the_leavers_had_paid_up_to_30_yuan(bands: World) -> None:
    rows = _bands(bands, "2011-10")
    assert sum(row["churned_count"] for row in rows.values()) == 146_979
    assert rows["0"]["churned_count"] + rows["0-30"]["churned_count"] == 81_400
    assert percent(rows["0"]["churned_share"] + rows["0-30"]["churned_share"], 0) == "55%"
    assert percent(rows["0-30"]["churned_share"]) == "55.38%"
    assert percent(rows["30-50"]["churned_share"], 0) == "24%"
    assert rows["30-50"]["churned_count"] == 35_275


@pytest.mark.slow
def test_g48_leavers_by_payment_are_39_35_and_26_percent(bands: World) -> None:
    rows = bands.query(
        "select scope_code, churned_count from retention.mart_churn_trend"
        " where month = '2005-06' and scope_type = 'payment_type'"
    )
    churned = {row["scope_code"]: row["churned_count"] for row in rows}
    total = sum(churned.values())
    shares = {code: percent(count / total, 0) for code, count in churned.items()}
    assert shares == {"prepaid": "39%", "quasi_prepaid": "35%", "postpaid": "26%"}


@pytest.mark.slow
def test_g49_the_index_of_the_arpu_bands_is_1_50_0_46_and_0_11(bands: World) -> None:
    rows = _bands(bands, "2005-06")
    united = {"0-50": ("0", "0-30", "30-50"), "50-100": ("50-100",), "100+": ("100-200", "200+")}
    left = {name: sum(rows[band]["churned_share"] for band in parts) for name, parts in united.items()}
    base = {name: sum(rows[band]["base_share"] for band in parts) for name, parts in united.items()}
    assert [percent(share, 0) for share in left.values()] == ["87%", "11%", "2%"]
    assert [percent(share, 0) for share in base.values()] == ["58%", "24%", "18%"]
    assert [rounded(left[name] / base[name], 2) for name in united] == ["1.50", "0.46", "0.11"]
    assert [rounded(rows[band]["band_index"], 2) for band in ("0-30", "50-100", "100-200")] == ["1.50", "0.46", "0.11"]


def _seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT_DIR / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_g57_the_catalogue_has_38_measures_with_corrected_codes() -> None:
    codes = [row["measure_code"] for row in _seed("measures")]
    sizes = {"PM": 3, "PS": 4, "PA": 5, "RM": 5, "RS": 5, "RA": 5, "DM": 4, "DS": 3, "DA": 4}
    assert Counter(code[:2] for code in codes) == sizes
    assert set(codes) == {f"{kind}{number:03}" for kind, size in sizes.items() for number in range(1, size + 1)}
    assert len(codes) == len(set(codes)) == 38


def test_g58_the_taxonomy_has_7_groups_and_23_leaves_and_20_urgency_items() -> None:
    causes = [row for row in _seed("causes") if row["is_leaf"] == "true"]
    assert len(causes) == len({row["cause_code"] for row in causes}) == 23
    assert len({row["cause_group"] for row in causes}) == 7
    actions = _seed("cause_actions")
    assert len(actions) == 20
    assert sorted(Counter(row["urgency"] for row in actions).values()) == [6, 7, 7]
    assert {row["cause_code"] for row in actions} <= {row["cause_code"] for row in causes}
