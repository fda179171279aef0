"""Random little branches: what is drawn are a few lives and what the operator left out; the rows follow from these.

Every number that is drawn says one thing and is plainest at zero, so that a failing world shrinks to the few lives
and months that make it fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from dagster_project.lib import contract, months, raw

MONTHS = months.between("2010-11", "2011-03")
"""Two years take part: what is counted from January on begins anew in the middle."""

STATES = (
    *("stays",) * 6,
    *("absent", "cancelled", "disconnected", "ported_out", "suspended_arrears", "suspended_voluntary"),
    *("pre_cancelled", "moves", "uncounted", "in_quarantine", "cancelled_undated", "cancelled_earlier", "joins_again"),
    "joins_and_leaves",
)
_OFF = {
    "cancelled": "cancelled",
    "disconnected": "disconnected",
    "ported_out": "ported_out",
    "joins_and_leaves": "cancelled",
}
_ON = ("suspended_arrears", "suspended_voluntary", "pre_cancelled")
TERMINAL = ("cancelled", "disconnected", "ported_out")

OPTIONAL = (
    *("billing_usage", "billing_payments", "billing_call_circle", "crm_complaints", "crm_contacts"),
    *("crm_exit_surveys", "crm_surveys", "crm_channels", "crm_groups", "finance_acquisition"),
)
COLUMNS = (
    *(("crm_subscribers", column) for column in ("brand", "network", "payment_type", "group_id", "customer_id")),
    *(("billing_bills", "arrears"), ("billing_usage", "mou_in"), ("billing_usage", "distinct_called")),
    *(("crm_exit_surveys", "cause_code"), ("crm_exit_surveys", "destination")),
)
"""Columns that an operator may not have."""

_JOINED = ("2007-04-15", "2010-09-20", *(f"{month}-10" for month in MONTHS))
_CAUSES = ("price", "voice_quality", "other", "billing+handset", "relocation", "no known code", None)
_DESTINATIONS = ("rival_mobile", "internal", None, "other")
_FEES = ("0", "4.20", "25.50", "60", "433.33", "-5")


@dataclass(frozen=True)
class Life:
    """Lines that do the same: ``copies`` of them, with a state for each of the months."""

    states: tuple[str, ...] = ("stays",) * len(MONTHS)
    joined: int = 0
    traits: int = 0
    spending: int = 0
    copies: int = 1


@dataclass(frozen=True)
class RandomWorld:
    """A branch: its lives, the month that was not delivered, and what was left out in which month."""

    lives: tuple[Life, ...] = ()
    gap: int | None = None
    without: frozenset[tuple[str, int]] = frozenset()
    without_columns: frozenset[tuple[str, str, int]] = frozenset()
    holds_leavers: bool = True

    @property
    def months(self) -> tuple[str, ...]:
        """The delivered months."""
        return tuple(month for number, month in enumerate(MONTHS) if number != self.gap)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Every raw table's rows with their delivery month."""
        tables: dict[str, list[dict[str, Any]]] = {name: [] for name in raw.tables()}
        for number, month in enumerate(MONTHS):
            if number != self.gap:
                for name, row in self._rows(number):
                    tables[name].append({**self._delivered(name, row, number), "delivery_month": month})
        return tables

    def is_delivered(self, name: str, number: int) -> bool:
        """Whether the month's delivery holds a data set."""
        return (name, number) not in self.without and name != "crm_blacklist"

    def _rows(self, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
        for place, life in enumerate(self._everybody):
            for copy in range(life.copies):
                for name, row in _line_rows(place, copy, life, number):
                    if self.is_delivered(name, number):
                        yield name, row
        for name, row in _branch_rows(number):
            if self.is_delivered(name, number):
                yield name, row
        yield from self._delivery_rows(number)

    @property
    def _everybody(self) -> tuple[Life, ...]:
        """A delivery without any line would be refused, so one line stays."""
        return (Life(), *self.lives)

    def _delivered(self, name: str, row: dict[str, Any], number: int) -> dict[str, Any]:
        return {column: value for column, value in row.items() if (name, column, number) not in self.without_columns}

    def _delivery_rows(self, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in contract.DATA_SETS:
            is_delivered = self.is_delivered(name, number)
            counts = dict.fromkeys(("lines_read", "loaded_count", "quarantined_count", "duplicate_count"), 0)
            yield (
                "deliveries",
                {
                    "data_set": name,
                    "is_delivered": is_delivered,
                    "files": int(is_delivered),
                    **counts,
                    "status": "loaded" if is_delivered else "absent",
                    "snapshots_hold_leavers": self.holds_leavers,
                },
            )
            for column in raw.table_columns(name) if is_delivered else ():
                if (name, column, number) not in self.without_columns:
                    yield "delivered_columns", {"data_set": name, "column_name": column}


def _line_rows(place: int, copy: int, life: Life, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    subscriber_id = f"S{place:02d}-{copy}"
    if life.states[number] == "in_quarantine":
        yield "quarantined_subscribers", {"subscriber_id": subscriber_id}
    snapshot = _snapshot(place, copy, life, number)
    if snapshot:
        yield "crm_subscribers", {"subscriber_id": subscriber_id, **snapshot}
        for name, row in _activity(subscriber_id, life.spending + 5 * copy, number):
            yield name, {"subscriber_id": subscriber_id, **row}
    for row in _exit_answers(life, number):
        yield "crm_exit_surveys", {"subscriber_id": subscriber_id, **row}


def _snapshot(place: int, copy: int, life: Life, number: int) -> dict[str, Any] | None:
    state, month = life.states[number], MONTHS[number]
    joined = _JOINED[life.joined]
    if state in ("absent", "in_quarantine") or joined[:7] > month:
        return None
    again = [n for n in range(number + 1) if life.states[n].startswith("joins")]
    if again:
        joined = f"{MONTHS[again[-1]]}-05"
    status, status_date = _status(state, month)
    return {
        "snapshot_month": month,
        "join_date": date.fromisoformat(joined),
        "status": status,
        "status_date": date.fromisoformat(status_date) if status_date else None,
        "is_countable": state != "uncounted",
        # Every second life has the papers of the one before it: the one may be what the other swapped to.
        "customer_id": f"K{place // 2}-{copy}",
        "imei_hash": f"I{place // 3}-{copy}",
        **_scopes(life, number),
    }


def _status(state: str, month: str) -> tuple[str, str | None]:
    if state in _OFF:
        return _OFF[state], f"{month}-17"
    if state == "cancelled_undated":
        return "cancelled", None
    if state == "cancelled_earlier":
        return "cancelled", f"{months.shift(month, -1)}-20"
    return (state if state in _ON else "active"), None


def _scopes(life: Life, number: int) -> dict[str, Any]:
    """Where the line belongs; every move so far takes it one further in each scope."""
    moves = sum(state == "moves" for state in life.states[: number + 1])
    traits = life.traits
    choices: Mapping[str, tuple[str | None, ...]] = {
        "district_code": ("D0", "D1", "D2"),
        "brand": ("B0", "B1", None),
        "network": ("GSM", "3G", None),
        "payment_type": ("prepaid", "postpaid", "quasi_prepaid", None),
        "plan_code": ("P0", "P1", "P2"),
        "group_id": (None, "G0", "G1"),
        "channel_code": ("C0", "C1", None),
    }
    chosen = {}
    for column, values in choices.items():
        traits, choice = divmod(traits, len(values))
        chosen[column] = values[(choice + moves) % len(values)]
    return chosen


_TRAITS = 3 * 3 * 3 * 4 * 3 * 3 * 3


def _activity(line: str, spending: int, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the line did in the month: little, much, or nothing that was recorded."""
    month = MONTHS[number]
    taste = spending + number
    if taste % 7 != 6:
        fee = _FEES[taste % len(_FEES)]
        yield "billing_bills", {"bill_month": month, "total_fee": Decimal(fee), "arrears": 12 * (spending % 4)}
    if taste % 5 != 4:
        yield "billing_usage", {"usage_month": month, **_usage(taste)}
        yield "billing_call_circle", {"usage_month": month, "contact_hash": f"H{spending % 3}", "calls": 4}
    if taste % 2:
        paid = {"payment_id": f"{line}-{month}", "paid_at": f"{month}-08 12:00:00", "amount": 10 + taste}
        yield "billing_payments", paid
    if taste % 6 == 1:
        ticket = {
            "complaint_id": f"{line}-{month}",
            "created_at": f"{month}-05 10:00:00",
            "satisfaction": 1 + taste % 5,
        }
        yield "crm_complaints", ticket


def _usage(taste: int) -> dict[str, Any]:
    used = (taste * 31) % 97 if taste % 3 else 0
    return {
        "mou_out": used,
        "mou_in": used // 2,
        "calls_out": used // 3,
        "calls_in": used // 4,
        "distinct_called": used // 5,
        "sms_out": 0,
        "data_mb": used * 2,
        "active_days": used % 28,
        "forward_offnet_calls": int(taste % 11 == 1),
        "rival_hotline_calls": int(taste % 13 == 1),
    }


def _exit_answers(life: Life, number: int) -> Iterator[dict[str, Any]]:
    """Two thirds of those who say that they leave answer at once, some of the others a month later."""
    for asked in (number, number - 1):
        left = asked >= 0 and life.states[asked] in ("cancelled", "ported_out", "disconnected", "absent")
        is_late = asked != number
        if left and (life.spending % 3 == 2) == is_late:
            yield {
                "churn_month": MONTHS[asked],
                "cause_code": _CAUSES[(life.spending + asked) % len(_CAUSES)],
                "destination": _DESTINATIONS[(life.traits + asked) % len(_DESTINATIONS)],
            }


def _branch_rows(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    month = MONTHS[number]
    for code in ("D0", "D1", "D2"):
        yield "crm_districts", {"district_code": code, "district_name": f"区{code}"}
    for place, code in enumerate(("P0", "P1", "P2")):
        plan = {
            "plan_code": code,
            "plan_name": f"套餐{code}",
            "monthly_rent": 10.0 * place,
            "is_short_term": code == "P2",
        }
        yield "crm_plans", plan
    for code in ("C0", "C1"):
        channel = {"channel_code": code, "channel_name": code, "channel_type": "agent", "commission_months": 2}
        yield "crm_channels", channel
    for code in ("G0", "G1"):
        yield "crm_groups", {"group_id": code, "group_name": f"集团{code}", "has_agreement": code == "G0"}
    for network in ("GSM", "3G"):
        yield "finance_acquisition", {"month": month, "network": network, "commission": 100.0 + number}


_STATE = st.sampled_from(STATES)
_NUMBER = st.integers(0, len(MONTHS) - 1)

LIVES = st.builds(
    Life,
    states=st.tuples(*[_STATE] * len(MONTHS)),
    joined=st.integers(0, len(_JOINED) - 1),
    traits=st.integers(0, _TRAITS - 1),
    spending=st.integers(0, 59),
    copies=st.integers(1, 3),
)
WORLDS = st.builds(
    RandomWorld,
    lives=st.lists(LIVES, max_size=12).map(tuple),
    gap=st.none() | _NUMBER,
    without=st.frozensets(st.tuples(st.sampled_from(OPTIONAL), _NUMBER), max_size=6),
    without_columns=st.frozensets(
        st.builds(lambda column, number: (*column, number), st.sampled_from(COLUMNS), _NUMBER), max_size=5
    ),
    holds_leavers=st.booleans().map(lambda is_false: not is_false),
)

_KINDS = tuple(dict.fromkeys(STATES))
_ONE_EVENT_EACH = tuple(
    Life(
        tuple(_KINDS[place % len(_KINDS)] if number == 1 + place % 4 else "stays" for number in range(len(MONTHS))),
        joined=(0, 0, 1, 2 + place % 5)[place % 4],
        traits=place * 97 % _TRAITS,
        spending=place * 7 % 60,
        copies=1 + place % 2,
    )
    for place in range(4 * len(_KINDS))
)
_SEVERAL_EVENTS = (
    # First delivered in the month after joining.
    Life(("absent", "absent", "stays", "stays", "stays"), joined=3),
    Life(("stays", "suspended_arrears", "suspended_arrears", "disconnected", "absent"), spending=3),
)
FULL_WORLD = RandomWorld(_ONE_EVENT_EACH + _SEVERAL_EVENTS)
"""Every state, all scopes, and nothing left out."""

MENDED = (
    # A month of the range that was not delivered had rows of channels and hazards.
    RandomWorld(gap=2),
    # Brands delivered for one month of a window of three summed to less than the network.
    RandomWorld(without_columns=frozenset({("crm_subscribers", "brand", 0), ("crm_subscribers", "brand", 1)})),
    # A late answer brought back a scope that was not delivered in its month.
    RandomWorld(
        (Life(("stays", "stays", "cancelled", "absent", "absent"), spending=2),),
        without_columns=frozenset({("crm_subscribers", "brand", 3)}),
    ),
    # Somebody who came back and left in the same month had left in the month of joining without being new.
    RandomWorld((Life(("stays", "cancelled", "joins_and_leaves", "absent", "absent"), spending=1),)),
)
"""What the models once got wrong."""
