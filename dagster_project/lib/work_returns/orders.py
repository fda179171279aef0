"""Whose work orders a returned workbook answers: its contacts against what was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.lib.dumps import normal_name
from dagster_project.lib.work_returns.contacts import Contact, Problem, Return


@dataclass(frozen=True)
class OrderBook:
    """The work orders of one version of a month, mart_work_orders at ``path``, and which of them somebody may answer.

    ``districts`` and ``account_manager`` are None for all of them.
    """

    path: Path
    list_month: str
    districts: frozenset[str] | None = None
    account_manager: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OwnReturn:
    """What is left of a workbook once it is held against work orders, and the district of each contact by its id."""

    returned: Return
    district_codes: Mapping[str, str]


@dataclass(frozen=True)
class _Order:
    """A planned work order; its managers by the normal forms of their names, because versions may differ."""

    district_code: str
    managers: frozenset[str] = field(repr=False)


_Orders = dict[tuple[str, str, str], _Order]
"""By month, subscriber and main list."""


def of_own_orders(returned: Return, books: Iterable[OrderBook]) -> OwnReturn:
    """Keep the contacts that answer a planned order of the books; every other one is a problem of its row.

    An office may work from an older version, so an order of any book counts, and the last one tells its district. An
    order that somebody else may answer is told like one that does not exist.
    """
    orders = _orders(returned.contacts, books)
    kept: list[tuple[Contact, int]] = []
    problems: list[Problem] = []
    for contact, row in zip(returned.contacts, returned.rows, strict=True):
        code = _trouble(contact, orders.get(_key(contact)))
        if code:
            problems.append(Problem(returned.file, code, row))
        else:
            kept.append((contact, row))
    contacts, rows = tuple(contact for contact, _ in kept), tuple(row for _, row in kept)
    whole = sorted((*returned.problems, *problems), key=lambda problem: problem.row or 0)
    codes = {contact.contact_id: orders[_key(contact)].district_code for contact in contacts}
    return OwnReturn(Return(returned.file, contacts, rows, tuple(whole)), codes)


def _key(contact: Contact) -> tuple[str, str, str]:
    return contact.list_month, contact.subscriber_id, contact.list_type


def _trouble(contact: Contact, order: _Order | None) -> str | None:
    """A contact counts for the account manager that it names, so none but the one of the order may stand there."""
    if order is None:
        return "not_your_order"
    named = contact.account_manager
    return "other_manager" if named and normal_name(named) not in order.managers else None


def _orders(contacts: Iterable[Contact], books: Iterable[OrderBook]) -> _Orders:
    wanted: dict[str, set[str]] = {}
    for contact in contacts:
        wanted.setdefault(contact.list_month, set()).add(contact.subscriber_id)
    found: _Orders = {}
    with duckdb.connect(config={"threads": 1}) as connection:
        for book in books:
            if book.list_month in wanted:
                _add(found, connection, book, wanted[book.list_month])
    return found


def _add(found: _Orders, connection: duckdb.DuckDBPyConnection, book: OrderBook, subscribers: Iterable[str]) -> None:
    rows = connection.execute(
        """
        select subscriber_id, main_list_type, coalesce(district_code, ''), coalesce(account_manager, '')
        from read_parquet($path)
        where is_planned
            and subscriber_id in (select unnest($subscribers::varchar[]))
            and ($districts::varchar[] is null or list_contains($districts::varchar[], district_code))
            and ($account_manager::varchar is null or account_manager = $account_manager::varchar)
        """,
        {
            "path": str(book.path),
            "subscribers": sorted(subscribers),
            "districts": None if book.districts is None else sorted(book.districts),
            "account_manager": book.account_manager,
        },
    ).fetchall()
    for subscriber, list_type, district_code, manager in rows:
        key = (book.list_month, subscriber, list_type)
        known = found[key].managers if key in found else frozenset()
        found[key] = _Order(district_code, known | {normal_name(manager)})
