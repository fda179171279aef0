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

    list_type: str
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
    """One plot with its table, its note and its source; ``is_heat`` colours the table's cells instead.

    The table opens on demand beside a plot; without one it stands open, unless ``is_folded``.
    """

    key: str
    title: str
    note: str
    source: str
    table: Table
    plot: str = ""
    chart: Chart | None = None
    is_heat: bool = False
    is_open: bool = False
    is_folded: bool = False


@dataclass(frozen=True)
class Fact:
    """One line of an explanation: what it is about, and what it says."""

    name: str
    words: str


@dataclass(frozen=True)
class KpiLine:
    """A KPI of a scorecard: its row, what would gain a point or why it has no score, and how it came about.

    ``cells`` are shown figures by the name of their column; ``score`` draws the bar behind the score.
    """

    code: str
    name: str
    cells: Sequence[tuple[str, str]]
    score: float | None
    hint: str
    facts: Sequence[Fact]


@dataclass(frozen=True)
class ScoreBlock:
    """A unit's scorecard: its total in words and a line for every KPI; ``anchor`` is where links to it lead."""

    anchor: str
    unit_type: str
    code: str
    name: str
    total: str
    is_ranked: bool
    interval: str
    place: str
    short_place: str
    verdict: str
    sentences: Sequence[str]
    lines: Sequence[KpiLine]


@dataclass(frozen=True)
class ScoreGroup:
    """The scorecards of a district's managers or dealers, the best first."""

    unit_type: str
    title: str
    note: str
    blocks: Sequence[ScoreBlock]


@dataclass(frozen=True)
class ScoreCard:
    """How a unit stands: its own scorecard (none for the branch), all districts compared, those within it.

    ``sheets`` are the same figures as the workbook shows them; ``link`` leads to the comparison, from the branch only.
    """

    note: str
    link: str
    headings: Sequence[tuple[str, str]]
    own: ScoreBlock | None
    standing: Section
    groups: Sequence[ScoreGroup]
    sheets: Sequence[Section]


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
    scores: ScoreCard
    sections: Sequence[Section]
    missing: Sequence[str]
    thresholds: str
