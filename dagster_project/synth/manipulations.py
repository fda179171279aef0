"""Named ways in which one unit of the demo operator makes its figures look better than they are.

A manipulation bends the lives of some lines of one unit in the last months of the plan, before anything is written: so
all data sets, manifests and the truth agree with it, and the lives of all other lines stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dagster_project.synth import world
from dagster_project.synth.lives import KEPT, NEVER, NO_SPELL, Block, Calendar, Kind, live, take_over
from dagster_project.synth.world import InvalidPlan, OperatorPlan

MONTHS = 2
"""In how many months, the last of the plan, a manipulation shows."""
_FEWEST_MONTHS = 4
_DISTRICT = 0
_DEALER = "H001"
_LAST_DAYS = 5
_FIRST_DAYS = 7
_SUSPENDED_SHARE = 0.01
_LOOPED_SHARE = 0.01
_SWAPPED_SHARE = 0.7
_EASY_CALL_SHARE = 0.8
_NO_CAUSE_SHARE = 0.8


@dataclass(frozen=True)
class _Month:
    """A month in which a manipulation shows, with what it works on."""

    block: Block
    index: int
    calendar: Calendar
    rng: np.random.Generator

    def chosen(self, lines: np.ndarray, share: float) -> np.ndarray:
        """Positions of about ``share`` of the lines."""
        return np.flatnonzero(lines & (self.rng.random(len(self.block)) < share))

    def is_here(self) -> np.ndarray:
        """Which lines are in the district, this month and the month before."""
        block = self.block
        is_here = (block.district_at(self.index) == _DISTRICT) & (block.district_at(self.index - 1) == _DISTRICT)
        return np.asarray(is_here)

    def is_quiet(self) -> np.ndarray:
        """Which lines have been here for long and do nothing else that a manipulation could collide with."""
        block = self.block
        is_old = block.join_month < self.index - 3
        is_staying = (block.leave_month == NEVER) & (block.planned_month == NEVER) & (block.back_month == NEVER)
        is_used = (block.silent_from == NEVER) & (block.spell == NO_SPELL) & (block.swapped_to < 0)
        return np.asarray(self.is_here() & is_old & is_staying & is_used & block.is_countable & (block.group < 0))


@dataclass(frozen=True)
class Manipulation:
    """A way to game a unit's figures; ``name`` is the sign of ``mart_gaming_signs`` that should be raised."""

    name: str
    unit_type: str
    unit_code: str
    description: str
    bend: Callable[[_Month], None]


class UnknownManipulation(ValueError):
    """There is no manipulation of that name; the message names them all."""


def lived(plan: OperatorPlan, number: int, size: int) -> Block:
    """The lives of block ``number``, bent by the plan's manipulation, if it has one. Raises as :func:`planted`."""
    block = live(plan, number, size)
    manipulation = planted(plan)
    if manipulation is not None:
        for month in shown_in(plan):
            rng = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(number, 2, month)))
            manipulation.bend(_Month(block, month, Calendar(plan), rng))
    return block


def planted(plan: OperatorPlan) -> Manipulation | None:
    """The plan's manipulation; none for an honest operator.

    Raises :class:`UnknownManipulation`, and :class:`~dagster_project.synth.world.InvalidPlan` for too few months.
    """
    if plan.manipulation is None:
        return None
    if plan.manipulation not in MANIPULATIONS:
        known = ", ".join(MANIPULATIONS)
        raise UnknownManipulation(f"unknown manipulation {plan.manipulation!r}; use one of: {known}")
    if plan.months < _FEWEST_MONTHS:
        raise InvalidPlan(f"months={plan.months}: a manipulation needs at least {_FEWEST_MONTHS} months")
    return MANIPULATIONS[plan.manipulation]


def shown_in(plan: OperatorPlan) -> Sequence[int]:
    """The months, as indices of the plan, in which its manipulation shows; none for an honest operator."""
    return () if plan.manipulation is None else range(plan.months - MONTHS, plan.months)


def _push(month: _Month) -> None:
    """Who leaves in the last days of the month before is booked in the first days of this one."""
    block, calendar = month.block, month.calendar
    first_on = int(calendar.start(month.index))
    is_late = (block.leave_month == month.index - 1) & (block.leave_on >= first_on - _LAST_DAYS)
    rows = np.flatnonzero(month.is_here() & is_late & (block.back_month == NEVER) & ~block.is_hoarded)
    block.leave_month[rows] = month.index
    block.leave_on[rows] = first_on + month.rng.integers(0, _FIRST_DAYS, len(rows))
    block.stop_months[rows] += block.kind[rows] == Kind.PASSIVE
    is_reserved = rows[block.pre_on[rows] > 0]
    block.pre_on[is_reserved] = np.maximum(block.pre_on[is_reserved], int(calendar.start(month.index - 1)))


def _suspend(month: _Month) -> None:
    """Lines are suspended in the last days of the month before and lifted in the first of this one."""
    block = month.block
    rows = month.chosen(month.is_quiet(), _SUSPENDED_SHARE)
    first_on = int(month.calendar.start(month.index))
    block.spell[rows] = KEPT
    block.spell_from[rows] = first_on - month.rng.integers(1, _LAST_DAYS + 1, len(rows))
    block.spell_to[rows] = first_on + month.rng.integers(0, _FIRST_DAYS, len(rows))


def _loop(month: _Month) -> None:
    """Lines are terminated in the month before and taken back in this one."""
    block, calendar = month.block, month.calendar
    rows = month.chosen(month.is_quiet(), _LOOPED_SHARE)
    at = np.full(len(rows), month.index)
    block.kind[rows] = Kind.ACTIVE
    block.leave_month[rows] = month.index - 1
    block.leave_on[rows] = calendar.day_in(month.rng, at - 1)
    block.dead_on[rows] = block.leave_on[rows]
    block.back_month[rows] = month.index
    block.back_on[rows] = calendar.day_in(month.rng, at, 1, 25)


def _swap(month: _Month) -> None:
    """A dealer's new lines go to persons whose old line is ended some days later in the same month."""
    block = month.block
    channel = next(position for position, entry in enumerate(world.CHANNELS) if entry.code == _DEALER)
    last_on = int(month.calendar.end(month.index))
    is_new = (block.join_month == month.index) & (block.channel == channel) & (block.leave_month == NEVER)
    is_new &= ~block.is_hoarded & (block.group < 0) & ~np.isin(np.arange(len(block)), block.swapped_to)
    new = month.chosen(is_new & block.is_countable, _SWAPPED_SHARE)
    old = month.rng.permutation(np.flatnonzero(month.is_quiet()))[: len(new)]
    new = new[: len(old)]
    block.kind[old] = Kind.SWAP
    block.leave_month[old] = month.index
    block.leave_on[old] = np.minimum(block.join_on[new] + month.rng.integers(0, _FIRST_DAYS, len(old)), last_on)
    block.dead_on[old] = block.leave_on[old]
    block.swapped_to[old] = new
    take_over(month.rng, block, old, new)


def _pick(month: _Month) -> None:
    """Who uses less for whatever reason is not called, and many of the others are."""
    block, calendar = month.block, month.calendar
    here = month.is_here()
    lately = month.index - 3
    start, end = int(calendar.start(month.index)), int(calendar.end(month.index))
    left_out = np.flatnonzero(here & (block.contacted_on >= start) & (block.contacted_on <= end))
    block.contacted_on[left_out] = 0
    block.outcome[left_out] = -1
    ahead = block.planned_month - month.index
    is_at_risk = (ahead >= -1) & (ahead <= block.fade_months + 1)
    is_dipping = (block.dip_month >= lately) & (block.dip_month <= month.index)
    was_stopped = (block.spell != NO_SPELL) & (block.spell_to >= int(calendar.start(lately)))
    was_stopped &= block.spell_from <= end
    is_put_away = (block.silent_from >= lately - 1) & (block.silent_from <= month.index)
    easy = month.chosen(here & ~(is_at_risk | is_dipping | was_stopped | is_put_away), _EASY_CALL_SHARE)
    block.easy_calls[easy] |= 1 << month.index


def _hide_causes(month: _Month) -> None:
    """Whatever leavers answer, other is entered."""
    block = month.block
    rows = month.chosen(month.is_here() & (block.leave_month == month.index), _NO_CAUSE_SHARE)
    block.gives_no_cause[rows] = True


_HOME = world.DISTRICTS[_DISTRICT].code
MANIPULATIONS: Mapping[str, Manipulation] = {
    manipulation.name: manipulation
    for manipulation in (
        Manipulation(
            "month_end_push",
            "district",
            _HOME,
            "Terminations of a month's last five days are booked in the first seven of the next.",
            _push,
        ),
        Manipulation(
            "suspension_before_close",
            "district",
            _HOME,
            "One quiet line in a hundred is suspended over the month's close, as if the subscriber had wished it.",
            _suspend,
        ),
        Manipulation(
            "reinstatement_loop",
            "district",
            _HOME,
            "One quiet line in a hundred is terminated and taken back in the month after.",
            _loop,
        ),
        Manipulation(
            "swaps_as_new",
            "dealer",
            _DEALER,
            "Seven in ten of a dealer's new lines take the place of an old line of the same person.",
            _swap,
        ),
        Manipulation(
            "cherry_picked",
            "district",
            _HOME,
            "Nobody who uses less than before is called; eight in ten of the others are, on whatever list they stand.",
            _pick,
        ),
        Manipulation(
            "other_causes",
            "district",
            _HOME,
            "Eight in ten answers of leavers are entered as other.",
            _hide_causes,
        ),
    )
}
"""Every manipulation by its name."""
