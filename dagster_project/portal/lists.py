"""A published list row by row, as its page shows it: masked, in the order of the published file, and what is new.

Rows come from the restricted marts of the publication. Only rows that are exported count: who was held out or
suppressed appears nowhere here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import duckdb
from django.conf import settings

from dagster_project.lib import engine, months
from dagster_project.lib.exports.list_columns import FILE_ORDER, MASKED_PHONE, SOURCES, ListSource, worded
from dagster_project.lib.exports.states import UNKNOWN_DISTRICT
from dagster_project.lib.warehouse.base import literal
from dagster_project.portal import publications
from dagster_project.portal.publications import Publication, Unit
from dagster_project.portal.visibility import WORK_ORDER

PAGE_ROWS = 50
_MEMORY_LIMIT = "256MB"
"""A page is a few dozen rows, and several people look at one at the same time."""
_UNIT = f"coalesce(district_code, {literal(UNKNOWN_DISTRICT)})"


@dataclass(frozen=True)
class Listing:
    """Whose rows of which list: a unit's, cut to one account manager's own where ``manager`` is given."""

    publication: Publication
    unit: Unit
    list_type: str
    manager: str | None = None


@dataclass(frozen=True)
class Totals:
    """What a listing comes to; ``new`` is None where last month has no list to compare with."""

    rows: int
    monthly_amount: Decimal | None
    new: int | None


@dataclass(frozen=True)
class ListedSubscriber:
    """A row of a list as a page shows it; ``is_new`` is None where last month has no list to compare with."""

    subscriber_id: str
    masked_phone: str | None
    district: str | None
    account_manager: str | None
    reason: str | None
    risk_level: str | None
    level: str | None
    measures: str | None
    care_cap_amount: Decimal | None
    retention_cap_amount: Decimal | None
    plan: str | None
    value: str | None
    is_new: bool | None


@dataclass(frozen=True)
class Page:
    """Some rows of a listing: those that a search found (``found`` of them), one page of them."""

    rows: tuple[ListedSubscriber, ...]
    found: int
    number: int
    count: int


def totals(listing: Listing) -> Totals:
    """How many rows a listing has, what they pay a month, and how many were not on last month's list."""
    before = _before(listing)
    with _connection() as connection:
        row = connection.execute(
            f"""
            with {_listed(listing, before)}
            select count(*), sum(arpu3_amount), count(*) filter (where is_new) from listed
            """,
            _parameters(listing, before),
        ).fetchone()
    rows, monthly_amount, new = row or (0, None, 0)
    return Totals(rows, monthly_amount, new if before else None)


def page(listing: Listing, *, language: str, words: str = "", number: int = 1) -> Page:
    """One page of the rows that ``words`` find; a number beyond the last page means the last.

    ``words`` are looked for in subscriber id, account manager, plan and reason; a phone number is found by the whole
    of it or by its last four digits.
    """
    before = _before(listing)
    found_by, search = _search(words, language)
    parameters = _parameters(listing, before) | search
    with _connection() as connection:
        counted = connection.execute(
            f"with {_listed(listing, before)} select count(*) from listed where {found_by}", parameters
        ).fetchone()
        found = counted[0] if counted else 0
        count = max(1, -(-found // PAGE_ROWS))
        shown = min(max(1, number), count)
        rows = connection.execute(
            f"""
            with {_listed(listing, before)}
            select {_columns(listing, language)} from listed
            where {found_by} order by {FILE_ORDER} limit {PAGE_ROWS} offset {(shown - 1) * PAGE_ROWS}
            """,
            parameters,
        ).fetchall()
    return Page(tuple(ListedSubscriber(*row) for row in rows), found, shown, count)


def new_counts(publication: Publication, unit: Unit) -> Mapping[str, int]:
    """How many subscribers of each list of a unit were not on last month's; without lists that cannot be compared."""
    before = previous(publication)
    if before is None:
        return {}
    counts = _new_counts(publication.folder, before.folder)
    both = (name for name in publication.list_types if _is_comparable(publication, before, name))
    return {name: counts.get((name, unit.code), 0) for name in both}


def previous(publication: Publication) -> Publication | None:
    """The publication that holds of the month before; None when there is none."""
    return publications.current().get(months.shift(publication.month, -1))


def _is_comparable(publication: Publication, before: Publication, list_type: str) -> bool:
    """Whether both months computed the list: one that could not be computed leaves nobody who was on it before."""
    return all(
        list_type in each.list_types and each.manifest["exports"][f"list_{list_type}"]["rows"] is not None
        for each in (publication, before)
    )


@lru_cache(256)
def _new_counts(now: Path, before: Path) -> Mapping[tuple[str, str | None], int]:
    """Subscribers by list type and unit code who were not on the unit's list in ``before``; None is the branch."""
    found: dict[tuple[str, str | None], int] = {}
    with _connection() as connection:
        for mart, source in SOURCES.items():
            if not all(Path(_rows(folder, mart)).is_file() for folder in (now, before)):
                continue  # published before there was this mart
            rows = connection.execute(
                f"""
                with now as ({_exported("now", source)}), before as ({_exported("before", source)})
                select list_type, unit_code, count(*)
                from now anti join before using (list_type, unit_code, subscriber_id) group by all
                union all
                select list_type, null, count(*)
                from now anti join before using (list_type, subscriber_id) group by all
                """,
                {"now": _rows(now, mart), "before": _rows(before, mart)},
            ).fetchall()
            found |= {(list_type, code): count for list_type, code, count in rows}
    return found


def _exported(parameter: str, source: ListSource) -> str:
    return (
        f"select distinct list_type, {_UNIT} as unit_code, subscriber_id from read_parquet(${parameter})"
        f" where {source.exported}"
    )


def _listed(listing: Listing, before: Publication | None) -> str:
    """The common table ``listed``: the listing's rows, each with whether it is new."""
    source = SOURCES[_mart(listing)]
    conditions = ["list_type = $list_type", f"({source.exported})"]
    unit = [f"{_UNIT} = $unit"] if listing.unit.code is not None else []
    manager = ["account_manager = $manager"] if listing.manager is not None else []
    rows = f"read_parquet($rows) where {' and '.join([*conditions, *unit, *manager])}"
    if before is None:
        return f"listed as (select *, null::boolean as is_new from {rows})"
    earlier = f"select subscriber_id from read_parquet($before) where {' and '.join([*conditions, *unit])}"
    return f"listed as (select *, subscriber_id not in ({earlier}) as is_new from {rows})"


def _parameters(listing: Listing, before: Publication | None) -> dict[str, str]:
    mart = _mart(listing)
    given = {"rows": _rows(listing.publication.folder, mart), "list_type": listing.list_type}
    given |= {"unit": listing.unit.code} if listing.unit.code is not None else {}
    given |= {"manager": listing.manager} if listing.manager is not None else {}
    return given | ({"before": _rows(before.folder, mart)} if before else {})


def _columns(listing: Listing, language: str) -> str:
    month = listing.publication.month
    return ", ".join(
        (
            *("subscriber_id", MASKED_PHONE, "district", "account_manager", worded("reason", language, month)),
            *("risk_level", worded("risk_level", language, month), worded("measure_names", language, month)),
            *("care_cap_amount", "retention_cap_amount", "plan_name", worded("value_tier", language, month), "is_new"),
        )
    )


def _search(words: str, language: str) -> tuple[str, dict[str, str]]:
    """SQL for what ``words`` find, and its parameters."""
    if not words:
        return "true", {}
    texts = ("subscriber_id", "account_manager", "plan_name", "reason" if language == "zh" else "reason_en")
    within = " or ".join(f"contains(lower({name}), $words)" for name in texts)
    digits = words.replace(" ", "").replace("-", "")
    return f"coalesce({within} or msisdn = $digits or right(msisdn, 4) = $digits, false)", {
        "words": words.lower(),
        "digits": digits,
    }


def _before(listing: Listing) -> Publication | None:
    """Last month's publication, where its list can be compared with this one."""
    before = previous(listing.publication)
    return before if before and _is_comparable(listing.publication, before, listing.list_type) else None


def _mart(listing: Listing) -> str:
    return "mart_work_orders" if listing.list_type == WORK_ORDER else "mart_work_lists"


def _rows(folder: Path, mart: str) -> str:
    return str(folder / "restricted" / f"{mart}.parquet")


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with engine.connect(replace(settings.RETENTION, threads=1, memory_limit=_MEMORY_LIMIT)) as connection:
        yield connection
