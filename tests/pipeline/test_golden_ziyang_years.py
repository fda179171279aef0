"""The Ziyang report's series (domain.md part 4, S0): three years of leavers and newcomers, and November 2011.

Two million newcomers and twice a base of 1.5 million stand as subscriber months, from where all churn marts are
counted; that subscriber months come out of deliveries as they should is shown on smaller worlds. G10 goes the
whole way, as a branch of 2 500. G37 needs no world: it asserts that the report's own numbers do not close.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import duckdb
import pytest

from dagster_project.lib import months
from dagster_project.lib.dbt import months_arguments
from tests.pipeline.printing import percent, rounded, ten_thousands
from tests.worlds import World, run_dbt

MARTS = "+mart_churn_trend +mart_churn_by_tenure +mart_churn_by_plan +mart_churn_by_arpu_band"

CHURNED = {
    **dict.fromkeys(months.between("2009-01", "2009-10"), 33_456),
    "2009-11": 286,
    "2009-12": 33_459,
    **dict.fromkeys(months.between("2010-01", "2010-09"), 39_072),
    "2010-10": 39_080,
    "2010-11": 279,
    "2010-12": 37_196,
    **dict.fromkeys(months.between("2011-01", "2011-06"), 42_425),
    "2011-07": 42_431,
    "2011-08": 57_000,
    "2011-09": 46_946,
    "2011-10": 43_033,
    "2011-11": 59_188,
}
"""Years, the first eleven months of 2010, the three months to October and November 2011 as printed; the two Novembers
before are those of a base of 10 000, so that their rates are the yearly means."""
NEW = {
    **dict.fromkeys(months.between("2009-01", "2009-11"), 50_795),
    "2009-12": 50_804,
    **dict.fromkeys(months.between("2010-01", "2010-11"), 53_884),
    "2010-12": 53_894,
    **dict.fromkeys(months.between("2011-01", "2011-10"), 69_565),
    "2011-11": 69_569,
}
OPENING = {"2009-11": 10_000, "2010-11": 10_000, "2011-11": 1_535_376, "2012-11": 1_535_376}
"""Bases of the months in which the base leaves; in the others newcomers do, within the month."""
EDGE = "2012-11"
"""A month for the roundings next to the printed one: 59 200 leave the network; of a district that holds the whole base
59 189, of a brand 59 188, because the others had moved before they left."""

Row = Mapping[str, Any]


def _rows(month: str) -> str:
    """SQL: the subscriber months of ``month``; at the edge 11 leavers move from A to B, 12 from X to Y."""
    churned, new, opening = CHURNED.get(month, 59_200), NEW.get(month, 0), OPENING.get(month, 0)
    district = "case when place < 11 then 'B' else 'A' end" if month == EDGE else "'A'"
    brand = "case when place < 12 then 'Y' else 'X' end" if month == EDGE else "'X'"
    left = f"place < {churned}" if opening else "false"
    returned = "false" if opening else f"place < {churned}"
    return f"""
        select '{month}' as month, 'O' || place as subscriber_id, true as is_on_net_open,
            not ({left}) as is_on_net_close, false as is_new, {left} as is_churned, false as is_same_month_churned,
            {district} as district_code, 'A' as district_code_open, {brand} as brand, 'X' as brand_open
        from range({opening}) as base(place)
        union all
        select '{month}', 'N' || place, false, not ({returned}), true, {returned}, {returned}, 'A', null, 'X', null
        from range({new}) as newcomers(place)
    """


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Row]:
    """The rows of the trend by month and scope code."""
    world = World(tmp_path_factory.mktemp("history"))
    for month in CHURNED:
        world.add("crm_subscribers", month, [])
    world.add("crm_subscribers", EDGE, [{"subscriber_id": "machine", "brand": "X", "is_countable": False}])
    world.build("2009-01", EDGE, select=MARTS)
    with duckdb.connect(str(world.settings.duckdb_file)) as connection:
        rows = " union all ".join(f"({_rows(month)})" for month in (*CHURNED, EDGE))
        connection.execute("drop table core.fct_subscriber_months")
        connection.execute(f"""
            create view core.fct_subscriber_months as
            select *, '13-24' as tenure_bucket, 20 as tenure_month, 30 as exposure_days,
                'GSM' as network_type, 'GSM' as network_type_open,
                'prepaid' as payment_type, 'prepaid' as payment_type_open, false as is_reinstated,
                false as is_appeared, false as is_entered_base, false as is_left_base, false as is_vanished,
                case when is_churned then 'active' end as churn_kind
            from ({rows})
        """)
    chosen = ("int_churn_cells_counted", "int_churn_flows_counted", "mart_churn_trend")
    run_dbt(world.settings, ["run", "--select", *chosen, *months_arguments("2009-01", EDGE)])
    rows = world.query("select * from retention.mart_churn_trend where scope_type in ('network', 'district', 'brand')")
    return {(row["month"], row["scope_code"]): row for row in rows}


def _network(history: Mapping[tuple[str, str], Row], month: str) -> Row:
    return history[month, "all"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("month", "churned", "new", "printed"),
    [
        pytest.param("2009-12", 368_305, 609_549, "60.42%", id="G01"),
        pytest.param("2010-12", 428_203, 646_618, "66.22%", id="G02"),
        pytest.param("2011-11", 503_148, 765_219, "65.75%", id="G03"),
    ],
)
def test_g01_to_g03_losses_against_gains_of_the_year(
    history: Mapping[tuple[str, str], Row], month: str, churned: int, new: int, printed: str
) -> None:
    row = _network(history, month)
    assert (row["ytd_churned_count"], row["ytd_new_count"]) == (churned, new)
    assert row["ytd_month_count"] == int(month[5:])
    assert percent(row["ytd_churn_to_new_ratio"]) == printed


@pytest.mark.slow
def test_g04_the_three_years_together_lose_64_30_percent_of_their_gains(
    history: Mapping[tuple[str, str], Row],
) -> None:
    years = [_network(history, month) for month in ("2009-12", "2010-12", "2011-11")]
    churned = sum(row["ytd_churned_count"] for row in years)
    new = sum(row["ytd_new_count"] for row in years)
    assert (churned, new) == (1_299_656, 2_021_386)
    assert percent(churned / new) == "64.30%"


@pytest.mark.slow
def test_g05_losses_to_november_rose_by_28_68_percent(history: Mapping[tuple[str, str], Row]) -> None:
    row = _network(history, "2011-11")
    assert percent(row["yoy_ytd_churned_change_rate"]) == "28.68%"
    before = _network(history, "2010-11")["ytd_churned_count"]
    assert 390_992 <= before <= 391_022
    assert (ten_thousands(before, 1), ten_thousands(row["ytd_churned_count"], 2)) == ("39.1万", "50.31万")
    assert percent(50.31 / 39.1 - 1) == "28.67%", "what the report's rounded counts give"
    assert rounded(50.31 - 39.1, 2) == "11.21"


@pytest.mark.slow
def test_g06_december_2010_lost_about_37_196(history: Mapping[tuple[str, str], Row]) -> None:
    year, november = _network(history, "2010-12"), _network(history, "2010-11")
    assert year["ytd_churned_count"] - november["ytd_churned_count"] == year["churned_count"] == 37_196


@pytest.mark.slow
def test_g07_november_2011_loses_3_85_percent_and_one_leaver_more_would_print_3_86(
    history: Mapping[tuple[str, str], Row],
) -> None:
    row = _network(history, "2011-11")
    assert (row["churned_count"], row["opening_count"]) == (59_188, 1_535_376)
    assert percent(row["churn_rate_opening"]) == "3.85%"
    assert row["churn_rate_opening_strict"] == row["churn_rate_opening"]
    district, brand = history[EDGE, "A"], history[EDGE, "X"]
    assert (district["churned_count"], district["opening_count"]) == (59_189, 1_535_376)
    assert percent(district["churn_rate_opening"]) == "3.86%"
    assert (brand["churned_count"], brand["opening_count"]) == (59_188, 1_535_376)
    assert percent(brand["churn_rate_opening"]) == "3.85%"


@pytest.mark.slow
def test_g08_the_rounded_count_5_92_wan_does_not_give_the_printed_rate(
    history: Mapping[tuple[str, str], Row],
) -> None:
    row = _network(history, EDGE)
    assert row["churned_count"] == 59_200
    assert ten_thousands(row["churned_count"], 2) == ten_thousands(59_188, 2) == "5.92万"
    assert percent(row["churn_rate_opening"], 4) == "3.8557%"
    assert percent(row["churn_rate_opening"]) == "3.86%", "the report prints 3.85%"


@pytest.mark.slow
def test_g09_november_2011_is_the_highest_of_the_same_months_of_three_years(
    history: Mapping[tuple[str, str], Row],
) -> None:
    rates = {month: _network(history, month)["churn_rate_opening"] for month in ("2009-11", "2010-11", "2011-11")}
    assert [percent(rate) for rate in rates.values()] == ["2.86%", "2.79%", "3.85%"]
    assert _network(history, "2011-11")["is_record_high"] is True
    assert _network(history, "2010-11")["is_record_high"] is False
    assert _network(history, "2009-11")["is_record_high"] is None


@pytest.mark.slow
def test_g11_a_month_loses_30_692_then_35_684_then_45_741(history: Mapping[tuple[str, str], Row]) -> None:
    years = [_network(history, month) for month in ("2009-12", "2010-12", "2011-11")]
    means = [rounded(row["ytd_churned_count"] / row["ytd_month_count"], 0) for row in years]
    assert means == ["30692", "35684", "45741"]
    assert ten_thousands(years[0]["ytd_churned_count"], 2) == "36.83万"
    assert ten_thousands(int(means[0]), 2) == "3.07万", "the report prints a tenth of the year, 3.68万"


@pytest.mark.slow
def test_g12_monthly_losses_and_rates_imply_bases_of_1_073_to_1_495_million(
    history: Mapping[tuple[str, str], Row], branch: Mapping[str, Row]
) -> None:
    implied = []
    for month in ("2009-12", "2010-12", "2011-11"):
        row = _network(history, month)
        mean = row["ytd_churned_count"] / row["ytd_month_count"]
        rate = round(branch[month]["ytd_monthly_churn_rate"], 4)
        implied.append(rounded(mean / rate / 1_000_000, 3))
    assert implied == ["1.073", "1.279", "1.495"]


def test_g37_net_gains_and_the_base_of_the_report_do_not_close() -> None:
    gains = [609_549 - 368_305, 646_618 - 428_203, 765_219 - 503_148]
    assert gains == [241_244, 218_415, 262_071]
    mean_base_2011 = 45_741 / 0.0306
    projected = mean_base_2011 + gains[2] / 11 * 4.5
    assert rounded(projected / 1_000_000, 2) == "1.60"
    assert percent(1_535_376 / projected - 1, 0) == "-4%"


BASE = 2_500
MONTHLY = {
    **dict(zip(months.between("2009-01", "2009-12"), [71, 72] * 6, strict=True)),
    **dict(zip(months.between("2010-01", "2010-12"), [69] * 3 + [70] * 9, strict=True)),
    **dict(zip(months.between("2011-01", "2011-11"), [76] * 5 + [77] * 6, strict=True)),
}
"""Leavers of a branch that opens every month with 2 500, because each is replaced at once."""


def _snapshot(month: str) -> str:
    """SQL: whoever holds each of the places in ``month``, and the newcomer in the place of each leaver."""
    ends = dict(zip(MONTHLY, accumulate(MONTHLY.values()), strict=True))
    spans = ", ".join(f"('{name}', {end - MONTHLY[name]}, {end})" for name, end in ends.items())
    start, end = ends[month] - MONTHLY[month], ends[month]
    return f"""
        with spans(joined, above, up_to) as (values {spans}),
        places as (
            select
                place,
                greatest(0, ({start} - place + {BASE - 1}) // {BASE}) as life,
                greatest(0, ({end} - place + {BASE - 1}) // {BASE}) as next_life
            from range({BASE}) as places(place)
        ),
        lives as (
            select place, life, next_life > life as leaves from places
            union all
            select place, next_life, false from places where next_life > life
        )
        select
            'S' || place || '-' || life as subscriber_id,
            coalesce(cast(spans.joined || '-20' as date), date '2005-05-01') as join_date,
            case when leaves then 'cancelled' else 'active' end as status,
            case when leaves then date '{month}-10' end as status_date
        from lives
        left join spans
            on life > 0
            and place + (life - 1) * {BASE} >= spans.above
            and place + (life - 1) * {BASE} < spans.up_to
    """


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Row]:
    """The network's row of every month of a branch whose monthly rates are the report's means."""
    world = World(tmp_path_factory.mktemp("branch"))
    for month in MONTHLY:
        world.add_sql("crm_subscribers", month, _snapshot(month))
    world.build("2009-01", "2011-11", select=MARTS)
    rows = world.query("select * from retention.mart_churn_trend where scope_type = 'network'")
    return {row["month"]: row for row in rows}


@pytest.mark.slow
def test_g10_only_two_of_the_three_years_stay_below_3_percent_a_month(branch: Mapping[str, Row]) -> None:
    rates = [branch[month]["ytd_monthly_churn_rate"] for month in ("2009-12", "2010-12", "2011-11")]
    assert [percent(rate) for rate in rates] == ["2.86%", "2.79%", "3.06%"]
    assert [rate <= 0.03 for rate in rates] == [True, True, False], "the report claims all three"


@pytest.mark.slow
def test_a_base_that_is_replaced_at_once_opens_every_month_alike(branch: Mapping[str, Row]) -> None:
    assert {row["opening_count"] for row in branch.values()} == {BASE}
    assert {month: row["churned_count"] for month, row in branch.items()} == MONTHLY
    assert all(row["new_count"] == row["churned_count"] for row in branch.values())
