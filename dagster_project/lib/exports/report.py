"""The branch report: one argument a month, as a page and as a workbook of the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from dagster_project.lib import engine
from dagster_project.lib.exports import numbers
from dagster_project.lib.exports.card_book import draw_chart, write_table
from dagster_project.lib.exports.catalog import Export
from dagster_project.lib.exports.edition import Edition, Written, record, written_file
from dagster_project.lib.exports.figures import BRANCH, load_figures
from dagster_project.lib.exports.headlines import View
from dagster_project.lib.exports.lists import unit_folder
from dagster_project.lib.exports.report_chapters import chapters
from dagster_project.lib.exports.report_figures import load_report_figures
from dagster_project.lib.exports.report_story import Chapter, Statement, Story
from dagster_project.lib.exports.scorecards import page_environment
from dagster_project.lib.exports.states import branch, data_set_title, in_force, not_delivered
from dagster_project.lib.exports.style import make_formats, open_book, safe_sheet_name
from dagster_project.lib.exports.workbook import write_notes
from dagster_project.lib.wording import text


@dataclass(frozen=True)
class Report:
    """A month's report; ``missing`` names the data sets that were not delivered, ``thresholds`` the rules in force."""

    month: str
    version: str
    language: str
    title: str
    subtitle: str
    chapters: Sequence[Chapter]
    missing: tuple[str, ...]
    thresholds: str

    def say(self, key: str, **values: object) -> str:
        """A text of the report's catalogue."""
        return text(f"report.{key}", self.language, **values)

    @property
    def missing_titles(self) -> tuple[str, ...]:
        """What the office calls the data sets that were not delivered."""
        return tuple(data_set_title(name, self.language) for name in self.missing)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Every statement in the order of the page; its place is the number of its note."""
        return tuple(statement for chapter in self.chapters for statement in chapter.statements)


def write_report(edition: Edition, export: Export) -> Written:
    """Stage ``network/report.html`` and ``network/report.xlsx``; they hold no personal data."""
    report = make_report(edition)
    folder = unit_folder(edition, branch(edition))
    page, book = folder / "report.html", folder / "report.xlsx"
    page.write_text(render(report), encoding="utf-8")
    write_report_book(book, report)
    files = (written_file(edition, page, None), written_file(edition, book, None))
    return record(edition, Written(export.name, files, {}, report.missing))


def make_report(edition: Edition) -> Report:
    """Everything that the page and the workbook show, read from staged and published marts."""
    with engine.connect(edition.settings) as connection:
        missing = not_delivered(connection, edition)
        view = View(load_figures(connection, edition), BRANCH, edition.settings.language, missing)
        figures = load_report_figures(connection, edition)
    month = numbers.month_name(edition.month, view.language, with_year=True)
    return Report(
        month=edition.month,
        version=edition.publication_id,
        language=view.language,
        title=text("report.title", view.language, unit=branch(edition).name, month=month),
        subtitle=view.say("subtitle", month=month, version=edition.publication_id),
        chapters=chapters(Story(view, figures, edition.catalog)),
        missing=missing,
        thresholds=in_force(edition.catalog.of_kind("report")[0], edition.month, view.language),
    )


def render(report: Report) -> str:
    """The report as one self-contained page."""
    templates = Path(__file__).parent / "templates"
    style = "".join((templates / name).read_text(encoding="utf-8") for name in ("scorecard.css", "report.css"))
    template = page_environment().get_template("report.html")
    return template.render(report=report, style=Markup(style), say=_say(report), tell=report.say)


def _say(report: Report) -> Callable[..., str]:
    def say(key: str, **values: object) -> str:
        return text(f"scorecard.{key}", report.language, **values)

    return say


def write_report_book(target: Path, report: Report) -> None:
    """Write the report to ``target``: the statements, a sheet for each table, notes last."""
    with open_book(str(target), report.title) as workbook:
        formats = make_formats(workbook)
        told = workbook.add_worksheet(safe_sheet_name(report.say("sheet_statements")))
        write_notes(told, formats, _told(report))
        for chapter in report.chapters:
            for section in chapter.sections:
                sheet = workbook.add_worksheet(safe_sheet_name(section.title))
                write_table(sheet, formats, section.table, title=f"{report.title} · {section.title}")
                draw_chart(workbook, sheet, section)
        notes = workbook.add_worksheet(safe_sheet_name(text("exports.notes_sheet", report.language)))
        write_notes(notes, formats, _notes(report))


def _told(report: Report) -> list[tuple[str, str]]:
    rows = [(report.title, report.subtitle)]
    for chapter in report.chapters:
        rows += [(chapter.title, statement.text) for statement in chapter.statements]
    return rows


def _notes(report: Report) -> list[tuple[str, str]]:
    rows = [(statement.mart, f"{report.month} · {statement.definition}") for statement in report.statements]
    rows = list(dict.fromkeys(rows))
    rows += [(section.title, f"{section.note} {section.source}") for c in report.chapters for section in c.sections]
    rows.append((text("scorecard.thresholds_label", report.language), report.thresholds))
    return [*rows, ("—", text("scorecard.footnote", report.language))]
