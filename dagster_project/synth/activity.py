"""A month of a block of subscribers, as the fifteen data sets the operator's systems would deliver.

Each function gives one data set's rows of one month: all contract columns, typed, in contract order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dagster_project.synth import columns as col
from dagster_project.synth import world
from dagster_project.synth.lives import KEPT, NEVER, NO_SPELL, OUTCOMES, STOPPED, Block, Calendar, Kind
from dagster_project.synth.world import OperatorPlan

_DAY = 86_400
_UNUSED = -1
_MANAGERS_A_DISTRICT = 3
_SURNAMES = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙")
_STATUSES = (
    "active",
    "suspended_voluntary",
    "suspended_arrears",
    "pre_cancelled",
    "cancelled",
    "disconnected",
    "ported_out",
)
_PAY_CHANNELS = ("营业厅", "充值卡", "网上", "银行托收")
_TOP_UPS = np.array([1000, 2000, 3000, 5000, 10000])
_COMPLAINTS = ("network", "billing", "handset", "service", "vas", "price", "other")
_TOPICS = ("network", "billing", "handset", "service", "price", "other")
_DESTINATIONS = ("rival_mobile", "rival_fixed", "internal", "other")
_LIST_TYPES = ("silent", "expiring", "non_billed", "mid_high")
_MEASURES = ("RM002", "RS001", "RA003", "DM001", "DS002")


@dataclass
class Balances:
    """What a block carries from month to month, one element a line. Money in fen, dates in days."""

    last_active: np.ndarray
    last_paid: np.ndarray
    last_bill: np.ndarray
    owed: np.ndarray
    low_on: np.ndarray
    """Day of a dissatisfied answer of this month or the last one, before it has been asked about again."""
    low_score: np.ndarray
    low_topic: np.ndarray
    call_on: np.ndarray
    """Day on which somebody calls because of it."""
    is_called_back: np.ndarray

    @classmethod
    def opening(cls, block: Block) -> Balances:
        """Before the first month: nothing owed, no activity known."""
        size = len(block)
        rents = np.array([tariff.rent for tariff in world.TARIFFS])[block.tariff]
        was_there = block.join_month < 0
        return cls(
            last_active=np.full(size, _UNUSED),
            last_paid=np.full(size, _UNUSED),
            last_bill=np.where(was_there, rents, 0),
            owed=np.zeros(size, np.int64),
            low_on=np.full(size, _UNUSED),
            low_score=np.zeros(size, np.int64),
            low_topic=np.zeros(size, np.int64),
            call_on=np.full(size, _UNUSED),
            is_called_back=np.zeros(size, dtype=bool),
        )


@dataclass(frozen=True)
class Month:
    """One month of one block: the lines in its snapshot and what they do."""

    plan: OperatorPlan
    block: Block
    index: int
    rows: np.ndarray
    """Positions of the lines in the snapshot; every array below has their order."""
    rng: np.random.Generator
    start: int
    end: int
    tariff: np.ndarray
    district: np.ndarray
    active_from: np.ndarray
    active_days: np.ndarray
    """Days on which the line could be used."""
    fade: np.ndarray
    """What is left of the usual usage, 0 to 1."""

    @property
    def name(self) -> str:
        """The month as YYYY-MM."""
        return self.plan.month_names[self.index]

    @property
    def days(self) -> int:
        """Days in the month."""
        return self.end - self.start + 1

    def of(self, values: np.ndarray) -> np.ndarray:
        """The block's values for the lines in the snapshot."""
        picked: np.ndarray = values[self.rows]
        return picked


def month_of(plan: OperatorPlan, block: Block, index: int) -> Month:
    """Set up a month: who is there, on how many days, and how far usage has faded."""
    seed = np.random.SeedSequence(plan.seed, spawn_key=(block.number, 1, index))
    calendar = Calendar(plan)
    start, end = int(calendar.start(index)), int(calendar.end(index))
    rows = np.flatnonzero(block.is_in_snapshot(index))
    active_from, active_days = _active_days(block, index, start, end)
    return Month(
        plan=plan,
        block=block,
        index=index,
        rows=rows,
        rng=np.random.default_rng(seed),
        start=start,
        end=end,
        tariff=block.tariff_at(index)[rows],
        district=block.district_at(index)[rows],
        active_from=active_from[rows],
        active_days=active_days[rows],
        fade=_fade(block, index)[rows],
    )


def _active_days(block: Block, index: int, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    is_back = block.back_month <= index
    first = np.maximum(start, np.where(is_back, block.back_on, block.join_on))
    last = np.minimum(end, np.where(is_back, end, block.dead_on))
    is_spell = (block.spell != NO_SPELL) & ~is_back
    is_resuming = is_spell & (block.spell_to >= start) & (block.spell_to <= end)
    last = np.where(
        is_spell & (block.spell_from <= end) & (block.spell_to > end), np.minimum(last, block.spell_from), last
    )
    first = np.where(is_resuming, np.maximum(first, block.spell_to), first)
    last = np.where(block.silent_from <= index, start - 1, last)
    return first, np.clip(last - first + 1, 0, None)


def _fade(block: Block, index: int) -> np.ndarray:
    ahead = block.planned_month - index
    is_fading = (block.fade_months > 0) & (ahead >= 0) & (ahead <= block.fade_months)
    is_fading &= (index < block.saved_month) & (block.back_month > index)
    left = np.where(is_fading, 0.2 + 0.65 * ahead / (block.fade_months + 1), 1.0)
    is_dip = (block.dip_month <= index) & (index <= block.dip_month + 1)
    return left * np.where(is_dip, 0.45, 1.0)


def _status(month: Month) -> tuple[np.ndarray, np.ndarray]:
    """Position in ``_STATUSES`` and date of the last change, at the month's close."""
    block, of = month.block, month.of
    kind, leave = of(block.kind), of(block.leave_month)
    is_back = of(block.back_month) <= month.index
    leaves = (leave == month.index) & ~is_back
    is_forced = np.isin(kind, (Kind.PASSIVE, Kind.FORCED_WITHOUT_ARREARS))
    is_stopped = (kind == Kind.PASSIVE) & (month.index >= leave - of(block.stop_months)) & (month.index < leave)
    is_pre = (of(block.pre_on) > 0) & (month.index == leave - 1)
    spell, spell_from, spell_to = of(block.spell), of(block.spell_from), of(block.spell_to)
    in_spell = (spell != NO_SPELL) & (spell_from <= month.end) & (spell_to > month.end)
    resumed = (spell != NO_SPELL) & (spell_to <= month.end)
    cases = [leaves & is_forced, leaves & (kind == Kind.PORT_OUT), leaves, is_back]
    cases += [is_stopped, is_pre, in_spell & (spell == KEPT), in_spell, resumed]
    changed = [of(block.leave_on)] * 3 + [of(block.back_on), of(block.dead_on), of(block.pre_on)]
    changed += [spell_from, spell_from, spell_to]
    status = np.select(cases, [5, 6, 4, 0, 2, 3, 1, 2, 0], 0)
    return status, np.select(cases, changed, of(block.join_on))


def _contract(month: Month) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Last day, whole commitment and what is left of it (fen); no contract: term 0."""
    block, of = month.block, month.of
    term, end = of(block.contract_term), of(block.contract_end)
    end = np.where(of(block.is_renewed) & (end <= month.index), end + term, end)
    rents = np.array([tariff.rent for tariff in world.TARIFFS])[month.tariff]
    commitment = term * np.maximum(rents, 1000)
    pace = 0.9 + (of(block.line) % 50) / 100
    elapsed = np.clip(1 - (end - month.index) / np.maximum(term, 1), 0, 1)
    remaining = np.clip(commitment * (1 - elapsed * pace), 0, None).astype(np.int64)
    remaining = np.where(end <= month.index, 0, remaining)
    return Calendar(month.plan).end(np.where(term > 0, end, 0)), commitment, remaining


def managers() -> tuple[str, ...]:
    """The invented account managers, by district."""
    return tuple(
        f"{_SURNAMES[(position * _MANAGERS_A_DISTRICT + number) % len(_SURNAMES)]}经理{position + 1}{number + 1}"
        for position in range(len(world.DISTRICTS))
        for number in range(_MANAGERS_A_DISTRICT)
    )


def _manager(month: Month) -> np.ndarray:
    block, of = month.block, month.of
    has = (of(block.level) > 1.6) | of(block.is_special) | (of(block.group) >= 0)
    return np.where(has, month.district * _MANAGERS_A_DISTRICT + of(block.line) % _MANAGERS_A_DISTRICT, -1)


def subscribers(month: Month) -> pa.Table:
    """crm_subscribers: one row per line on the network at any time in the month."""
    return col.table(_identity(month) | _standing(month) | _relations(month))


def _identity(month: Month) -> col.Table:
    block, of = month.block, month.of
    line = of(block.line)
    tariffs = world.TARIFFS
    return {
        "snapshot_month": col.repeated(month.name, len(line)),
        "subscriber_id": col.subscriber_ids(line),
        "msisdn": col.phone_numbers(line),
        "customer_id": col.hashes(of(block.customer), 1),
        "imei_hash": col.hashes(of(block.imei), 2),
        "pay_account": col.numbered("F", of(block.pay_account)),
        "district_code": col.picked([district.code for district in world.DISTRICTS], month.district),
        "brand": col.picked([tariff.brand for tariff in tariffs], month.tariff),
        "network": col.picked([tariff.network for tariff in tariffs], month.tariff),
        "payment_type": col.picked([tariff.payment_type for tariff in tariffs], month.tariff),
        "plan_code": col.picked([tariff.code for tariff in tariffs], month.tariff),
        "join_date": col.dates(of(block.join_on)),
    }


def _standing(month: Month) -> col.Table:
    status, status_on = _status(month)
    ends_on, commitment, remaining = _contract(month)
    has_none = month.of(month.block.contract_term) == 0
    return {
        "status": col.picked(_STATUSES, status),
        "status_date": col.dates(status_on),
        "contract_end": col.dates(ends_on, has_none),
        "contract_commitment": col.decimals(commitment, has_none),
        "contract_remaining": col.decimals(remaining, has_none),
    }


def _relations(month: Month) -> col.Table:
    block, of = month.block, month.of
    group = of(block.group)
    groups = range(month.plan.group_count)
    has_vpn = (group >= 0) & (group % 3 == 0)
    points = np.where(
        month.tariff >= 9, np.clip(month.index - of(block.join_month) + 1, 0, 48) * of(block.level) * 40, 0
    )
    points = points.astype(np.int64) * 100
    no_points = points == 0
    year_end = np.datetime64(f"{month.name[:4]}-12-31", "D").astype(np.int64)
    return {
        "channel_code": col.picked([channel.code for channel in world.CHANNELS], of(block.channel)),
        "group_id": col.picked([f"G{index + 1:04d}" for index in groups], group),
        "is_special": pa.array(of(block.is_special)),
        "is_bank_debit": pa.array(of(block.is_bank_debit)),
        "vpn_id": col.picked([f"V{index + 1:04d}" for index in groups], np.where(has_vpn, group, -1)),
        "account_manager": col.picked(managers(), _manager(month)),
        "points_balance": col.decimals(points, no_points),
        "points_expiring": col.decimals(points // 500 * 100, no_points),
        "points_expire_on": col.dates(np.full(len(points), year_end), no_points),
        "is_registration_complete": pa.array(of(block.is_complete)),
        "is_countable": pa.array(of(block.is_countable)),
        "is_do_not_contact": pa.array(of(block.is_do_not_contact)),
    }


_SPREADS = np.array([[0.2], [0.06], [0.25]])
"""Spread, from month to month, of how much somebody calls, of calls received to calls made, and of data."""


@dataclass(frozen=True)
class Usage:
    """What the lines of a month's snapshot did; minutes and megabytes in hundredths."""

    mou_out: np.ndarray
    mou_in: np.ndarray
    calls_out: np.ndarray
    calls_in: np.ndarray
    distinct: np.ndarray
    sms: np.ndarray
    data: np.ndarray
    days: np.ndarray
    last_on: np.ndarray
    """Last active day in the month, or -1."""


def usage_of(month: Month) -> Usage:
    """Draw the month's usage: habit × season × trend × what has not faded × noise.

    Somebody who is busy makes and receives more; who calls whom changes less than how much is talked.
    """
    block, of, rng = month.block, month.of, month.rng
    count = len(month.rows)
    is_machine = ~of(block.is_countable)
    is_idle = of(block.is_hoarded)
    days = rng.binomial(month.active_days, np.clip(0.95 * month.fade**0.7, 0, 1))
    days = np.where(is_idle, np.minimum(days, (of(block.join_month) == month.index) & (of(block.line) % 3 == 0)), days)
    weight = _weight(month) * (days > 0)
    voice = np.array([0.8 * tariff.minutes + 50 for tariff in world.TARIFFS])[month.tariff] * weight
    voice = np.where(is_machine, 0.0, np.where(is_idle, np.minimum(voice, 2.0), voice))
    busy, balance, online = np.exp(rng.normal(0, 1, (3, count)) * _SPREADS)
    calls_out = np.where(is_idle, np.minimum(rng.poisson(voice), 3), rng.poisson(voice * busy / 1.7))
    calls_in = np.where(is_idle, 0, rng.poisson(voice * busy * balance / 1.6 / np.sqrt(month.fade)))
    reach = np.array([0.9 * tariff.data_mb + 4 for tariff in world.TARIFFS])[month.tariff]
    data = reach * weight * online * (1 + world.DATA_TREND * month.index) * ~is_idle
    sms = rng.poisson(
        np.array([0.5 * tariff.sms + 8 for tariff in world.TARIFFS])[month.tariff] * weight * ~is_machine * ~is_idle
    )
    gap = rng.integers(0, 3, count) + (month.active_days - days) // 3
    last_on = month.active_from + np.clip(month.active_days - 1 - gap, np.maximum(days - 1, 0), None)
    return Usage(
        mou_out=np.round(calls_out * rng.uniform(150, 190, count)).astype(np.int64),
        mou_in=np.round(calls_in * rng.uniform(145, 185, count)).astype(np.int64),
        calls_out=calls_out,
        calls_in=calls_in,
        distinct=np.minimum(calls_out, np.round(calls_out**0.7 * rng.uniform(0.95, 1.15, count)).astype(np.int64)),
        sms=sms,
        data=np.round(data * 100).astype(np.int64),
        days=days,
        last_on=np.where(days > 0, last_on, _UNUSED),
    )


def _weight(month: Month) -> np.ndarray:
    season = world.USAGE_SEASON[month.plan.calendar_month(month.index) - 1]
    trend = 1 + world.USAGE_TREND * month.index
    share = month.active_days / month.days
    weight: np.ndarray = month.of(month.block.level) * season * trend * share * month.fade
    return weight


def usage_table(month: Month, usage: Usage, balances: Balances) -> pa.Table:
    """billing_usage: one row per line in the snapshot, those without any usage included."""
    block, of, rng = month.block, month.of, month.rng
    count = len(month.rows)
    is_fading = (month.fade < 1) & (usage.days > 0)
    diverts = is_fading & (of(block.line) % 4 == 0)
    forward = rng.poisson(np.where(diverts, 3.0, 0.03)) * (usage.days > 0)
    offnet = rng.binomial(forward, np.where(diverts, 0.9, 0.2))
    last = balances.last_active[month.rows]
    return col.table(
        {
            "subscriber_id": col.subscriber_ids(of(block.line)),
            "usage_month": col.repeated(month.name, count),
            "mou_out": col.decimals(usage.mou_out),
            "mou_in": col.decimals(usage.mou_in),
            "calls_out": col.counts(usage.calls_out),
            "calls_in": col.counts(usage.calls_in),
            "distinct_called": col.counts(usage.distinct),
            "sms_out": col.counts(usage.sms),
            "data_mb": col.decimals(usage.data),
            "forward_calls": col.counts(forward),
            "forward_offnet_calls": col.counts(offnet),
            "own_hotline_calls": col.counts(rng.poisson(np.where(is_fading, 0.5, 0.08)) * (usage.days > 0)),
            "rival_hotline_calls": col.counts(rng.poisson(np.where(is_fading, 0.3, 0.01)) * (usage.days > 0)),
            "active_days": col.counts(usage.days),
            "last_activity_date": col.dates(last, last < 0),
        }
    )


@dataclass(frozen=True)
class Bill:
    """The fees of a month's snapshot in fen; ``total`` is their sum less the discount."""

    rent: np.ndarray
    voice: np.ndarray
    data: np.ndarray
    sms: np.ndarray
    vas: np.ndarray
    other: np.ndarray
    discount: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """What is to be paid, in fen."""
        total: np.ndarray = self.rent + self.voice + self.data + self.sms + self.vas + self.other - self.discount
        return total


def bill_of(month: Month, usage: Usage) -> Bill:
    """Rate the month's usage by tariff: rent by days, what exceeds the allowance by the piece."""
    block, of = month.block, month.of

    def tariff(name: str) -> np.ndarray:
        return np.asarray(np.array([getattr(entry, name) for entry in world.TARIFFS])[month.tariff])

    status, _ = _status(month)
    account_days = np.where(of(block.silent_from) <= month.index, month.days, month.active_days)
    rent = np.round(tariff("rent") * account_days / month.days).astype(np.int64)
    extra_minutes = np.clip(usage.mou_out - tariff("minutes") * 100, 0, None) // 100
    extra_data = np.clip(usage.data - tariff("data_mb") * 100, 0, None) // 100
    extra_sms = np.clip(usage.sms - tariff("sms"), 0, None)
    is_used = usage.days > 0
    group = of(block.group)
    agreed = (group >= 0) & (group % 3 != 1)
    share = np.where(of(block.contract_term) > 0, 15, 0) + np.where(agreed, 10, 0)
    return Bill(
        rent=rent,
        voice=extra_minutes * tariff("per_minute"),
        data=np.minimum(extra_data * tariff("per_mb"), 3000),
        sms=extra_sms * tariff("per_sms"),
        vas=np.where(is_used & (of(block.line) % 5 == 0), np.array((300, 500, 800))[of(block.line) // 5 % 3], 0),
        other=np.where(status == 1, 500, 0),
        discount=rent * share // 100,
    )


def bills_table(month: Month, bill: Bill, balances: Balances) -> pa.Table:
    """billing_bills: one row per billed line; idle and fully stopped lines without debt have none."""
    owed = balances.owed[month.rows]
    total = bill.total
    kept = ((total != 0) | (owed > 0) | (month.active_days > 0)) & ~(month.of(month.block.is_hoarded) & (total == 0))
    kept &= month.rng.random(len(total)) >= 0.003
    chosen = np.flatnonzero(kept)
    fees = {
        "rent_fee": bill.rent,
        "voice_fee": bill.voice,
        "data_fee": bill.data,
        "sms_fee": bill.sms,
        "vas_fee": bill.vas,
        "other_fee": bill.other,
        "discount": bill.discount,
        "total_fee": total,
        "arrears": owed,
    }
    return col.table(
        {
            "subscriber_id": col.subscriber_ids(month.of(month.block.line)[chosen]),
            "bill_month": col.repeated(month.name, len(chosen)),
            "plan_code": col.picked([tariff.code for tariff in world.TARIFFS], month.tariff[chosen]),
        }
        | {name: col.decimals(values[chosen]) for name, values in fees.items()}
    )


@dataclass(frozen=True)
class Payments:
    """Payments of a month: line positions, days, amounts in fen."""

    rows: np.ndarray
    day: np.ndarray
    amount: np.ndarray


def payments_of(month: Month, balances: Balances) -> Payments:
    """Draw the month's payments and settle the balances of those who pay afterwards."""
    block, of, rng = month.block, month.of, month.rng
    later = np.array([tariff.payment_type != "prepaid" for tariff in world.TARIFFS])[month.tariff]
    refuses = (of(block.kind) == Kind.PASSIVE) & (month.index >= of(block.leave_month) - of(block.stop_months))
    refuses &= of(block.back_month) > month.index
    stopped = of(block.spell) == STOPPED
    spell_from, spell_to = of(block.spell_from), of(block.spell_to)
    resumes = stopped & (spell_to >= month.start) & (spell_to <= month.end)
    refuses |= stopped & (spell_from >= month.start) & (spell_from <= month.end)
    due = balances.last_bill[month.rows] + balances.owed[month.rows]
    can = (month.active_days > 0) & ~refuses & ~of(block.is_hoarded)
    pays = can & later & (due > 0) & (resumes | (rng.random(len(due)) < 0.97))
    balances.owed[month.rows] = np.where((later | refuses) & ~pays, due, 0)
    recharges = (rng.random(len(due)) < 0.98 * month.fade).astype(np.int64) + (rng.random(len(due)) < 0.12)
    top_ups = np.where(can & ~later, recharges, 0)
    top_ups = np.where(resumes & ~later, 1, top_ups)
    first = (of(block.join_month) == month.index) & ~later & ~refuses
    top_ups = np.minimum(np.where(first, np.maximum(top_ups, 1), top_ups), 3)
    top_ups = np.where(of(block.is_hoarded) & ~first, 0, top_ups)
    position = np.concatenate([np.flatnonzero(pays), np.repeat(np.arange(len(due)), top_ups)])
    amount = np.concatenate([due[pays], _top_up_amounts(month, np.repeat(np.arange(len(due)), top_ups))])
    return _dated(month, position, amount, resumes)


def _top_up_amounts(month: Month, position: np.ndarray) -> np.ndarray:
    wish = month.of(month.block.level)[position] * 2500 * month.rng.uniform(0.9, 1.3, len(position))
    index = np.clip(np.searchsorted(_TOP_UPS, wish), 0, len(_TOP_UPS) - 1)
    amounts: np.ndarray = np.where(month.of(month.block.is_hoarded)[position], 5000, _TOP_UPS[index])
    return amounts


def _dated(month: Month, position: np.ndarray, amount: np.ndarray, resumes: np.ndarray) -> Payments:
    days = np.maximum(month.active_days[position], 1)
    day = month.active_from[position] + (month.rng.random(len(position)) * days).astype(np.int64)
    day = np.where(resumes[position], month.active_from[position], day)
    order = np.lexsort((amount, day, position))
    return Payments(position[order], np.clip(day, month.start, month.end)[order], amount[order])


def payments_table(month: Month, payments: Payments) -> pa.Table:
    """billing_payments: one row per payment or top-up, dated within the month."""
    count = len(payments.rows)
    line = month.of(month.block.line)[payments.rows]
    seconds = payments.day * _DAY + month.rng.integers(8 * 3600, 21 * 3600, count)
    debit = month.of(month.block.is_bank_debit)[payments.rows]
    channel = np.where(debit, 3, month.rng.integers(0, 3, count))
    return col.table(
        {
            "payment_id": _serial(month, "P", count),
            "subscriber_id": col.subscriber_ids(line),
            "paid_at": col.times(seconds),
            "amount": col.decimals(payments.amount),
            "pay_channel": col.picked(_PAY_CHANNELS, channel),
        }
    )


def _serial(month: Month, letter: str, count: int) -> pa.Array:
    prefix = f"{letter}{month.name.replace('-', '')}{month.block.number:03d}"
    return col.numbered(prefix, np.arange(1, count + 1), 7)


def call_circle(month: Month, usage: Usage) -> pa.Table:
    """billing_call_circle: up to five counterparts a line that called."""
    block, of, rng = month.block, month.of, month.rng
    width = block.circle.shape[1]
    room = np.minimum(usage.distinct, width)
    shown = (np.arange(width)[None, :] < room[:, None]) & (rng.random((len(room), width)) < 0.9)
    position, place = np.nonzero(shown)
    share = np.array([0.3, 0.2, 0.12, 0.08, 0.05])[place]
    calls = np.maximum(1, np.round(usage.calls_out[position] * share)).astype(np.int64)
    return col.table(
        {
            "subscriber_id": col.subscriber_ids(of(block.line)[position]),
            "usage_month": col.repeated(month.name, len(position)),
            "contact_hash": col.hashes(block.circle[month.rows[position], place], 3),
            "calls": col.counts(calls),
        }
    )


def complaints(month: Month) -> pa.Table:
    """crm_complaints: one row per ticket; those who are about to leave complain more."""
    rng = month.rng
    count = len(month.rows)
    tickets = rng.poisson(np.where(month.fade < 1, 0.09, 0.010) * (month.active_days > 0))
    position = np.repeat(np.arange(count), np.minimum(tickets, 3))
    size = len(position)
    created = _moment(month, position)
    resolved = created + rng.integers(3600, 12 * _DAY, size)
    is_open = resolved > month.end * _DAY + _DAY - 1
    low = rng.random(size) < np.where(month.fade[position] < 1, 0.6, 0.25)
    score = np.where(low, rng.integers(1, 3, size), rng.integers(3, 6, size))
    category = rng.choice(len(_COMPLAINTS), size, p=(0.25, 0.2, 0.08, 0.15, 0.12, 0.15, 0.05))
    return col.table(
        {
            "complaint_id": _serial(month, "T", size),
            "subscriber_id": col.subscriber_ids(month.of(month.block.line)[position]),
            "created_at": col.times(created),
            "category": col.picked(_COMPLAINTS, category),
            "resolved_at": col.times(resolved, is_open),
            "satisfaction": col.nulled(col.counts(score), is_open),
        }
    )


def _moment(month: Month, position: np.ndarray) -> np.ndarray:
    """A moment in working hours on a day on which the line could be used."""
    size = len(position)
    days = np.maximum(month.active_days[position], 1)
    day = np.minimum(month.active_from[position] + (month.rng.random(size) * days).astype(np.int64), month.end)
    moment: np.ndarray = day * _DAY + month.rng.integers(9 * 3600, 18 * 3600, size)
    return moment


def contacts(month: Month) -> pa.Table:
    """crm_contacts: account managers' contacts with the previous month's lists."""
    block, of, rng = month.block, month.of, month.rng
    contacted_on = of(block.contacted_on)
    planned = np.flatnonzero((contacted_on >= month.start) & (contacted_on <= month.end))
    stays = of(block.is_on_net_close(month.index)) & (of(block.join_month) < month.index) & (month.index > 0)
    stays &= ~of(block.is_do_not_contact) & (contacted_on == 0)
    is_easy = (of(block.easy_calls) >> month.index) % 2 == 1
    other = np.flatnonzero(stays & ((rng.random(len(stays)) < 0.008) | is_easy))
    position = np.concatenate([planned, other])
    is_planned = np.arange(len(position)) < len(planned)
    size = len(position)
    day = np.where(is_planned, contacted_on[position], month.start + rng.integers(0, 20, size))
    outcome = np.where(is_planned, of(block.outcome)[position], rng.choice(3, size, p=(0.3, 0.4, 0.3)))
    accepted = outcome == 0
    manager = month.district * _MANAGERS_A_DISTRICT + of(block.line) % _MANAGERS_A_DISTRICT
    list_type = np.where(is_planned, len(_LIST_TYPES), rng.integers(0, len(_LIST_TYPES), size))
    list_month = np.datetime64(month.name, "M") - 1
    return col.table(
        {
            "contact_id": _serial(month, "K", size),
            "subscriber_id": col.subscriber_ids(of(block.line)[position]),
            "list_month": col.repeated(str(list_month), size),
            "list_type": col.picked((*_LIST_TYPES, "warning"), list_type),
            "measure_code": col.picked(_MEASURES, rng.integers(0, len(_MEASURES), size)),
            "contacted_at": col.times(day * _DAY + rng.integers(9 * 3600, 18 * 3600, size)),
            "outcome": col.picked(OUTCOMES, outcome),
            "cost": col.decimals(np.where(accepted, rng.choice((1000, 2000, 3000), size), 200)),
            "account_manager": col.picked(managers(), manager[position]),
        }
    )


def exit_surveys(month: Month) -> pa.Table:
    """crm_exit_surveys: some of this month's leavers, and a few of the month before."""
    block, rng = month.block, month.rng
    asked_now = (block.leave_month == month.index) & (block.line % 10 < 3)
    asked_late = (block.leave_month == month.index - 1) & (block.line % 10 == 3)
    position = np.flatnonzero(asked_now | asked_late)
    size = len(position)
    kind = block.kind[position]
    cause = np.where(block.gives_no_cause[position], world.CAUSE_CODES.index("other"), _causes(rng, kind))
    destination = np.select(
        [kind == Kind.SWAP, kind == Kind.PORT_OUT], [2, 0], rng.choice(4, size, p=(0.5, 0.12, 0.05, 0.33))
    )
    names = (str(np.datetime64(month.name, "M") - 1), month.name)
    return col.table(
        {
            "subscriber_id": col.subscriber_ids(block.line[position]),
            "churn_month": col.picked(names, asked_now[position].astype(np.int64)),
            "cause_code": col.picked(world.CAUSE_CODES, cause),
            "destination": col.picked(_DESTINATIONS, destination),
        }
    )


def _causes(rng: np.random.Generator, kind: np.ndarray) -> np.ndarray:
    count = len(kind)
    free = rng.choice(11, count, p=(0.16, 0.25, 0.06, 0.10, 0.10, 0.0, 0.02, 0.06, 0.05, 0.08, 0.12))
    named = rng.random(count) < 0.7
    planted = np.select([kind == Kind.PASSIVE, kind == Kind.HOARDING, kind == Kind.GRADUATION], [5, 6, 9], free)
    chosen: np.ndarray = np.where(named, planted, free)
    return chosen


@dataclass(frozen=True)
class Answers:
    """Answered surveys, one element an answer; ``rows`` are positions in the month's snapshot."""

    rows: np.ndarray
    seconds: np.ndarray
    score: np.ndarray
    topic: np.ndarray


def answers_of(month: Month) -> Answers:
    """Who is asked by chance, and what they say."""
    block, of, rng = month.block, month.of, month.rng
    asked = (month.active_days > 0) & ~of(block.is_hoarded) & (rng.random(len(month.rows)) < 0.012)
    position = np.flatnonzero(asked)
    size = len(position)
    mean = np.where(month.fade[position] < 1, 5.0, 7.6)
    seconds = _moment(month, position)
    score = np.clip(np.round(rng.normal(mean, 1.9)), 0, 10).astype(np.int64)
    return Answers(position, seconds, score, rng.integers(0, len(_TOPICS), size))


def _surveys_table(month: Month, answers: Answers, letter: str) -> pa.Table:
    """crm_surveys: one row per answered satisfaction survey."""
    return col.table(
        {
            "survey_id": _serial(month, letter, len(answers.rows)),
            "subscriber_id": col.subscriber_ids(month.of(month.block.line)[answers.rows]),
            "answered_at": col.times(answers.seconds),
            "score": col.counts(answers.score),
            "topic": col.picked(_TOPICS, answers.topic),
        }
    )


def satisfaction_loop(month: Month, answers: Answers, balances: Balances) -> tuple[pa.Table, Answers]:
    """Call back some of the dissatisfied and ask them again: the month's calls, and the answers of those asked again.

    Draws from a stream of its own, so that nothing else of the month depends on it.
    """
    spawn_key = (month.block.number, 2, month.index)
    rng = np.random.default_rng(np.random.SeedSequence(month.plan.seed, spawn_key=spawn_key))
    early = _calls_due(month, balances)
    again = _ask_again(month, balances, rng)
    balances.low_on[month.rows] = _UNUSED
    balances.is_called_back[month.rows] = False
    low = answers.score <= world.DISSATISFIED_SCORE
    position = answers.rows[low]
    lines = month.rows[position]
    day = answers.seconds[low] // _DAY
    balances.low_on[lines] = day
    balances.low_score[lines] = answers.score[low]
    balances.low_topic[lines] = answers.topic[low]
    called = (rng.random(len(lines)) < world.CALL_BACK_SHARE) & ~month.block.is_do_not_contact[lines]
    balances.call_on[lines] = np.where(called, day + rng.integers(2, 13, len(lines)), _UNUSED)
    due = np.concatenate([early, _calls_due(month, balances)])
    return _calls_table(month, due, balances, rng), again


def _calls_due(month: Month, balances: Balances) -> np.ndarray:
    """Positions of the lines that are called in the month; a call that is made is not due again."""
    call_on = month.of(balances.call_on)
    stays = month.of(month.block.is_on_net_close(month.index))
    due = np.flatnonzero((call_on >= month.start) & (call_on <= month.end) & stays)
    balances.is_called_back[month.rows[due]] = True
    return due


def _ask_again(month: Month, balances: Balances, rng: np.random.Generator) -> Answers:
    """Those who were dissatisfied in the month before, in the second half of this one and on the same topic."""
    stays = month.of(month.block.is_on_net_close(month.index)) & (month.active_days > 0)
    was_low = (month.of(balances.low_on) >= 0) & stays
    rows = np.flatnonzero(was_low & (rng.random(len(was_low)) < world.ASKED_AGAIN_SHARE))
    lines = month.rows[rows]
    gain = np.where(balances.is_called_back[lines], world.SCORE_GAIN["called_back"], world.SCORE_GAIN["others"])
    score = np.clip(np.round(balances.low_score[lines] + gain + rng.normal(0, 1, len(lines))), 0, 10).astype(np.int64)
    seconds = (month.start + rng.integers(14, 27, len(lines))) * _DAY + rng.integers(9 * 3600, 18 * 3600, len(lines))
    return Answers(rows, seconds, score, balances.low_topic[lines])


def _calls_table(month: Month, position: np.ndarray, balances: Balances, rng: np.random.Generator) -> pa.Table:
    """crm_contacts: the calls, in the order in which they are due; all of them are talked to."""
    block, of = month.block, month.of
    size = len(position)
    manager = month.district * _MANAGERS_A_DISTRICT + of(block.line) % _MANAGERS_A_DISTRICT
    day = of(balances.call_on)[position]
    return col.table(
        {
            "contact_id": _serial(month, "B", size),
            "subscriber_id": col.subscriber_ids(of(block.line)[position]),
            "list_month": col.repeated(str(np.datetime64(month.name, "M") - 1), size),
            "list_type": col.repeated("call_back", size),
            "measure_code": col.picked(_MEASURES, rng.integers(0, len(_MEASURES), size)),
            "contacted_at": col.times(day * _DAY + rng.integers(18 * 3600, 20 * 3600, size)),
            "outcome": col.picked(OUTCOMES, rng.integers(0, 2, size)),
            "cost": col.decimals(np.full(size, 200)),
            "account_manager": col.picked(managers(), manager[position]),
        }
    )


def blacklist(month: Month) -> pa.Table:
    """crm_blacklist: everybody listed so far, one row per customer."""
    block = month.block
    listed_on = block.leave_on + 5
    is_listed = (block.kind == Kind.PASSIVE) & (block.leave_month <= month.index) & (block.back_month == NEVER)
    position = np.flatnonzero(is_listed & (block.line % 10 < 6) & (listed_on <= month.end))
    _, first = np.unique(block.customer[position], return_index=True)
    position = position[np.sort(first)]
    return col.table(
        {
            "customer_id": col.hashes(block.customer[position], 1),
            "listed_at": col.times(listed_on[position] * _DAY + 36_000),
            "reason": col.repeated("欠费销户", len(position)),
        }
    )


def advance(month: Month, usage: Usage, payments: Payments, bill: Bill, balances: Balances) -> None:
    """Carry the month's last activity, payments and bill over to the next month."""
    rows = month.rows
    np.maximum.at(balances.last_paid, rows[payments.rows], payments.day)
    later = np.array([tariff.payment_type != "prepaid" for tariff in world.TARIFFS])[month.tariff]
    refuses = (month.of(month.block.kind) == Kind.PASSIVE) & (month.index >= month.of(month.block.leave_month) - 3)
    balances.last_bill[rows] = np.where(later | refuses, bill.total, 0)
    balances.last_active[rows] = np.maximum(balances.last_active[rows], usage.last_on)


def data_sets(month: Month, balances: Balances) -> dict[str, pa.Table]:
    """Every subscriber-level data set of the month; moves ``balances`` on by the month."""
    usage = usage_of(month)
    payments = payments_of(month, balances)
    bill = bill_of(month, usage)
    advance(month, usage, payments, bill, balances)
    tables = {
        "crm_subscribers": subscribers(month),
        "billing_bills": bills_table(month, bill, balances),
        "billing_usage": usage_table(month, usage, balances),
        "billing_payments": payments_table(month, payments),
        "billing_call_circle": call_circle(month, usage),
        "crm_complaints": complaints(month),
        "crm_contacts": contacts(month),
        "crm_exit_surveys": exit_surveys(month),
    }
    answers = answers_of(month)
    calls, again = satisfaction_loop(month, answers, balances)
    surveys = [_surveys_table(month, answers, "S"), _surveys_table(month, again, "R")]
    return tables | {
        "crm_contacts": pa.concat_tables([tables["crm_contacts"], calls]),
        "crm_surveys": pa.concat_tables(surveys),
        "crm_blacklist": blacklist(month),
    }
