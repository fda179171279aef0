"""A scorecard's workbook: the page's numbers, with charts that the spreadsheet draws itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from dagster_project.lib.exports.card import Card, Chart, Headline, Section, Table
from dagster_project.lib.exports.style import ACCENT, Formats, make_formats, open_book, safe_sheet_name
from dagster_project.lib.exports.workbook import Kind, prepare_print, write_notes
from dagster_project.lib.wording import text

_FIRST_ROW = 2
_CHART_HEIGHT = 340
_BAR_HEIGHT = 18
"""Pixels: bars in a row each get enough of them for their name to be read."""
_COLOURS = (ACCENT, "#C2570C")


def write_card_book(target: Path, card: Card) -> None:
    """Write the card to ``target``: an overview, the scores, a sheet for each section, notes last."""
    with open_book(str(target), card.title) as workbook:
        formats = make_formats(workbook)
        title = f"{card.title} · {card.subtitle}"
        _overview(workbook, formats, card, title)
        for section in (*card.scores.sheets, *card.sections):
            sheet = workbook.add_worksheet(safe_sheet_name(section.title))
            write_table(sheet, formats, section.table, title=f"{title} · {section.title}")
            sheet.write_string(_FIRST_ROW + len(section.table.rows) + 1, 0, section.note, formats["note"])
            draw_chart(workbook, sheet, section)
        notes = workbook.add_worksheet(safe_sheet_name(text("exports.notes_sheet", card.language)))
        write_notes(notes, formats, _notes(card))


def _overview(workbook: Workbook, formats: Formats, card: Card, title: str) -> None:
    """Headline figures with their changes, then thirteen months of each, then the lists."""
    sheet = workbook.add_worksheet(safe_sheet_name(_say(card, "sheet_overview")))
    months = [month for month, _ in card.headlines[0].series]
    headings = ["column_figure", "column_value", "column_change_month", "column_change_year"]
    texts = [*(_say(card, key) for key in headings), *months]
    _headings(sheet, formats, title, texts)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 3, 24)
    sheet.set_column(4, 3 + len(months), 11)
    for row, headline in enumerate(card.headlines, start=_FIRST_ROW):
        _headline(sheet, formats, row, headline)
    chart = workbook.add_chart({"type": "line"})
    last = 3 + len(months)
    name = sheet.get_name()
    chart.add_series(
        {
            "name": [name, _FIRST_ROW, 0],
            "categories": [name, 1, 4, 1, last],
            "values": [name, _FIRST_ROW, 4, _FIRST_ROW, last],
            "line": {"color": ACCENT, "width": 2.25},
            "marker": {"type": "circle", "size": 5, "fill": {"color": ACCENT}},
        }
    )
    _finish_chart(sheet, chart, card.headlines[0].name, row=_FIRST_ROW + len(card.headlines) + 1, column=0)
    lists = workbook.add_worksheet(safe_sheet_name(_say(card, "sheet_lists")))
    columns = ((_say(card, "column_list"), Kind.TEXT), (_say(card, "column_rows"), Kind.COUNT))
    table = Table(
        (*columns, (_say(card, "column_worth"), Kind.TEXT)),
        [(line.title, line.rows, line.worth) for line in card.lists],
    )
    write_table(lists, formats, table, title=title)


def _headline(sheet: Worksheet, formats: Formats, row: int, headline: Headline) -> None:
    sheet.write_string(row, 0, headline.name, formats["label"])
    _cell(sheet, formats, (row, 1), headline.value, headline.kind)
    if headline.value is None:
        sheet.write_string(row, 2, headline.reason, formats["note"])
    for column, change in enumerate(headline.changes, start=2):
        sheet.write_string(row, column, f"{change.words} {change.shape} {change.verdict}".strip(), formats["wrapped"])
    for column, (_, value) in enumerate(headline.series, start=4):
        _cell(sheet, formats, (row, column), value, headline.kind)


def write_table(sheet: Worksheet, formats: Formats, table: Table, *, title: str) -> None:
    """Write a title line, the headings and the rows; columns are as wide as their figures need."""
    _headings(sheet, formats, title, [heading for heading, _ in table.columns])
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, max(len(table.columns) - 1, 1), 15)
    for row, values in enumerate(table.rows, start=_FIRST_ROW):
        for column, ((_, kind), value) in enumerate(zip(table.columns, values, strict=True)):
            _cell(sheet, formats, (row, column), value, kind)


def _headings(sheet: Worksheet, formats: Formats, title: str, headings: Sequence[str]) -> None:
    sheet.write_string(0, 0, title, formats["title"])
    for column, heading in enumerate(headings):
        sheet.write_string(1, column, heading, formats["header"])
    sheet.freeze_panes(_FIRST_ROW, 1)
    prepare_print(sheet)


def _cell(sheet: Worksheet, formats: Formats, place: tuple[int, int], value: Any, kind: Kind) -> None:
    """A figure as a number in its format; what was not computed is a dash, never a zero."""
    if value is None:
        sheet.write_string(*place, "—", formats["text"])
    elif kind is Kind.TEXT:
        sheet.write_string(*place, str(value), formats["wrapped"])
    else:
        sheet.write_number(*place, float(value), formats[kind.value])


def draw_chart(workbook: Workbook, sheet: Worksheet, section: Section) -> None:
    """Draw the section's chart beside its table, which :func:`write_table` wrote."""
    rows = len(section.table.rows)
    if section.chart is None or not rows:
        return
    chart = workbook.add_chart({"type": section.chart.kind})
    for colour, column in zip(_COLOURS, section.chart.columns, strict=False):
        chart.add_series(_series(sheet, section.chart, rows, column=column, colour=colour))
    if section.chart.kind == "line":
        chart.set_x_axis({"reverse": True})
        chart.set_y_axis({"crossing": "max", "min": 0})
    if section.chart.kind == "bar":
        chart.set_y_axis({"reverse": True})
    height = max(_CHART_HEIGHT, _BAR_HEIGHT * rows) if section.chart.kind == "bar" else _CHART_HEIGHT
    _finish_chart(sheet, chart, section.title, row=1, column=len(section.table.columns) + 1, height=height)


def _series(sheet: Worksheet, chart: Chart, rows: int, *, column: int, colour: str) -> dict[str, Any]:
    name, last = sheet.get_name(), _FIRST_ROW + rows - 1
    drawn = {"line": {"color": colour, "width": 2.25}} if chart.kind == "line" else {"fill": {"color": colour}}
    return {
        "name": [name, 1, column],
        "categories": [name, _FIRST_ROW, 0, last, 0],
        "values": [name, _FIRST_ROW, column, last, column],
        **drawn,
    }


def _finish_chart(
    sheet: Worksheet, chart: Any, title: str, *, row: int, column: int, height: int = _CHART_HEIGHT
) -> None:
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"position": "bottom"})
    chart.show_na_as_empty_cell()
    chart.set_size({"width": 640, "height": height})
    sheet.insert_chart(row, column, chart, {"description": title})


def _notes(card: Card) -> list[tuple[str, str]]:
    notes = [(card.title, card.subtitle), (_say(card, "definition_label"), _say(card, "state_note"))]
    notes += [(headline.name, headline.definition) for headline in card.headlines]
    sections = (*card.scores.sheets, *card.sections)
    notes += [(section.title, f"{section.note} {section.source}".strip()) for section in sections]
    return [*notes, (_say(card, "thresholds_label"), card.thresholds), ("—", _say(card, "footnote"))]


def _say(card: Card, key: str) -> str:
    return text(f"scorecard.{key}", card.language)
