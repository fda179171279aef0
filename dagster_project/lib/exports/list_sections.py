"""How well lists named who left, on pages: what they hit and whom they missed, or why that cannot be told yet.

All of it is about the lists of three months ago, whose outcome is known now (domain 3.14).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_project.lib import months
from dagster_project.lib.exports.card import Section, Table
from dagster_project.lib.exports.catalog import Catalog
from dagster_project.lib.exports.figures import BRANCH, Row
from dagster_project.lib.exports.headlines import View
from dagster_project.lib.exports.numbers import month_name
from dagster_project.lib.exports.workbook import Kind

QUALITY = "mart_list_quality"
_HITS = (
    *(("listed_count", Kind.COUNT), ("holdout_count", Kind.COUNT), ("hit_rate_holdout", Kind.PERCENT)),
    *(("ci_low", Kind.PERCENT), ("ci_high", Kind.PERCENT), ("hit_rate_naive", Kind.PERCENT)),
    *(("coverage_rate", Kind.PERCENT), ("lift", Kind.MONEY)),
)
_MISSED = (
    *("left_count", "missed_not_eligible_count", "missed_not_listed_count", "missed_not_reached_count"),
    *("reached_left_count", "holdout_left_count"),
)


def list_titles(catalog: Catalog, language: str) -> dict[str, str]:
    """What the office calls each list, by the list's code."""
    return {str(export.meta["list_type"]): export.titles[language] for export in catalog.of_kind("list")}


def list_sections(view: View, titles: Mapping[str, str]) -> tuple[Section, Section]:
    """Hit rate, coverage and lift of each list of the unit; and its leavers by where the list lost them."""
    rows = view.figures.list_quality.get(view.code, ())
    return _hits(view, titles, rows), _missed(view, titles, rows)


def _hits(view: View, titles: Mapping[str, str], rows: Sequence[Row]) -> Section:
    """The official hit rate with its interval, and beside it the naive one, which is called so."""
    table = Table(
        _headings(view, ("list", Kind.TEXT), ("list_month", Kind.TEXT), *_HITS, ("quality_state", Kind.TEXT)),
        [(*_list(titles, row), *(row[name] for name, _ in _HITS), _state(view, row)) for row in rows],
    )
    return _section(view, "list_hits", table)


def _missed(view: View, titles: Mapping[str, str], rows: Sequence[Row]) -> Section:
    """Everybody who left, in the five parts that each list divides them into."""
    counts = ((name, Kind.COUNT) for name in _MISSED)
    table = Table(
        _headings(view, ("list", Kind.TEXT), ("list_month", Kind.TEXT), *counts),
        [(*_list(titles, row), *(row[name] for name in _MISSED)) for row in rows],
    )
    section_note = view.say("note_no_contacts") if any(row["missed_not_reached_count"] is None for row in rows) else ""
    return _section(view, "list_missed", table, section_note)


def _headings(view: View, *columns: tuple[str, Kind]) -> Sequence[tuple[str, Kind]]:
    return tuple((view.say(f"column_{name}"), kind) for name, kind in columns)


def _list(titles: Mapping[str, str], row: Row) -> tuple[Any, Any]:
    return titles.get(row["list_type"], row["list_type"]), row["list_month"]


def _state(view: View, row: Row) -> str:
    if not row["holdout_count"]:
        return view.say("quality_no_holdout")
    return view.say("quality_small" if row["is_small"] else "quality_known")


def _section(view: View, key: str, table: Table, remark: str = "") -> Section:
    month = month_name(_list_month(view), view.language, with_year=True)
    return Section(
        key=key,
        title=view.say(f"title_{key}"),
        note=view.say(f"note_{key}", month=month) + remark if table.rows else _nothing(view, month),
        source=view.say("source", mart=QUALITY, month=view.figures.month),
        table=table,
    )


def _nothing(view: View, month: str) -> str:
    """Why there are no rows: too early, not delivered, no list with a hold-out, or nobody in the unit."""
    if view.figures.list_quality.get(BRANCH):
        return view.say("quality_nobody", month=month)
    known = {row["month"] for row in view.figures.trend.get(BRANCH, ())}
    if _list_month(view) < min(known, default=view.figures.month):
        return view.say("quality_too_early")
    absent = [each for each in months.between(_list_month(view), view.figures.month) if each not in known]
    if absent:
        named = (month_name(each, view.language, with_year=True) for each in absent)
        return view.say("quality_not_delivered", months=view.say("list_separator").join(named))
    return view.say("quality_no_lists", month=month)


def _list_month(view: View) -> str:
    return months.shift(view.figures.month, -3)
