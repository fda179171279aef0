"""The lives of one block of subscribers: who they are, when they join, fade, leave and come back.

Everything is decided here, before a single dump is written, so that the truth is known and does
not depend on how the dumps are made. Months are indices from the plan's first month (negative
before it), dates are days since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from dagster_project.synth import world
from dagster_project.synth.world import OperatorPlan

NEVER = 10_000
LOOK_AHEAD = 3
"""Leavers of the months just after the last delivery are planned too: they fade within it."""
_OLDEST = 150
_CIRCLE = 5
_BASE_WITHDRAWN_FOR = 6
_SECOND_LINE_SHARE = 0.08
_LINES_A_HANDSET = 12
_MAX_BLOCKS = 10_000
_SILENT_SHARE = 0.03
_DIP_RATE = 0.012


class Kind(IntEnum):
    """How a line ends."""

    STAYS = 0
    PASSIVE = 1
    ACTIVE = 2
    PORT_OUT = 3
    SWAP = 4
    HOARDING = 5
    GRADUATION = 6
    FORCED_WITHOUT_ARREARS = 7


class Calendar:
    """First days of the months around a plan, by month index."""

    def __init__(self, plan: OperatorPlan) -> None:
        first = np.datetime64(plan.first_month, "M")
        self._shift = 400
        index = np.arange(-self._shift, plan.months + 50)
        self._starts = (first + index).astype("datetime64[D]").astype(np.int64)

    def start(self, month: np.ndarray | int) -> np.ndarray:
        """The first day of each month."""
        last = len(self._starts) - self._shift - 2
        return np.asarray(self._starts[np.clip(np.asarray(month), -self._shift, last) + self._shift])

    def end(self, month: np.ndarray | int) -> np.ndarray:
        """The last day of each month."""
        return self.start(np.asarray(month) + 1) - 1

    def month(self, day: np.ndarray) -> np.ndarray:
        """The month each day lies in."""
        return np.searchsorted(self._starts, day, side="right") - 1 - self._shift

    def day_in(self, rng: np.random.Generator, month: np.ndarray, first: int = 1, last: int = 31) -> np.ndarray:
        """A random day of each month between two days of the month, both included."""
        start, end = self.start(month), self.end(month)
        high = np.minimum(start + last - 1, end)
        low = np.minimum(start + first - 1, high)
        return np.asarray(low + (rng.random(len(start)) * (high - low + 1)).astype(np.int64))


_EVENT_MONTHS = (
    "planned_month",
    "leave_month",
    "back_month",
    "list_month",
    "saved_month",
    "dip_month",
    "move_month",
    "change_month",
)
_EVENT_DETAILS = (
    "leave_on",
    "kind",
    "stop_months",
    "fade_months",
    "dead_on",
    "pre_on",
    "back_on",
    "contacted_on",
    "spell",
    "spell_from",
    "spell_to",
    "move_to",
    "change_to",
    "easy_calls",
)


@dataclass
class Block:
    """One block's lines, one array element a line; filled step by step by :func:`live`."""

    number: int
    line: np.ndarray
    join_month: np.ndarray
    join_on: np.ndarray
    district: np.ndarray
    tariff: np.ndarray
    channel: np.ndarray
    group: np.ndarray
    customer: np.ndarray
    imei: np.ndarray
    pay_account: np.ndarray
    circle: np.ndarray
    level: np.ndarray
    frailty: np.ndarray
    is_hoarded: np.ndarray
    is_countable: np.ndarray
    is_special: np.ndarray
    is_bank_debit: np.ndarray
    is_complete: np.ndarray
    is_do_not_contact: np.ndarray
    contract_term: np.ndarray
    contract_end: np.ndarray
    is_renewed: np.ndarray
    silent_from: np.ndarray
    planned_month: np.ndarray = field(init=False)
    leave_month: np.ndarray = field(init=False)
    leave_on: np.ndarray = field(init=False)
    kind: np.ndarray = field(init=False)
    stop_months: np.ndarray = field(init=False)
    fade_months: np.ndarray = field(init=False)
    dead_on: np.ndarray = field(init=False)
    pre_on: np.ndarray = field(init=False)
    back_month: np.ndarray = field(init=False)
    back_on: np.ndarray = field(init=False)
    swapped_to: np.ndarray = field(init=False)
    list_month: np.ndarray = field(init=False)
    contacted_on: np.ndarray = field(init=False)
    outcome: np.ndarray = field(init=False)
    saved_month: np.ndarray = field(init=False)
    spell: np.ndarray = field(init=False)
    spell_from: np.ndarray = field(init=False)
    spell_to: np.ndarray = field(init=False)
    dip_month: np.ndarray = field(init=False)
    move_month: np.ndarray = field(init=False)
    move_to: np.ndarray = field(init=False)
    change_month: np.ndarray = field(init=False)
    change_to: np.ndarray = field(init=False)
    easy_calls: np.ndarray = field(init=False)
    """Bit m is set when a line is called in month m because that is easy (:mod:`.manipulations`)."""
    gives_no_cause: np.ndarray = field(init=False)
    """Whose answer about leaving is entered as other, whatever it was."""

    def __post_init__(self) -> None:
        """Until decided otherwise, a line stays: no event ever, no date, no length."""
        for name in _EVENT_MONTHS:
            setattr(self, name, np.full(len(self), NEVER))
        for name in _EVENT_DETAILS:
            setattr(self, name, np.zeros(len(self), dtype=np.int64))
        self.swapped_to = np.full(len(self), -1)
        self.outcome = np.full(len(self), -1)
        self.gives_no_cause = np.zeros(len(self), dtype=bool)

    def __len__(self) -> int:
        return len(self.line)

    def district_at(self, month: int) -> np.ndarray:
        """Each line's district position at a month's close."""
        return np.where(self.move_month <= month, self.move_to, self.district)

    def tariff_at(self, month: int) -> np.ndarray:
        """Each line's tariff position at a month's close."""
        return np.where(self.change_month <= month, self.change_to, self.tariff)

    def is_in_snapshot(self, month: int) -> np.ndarray:
        """Which lines were on the network at any time in a month."""
        first_life = (self.join_month <= month) & (month <= self.leave_month)
        return first_life | (self.back_month <= month)

    def is_on_net_close(self, month: int) -> np.ndarray:
        """Which lines are on the network at a month's close."""
        first_life = (self.join_month <= month) & (month < self.leave_month)
        return first_life | (self.back_month <= month)


NO_SPELL, KEPT, STOPPED = 0, 1, 2
OUTCOMES = ("accepted", "declined", "unreached")


def live(plan: OperatorPlan, number: int, size: int) -> Block:
    """Decide the lives of block ``number``, which opens with ``size`` lines on the network."""
    rng = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(number, 0)))
    calendar = Calendar(plan)
    block = _originate(plan, calendar, rng, number, size)
    _depart(plan, calendar, rng, block)
    _swap(plan, calendar, rng, block)
    _fade(rng, block)
    _contact(plan, calendar, rng, block)
    _end(calendar, rng, block)
    _return(plan, calendar, rng, block)
    _rejoin(plan, rng, block)
    _interrupt(plan, calendar, rng, block)
    _move(plan, rng, block)
    return block


def _originate(plan: OperatorPlan, calendar: Calendar, rng: np.random.Generator, number: int, size: int) -> Block:
    join_month = np.concatenate([_base_join_months(rng, size), _new_join_months(plan, rng, size)])
    count = len(join_month)
    is_base = join_month < 0
    group = np.where(rng.random(count) < 0.09, _groups(plan, rng, count), -1)
    district = _districts(rng, number, join_month, group)
    tariff = _tariffs(plan, rng, join_month, group)
    channel = _channels(rng, district, group)
    is_hoarded = _hoarded(rng, channel, is_base)
    join_month = _plausible_joins(plan, rng, join_month, tariff, np.where(is_hoarded, _commission()[channel], 0))
    tariff = np.where(is_hoarded, world.HOARDING_TARIFF, _sold_then(plan, tariff, join_month))
    return Block(
        number=number,
        join_month=join_month,
        join_on=calendar.day_in(rng, join_month),
        district=district,
        tariff=tariff,
        channel=channel,
        group=np.where(is_hoarded, -1, group),
        is_hoarded=is_hoarded,
        **_persons(rng, number, is_base, np.where(is_hoarded, channel, -1)),
        **_habits(plan, rng, join_month, is_hoarded),
        **_contracts(rng, tariff, join_month, is_hoarded),
    )


def _persons(rng: np.random.Generator, number: int, is_base: np.ndarray, hoarder: np.ndarray) -> dict[str, np.ndarray]:
    """Who holds a line and what is noted about them; a hoarding dealer's lines share handsets."""
    count = len(is_base)
    line = number * world.MAX_BLOCK_LINES + np.arange(count, dtype=np.int64)
    customer = line * 3 + 1
    second = np.flatnonzero((rng.random(count) < _SECOND_LINE_SHARE) & is_base & (np.arange(count) > 0))
    customer[second] = customer[second - 1]
    drawer = hoarder * world.MAX_BLOCK_LINES + np.cumsum(hoarder >= 0) // _LINES_A_HANDSET
    return {
        "line": line,
        "customer": customer,
        "imei": np.where(hoarder >= 0, -1 - number - drawer * _MAX_BLOCKS, line),
        "pay_account": line * 5 + 2,
        "circle": rng.integers(0, 2**63, (count, _CIRCLE)).astype(np.uint64),
        "is_countable": rng.random(count) >= 0.01,
        "is_special": rng.random(count) < 0.006,
        "is_complete": rng.random(count) >= 0.06,
        "is_do_not_contact": rng.random(count) < 0.012,
    }


def _habits(
    plan: OperatorPlan, rng: np.random.Generator, join_month: np.ndarray, is_hoarded: np.ndarray
) -> dict[str, np.ndarray]:
    """How much a line is used, how easily it leaves, and from when on it lies in a drawer."""
    count = len(join_month)
    drawer = np.maximum(rng.integers(-4, plan.months + 1, count), join_month + 4)
    goes_silent = (rng.random(count) < _SILENT_SHARE) & ~is_hoarded
    return {
        "level": np.exp(rng.normal(-0.18, 0.6, count)),
        "frailty": rng.gamma(4.0, 0.25, count),
        "silent_from": np.where(goes_silent, drawer, NEVER),
    }


def _base_join_months(rng: np.random.Generator, size: int) -> np.ndarray:
    hazard = world.hazard_by_tenure_month(_OLDEST)
    age = np.arange(1, _OLDEST + 1)
    weight = np.cumprod(1 - hazard[1:]) * np.exp(-world.BASE_GROWTH * age)
    return -rng.choice(age, size, p=weight / weight.sum())


def _new_join_months(plan: OperatorPlan, rng: np.random.Generator, size: int) -> np.ndarray:
    season = np.array([world.NEW_SEASON[plan.calendar_month(month) - 1] for month in range(plan.months)])
    growth = (1 + world.BASE_GROWTH) ** np.arange(plan.months)
    counts = rng.poisson(world.NEW_RATE * size * season * growth)
    return np.repeat(np.arange(plan.months), counts)


def _groups(plan: OperatorPlan, rng: np.random.Generator, count: int) -> np.ndarray:
    weight = np.full(plan.group_count, 0.75 / (plan.group_count - world.SCHOOL_GROUPS))
    weight[: world.SCHOOL_GROUPS] = (0.15, 0.10)
    return rng.choice(plan.group_count, count, p=weight)


def _districts(rng: np.random.Generator, number: int, join_month: np.ndarray, group: np.ndarray) -> np.ndarray:
    shares = np.array([district.share for district in world.DISTRICTS])
    district = rng.choice(len(shares), len(join_month), p=shares / shares.sum())
    group_district = np.array([world.group_district(index) for index in range(group.max() + 1)] + [0])
    district = np.where(group >= 0, group_district[group], district)
    if number == 0:
        district[: world.TINY_DISTRICT_LINES] = world.TINY_DISTRICT
        group[: world.TINY_DISTRICT_LINES] = -1
        join_month[: world.TINY_DISTRICT_LINES] -= 40
    return district


def _tariffs(plan: OperatorPlan, rng: np.random.Generator, join_month: np.ndarray, group: np.ndarray) -> np.ndarray:
    count = len(join_month)
    base = np.array([tariff.share for tariff in world.TARIFFS])
    new = np.array([tariff.new_share for tariff in world.TARIFFS])
    of_base = rng.choice(len(base), count, p=base / base.sum())
    of_new = rng.choice(len(new), count, p=new / new.sum())
    tariff = np.where(join_month < 0, of_base, of_new)
    tariff[(group >= 0) & (group < world.SCHOOL_GROUPS)] = 0
    return tariff


def _sold_then(plan: OperatorPlan, tariff: np.ndarray, join_month: np.ndarray) -> np.ndarray:
    """Nobody joins on the seasonal tariff outside its season."""
    seasonal = [month for month in range(-3, plan.months) if plan.calendar_month(month) in world.SEASONAL_MONTHS]
    out_of_season = (tariff == world.SEASONAL_TARIFF) & ~np.isin(join_month, seasonal)
    return np.where(out_of_season, 6, tariff)


def _channels(rng: np.random.Generator, district: np.ndarray, group: np.ndarray) -> np.ndarray:
    channel = np.empty(len(district), dtype=np.int64)
    for position in range(len(world.DISTRICTS)):
        here = np.flatnonzero(district == position)
        weight = np.array([entry.weight if entry.district in (None, position) else 0.0 for entry in world.CHANNELS])
        if position == world.TINY_DISTRICT:
            weight = np.where([entry.kind == "own_hall" for entry in world.CHANNELS], weight, 0.0)
        channel[here] = rng.choice(len(weight), len(here), p=weight / weight.sum())
    campus = next(index for index, entry in enumerate(world.CHANNELS) if entry.kind == "campus")
    channel[(group >= 0) & (group < world.SCHOOL_GROUPS)] = campus
    return channel


def _commission() -> np.ndarray:
    return np.array([entry.commission_months for entry in world.CHANNELS])


def _hoarded(rng: np.random.Generator, channel: np.ndarray, is_base: np.ndarray) -> np.ndarray:
    is_dealer = np.array([entry.is_hoarding for entry in world.CHANNELS])[channel]
    still_there = _commission()[channel] * world.NEW_RATE
    share = world.HOARDING_SHARE * np.where(is_base, still_there, 1.0)
    return np.asarray(is_dealer & (rng.random(len(channel)) < share))


def _plausible_joins(
    plan: OperatorPlan,
    rng: np.random.Generator,
    join_month: np.ndarray,
    tariff: np.ndarray,
    assessment: np.ndarray,
) -> np.ndarray:
    """Base lines of withdrawn tariffs are old; those of a hoarding dealer are not yet assessed."""
    is_base = join_month < 0
    withdrawn = np.array([not entry.on_sale for entry in world.TARIFFS])[tariff]
    joined = np.where(is_base & withdrawn, join_month - _BASE_WITHDRAWN_FOR, join_month)
    is_hoarded = assessment > 0
    recent = -1 - (rng.random(len(joined)) * assessment).astype(np.int64)
    joined = np.where(is_base & is_hoarded, recent, joined)
    seasonal = [month for month in range(-3, 0) if plan.calendar_month(month) in world.SEASONAL_MONTHS]
    if seasonal:
        in_season = rng.choice(seasonal, len(joined))
        joined = np.where(is_base & ~is_hoarded & (tariff == world.SEASONAL_TARIFF), in_season, joined)
    return joined


def _is_postpaid(tariff: np.ndarray) -> np.ndarray:
    return np.asarray(np.array([entry.payment_type == "postpaid" for entry in world.TARIFFS])[tariff])


def _contracts(
    rng: np.random.Generator, tariff: np.ndarray, join_month: np.ndarray, is_hoarded: np.ndarray
) -> dict[str, np.ndarray]:
    """Term in months and last month of the contract that runs (or ran last) at the first delivery."""
    count = len(tariff)
    share = np.where(_is_postpaid(tariff), 0.6, 0.08)
    has = (rng.random(count) < share) & ~is_hoarded
    term = np.where(rng.random(count) < 0.6, 12, 24)
    completed = np.maximum((-join_month - 1) // term, 0)
    end = join_month + (completed + 1) * term - 1
    return {
        "contract_term": np.where(has, term, 0),
        "contract_end": np.where(has, end, -NEVER),
        "is_renewed": rng.random(count) < world.RENEWAL_SHARE,
        "is_bank_debit": _is_postpaid(tariff) & (rng.random(count) < 0.15),
    }


def _hazard(plan: OperatorPlan, block: Block) -> np.ndarray:
    """Hazard by line and month, from the first month to ``LOOK_AHEAD`` months after the last."""
    month = np.arange(plan.months + LOOK_AHEAD)
    tenure = month[None, :] - block.join_month[:, None] + 1
    longest = int(tenure.max())
    age = np.clip(tenure, 0, longest)
    hazard = world.hazard_by_tenure_month(longest)[age]
    inverse = block.tariff == world.INVERSE_TARIFF
    hazard[inverse] = world.inverse_hazard_by_tenure_month(longest)[age[inverse]]
    seasonal = block.tariff == world.SEASONAL_TARIFF
    hazard[seasonal] = np.where(age[seasonal] <= 3, 0.002, 0.45)
    hazard *= _line_factors(block)[:, None]
    campaign = np.isin([plan.calendar_month(index) for index in range(len(month))], world.CAMPAIGN_CALENDAR_MONTHS)
    hazard *= np.where(campaign, world.CAMPAIGN_FACTOR, 1.0)
    hazard *= _contract_factors(block, month)
    hazard *= np.where(month[None, :] >= block.silent_from[:, None], world.DORMANT_FACTOR, 1.0)
    hazard[(tenure < 1) | block.is_hoarded[:, None]] = 0.0
    return np.asarray(np.minimum(hazard, 0.9))


def _line_factors(block: Block) -> np.ndarray:
    tariff = np.array([entry.churn_factor for entry in world.TARIFFS])[block.tariff]
    district = np.array([entry.churn_factor for entry in world.DISTRICTS])[block.district]
    machine = np.where(block.is_countable, 1.0, 0.3)
    return np.asarray(tariff * district * machine * block.frailty)


def _contract_factors(block: Block, month: np.ndarray) -> np.ndarray:
    since = month[None, :] - block.contract_end[:, None]
    factor = np.where((since < -1) & (since > -NEVER // 2), 0.6, 1.0)
    for offset, value in world.EXPIRY_FACTORS.items():
        factor = np.where(since == offset, value, factor)
    return factor


def is_graduating(plan: OperatorPlan, block: Block, month: int) -> np.ndarray:
    """Lines of school groups that may end with their school time in a month."""
    in_school = (block.group >= 0) & (block.group < world.SCHOOL_GROUPS)
    return in_school & (month - block.join_month >= 9) & (plan.calendar_month(month) == world.GRADUATION_MONTH)


def _depart(plan: OperatorPlan, calendar: Calendar, rng: np.random.Generator, block: Block) -> None:
    hazard = _hazard(plan, block)
    graduation = np.zeros(hazard.shape, dtype=bool)
    for month in range(plan.months):
        leaving = is_graduating(plan, block, month) & (rng.random(len(block)) < world.GRADUATION_HAZARD)
        graduation[leaving, month] = True
    hit = (rng.random(hazard.shape) < hazard) | graduation
    leave = np.where(hit.any(axis=1), hit.argmax(axis=1), NEVER)
    assessed = block.join_month + _commission()[block.channel] + (rng.random(len(block)) < 0.1)
    leave = np.where(block.is_hoarded, assessed, leave)
    block.leave_month = np.where(leave < plan.months + LOOK_AHEAD, leave, NEVER)
    last = np.minimum(block.leave_month, plan.months + LOOK_AHEAD - 1)
    block.kind = _kinds(rng, block, graduation[np.arange(len(block)), last])
    block.planned_month = block.leave_month.copy()
    earliest = np.where(block.leave_month == block.join_month, block.join_on, 0)
    block.leave_on = np.maximum(calendar.day_in(rng, block.leave_month), earliest)
    longest_stop = np.minimum(rng.integers(1, 4, len(block)), block.leave_month - block.join_month)
    block.stop_months = np.where(block.kind == Kind.PASSIVE, longest_stop, 0)
    block.kind = np.where((block.kind == Kind.PASSIVE) & (block.stop_months < 1), Kind.ACTIVE, block.kind)


def _kinds(rng: np.random.Generator, block: Block, is_graduation: np.ndarray) -> np.ndarray:
    share = np.array([world.PASSIVE_SHARE[entry.payment_type] for entry in world.TARIFFS])[block.tariff]
    draw, second = rng.random(len(block)), rng.random(len(block))
    kind = np.select(
        [
            block.leave_month == NEVER,
            block.is_hoarded,
            is_graduation,
            draw < share,
            second < world.PORT_OUT_SHARE,
            second < world.PORT_OUT_SHARE + 0.015,
        ],
        [Kind.STAYS, Kind.HOARDING, Kind.GRADUATION, Kind.PASSIVE, Kind.PORT_OUT, Kind.FORCED_WITHOUT_ARREARS],
        Kind.ACTIVE,
    )
    return kind.astype(np.int64)


def _slots(rng: np.random.Generator, block: Block, wanted: np.ndarray, is_free: np.ndarray) -> np.ndarray:
    """A free line that joins in each wanted month, or -1; no line is given twice."""
    given = np.full(len(wanted), -1)
    for month in np.unique(wanted):
        asking = np.flatnonzero(wanted == month)
        offered = rng.permutation(np.flatnonzero(is_free & (block.join_month == month)))[: len(asking)]
        given[asking[: len(offered)]] = offered
    return given


def _is_free(block: Block) -> np.ndarray:
    is_ordinary = ~block.is_hoarded & (block.group < 0) & (block.tariff != world.SEASONAL_TARIFF)
    return np.asarray((block.join_month >= 0) & is_ordinary)


def _swap(plan: OperatorPlan, calendar: Calendar, rng: np.random.Generator, block: Block) -> None:
    """Some who end a line take a new one within 40 days, before or after."""
    chosen = (block.kind == Kind.ACTIVE) & (rng.random(len(block)) < world.SWAP_SHARE)
    old = np.flatnonzero(chosen & (block.leave_month < plan.months) & (block.leave_on > block.join_on + 60))
    new_on = block.leave_on[old] + rng.integers(-40, 41, len(old))
    wanted = calendar.month(new_on)
    is_free = _is_free(block)
    is_free[old] = False
    given = _slots(rng, block, wanted, is_free)
    found = given >= 0
    old, new, new_on = old[found], given[found], new_on[found]
    block.kind[old] = Kind.SWAP
    block.swapped_to[old] = new
    block.join_on[new] = new_on
    take_over(rng, block, old, new)
    leaves_soon = new[block.leave_month[new] < block.join_month[new] + 6]
    block.leave_month[leaves_soon] = NEVER
    block.planned_month[leaves_soon] = NEVER
    block.kind[leaves_soon] = Kind.STAYS
    block.stop_months[leaves_soon] = 0


def take_over(rng: np.random.Generator, block: Block, old: np.ndarray, new: np.ndarray) -> None:
    """The new line is the same person's: customer, mostly the handset and account, the circle."""
    block.customer[new] = block.customer[old]
    same_handset = rng.random(len(old)) < 0.8
    same_account = rng.random(len(old)) < 0.7
    block.imei[new] = np.where(same_handset, block.imei[old], block.imei[new])
    block.pay_account[new] = np.where(same_account, block.pay_account[old], block.pay_account[new])
    block.circle[new, : _CIRCLE - 1] = block.circle[old, : _CIRCLE - 1]
    block.district[new] = block.district[old]
    block.level[new] = block.level[old]
    block.is_countable[new] = block.is_countable[old]


def _fade(rng: np.random.Generator, block: Block) -> None:
    """How many months before leaving usage starts to fade; 0 for those who leave suddenly."""
    count = len(block)
    share = np.select(
        [
            np.isin(block.kind, (Kind.ACTIVE, Kind.PORT_OUT)),
            block.kind == Kind.SWAP,
            block.kind == Kind.PASSIVE,
        ],
        [world.FADING_SHARE, 0.7, 0.3],
        0.0,
    )
    length = np.where(block.kind == Kind.SWAP, 1, rng.integers(1, 4, count))
    block.fade_months = np.where(rng.random(count) < share, length + block.stop_months, 0)


def _contact(plan: OperatorPlan, calendar: Calendar, rng: np.random.Generator, block: Block) -> None:
    """Account managers reach some of those who fade, and keep some of those they reach."""
    count = len(block)
    listed = block.planned_month - block.fade_months
    at_risk = np.isin(block.kind, (Kind.ACTIVE, Kind.PORT_OUT)) & (block.fade_months > 0)
    at_risk &= (listed >= np.maximum(block.join_month, 0)) & (listed + 1 < plan.months)
    contacted_on = calendar.start(listed + 1) + rng.integers(0, 10, count)
    at_risk &= (block.leave_on > contacted_on) & ~block.is_do_not_contact
    treated = at_risk & (rng.random(count) < world.CONTACT_SHARE)
    reached = rng.random(count) < world.REACH_SHARE
    accepted = rng.random(count) < 0.55
    outcome = np.select([reached & accepted, reached], [0, 1], 2)
    saved = treated & reached & (rng.random(count) < np.where(accepted, 0.5, 0.167))
    block.list_month = np.where(at_risk, listed, NEVER)
    block.contacted_on = np.where(treated, contacted_on, 0)
    block.outcome = np.where(treated, outcome, -1)
    block.saved_month = np.where(saved, listed + 1, NEVER)
    block.leave_month = np.where(saved, NEVER, block.leave_month)
    block.kind = np.where(saved, Kind.STAYS, block.kind)


def _end(calendar: Calendar, rng: np.random.Generator, block: Block) -> None:
    """The last day a leaver uses the line: the stop, the pre-cancellation or shortly before the end."""
    count = len(block)
    leaves = block.leave_month < NEVER
    pre = (
        np.isin(block.kind, (Kind.ACTIVE, Kind.SWAP))
        & (rng.random(count) < 0.25)
        & (block.leave_month > block.join_month + 1)
    )
    block.pre_on = np.where(pre, calendar.day_in(rng, block.leave_month - 1), 0)
    stop_on = calendar.day_in(rng, block.leave_month - block.stop_months, 5, 26)
    lag = np.where(rng.random(count) < 0.6, rng.integers(0, 4, count), rng.integers(4, 50, count))
    dead_on = np.select([block.kind == Kind.PASSIVE, pre], [stop_on, block.pre_on], block.leave_on - lag)
    dead_on = np.maximum(dead_on, block.join_on)
    block.dead_on = np.where(leaves, dead_on, np.iinfo(np.int64).max)


def _return(plan: OperatorPlan, calendar: Calendar, rng: np.random.Generator, block: Block) -> None:
    """A few come back on the same line within 90 days."""
    count = len(block)
    may = np.isin(block.kind, (Kind.ACTIVE, Kind.PASSIVE, Kind.FORCED_WITHOUT_ARREARS))
    back = block.leave_month + rng.integers(1, 3, count)
    returns = may & (back < plan.months) & (rng.random(count) < world.REINSTATED_SHARE)
    block.back_month = np.where(returns, back, NEVER)
    block.back_on = np.where(returns, calendar.day_in(rng, np.where(returns, back, 0), 1, 25), 0)


def _rejoin(plan: OperatorPlan, rng: np.random.Generator, block: Block) -> None:
    """A few who left in debt take a new line later under the same certificate."""
    chosen = (block.kind == Kind.PASSIVE) & (block.back_month == NEVER) & (rng.random(len(block)) < 0.05)
    old = np.flatnonzero(chosen & (block.leave_month + 3 < plan.months))
    is_free = _is_free(block)
    is_free[block.swapped_to[block.swapped_to >= 0]] = False
    given = _slots(rng, block, block.leave_month[old] + 3, is_free)
    found = given >= 0
    block.customer[given[found]] = block.customer[old[found]]


def _interrupt(plan: OperatorPlan, calendar: Calendar, rng: np.random.Generator, block: Block) -> None:
    """Suspensions that end well: own wish for one to three months, arrears for one."""
    count = len(block)
    share = 0.006 * plan.months
    kept_share = 0.0025 * plan.months
    draw = rng.random(count)
    spell = np.select([draw < kept_share, draw < kept_share + share], [KEPT, STOPPED], NO_SPELL)
    start = rng.integers(0, plan.months, count)
    end = start + np.where(spell == KEPT, rng.integers(1, 4, count), 1)
    fits = (start > block.join_month) & (end < block.planned_month - 4) & ~block.is_hoarded
    block.spell = np.where(fits, spell, NO_SPELL)
    block.spell_from = calendar.day_in(rng, start, 5, 25)
    block.spell_to = calendar.day_in(rng, end, 1, 25)
    dips = rng.random(count) < _DIP_RATE * plan.months
    block.dip_month = np.where(dips, rng.integers(0, plan.months, count), NEVER)


def _move(plan: OperatorPlan, rng: np.random.Generator, block: Block) -> None:
    """A few move to another district or change their tariff."""
    count = len(block)
    month = rng.integers(1, max(plan.months, 2), count)
    free = (block.group < 0) & ~block.is_hoarded & (block.district != world.TINY_DISTRICT) & (month > block.join_month)
    moves = free & (rng.random(count) < 0.0015 * plan.months)
    block.move_month = np.where(moves, month, NEVER)
    block.move_to = np.where(moves, (block.district + rng.integers(1, 7, count)) % 7, block.district)
    month = rng.integers(1, max(plan.months, 2), count)
    may = ~block.is_hoarded & (month > block.join_month) & (block.tariff != world.SEASONAL_TARIFF)
    changes = may & (rng.random(count) < 0.008 * plan.months)
    block.change_month = np.where(changes, month, NEVER)
    block.change_to = np.where(changes, rng.choice((0, 3, 4, 6, 9, 11, 13), count), block.tariff)
