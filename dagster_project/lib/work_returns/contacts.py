"""What returned work orders are told in: their columns, contacts, and problems with what it takes to mend them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from dagster_project.lib import contract, rules
from dagster_project.lib.wording import text

KEYS = ("list_month", "main_list_type", "subscriber_id", "account_manager", "district")
"""Columns of a work order that say whose row it is; they are handed out filled in."""
FILL_INS = ("contacted_at", "outcome", "measure_code", "cost", "note")
"""Columns of a work order that are handed out empty."""

_DATA_SET = contract.DATA_SETS["crm_contacts"]


@dataclass(frozen=True)
class Contact:
    """One contact as the data set crm_contacts has it; ``cost`` in yuan, without a time zone like every dump."""

    contact_id: str
    subscriber_id: str
    list_month: str
    list_type: str
    measure_code: str | None
    contacted_at: dt.datetime
    outcome: str
    cost: Decimal | None
    account_manager: str | None = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a returned workbook: the whole of it without ``row``, a row without ``heading``.

    ``code`` is stable; ``facts`` fill the catalogue's texts and hold nothing that somebody wrote into a cell.
    """

    file: str
    code: str
    row: int | None = None
    heading: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Return:
    """What one returned workbook holds: the contacts of its good rows, the sheet rows they stand in, its problems."""

    file: str
    contacts: tuple[Contact, ...] = ()
    rows: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()


def told(problem: Problem, language: str) -> str:
    """A problem in one line: where it is, what it is, what to do about it."""
    kind = "cell" if problem.heading else "row" if problem.row else "file"
    place = text(f"work_returns.place_{kind}", language, **_facts(problem, language))
    reason, remedy = explained(problem, language)
    return text("work_returns.told", language, place=place, reason=reason, remedy=remedy)


def explained(problem: Problem, language: str) -> tuple[str, str]:
    """What a problem is, and what to do about it."""
    facts = _facts(problem, language)
    reason, remedy = (text(f"work_returns.{part}_{problem.code}", language, **facts) for part in ("reason", "remedy"))
    return reason, remedy


def _facts(problem: Problem, language: str) -> Mapping[str, object]:
    """What fills the catalogue's texts about a problem."""
    return {
        "file": problem.file,
        "row": problem.row,
        "heading": problem.heading,
        "outcomes": text("work_returns.separator", language).join(
            text(f"work_returns.outcome.{code}", language) for code in outcomes()
        ),
        "example": rules.seed("measures")[0]["measure_code"],
        **problem.facts,
    }


def outcomes() -> Iterable[str]:
    """The codes of what may come of a contact, in the order of the contract."""
    return _DATA_SET.column("outcome").values


def contact_id(list_month: str, list_type: str, subscriber_id: str, contacted_at: dt.datetime) -> str:
    """What names a contact: ``W`` and 16 hex digits of the sha256 of the four, one a line; the time to the second."""
    lines = (list_month, list_type, subscriber_id, contacted_at.isoformat(sep=" ", timespec="seconds"))
    return "W" + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
