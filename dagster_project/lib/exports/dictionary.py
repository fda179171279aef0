"""The data dictionary: every published table and column, what it means and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlsxwriter.worksheet import Worksheet

from dagster_project.lib.exports import metrics
from dagster_project.lib.exports.catalog import Export, Model
from dagster_project.lib.exports.edition import Edition, Written, record, written_file
from dagster_project.lib.exports.states import NETWORK
from dagster_project.lib.exports.style import Formats, make_formats, open_book, safe_sheet_name
from dagster_project.lib.exports.workbook import prepare_print, write_notes
from dagster_project.lib.wording import text

_TABLE_FIELDS = (
    ("table", 30),
    ("name", 24),
    ("grain", 40),
    ("access", 12),
    ("owner", 22),
    ("about", 70),
    ("source", 50),
)
_COLUMN_FIELDS = (
    *(("table", 30), ("column", 30), ("heading", 24), ("type", 16), ("formula", 50), ("about", 90)),
    ("basis", 24),
)
_THRESHOLD_FIELDS = (
    *(("key", 30), ("threshold_name", 44), ("value", 12), ("valid", 16), ("basis", 32)),
    ("decides", 80),
)
_RULE_FIELDS = (
    *(("rule_table", 22), ("name", 24), ("key", 24), ("rule_name", 30), ("rule_row", 70), ("valid", 16), ("basis", 32)),
    ("decides", 60),
)

_Sheet = tuple[str, Sequence[tuple[str, float]], Sequence[Sequence[str]]]


def write_dictionary(edition: Edition, export: Export) -> Written:
    """Stage ``network/data_dictionary.xlsx`` from the catalogue; it holds no data, only descriptions.

    Thresholds and rule tables are those in force in the publication's month.
    """
    language = edition.settings.language
    models = [edition.catalog.model(name) for name in export.depends_on]
    tables = [_table_row(model, language) for model in models]
    columns = [row for model in models for row in _column_rows(model, language)]
    target = edition.folder / NETWORK / "data_dictionary.xlsx"
    target.parent.mkdir(parents=True, exist_ok=True)
    sheets = (
        ("tables", _TABLE_FIELDS, tables),
        ("columns", _COLUMN_FIELDS, columns),
        ("thresholds", _THRESHOLD_FIELDS, list(metrics.threshold_rows(edition.catalog, language, edition.month))),
        ("rules", _RULE_FIELDS, list(metrics.rule_rows(edition.catalog, language, edition.month))),
    )
    _write(target, edition, sheets)
    return record(edition, Written(export.name, (written_file(edition, target, len(columns)),)))


def _table_row(model: Model, language: str) -> list[str]:
    access = "exports.access_restricted" if model.is_restricted else "exports.access_public"
    return [
        model.name,
        model.titles["zh"],
        ", ".join(model.grain),
        text(access, language),
        model.owner,
        model.descriptions[language],
        ", ".join(model.sources),
    ]


def _column_rows(model: Model, language: str) -> list[list[str]]:
    """A column's definition is English, like the code that it documents; its heading is the office's."""
    return [
        [
            model.name,
            column.name,
            column.headings[language],
            column.data_type,
            metrics.formula(model, column, language),
            column.description,
            metrics.basis(column.description),
        ]
        for column in model.columns.values()
    ]


def _write(target: Path, edition: Edition, sheets: Sequence[_Sheet]) -> None:
    language = edition.settings.language
    title = text("exports.dictionary_title", language, month=edition.month, version=edition.publication_id)
    with open_book(str(target), title) as workbook:
        formats = make_formats(workbook)
        for sheet, fields, rows in sheets:
            worksheet = workbook.add_worksheet(safe_sheet_name(text(f"exports.dictionary_{sheet}", language)))
            headings = [(text(f"exports.dictionary_{name}", language), width) for name, width in fields]
            _write_sheet(worksheet, formats, title, headings=headings, rows=rows)
        notes = workbook.add_worksheet(safe_sheet_name(text("exports.notes_sheet", language)))
        write_notes(notes, formats, [(title, text("exports.dictionary_note", language))])


def _write_sheet(
    sheet: Worksheet,
    formats: Formats,
    title: str,
    *,
    headings: Sequence[tuple[str, float]],
    rows: Sequence[Sequence[str]],
) -> None:
    sheet.write_string(0, 0, title, formats["title"])
    for column, (heading, width) in enumerate(headings):
        sheet.set_column(column, column, width)
        sheet.write_string(1, column, heading, formats["header"])
    for row, values in enumerate(rows, start=2):
        for column, value in enumerate(values):
            sheet.write_string(row, column, value, formats["wrapped"])
    sheet.freeze_panes(2, 1)
    sheet.autofilter(1, 0, max(len(rows) + 1, 2), len(headings) - 1)
    prepare_print(sheet)
