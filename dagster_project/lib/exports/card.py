"""A scorecard as values: what the page and the workbook both show, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.lib.exports.states import Unit
from dagster_project.lib.exports.workbook import Kind


@dataclass(frozen=True)
class Change:
    """A difference in words, with a shape for its direction and a word for whether that is good."""

    words: str
    shape: str
    tone: str
    verdict: str


@dataclass(frozen=True)
class Headline:
    """A headline figure: shown value, or a dash with its reason; its changes, notes and small line."""

    key: str
    name: str
    definition: str
    value: float | None
    shown: str
    reason: str
    changes: Sequence[Change]
    notes: Sequence[str]
    spark: str
    series: Sequence[tuple[str, float | None]]
    kind: Kind


@dataclass(frozen=True)
class ListLine:
    """A list of the month: how many rows, what they pay a month, and the file."""

    title: str
    rows: int
    shown: str
    worth: str
    href: str


@dataclass(frozen=True)
class Table:
    """The numbers behind a plot: headings with their kinds, and rows of plain values."""

    columns: Sequence[tuple[str, Kind]]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Chart:
    """How a spreadsheet draws a table: ``line``, ``column`` or ``bar`` of some columns over the first."""

    kind: str
    columns: Sequence[int]


@dataclass(frozen=True)
class Section:
    """One plot with its table, its note and its source; ``is_heat`` colours the table's cells instead."""

    key: str
    title: str
    note: str
    source: str
    table: Table
    plot: str = ""
    chart: Chart | None = None
    is_heat: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Card:
    """A unit's month."""

    unit: Unit
    month: str
    version: str
    language: str
    title: str
    subtitle: str
    headlines: Sequence[Headline]
    lists: Sequence[ListLine]
    sentences: Sequence[str]
    sections: Sequence[Section]
    missing: Sequence[str]
    thresholds: str
