"""What the branch report is told with: statements, chapters, and the story that they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.lib.exports.card import Chart, Section, Table
from dagster_project.lib.exports.catalog import Catalog
from dagster_project.lib.exports.headlines import View
from dagster_project.lib.exports.report_figures import ReportFigures
from dagster_project.lib.exports.states import data_set_title
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text


@dataclass(frozen=True)
class Statement:
    """A sentence with figures, the mart that they stand in, and how they are defined."""

    text: str
    mart: str
    definition: str


@dataclass(frozen=True)
class Chapter:
    """A step of the argument: its statements, then what shows them."""

    key: str
    title: str
    statements: Sequence[Statement]
    sections: Sequence[Section]


@dataclass(frozen=True)
class Story:
    """What chapters are made from: the branch's view, the report's own figures, and the catalogue of marts."""

    view: View
    figures: ReportFigures
    catalog: Catalog

    def say(self, key: str, **values: object) -> str:
        """A text of the report's catalogue."""
        return text(f"report.{key}", self.view.language, **values)

    def name(self, topic: str, code: Any) -> str:
        """The office's word for a code of the marts."""
        return "—" if code is None else self.say(f"{topic}_{code}")

    def state(self, key: str, mart: str, **values: object) -> Statement:
        """The sentence ``key`` about figures of ``mart``."""
        definition = self.catalog.model(mart).descriptions[self.view.language]
        return Statement(self.say(f"sentence_{key}", **values), mart, definition)

    def lacks(self, data_set: str, mart: str) -> Statement | None:
        """What is said instead of figures when a data set was not delivered."""
        if data_set not in self.view.missing:
            return None
        return self.state("missing", mart, data_set=data_set_title(data_set, self.view.language))

    def section(
        self,
        key: str,
        mart: str,
        columns: Sequence[tuple[str, Kind]],
        rows: Sequence[Sequence[Any]],
        *,
        plot: str = "",
        chart: Chart | None = None,
        is_heat: bool = False,
    ) -> Section:
        """A table of ``mart`` under the headings that its columns have in the catalogue."""
        headings = self.catalog.model(mart).columns
        return Section(
            key=key,
            title=self.say(f"title_{key}"),
            note=self.say(f"note_{key}"),
            source=self.view.say("source", mart=mart, month=self.view.figures.month),
            table=Table([(headings[name].headings[self.view.language], kind) for name, kind in columns], rows),
            plot=plot,
            chart=chart,
            is_heat=is_heat,
            is_open=is_heat,
        )
