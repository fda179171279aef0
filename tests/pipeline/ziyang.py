"""The Ziyang branch of Sichuan Mobile in 2011, as its report (S0) counts it.

Where the report prints a percentage and no count, the counts below are a solution of its equations:
every cell gives the printed percentage, every plan its printed totals, and all together the branch's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHURNED = 146_979
"""Leavers of August to October 2011."""
CLOSING = 1_535_376
"""Subscribers on the network at the end of October 2011."""
CHURNED_BY_MONTH = {"2011-08": 57_000, "2011-09": 46_946, "2011-10": 43_033}
"""October follows from the two-month figure of G34; August and September share the rest, falling."""
BUCKETS = ("01-03", "04-06", "07-12", "13-24", "25-36", "37-60", "61+")
TENURE_MONTHS = {"01-03": 2, "04-06": 5, "07-12": 10, "13-24": 18, "25-36": 30, "37-60": 48, "61+": 70}
"""A tenure month inside each bucket."""


@dataclass(frozen=True)
class Plan:
    """A row of the report's plan table: leavers and subscribers in each tenure bucket, and what is printed."""

    name: str
    cells: tuple[tuple[int, int], ...]
    printed: tuple[str, ...]
    printed_total: str


_NONE = "—"
PLANS: Mapping[str, Plan] = {
    "XX10": Plan(
        "动感学习套餐(2009)201007版",
        (
            (632, 23_988),
            (18_597, 42_513),
            (15_400, 54_382),
            (4_715, 52_628),
            (1_304, 23_927),
            (604, 24_539),
            (111, 12_439),
        ),
        ("2.63%", "43.74%", "28.32%", "8.96%", "5.45%", "2.46%", "0.89%"),
        "17.65%",
    ),
    "CSK9": Plan(
        "神州行城市卡09版",
        (
            (522, 27_601),
            (5_742, 24_307),
            (8_461, 42_333),
            (6_415, 63_596),
            (1_787, 42_643),
            (956, 40_677),
            (405, 40_186),
        ),
        ("1.89%", "23.62%", "19.99%", "10.09%", "4.19%", "2.35%", "1.01%"),
        "8.63%",
    ),
    "JYSJ": Plan(
        "神州行家园卡升级版",
        (
            (241, 17_282),
            (5_725, 31_196),
            (10_131, 56_673),
            (4_430, 52_772),
            (1_515, 23_801),
            (605, 17_990),
            (120, 11_105),
        ),
        ("1.39%", "18.35%", "17.88%", "8.39%", "6.37%", "3.36%", "1.08%"),
        "10.80%",
    ),
    "JYDX": Plan(
        "神州行家园卡单向版",
        (
            (227, 73_672),
            (1_383, 7_331),
            (4_947, 22_088),
            (4_594, 34_573),
            (1_728, 25_901),
            (1_780, 52_660),
            (578, 38_784),
        ),
        ("0.31%", "18.87%", "22.40%", "13.29%", "6.67%", "3.38%", "1.49%"),
        "5.98%",
    ),
    "XX09": Plan(
        "动感学习套餐2009",
        ((0, 0), (0, 0), (0, 0), (5_566, 34_981), (1_391, 24_809), (438, 11_846), (173, 17_518)),
        (_NONE, _NONE, _NONE, "15.91%", "5.61%", "3.70%", "0.99%"),
        "8.49%",
    ),
    "WL09": Plan(
        "动感网聊套餐(2009)",
        ((119, 2_514), (1_431, 3_419), (1_163, 3_373), (1_654, 7_470), (497, 3_996), (222, 3_111), (66, 3_394)),
        ("4.73%", "41.85%", "34.48%", "22.14%", "12.44%", "7.14%", "1.94%"),
        "18.89%",
    ),
    "ZJ8B": Plan(
        "移动座机08B",
        ((0, 4_744), (44, 7_608), (26, 9_397), (112, 6_901), (1_668, 26_212), (1_288, 16_540), (1_966, 20_582)),
        ("0.00%", "0.58%", "0.28%", "1.62%", "6.36%", "7.79%", "9.55%"),
        "5.55%",
    ),
    "HSK1": Plan(
        "神州行贺岁卡2011",
        ((1, 4), (452, 9), (3_359, 15_919), (0, 0), (0, 0), (0, 0), (0, 0)),
        (_NONE, _NONE, "21.10%", _NONE, _NONE, _NONE, _NONE),
        "23.93%",
    ),
}
"""The eight plans that the report names, by a code of our own."""

REST = (
    (2_530, 76_636),
    (1_901, 17_590),
    (2_077, 17_988),
    (3_380, 43_294),
    (3_291, 43_268),
    (4_298, 45_142),
    (4_211, 85_524),
)
"""Leavers and subscribers of all other plans, by bucket."""
REST_PLANS = {"U1": 3_084, "U2": 3_083, **{f"V{number}": 1_940 for number in range(1, 9)}, "V9": 1}
"""Leavers of the two unnamed plans of the top ten (together 6 167), and of the plans below them."""

NETWORK = ("1.89%", "26.33%", "20.51%", "10.42%", "6.14%", "4.80%", "3.32%")
"""The row 全网平均值."""


def leavers(month: str) -> str:
    """SQL: a snapshot row for everybody who leaves in ``month``."""
    earlier = sum(count for other, count in CHURNED_BY_MONTH.items() if other < month)
    return f"""
        with cells(plan_code, tenure_month, churned) as (values {_cells(0)}),
        rest_plans(plan_code, above, up_to) as (values {_rest_plans()}),
        rest as (
            select tenure_month, row_number() over (order by tenure_month) as place
            from (select tenure_month, unnest(range(churned)) from cells where plan_code = 'rest')
        ),
        leavers as (
            select plan_code, tenure_month, unnest(range(churned)) as place from cells where plan_code <> 'rest'
            union all
            select rest_plans.plan_code, rest.tenure_month, rest.place
            from rest inner join rest_plans on rest.place > above and rest.place <= up_to
        ),
        shuffled as (
            select
                plan_code,
                tenure_month,
                row_number() over (order by hash(plan_code, tenure_month, place), place) as place
            from leavers
        )
        select
            'L' || place as subscriber_id, plan_code, {_join_date(month)} as join_date,
            'cancelled' as status, date '{month}-10' as status_date
        from shuffled
        where place > {earlier} and place <= {earlier + CHURNED_BY_MONTH[month]}
    """


def stayers(month: str) -> str:
    """SQL: a snapshot row for everybody who is on the network at the end of ``month``."""
    codes = ", ".join(f"'{code}'" for code in REST_PLANS)
    return f"""
        with cells(plan_code, tenure_month, closing) as (values {_cells(1)}),
        stayers as (select plan_code, tenure_month, unnest(range(closing)) as place from cells)
        select
            'B' || row_number() over () as subscriber_id,
            case
                when plan_code = 'rest' then [{codes}][1 + cast(place % {len(REST_PLANS)} as int)]
                else plan_code
            end as plan_code,
            {_join_date(month)} as join_date,
            'active' as status, cast(null as date) as status_date
        from stayers
    """


def plans() -> str:
    """SQL: the reference data of all plans."""
    named = [f"('{code}', '{plan.name}')" for code, plan in PLANS.items()]
    others = [f"('{code}', '其他资费{code}')" for code in REST_PLANS]
    return f"select * from (values {', '.join(named + others)}) as plans(plan_code, plan_name)"


def _cells(side: int) -> str:
    rows = {**{code: plan.cells for code, plan in PLANS.items()}, "rest": REST}
    return ", ".join(
        f"('{code}', {TENURE_MONTHS[bucket]}, {cell[side]})"
        for code, cells in rows.items()
        for bucket, cell in zip(BUCKETS, cells, strict=True)
    )


def _rest_plans() -> str:
    above, ranges = 0, []
    for code, count in REST_PLANS.items():
        ranges.append(f"('{code}', {above}, {above + count})")
        above += count
    return ", ".join(ranges)


def _join_date(month: str) -> str:
    return f"cast(date '{month}-15' - to_months(cast(tenure_month - 1 as int)) as date)"
