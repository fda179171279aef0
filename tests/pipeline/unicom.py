"""Half-year churn of China Unicom's provinces, first halves of 2004 and 2005 (S1), as worlds of subscribers.

Every province opens each month with the same base, so that its cumulative rate is its percentage exactly; one province
is larger than the others, so that all together give the printed national rate.
"""

from __future__ import annotations

from collections.abc import Mapping

YEARS = (2004, 2005)
CDMA: Mapping[str, tuple[int, int]] = {
    "甘肃": (1, 5),
    "湖北": (20, 6),
    "陕西": (6, 7),
    "重庆": (10, 7),
    "广东": (19, 11),
    "海南": (12, 11),
    "吉林": (15, 11),
    "上海": (5, 12),
    "湖南": (23, 12),
    "云南": (12, 13),
    "天津": (14, 13),
    "浙江": (4, 14),
    "山西": (26, 14),
    "内蒙古": (22, 15),
    "河南": (24, 16),
    "四川": (5, 17),
    "贵州": (12, 17),
    "河北": (19, 17),
    "江苏": (23, 17),
    "安徽": (3, 18),
    "青海": (1, 18),
    "黑龙江": (13, 20),
    "广西": (3, 20),
    "山东": (14, 20),
    "西藏": (13, 21),
    "北京": (15, 21),
    "江西": (12, 21),
    "福建": (2, 23),
    "宁夏": (1, 25),
    "新疆": (17, 26),
    "辽宁": (1, 29),
}
GSM: Mapping[str, tuple[int, int]] = {
    "西藏": (0, 11),
    "陕西": (19, 13),
    "海南": (14, 13),
    "河北": (30, 16),
    "山西": (38, 18),
    "青海": (20, 18),
    "湖南": (31, 19),
    "北京": (5, 19),
    "河南": (45, 21),
    "湖北": (15, 22),
    "内蒙古": (29, 23),
    "吉林": (31, 23),
    "宁夏": (35, 25),
    "甘肃": (31, 25),
    "江西": (22, 26),
    "上海": (22, 27),
    "广西": (35, 29),
    "黑龙江": (25, 30),
    "安徽": (18, 31),
    "新疆": (20, 31),
    "山东": (23, 31),
    "重庆": (55, 31),
    "广东": (41, 32),
    "福建": (20, 33),
    "云南": (46, 33),
    "天津": (32, 34),
    "辽宁": (23, 35),
    "江苏": (30, 35),
    "贵州": (28, 37),
    "四川": (34, 37),
    "浙江": (41, 38),
}
LARGE = {
    ("CDMA", 2004): ("广东", 7),
    ("CDMA", 2005): ("广东", 4),
    ("GSM", 2004): ("山西", 10),
    ("GSM", 2005): ("浙江", 11),
}
"""The province whose base is a multiple of the others', chosen for the national rate."""
BASE = 100
EXACT = ("EXACT", 250, 39)
"""A network of its own that loses 15.6 % in the half-year to the last digit: name, base, leavers."""


def snapshot(year: int, number: int) -> str:
    """SQL: the snapshot of the ``number``-th month of ``year``; who leaves is replaced by a newcomer at once."""
    return f"""
        with provinces(network, province, base, churned) as (values {_provinces(year)}),
        places as (select *, unnest(range(base)) as place from provinces),
        lives as (
            select *, case when place < churned then 1 + place * 6 // churned else 99 end as leaves_in from places
        )
        select
            '{year}' || network || province || place as subscriber_id,
            network || province as district_code, network,
            date '{year - 2}-06-01' as join_date,
            case when leaves_in = {number} then 'cancelled' else 'active' end as status,
            case when leaves_in = {number} then date '{year}-{number:02}-20' end as status_date
        from lives where leaves_in >= {number}
        union all
        select
            '{year}' || network || province || place || 'N' as subscriber_id,
            network || province as district_code, network,
            make_date({year}, cast(leaves_in as int), 21) as join_date, 'active' as status, null as status_date
        from lives where leaves_in <= {number}
    """


def _provinces(year: int) -> str:
    rows = []
    for network, provinces in (("CDMA", CDMA), ("GSM", GSM)):
        large, times = LARGE[network, year]
        for province, rates in provinces.items():
            base = BASE * (times if province == large else 1)
            rows.append(f"('{network}', '{province}', {base}, {base * rates[YEARS.index(year)] // 100})")
    rows.append(f"('{EXACT[0]}', '', {EXACT[1]}, {EXACT[2]})")
    return ", ".join(rows)
