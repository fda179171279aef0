"""The demo operator's world: its plan, its reference data and every effect that is planted in it.

All persons, companies and places are invented. Money is in fen, rates are per month.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dagster_project.lib import months

MAX_BLOCK_LINES = 1_000_000
"""Room for identifiers in one block of subscribers."""


class InvalidPlan(ValueError):
    """A demo operator that cannot be made; the message names the value and what is allowed."""


@dataclass(frozen=True)
class OperatorPlan:
    """How large a demo operator to make, for which months and from which seed.

    The same plan gives the same bytes. ``subscribers`` is the base at the first month's opening,
    made in blocks of ``block_size`` so that memory does not grow with it. ``manipulation`` names what
    one unit does to its figures (:mod:`dagster_project.synth.manipulations`); without it all are honest.
    """

    subscribers: int = 20_000
    months: int = 18
    first_month: str = "2011-01"
    seed: int = 2011
    block_size: int = 20_000
    manipulation: str | None = None

    def __post_init__(self) -> None:
        months.parse(self.first_month)
        if self.subscribers < 50:
            raise InvalidPlan(f"subscribers={self.subscribers}: a demo operator has at least 50 subscribers")
        if not 1 <= self.months <= 60:
            raise InvalidPlan(f"months={self.months}: a demo operator lives 1 to 60 months")
        if not 50 <= self.block_size <= 100_000:
            raise InvalidPlan(f"block_size={self.block_size}: a block has 50 to 100000 subscribers")

    @property
    def month_names(self) -> tuple[str, ...]:
        """The months delivered, in calendar order."""
        return months.between(self.first_month, months.shift(self.first_month, self.months - 1))

    @property
    def group_count(self) -> int:
        """How many group customers there are."""
        return int(np.clip(self.subscribers // 400, 6, 400))

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Number and opening size of every block of subscribers."""
        for number, start in enumerate(range(0, self.subscribers, self.block_size)):
            yield number, min(self.block_size, self.subscribers - start)

    def calendar_month(self, index: int) -> int:
        """January = 1 for the month ``index`` months after the first."""
        return int(months.shift(self.first_month, index)[5:])


@dataclass(frozen=True)
class District:
    """A district office's area; ``churn_factor`` multiplies every voluntary hazard in it."""

    code: str
    name: str
    share: float
    churn_factor: float


@dataclass(frozen=True)
class Tariff:
    """A tariff plan. ``share`` is of the opening base, ``new_share`` of those who join later."""

    code: str
    name: str
    brand: str
    network: str
    payment_type: str
    rent: int
    minutes: int
    data_mb: int
    sms: int
    per_minute: int
    per_mb: int
    per_sms: int
    share: float
    new_share: float
    churn_factor: float
    is_short_term: bool = False
    on_sale: bool = True


@dataclass(frozen=True)
class Channel:
    """A sales channel; a hoarding dealer's lines end in the month after the assessment.

    ``weight`` is what it sells within a district (its own, or every district), relative to the others.
    """

    code: str
    name: str
    kind: str
    district: int | None
    commission_months: int
    weight: float
    is_hoarding: bool = False


REGION = "示范市"
TINY_DISTRICT = 7
TINY_DISTRICT_LINES = 6
DISTRICTS = (
    District("512001", "雁湖区", 0.27, 1.0),
    District("512002", "青石县", 0.17, 1.0),
    District("512003", "白塔县", 0.15, 1.0),
    District("512004", "云溪县", 0.13, 1.3),
    District("512005", "东河县", 0.11, 0.75),
    District("512006", "松岭县", 0.10, 1.0),
    District("512007", "南坪县", 0.07, 1.15),
    District("512008", "龙桥片区", 0.0, 1.0),
)
"""雁湖, 青石, 白塔 and 松岭 do not differ in behaviour; the other three large ones do."""

_YOUTH, _HOME, _CITY, _BUSINESS = "乐学", "乡音", "城通", "商旅"
INVERSE_TARIFF = 5
HOARDING_TARIFF = 7
SEASONAL_TARIFF = 8
SEASONAL_MONTHS = (12, 1, 2)
TARIFFS = (
    Tariff("T101", "乐学卡", _YOUTH, "GSM", "quasi_prepaid", 1000, 60, 100, 200, 15, 20, 10, 0.12, 0.20, 1.10),
    Tariff(
        "T102",
        "乐学卡老版",
        _YOUTH,
        "GSM",
        "quasi_prepaid",
        1500,
        80,
        30,
        100,
        20,
        50,
        10,
        0.06,
        0.0,
        1.0,
        False,
        False,
    ),
    Tariff("T103", "乐聊卡", _YOUTH, "GSM", "prepaid", 1500, 50, 300, 300, 18, 10, 10, 0.04, 0.06, 1.5),
    Tariff("T201", "乡音卡升级版", _HOME, "GSM", "prepaid", 800, 30, 0, 20, 20, 100, 10, 0.13, 0.13, 1.05),
    Tariff("T202", "乡音卡接听版", _HOME, "GSM", "prepaid", 500, 0, 0, 0, 18, 100, 10, 0.16, 0.12, 0.75),
    Tariff("T203", "乡音无线座机", _HOME, "CDMA", "prepaid", 1000, 60, 0, 0, 12, 100, 10, 0.06, 0.04, 0.9),
    Tariff("T301", "城通卡", _CITY, "GSM", "prepaid", 600, 20, 10, 10, 20, 30, 10, 0.17, 0.16, 0.95),
    Tariff("T302", "城通零月租卡", _CITY, "GSM", "prepaid", 0, 0, 0, 0, 25, 100, 10, 0.05, 0.06, 1.1),
    Tariff("T303", "城通贺年卡", _CITY, "GSM", "prepaid", 0, 20, 0, 0, 20, 100, 10, 0.02, 0.05, 1.0, True),
    Tariff("T401", "商旅58", _BUSINESS, "GSM", "postpaid", 5800, 200, 30, 50, 20, 30, 10, 0.07, 0.04, 0.8),
    Tariff("T402", "商旅128", _BUSINESS, "3G", "postpaid", 12800, 500, 300, 100, 15, 20, 10, 0.03, 0.03, 0.7),
    Tariff("T403", "商旅畅享66", _BUSINESS, "3G", "postpaid", 6600, 150, 300, 60, 20, 15, 10, 0.04, 0.06, 0.95),
    Tariff("T404", "商旅畅享96", _BUSINESS, "3G", "postpaid", 9600, 240, 500, 80, 15, 15, 10, 0.03, 0.03, 0.9),
    Tariff("T405", "商旅流量36", _BUSINESS, "3G", "quasi_prepaid", 3600, 50, 500, 50, 20, 10, 10, 0.02, 0.02, 1.0),
)

_CHANNELS_A_DISTRICT = (
    ("H", "自有营业厅", "own_hall", 6, 0.24),
    ("C", "合作营业厅", "cooperative_hall", 6, 0.20),
    ("A", "代理点甲", "agent", 3, 0.16),
    ("B", "代理点乙", "agent", 6, 0.12),
)
_WIDE_CHANNELS = (
    Channel("ZX01", "直销队", "direct", None, 3, 0.10),
    Channel("WS01", "网上商城", "online", None, 0, 0.08),
    Channel("XY01", "校园代理", "campus", None, 3, 0.06),
)
_DEALER_SHARE = 0.03
"""Of all gross adds, how many come through each hoarding dealer."""
HOARDING_SHARE = 0.9
"""Of the lines a hoarding dealer opens, how many are never used."""


def _channels() -> tuple[Channel, ...]:
    halls = tuple(
        Channel(f"{letter}{district.code[-3:]}", f"{district.name}{name}", kind, position, commission, weight)
        for position, district in enumerate(DISTRICTS)
        for letter, name, kind, commission, weight in _CHANNELS_A_DISTRICT
    )
    dealers = (
        Channel("K001", "雁湖区兴旺通信店", "agent", 0, 3, _DEALER_SHARE / DISTRICTS[0].share, True),
        Channel("K002", "云溪县宏达手机店", "agent", 3, 6, _DEALER_SHARE / DISTRICTS[3].share, True),
    )
    return halls + _WIDE_CHANNELS + dealers


CHANNELS = _channels()

HAZARD_BY_TENURE = (
    (3, 0.0063),
    (6, 0.0700),
    (12, 0.0560),
    (24, 0.0320),
    (36, 0.0205),
    (60, 0.0160),
    (600, 0.0111),
)
"""Monthly hazard up to and including a tenure month (S0's curve, slightly flattened)."""
TENURE_BUMP = {19: 1.7, 20: 1.7}
EXPIRY_FACTORS = {-1: 1.6, 0: 2.6, 1: 3.0, 2: 1.8}
"""Hazard factor by months after the contract's last month."""
RENEWAL_SHARE = 0.5
CAMPAIGN_CALENDAR_MONTHS = (5, 11)
CAMPAIGN_FACTOR = 1.3
"""A competitor's campaign months."""
GRADUATION_MONTH = 6
GRADUATION_HAZARD = 0.35
SCHOOL_GROUPS = 2
DORMANT_FACTOR = 2.0
NEW_RATE = 0.050
"""Gross adds a month as a share of the opening base, about 1.5 times the churn."""
BASE_GROWTH = 0.015

PASSIVE_SHARE = {"prepaid": 0.18, "quasi_prepaid": 0.35, "postpaid": 0.40}
SWAP_SHARE = 0.10
PORT_OUT_SHARE = 0.07
FADING_SHARE = 0.6
REINSTATED_SHARE = 0.04
CONTACT_SHARE = 0.40
REACH_SHARE = 0.75
SAVED_SHARE = 0.35
"""Of the fading subscribers reached by an account manager, how many do not leave after all."""
CALL_BACK_SHARE = 0.50
ASKED_AGAIN_SHARE = 0.60
SCORE_GAIN = {"called_back": 3.0, "others": 1.0}
"""Points that a dissatisfied score gains by the next answer; calling back changes nobody's leaving."""
DISSATISFIED_SCORE = 6
NEW_SEASON = (1.25, 1.10, 0.95, 0.9, 0.95, 0.95, 0.95, 1.05, 1.30, 0.95, 0.9, 1.0)
USAGE_SEASON = (1.06, 1.12, 0.99, 0.97, 0.98, 0.97, 0.98, 0.96, 1.02, 1.01, 0.97, 1.02)
USAGE_TREND = 0.004
DATA_TREND = 0.03

CAUSE_CODES = (
    "voice_quality",
    "price",
    "handset",
    "billing",
    "after_sales",
    "malicious_arrears",
    "dealer_resale",
    "brand_image",
    "vas",
    "relocation",
    "other",
)
"""The eleven survey categories (S1)."""


def hazard_by_tenure_month(longest: int) -> np.ndarray:
    """Monthly hazard of tenure month 0 (never used) to ``longest``, with the bump at 19 and 20."""
    hazard = np.zeros(longest + 1)
    start = 1
    for last, rate in HAZARD_BY_TENURE:
        hazard[start : min(last, longest) + 1] = rate
        start = last + 1
    for tenure, factor in TENURE_BUMP.items():
        if tenure <= longest:
            hazard[tenure] *= factor
    return hazard


def inverse_hazard_by_tenure_month(longest: int) -> np.ndarray:
    """The wireless desk phone's hazard, which rises with tenure."""
    return np.asarray(np.minimum(0.001 + 0.0006 * np.arange(longest + 1), 0.03))


def network_codes() -> tuple[str, ...]:
    """The networks in use, in alphabetical order."""
    return tuple(sorted({tariff.network for tariff in TARIFFS}))


def group_name(index: int) -> str:
    """An invented group customer's name; the first two are schools."""
    schools = ("雁湖师范学校", "云溪职业技术学校")
    if index < SCHOOL_GROUPS:
        return schools[index]
    trades = ("机械厂", "食品公司", "运输公司", "建筑公司", "药业公司", "农机站", "纺织厂", "物流公司")
    return f"{DISTRICTS[index % 7].name}第{index // 7 + 1}{trades[index % len(trades)]}"


def group_district(index: int) -> int:
    """The district position of a group customer."""
    return (0, 3)[index] if index < SCHOOL_GROUPS else index % 7


def group_has_agreement(index: int) -> bool:
    """Whether the employer guarantees its members."""
    return index % 3 != 1
