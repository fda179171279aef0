"""Figures of structure (domain.md part 4): groups, spikes by tenure, tenure means, out of worlds with their counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.pipeline.printing import percent, rounded
from tests.worlds import World

pytestmark = pytest.mark.slow

GROUPS = "+mart_churn_by_group"
HAZARD = "+mart_churn_hazard"
MEANS = "+mart_churn_tenure_mean"

Row = Mapping[str, Any]

UNITS = {
    "资阳师范学校": 402,
    "岳源石油队": 318,
    "中交二航局": 275,
    **{f"单位{number:02}": count for number, count in enumerate((190, 151, 120, 96, 80, 66, 54, 47, 41, 33, 30), 1)},
}
"""The units that lost thirty members or more in two months; the report names the first three."""
MEMBERS_LOST, LOST, LOST_IN_OCTOBER = 8_345, 102_233, 43_033


def lines_lost() -> str:
    """SQL: every leaver of October and November 2011, with the unit of those who belong to one."""
    rest = MEMBERS_LOST - sum(UNITS.values())
    small = {f"小单位{number:03}": 29 for number in range(rest // 29)} | {"末单位": rest % 29}
    rows = ", ".join(f"('{name}', {count})" for name, count in (UNITS | small).items())
    return f"""
        with units(group_id, lost) as (values {rows}),
        lost as (
            select group_id, unnest(range(lost)) as place from units
            union all select null as group_id, unnest(range({LOST - MEMBERS_LOST})) as place
        )
        select group_id, row_number() over (order by hash(group_id, place), group_id, place) as place from lost
    """


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("groups"))
    names = f"select distinct group_id, group_id as group_name from ({lines_lost()}) where group_id is not null"
    world.add_sql("crm_groups", "2011-10", f"{names} order by all")
    for month, first, last in (("2011-10", 0, LOST_IN_OCTOBER), ("2011-11", LOST_IN_OCTOBER, LOST)):
        leavers = f"""
            select 'L' || place as subscriber_id, group_id, 'cancelled' as status, date '{month}-10' as status_date
            from ({lines_lost()}) where place > {first} and place <= {last}
        """
        stayers = f"""
            select 'L' || place as subscriber_id, group_id, 'active' as status, null as status_date
            from ({lines_lost()}) where place > {last}
        """
        members = """
            select 'S' || place as subscriber_id, '资阳师范学校' as group_id, 'active' as status, null as status_date
            from range(5000) as people(place)
        """
        world.add_sql("crm_subscribers", month, f"{leavers} union all ({stayers}) union all ({members})")
    world.build("2011-10", "2011-11", select=GROUPS)
    return world


def test_g33_members_of_groups_are_8_16_percent_of_the_losses_of_two_months(groups: World) -> None:
    (row,) = groups.query("select * from retention.mart_churn_by_group where month = '2011-11' and group_id = 'all'")
    assert row["churned_count_2m"] == 8_345
    assert percent(row["churned_share_2m"]) == "8.16%"


def test_g35_fourteen_units_lost_thirty_or_more_members_in_two_months(groups: World) -> None:
    rows = groups.query(
        "select * from retention.mart_churn_by_group"
        " where month = '2011-11' and group_id <> 'all' and churned_count_2m >= 30 order by churned_rank"
    )
    assert [row["churned_rank"] for row in rows] == list(range(1, 15))
    assert [row["group_name"] for row in rows[:3]] == ["资阳师范学校", "岳源石油队", "中交二航局"]
    assert [row["churned_count_2m"] for row in rows] == list(UNITS.values())
    assert all(row["is_alert"] for row in rows)


HAZARDS = ((3, 0.0063), (6, 0.0878), (12, 0.0684), (24, 0.0347), (36, 0.0205), (60, 0.016))
"""The simulation of domain 3.4: monthly hazard up to each tenure month."""
LINES = 3_000


def curve(month: str, dealer_lines: int) -> str:
    """SQL: lines of every tenure month from 1 to 60, with the bump at 19 and 20; a dealer's lines until month 8.

    Of the dealer's lines none leaves before its assessment after six months, nine in ten in the month after it, and
    nine in ten of the rest in the next.
    """
    cells = []
    for tenure in range(1, 61):
        hazard = next(rate for last, rate in HAZARDS if tenure <= last) * (1.6 if tenure in (19, 20) else 1)
        cells.append(f"('H', {tenure}, {LINES}, {round(LINES * hazard)})")
        if tenure <= 8 and dealer_lines:
            there = dealer_lines if tenure < 8 else dealer_lines // 10
            cells.append(f"('K', {tenure}, {there}, {there * 9 // 10 if tenure > 6 else 0})")
    return f"""
        with cells(channel_code, tenure, lines, leavers) as (values {", ".join(cells)}),
        people as (select *, unnest(range(lines)) as place from cells)
        select channel_code || tenure || '-' || place as subscriber_id, channel_code,
            cast(date '{month}-01' - to_months(cast(tenure - 1 as int)) as date) as join_date,
            case when place < leavers then 'cancelled' else 'active' end as status,
            case when place < leavers then date '{month}-20' end as status_date
        from people
    """


@pytest.fixture(scope="module")
def spikes(tmp_path_factory: pytest.TempPathFactory) -> World:
    """2009-10 without and 2011-10 with the dealer: too far apart for one window."""
    world = World(tmp_path_factory.mktemp("spikes"))
    channels = [
        {"channel_code": "H", "channel_name": "自有营业厅", "commission_months": 12},
        {"channel_code": "K", "channel_name": "代理商", "commission_months": 6},
    ]
    for month, dealer_lines in (("2009-10", 0), ("2011-10", 600)):
        world.add("crm_channels", month, channels)
        world.add_sql("crm_subscribers", month, curve(month, dealer_lines))
        world.build(month, month, select=HAZARD)
    return world


def tenure_months(world: World, month: str, flag: str) -> list[int]:
    rows = world.query(
        f"select tenure_month from retention.mart_churn_hazard where month = '{month}' and {flag} order by 1"
    )
    return [row["tenure_month"] for row in rows]


def test_g36_spikes_are_reported_exactly_at_the_planted_tenure_months(spikes: World) -> None:
    assert tenure_months(spikes, "2009-10", "is_spike") == [19, 20]
    assert tenure_months(spikes, "2009-10", "is_dealer_effect") == []


def test_g64_the_spike_after_the_assessment_is_named_as_the_dealers_effect(spikes: World) -> None:
    assert tenure_months(spikes, "2011-10", "is_spike and not is_dealer_effect") == [19, 20]
    assert tenure_months(spikes, "2011-10", "is_dealer_effect") == [7]
    assert tenure_months(spikes, "2011-10", "is_spike and is_dealer_effect") == [7]
    rows = spikes.query("select * from retention.mart_churn_by_channel where month = '2011-10'")
    dealers = {row["channel_code"]: row for row in rows}
    assert [code for code, row in dealers.items() if row["is_assessment_spike"]] == ["K"]
    assert dealers["K"]["survival_to_assessment_rate"] == 1


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Row]:
    """S1: twice as many stayers as leavers, with the printed mean tenures."""
    world = World(tmp_path_factory.mktemp("means"))
    world.add_sql(
        "crm_subscribers",
        "2005-06",
        """
        with cells(network, tenure, status, lines) as (values
            ('CDMA', 12, 'active', 2000), ('CDMA', 13, 'cancelled', 1000),
            ('GSM', 15, 'active', 2000), ('GSM', 12, 'cancelled', 1000)
        ),
        people as (select *, unnest(range(lines)) as place from cells)
        select network || status || place as subscriber_id, network, status,
            cast(date '2005-06-01' - to_months(cast(tenure + place % 3 - 2 as int)) as date) as join_date,
            case when status = 'cancelled' then date '2005-06-15' end as status_date
        from people
        """,
    )
    world.build("2005-06", "2005-06", select=MEANS)
    rows = world.query("select * from retention.mart_churn_tenure_mean where scope_type = 'network_type'")
    return {row["scope_code"]: row for row in rows}


def test_g51_leavers_of_cdma_are_older_and_of_gsm_younger_than_those_on_the_network(means: Mapping[str, Row]) -> None:
    columns = ("average_tenure_closing", "average_tenure_churned", "average_tenure_all")
    printed = {code: [rounded(row[column], 0) for column in columns] for code, row in means.items()}
    assert printed == {"CDMA": ["12", "13", "12"], "GSM": ["15", "12", "14"]}
    assert (means["CDMA"]["leavers_are_older"], means["CDMA"]["leavers_are_younger"]) == (True, False)
    assert (means["GSM"]["leavers_are_older"], means["GSM"]["leavers_are_younger"]) == (False, True)
