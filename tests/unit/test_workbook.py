"""Workbooks: what a cell holds is what was written, whatever it was, and no row is lost."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import duckdb
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import load_workbook

from dagster_project.lib.exports.workbook import (
    Book,
    Field,
    Input,
    Kind,
    Rows,
    RowsLost,
    escaped,
    prepare_rows,
    write_workbook,
)

NASTY = (
    '=HYPERLINK("http://example.com","x")',
    "+1",
    "-5",
    "@x",
    "=1+1",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "𠮷野家",
    "😀",
    "_x0041_x0042_",
    " both ends ",
    "<&>\"']]>",
    "00123",
    "13800000001",
    "1.38E+10",
    "http://example.com/",
    "#REF!",
    "TRUE",
)
FIELDS = (
    Field("name", "名称", width=20),
    Field("name", "别名"),
    Field("amount", "金额", Kind.MONEY),
    Field("share", "占比", Kind.PERCENT),
    Field("ends_on", "到期日", Kind.DATE),
    Field("months", "月数", Kind.COUNT),
)


def book(**changes: Any) -> Book:
    given: dict[str, Any] = {
        "title": "雁江 · 离网预警",
        "sheet": "离网预警",
        "fields": FIELDS,
        "empty": "本月无此类用户",
        "notes_sheet": "说明",
        "notes": (("口径", "文字"),),
        "first_screen": 2,
    }
    return Book(**{**given, **changes})


def fill(connection: duckdb.DuckDBPyConnection, names: Sequence[str | None]) -> Rows:
    connection.execute(
        "create or replace table lines"
        " (n bigint, name varchar, amount decimal(18,2), share double, ends_on date, months int)"
    )
    for number, name in enumerate(names, start=1):
        connection.execute("insert into lines values (?, ?, -12.5, 0.256, '2011-10-31', 7)", [number, name])
    return Rows("lines", "n", len(names))


def write(connection: duckdb.DuckDBPyConnection, target: Path, made: Book, rows: Rows) -> None:
    connection.execute("drop table if exists prepared")
    styles = prepare_rows(connection, made, rows.relation, into="prepared", keep=[rows.number])
    write_workbook(connection, target, made, replace(rows, relation="prepared", styles=styles))


def test_every_text_comes_back_unchanged_and_as_text(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, NASTY))
    read = load_workbook(str(target)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in read[2:]] == list(NASTY)
    sheet = openpyxl.load_workbook(target).worksheets[0]
    types = {cell.data_type for cell in sheet["A"][2:]}
    assert types <= {"s", "inlineStr"}
    assert all(cell.number_format == "@" for cell in sheet["A"][2:])


def test_no_cell_is_a_formula_and_nothing_is_a_link(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, NASTY))
    with zipfile.ZipFile(target) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert not any("<f>" in part or "<f " in part for part in parts.values())
    assert not any("<hyperlinks" in part or "relationships/hyperlink" in part for part in parts.values())


def test_figures_and_dates_are_typed(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, ["x"]))
    row = openpyxl.load_workbook(target).worksheets[0][3]
    assert [cell.value for cell in row] == ["x", "x", -12.5, 0.256, dt.datetime(2011, 10, 31), 7]
    assert [cell.number_format for cell in row] == ["@", "@", "#,##0.00", "0.00%", "yyyy-mm-dd", "#,##0"]


def test_characters_that_xml_forbids_are_left_out(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, ["a\x01b\x0bc\ufffed\x00e"]))
    assert load_workbook(str(target)).get_sheet_by_index(0).to_python()[2][0] == "abcde"


def test_a_null_is_an_empty_cell_and_not_a_zero(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    connection.execute(
        "create table lines as select 1::bigint as n, null::varchar as name, null::decimal(18,2) as amount,"
        " 'nan'::double as share, null::date as ends_on, null::int as months"
    )
    write(connection, target, book(), Rows("lines", "n", 1))
    assert [cell.value for cell in openpyxl.load_workbook(target).worksheets[0][3] if cell.value is not None] == []


def test_the_same_rows_give_the_same_bytes(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = fill(connection, NASTY)
    for name in ("first", "second"):
        write(connection, tmp_path / name, book(), rows)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_sheets_are_split_and_their_rows_add_up(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    names = [f"row {number}" for number in range(25)]
    write(connection, target, book(sheet_rows=10), fill(connection, names))
    workbook = openpyxl.load_workbook(target)
    assert workbook.sheetnames == ["离网预警 1", "离网预警 2", "离网预警 3", "说明"]
    read = [cell.value for sheet in workbook.worksheets[:3] for cell in sheet["A"][2:]]
    assert read == names
    assert workbook.worksheets[2]["A1"].value == "雁江 · 离网预警 (3/3)"


def test_a_workbook_that_lost_a_row_is_an_error(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = fill(connection, ["a", "b", "c"])
    connection.execute("delete from lines where n = 3")
    with pytest.raises(RowsLost, match="2 rows written, 3 expected"):
        write(connection, tmp_path / "book.xlsx", book(), rows)


def test_rows_out_of_order_are_an_error(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(connection, ["a", "b"])
    connection.execute("create table turned as select * from lines order by n desc")
    with pytest.raises(RowsLost, match="not in order"):
        write(connection, tmp_path / "book.xlsx", book(), Rows("turned", "n", 2))


def test_cells_prepared_for_another_book_are_an_error(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = fill(connection, ["a"])
    styles = prepare_rows(connection, book(fields=FIELDS[::-1]), "lines", into="prepared", keep=["n"])
    with pytest.raises(RowsLost, match="other styles"):
        write_workbook(connection, tmp_path / "x.xlsx", book(), replace(rows, relation="prepared", styles=styles))


def test_a_list_without_rows_says_so(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, []))
    workbook = openpyxl.load_workbook(target)
    assert workbook.worksheets[0]["A3"].value == "本月无此类用户"
    assert workbook.sheetnames[-1] == "说明"


def test_the_sheet_opens_with_frozen_header_filter_and_print_set_up(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, ["a", "b"]))
    sheet = openpyxl.load_workbook(target).worksheets[0]
    assert sheet.freeze_panes == "C3"
    assert sheet.auto_filter.ref == "A2:F4"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_title_rows == "$1:$2"
    assert sheet.print_area.endswith("$A$1:$B$4")
    assert sheet.dimensions == "A1:F4"


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_any_text_is_well_formed_in_a_cell(text: str) -> None:
    allowed = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)
    markup = duckdb.execute(f"select {escaped('given')} from (select ? as given)", [text]).fetchone()[0]
    cell = ET.fromstring(f"<t>{markup}</t>").text or ""
    decoded = re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), cell)
    assert decoded == allowed


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_reads_what_was_written(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    to_fill_in = Field("outcome", "结果", input=Input("请选择", "只能选列表中的结果", ("接受", "拒绝")))
    made = book(fields=(*FIELDS, to_fill_in))
    write(connection, tmp_path / "book.xlsx", made, fill(connection, ["=1+1", "𠮷", "a,b"]))
    as_utf8 = "csv:Text - txt - csv (StarCalc):44,34,76"
    home = f"-env:UserInstallation=file://{tmp_path}/office"
    command = ["soffice", home, "--headless", "--convert-to", as_utf8, "--outdir", str(tmp_path)]
    ended = subprocess.run([*command, str(tmp_path / "book.xlsx")], check=True, capture_output=True, timeout=120)
    said = (ended.stdout + ended.stderr).decode(errors="replace").lower()
    assert not any(word in said for word in ("error", "corrupt", "repair", "could not"))
    lines = (tmp_path / "book.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[2:4]] == ["=1+1", "𠮷"]
    assert [line.split(",")[-1] for line in lines[1:4]] == ["结果", "", ""]


def test_a_wrapped_column_is_as_high_as_its_text_needs_and_every_row_says_so(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Twenty characters wide, of which 17 are counted on: eight Chinese ones a line, and seventeen points a line."""
    texts = [
        "短",
        "一二三四五六七八",
        "一二三四五六七八九",
        "seventeen letters",
        "eighteen letters  ",
        "长" * 1_000,
        None,
    ]
    target = tmp_path / "book.xlsx"
    fields = (Field("name", "原因", width=20, is_wrapped=True), Field("amount", "金额", Kind.MONEY))
    write(connection, target, book(fields=fields), fill(connection, texts))
    sheet = openpyxl.load_workbook(target).worksheets[0]
    assert [sheet.row_dimensions[row].height for row in range(3, 10)] == [17, 17, 34, 17, 34, 340, 17]
    assert sheet["A3"].alignment.wrap_text
    assert not sheet["B3"].alignment.wrap_text
    with zipfile.ZipFile(target) as archive:
        markup = archive.read("xl/worksheets/sheet1.xml").decode()
    assert markup.count('customHeight="1"') == len(texts) + 2, "the rows, the title and the headings"


def test_without_a_wrapped_column_rows_have_the_height_of_the_book(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    target = tmp_path / "book.xlsx"
    write(connection, target, book(), fill(connection, ["长" * 1_000]))
    assert openpyxl.load_workbook(target).worksheets[0].row_dimensions[3].height is None
