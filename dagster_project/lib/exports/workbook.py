"""Workbooks of any length: XlsxWriter makes the book, DuckDB the rows, and neither holds them all.

XlsxWriter spends its time on one Python call per cell. Here it writes everything but the rows:
styles, headings, widths, filter, print set-up and the last sheet. The rows are made into
SpreadsheetML by one SQL expression and streamed, numbered, into the sheet's part of the zip file.
Measured figures and alternatives: docs/adr/0005-workbooks.md.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from dagster_project.lib.exports.style import Formats, make_formats, open_book, safe_sheet_name
from dagster_project.lib.warehouse.base import quoted

SHEET_ROWS = 500_000
"""Data rows on one sheet: less than half of what Excel can hold, about as much as an office PC opens."""
_HEADER_ROWS = 2
_BATCH_ROWS = 8192
_COMPRESSION_LEVEL = 3
_LONGEST_CELL = 32_767
_LINE_POINTS = 17
"""Height of a line of text in the font of workbooks."""
_MOST_LINES = 20
_FILLED_SHARE = 0.85
"""Of a line's width: what is broken at words and signs does not fill it."""
_FIRST_DATE, _LAST_DATE = dt.date(2000, 1, 1), dt.date(2099, 12, 31)
"""What a date to fill in may be: a spreadsheet takes any number for a date, a day's 5 as well as 20111015."""
_STILL_ALLOWED: Mapping[str, bool] = {"format_columns": True, "sort": True, "autofilter": True}
"""On a protected sheet, beside selecting cells and filling in."""


class RowsLost(RuntimeError):
    """A workbook that would hold other rows than its source; it is not published."""


class UnusableInput(ValueError):
    """A column to fill in that a spreadsheet could not check; its book is not written."""


class Kind(Enum):
    """How a column is shown; the value names its cell format."""

    TEXT = "text"
    MONEY = "money"
    NUMBER = "number"
    COUNT = "count"
    PERCENT = "percent"
    DATE = "date"


@dataclass(frozen=True)
class Input:
    """What whoever fills a cell in is told: ``prompt`` on selecting it, ``refusal`` on a value that is not taken.

    A text is taken as it is, or, where there are ``choices``, when it is one of them (a drop-down list, together 255
    characters at most). A date lies between the years 2000 and 2099, money is not negative. Both messages hold 255
    characters at most.
    """

    prompt: str
    refusal: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """A column of a sheet; ``name`` is the column of the source, ``width`` counts characters.

    Texts of a field that is wrapped are shown whole, in as many lines as they take.

    A field with ``input`` is filled in by whoever gets the book: it has no column in the source, and its cells are
    empty. Its kind is text, a date or money.
    """

    name: str
    heading: str
    kind: Kind = Kind.TEXT
    width: float = 12
    input: Input | None = None
    is_wrapped: bool = False


@dataclass(frozen=True)
class Rows:
    """The rows of a book: a relation, filtered, and the column that numbers them from 1 without gaps.

    ``styles`` are those that its cells were prepared with.

    A workbook's relation comes from :func:`prepare_rows`, and is stored in the order of that column: sorting the
    finished rows would cost more than making them.
    """

    relation: str
    number: str
    count: int
    where: str = "true"
    parameters: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    """A workbook: its title line, its columns, the words for no rows and the notes on its last sheet.

    ``first_screen`` is how many columns are needed first; they are printed, ``frozen`` of them stay in view.
    When some fields are to be filled in, nothing but their cells can be changed (protection without a password):
    filters, column widths and selecting work. Sorting is allowed too, which Excel does only over cells that are all
    to be filled in.
    """

    title: str
    sheet: str
    fields: Sequence[Field]
    empty: str
    notes_sheet: str
    notes: Sequence[tuple[str, str]]
    first_screen: int
    frozen: int = 2
    sheet_rows: int = SHEET_ROWS


def prepare_rows(
    connection: duckdb.DuckDBPyConnection, book: Book, relation: str, *, into: str, keep: Sequence[str]
) -> tuple[str, ...]:
    """Make the temporary table ``into``: every row of ``relation``, in its order, as markup for ``book``'s cells.

    The columns are ``m0``, ``m1`` and on, without the cells' places, and ``height``, the row's; columns ``keep``
    (numbers, filters) come along.
    A list is made into markup once, however many books it fills. Returns the style of every column. Raises
    :class:`UnusableInput`.
    """
    with zipfile.ZipFile(io.BytesIO(_shell(book, [(1, 1)]))) as shell:
        styles = _styles(shell.read("xl/worksheets/sheet1.xml").decode("utf-8"))
    kept = ", ".join(quoted(name) for name in keep)
    values = ", ".join(f"{_value(field)} as v{column}" for column, field in enumerate(book.fields))
    cells = ", ".join(
        f"{_cell(field, f'v{column}', style)} as m{column}"
        for column, (field, style) in enumerate(zip(book.fields, styles, strict=True))
    )
    # a value has a name before it is escaped, because an expression is planned as often as it is written out
    source = f"(select {kept}, {values} from {relation})"
    connection.execute(f"create temp table {into} as select {kept}, {_height(book)} as height, {cells} from {source}")
    return styles


def write_workbook(connection: duckdb.DuckDBPyConnection, target: Path, book: Book, rows: Rows) -> None:
    """Write ``book`` with ``rows`` to ``target``; the same content gives the same bytes.

    Raises :class:`RowsLost` when the sheets together do not hold exactly ``rows.count`` rows, and
    :class:`UnusableInput`.
    """
    spans = _spans(rows.count, book.sheet_rows)
    shell = zipfile.ZipFile(io.BytesIO(_shell(book, spans)))
    parts = {f"xl/worksheets/sheet{index}.xml": span for index, span in enumerate(spans, start=1)}
    written = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL) as archive:
        for name in shell.namelist():
            # opened by its name, so that zipfile gives every part the same date
            with archive.open(name, "w") as part:
                if name in parts and rows.count:
                    written += _stream_sheet(connection, part, shell.read(name), book=book, rows=rows, span=parts[name])
                else:
                    part.write(shell.read(name))
    if written != rows.count:
        raise RowsLost(f"{target.name}: {written} rows written, {rows.count} expected")


def _spans(count: int, limit: int) -> list[tuple[int, int]]:
    """First and last row number of every sheet; one empty sheet for no rows."""
    return [(first, min(first + limit - 1, count)) for first in range(1, count + 1, limit)] or [(1, 0)]


def _shell(book: Book, spans: Sequence[tuple[int, int]]) -> bytes:
    """The workbook without rows; where rows go, one row shows the cell formats."""
    buffer = io.BytesIO()
    workbook = open_book(buffer, book.title)
    formats = make_formats(workbook)
    for index, (first, last) in enumerate(spans, start=1):
        name = book.sheet if len(spans) == 1 else f"{book.sheet} {index}"
        title = book.title if len(spans) == 1 else f"{book.title} ({index}/{len(spans)})"
        sheet = workbook.add_worksheet(safe_sheet_name(name))
        _head_sheet(sheet, book, formats, title=title, rows=last - first + 1)
    write_notes(workbook.add_worksheet(safe_sheet_name(book.notes_sheet)), formats, book.notes)
    if any(field.input for field in book.fields):
        for sheet in workbook.worksheets():
            sheet.protect(options=dict(_STILL_ALLOWED))
    workbook.close()
    return buffer.getvalue()


def _head_sheet(sheet: Worksheet, book: Book, formats: Formats, *, title: str, rows: int) -> None:
    last_column = len(book.fields) - 1
    last_row = max(_HEADER_ROWS + rows - 1, _HEADER_ROWS)
    sheet.set_row(0, 24)
    sheet.write_string(0, 0, title, formats["title"])
    sheet.set_row(1, 32)
    for column, field in enumerate(book.fields):
        sheet.set_column(column, column, field.width)
        sheet.write_string(1, column, field.heading, formats["header"])
        if field.input and rows:
            _check_input(sheet, field, field.input, (_HEADER_ROWS, column, last_row, column))
        sheet.write_blank(_HEADER_ROWS, column, None, formats[_format_name(field, rows)])
    if not rows:
        sheet.write_string(_HEADER_ROWS, 0, book.empty, formats["note"])
    sheet.freeze_panes(_HEADER_ROWS, book.frozen)
    sheet.autofilter(1, 0, last_row, last_column)
    sheet.ignore_errors({"number_stored_as_text": f"A{_HEADER_ROWS + 1}:{xl_col_to_name(last_column)}{last_row + 1}"})
    sheet.print_area(0, 0, last_row, min(book.first_screen, len(book.fields)) - 1)
    prepare_print(sheet)


def _format_name(field: Field, rows: int) -> str:
    """The cell format of a column; a sheet without rows has nothing to fill in."""
    if field.input and rows:
        return f"input_{field.kind.value}"
    return "wrapped" if field.is_wrapped else field.kind.value


def _height(book: Book) -> str:
    """SQL for the attributes of a row that give its height; none where nothing is wrapped.

    Every row states it, since whoever opens the book would have to lay out half a million texts to find it out. What
    takes three bytes, a Chinese character, is as wide as two others.
    """
    lines = [
        f"coalesce(ceil((length(v{column}) + strlen(v{column})) / {2 * field.width * _FILLED_SHARE}), 1)"
        for column, field in enumerate(book.fields)
        if field.is_wrapped
    ]
    if not lines:
        return "''"
    points = f"cast(least(greatest({', '.join(lines)}, 1), {_MOST_LINES}) as int) * {_LINE_POINTS}"
    return f"""' ht="' || {points} || '" customHeight="1"'"""


def _check_input(sheet: Worksheet, field: Field, given: Input, span: tuple[int, int, int, int]) -> None:
    """Let the spreadsheet check what is filled in, in the cells from the first row and column to the last."""
    messages = {"input_message": given.prompt, "error_message": given.refusal, "error_type": "stop"}
    if sheet.data_validation(*span, {**_accepted(field, given), **messages}) != 0:
        raise UnusableInput(f"column {field.name}: its prompt, refusal or choices are longer than a spreadsheet takes")


def _accepted(field: Field, given: Input) -> dict[str, Any]:
    """XlsxWriter's options for what a cell of the column may hold."""
    if field.kind is Kind.DATE and not given.choices:
        return {"validate": "date", "criteria": "between", "minimum": _FIRST_DATE, "maximum": _LAST_DATE}
    if field.kind is Kind.MONEY and not given.choices:
        return {"validate": "decimal", "criteria": ">=", "value": 0}
    if field.kind is not Kind.TEXT:
        raise UnusableInput(f"column {field.name}: only texts (also by choice), dates and money can be filled in")
    if not given.choices:
        return {"validate": "any"}
    if any(choice != choice.strip() or not choice or {",", '"'} & set(choice) for choice in given.choices):
        raise UnusableInput(f"column {field.name}: a choice is empty, or has a comma, a quotation mark or outer blanks")
    return {"validate": "list", "source": list(given.choices)}


def prepare_print(sheet: Worksheet) -> None:
    """A4 landscape, as wide as the page, headings repeated, pages numbered."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.repeat_rows(0, 1)
    sheet.set_footer("&L&A&R&P / &N")


def write_notes(sheet: Worksheet, formats: Formats, notes: Sequence[tuple[str, str]]) -> None:
    """The last sheet of every workbook: a label and a text in each row."""
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 100)
    for row, (label, text) in enumerate(notes):
        sheet.write_string(row, 0, label, formats["label"])
        sheet.write_string(row, 1, text, formats["wrapped"])
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _stream_sheet(
    connection: duckdb.DuckDBPyConnection,
    part: IO[bytes],
    shell: bytes,
    *,
    book: Book,
    rows: Rows,
    span: tuple[int, int],
) -> int:
    """Put the rows of ``span`` in the place of the sheet's row of formats; return how many there were."""
    sheet = shell.decode("utf-8")
    head, _, tail = _cut(sheet)
    if _styles(sheet) != rows.styles:
        raise RowsLost(f"{book.title}: the cells were prepared with other styles than the sheet has")
    last_cell = f"{xl_col_to_name(len(book.fields) - 1)}{_HEADER_ROWS + span[1] - span[0] + 1}"
    part.write(re.sub(r'<dimension ref="[^"]*"/>', f'<dimension ref="A1:{last_cell}"/>', head, count=1).encode())
    expected = span[0]
    query = connection.execute(_rows_query(book, rows), [_HEADER_ROWS + 1 - span[0], *rows.parameters, *span])
    for batch in query.to_arrow_reader(_BATCH_ROWS):
        numbers, markup = batch.columns
        if not numbers.equals(pa.array(range(expected, expected + len(numbers)), pa.int64())):
            raise RowsLost(f"{book.title}: the rows after number {expected - 1} are not in order")
        part.write(_joined(markup))
        expected += len(numbers)
    part.write(tail.encode())
    return expected - span[0]


def _cut(sheet: str) -> tuple[str, str, str]:
    """A sheet's text before, of and after the row that shows the formats."""
    found = re.search(rf'<row r="{_HEADER_ROWS + 1}".*?</row>', sheet, re.DOTALL)
    if found is None:
        raise RowsLost("the workbook's shell has no row of formats")
    return sheet[: found.start()], found.group(), sheet[found.end() :]


def _styles(sheet: str) -> tuple[str, ...]:
    """The style of every column, from the row of formats."""
    return tuple(re.findall(r' s="(\d+)"', _cut(sheet)[1]))


def _rows_query(book: Book, rows: Rows) -> str:
    """SQL that puts the prepared cells in their places: number and markup of every row."""
    letters = [xl_col_to_name(column) for column in range(len(book.fields))]
    cells = [f"""coalesce('<c r="{letter}' || place || m{column}, '')""" for column, letter in enumerate(letters)]
    number = f"cast({quoted(rows.number)} as bigint)"
    return (
        f"""select number, concat('<row r="', place, '"', height, '>', {", ".join(cells)}, '</row>')"""
        f" from (select {number} as number, cast({number} + ? as varchar) as place, * from {rows.relation}"
        f" where {rows.where} and {quoted(rows.number)} between ? and ?)"
    )


def _value(field: Field) -> str:
    """SQL for what a cell holds: a text, or the number that a spreadsheet stores; a cell to fill in holds nothing."""
    name = quoted(field.name)
    if field.input:
        return "null"
    if field.kind is Kind.TEXT:
        return _shortened(f"cast({name} as varchar)")
    if field.kind is Kind.DATE:
        return f"cast(date_diff('day', date '1899-12-30', cast({name} as date)) as varchar)"
    return f"case when isfinite(cast({name} as double)) then cast({name} as varchar) end"


def _cell(field: Field, value: str, style: str) -> str:
    """SQL for a cell's markup after its place; null for a null."""
    if field.input:
        return f"""'" s="{style}"/>'"""
    if field.kind is Kind.TEXT:
        return f"""'" s="{style}" t="inlineStr"><is><t xml:space="preserve">' || {escaped(value)} || '</t></is></c>'"""
    return f"""'" s="{style}"><v>' || {value} || '</v></c>'"""


def _shortened(text: str) -> str:
    """SQL for as much of ``text`` as a cell takes, which counts in UTF-16: twice what is beyond the first plane.

    The number of bytes is known without reading the text, and is never less. Only where it is too great, the
    characters that count twice get a companion, U+FFFF, which no cell can hold, for as long as is counted.
    """
    paired = rf"regexp_replace(left({text}, {_LONGEST_CELL}), '([\x{{10000}}-\x{{10FFFF}}])', chr(65535) || '\1', 'g')"
    cut = f"replace(left({paired}, {_LONGEST_CELL}), chr(65535), '')"
    return f"case when strlen({text}) > {_LONGEST_CELL} then {cut} else {text} end"


def escaped(text: str) -> str:
    """SQL that makes ``text`` safe inside an XML element, unchanged to whoever reads the cell.

    Characters that XML forbids go; a carriage return and what would read as an escape (_x000D_)
    are written as escapes. Most texts need none of it, and the test for that is cheap.
    """
    clean = rf"regexp_replace({text}, '[\x00-\x08\x0b\x0c\x0e-\x1f\x{{FFFE}}\x{{FFFF}}]', '', 'g')"
    steps: Mapping[str, str] = {
        "'_x'": "'_x005F_x'",
        "chr(13)": "'_x000D_'",
        "'&'": "'&amp;'",
        "'<'": "'&lt;'",
        "'>'": "'&gt;'",
    }
    for old, new in steps.items():
        clean = f"replace({clean}, {old}, {new})"
    needed = rf"regexp_matches({text}, '[&<>\x00-\x08\x0b-\x1f\x{{FFFE}}\x{{FFFF}}]|_x')"
    return f"case when {needed} then {clean} else {text} end"


def _joined(texts: pa.Array) -> memoryview:
    """The texts as one piece of UTF-8, without a Python object for each."""
    whole = pa.LargeListArray.from_arrays([0, len(texts)], texts.cast(pa.large_string()))
    return memoryview(pc.binary_join(whole, pa.scalar("", pa.large_string()))[0].as_buffer())
