"""Columns to fill in: they are empty and open, all else is closed, and the spreadsheet checks what is written."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import load_workbook

from dagster_project.lib.exports.csvfile import prepare_lines, write_csv
from dagster_project.lib.exports.workbook import (
    Book,
    Field,
    Input,
    Kind,
    Rows,
    UnusableInput,
    prepare_rows,
    write_workbook,
)

OUTCOMES = ("接受", "拒绝", "未接通")
FIELDS = (
    Field("subscriber_id", "用户编号"),
    Field("contacted_on", "接触日期", Kind.DATE, 12, Input("哪天联系的", "请填 2000 年以后的日期")),
    Field("outcome", "接触结果", input=Input("请从列表中选择", "只能选列表中的结果", OUTCOMES)),
    Field("amount", "话费", Kind.MONEY),
    Field("cost_amount", "成本(元)", Kind.MONEY, 10, Input("花了多少钱", "请填不小于 0 的数")),
    Field("note", "备注", width=30, input=Input("不要写姓名和号码", "")),
)
OPEN_COLUMNS = ("B", "C", "E", "F")


def book(**changes: Any) -> Book:
    given: dict[str, Any] = {
        "title": "雁江 · 客户经理工单",
        "sheet": "客户经理工单",
        "fields": FIELDS,
        "empty": "本月无此类用户",
        "notes_sheet": "说明",
        "notes": (("口径", "文字"),),
        "first_screen": 6,
    }
    return Book(**{**given, **changes})


def write(connection: duckdb.DuckDBPyConnection, target: Path, made: Book, count: int) -> Path:
    """A book of ``count`` rows, written."""
    connection.execute(
        "create or replace temp table lines as"
        " select range + 1 as n, format('S{:06d}', range + 1) as subscriber_id, 12.5::decimal(18,2) as amount"
        f" from range({count})"
    )
    connection.execute("drop table if exists prepared")
    styles = prepare_rows(connection, made, "lines", into="prepared", keep=["n"])
    write_workbook(connection, target, made, Rows("prepared", "n", count, styles=styles))
    return target


@pytest.fixture
def sheet(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Worksheet:
    """The list sheet of a book of three rows: 3 to 5."""
    return openpyxl.load_workbook(write(connection, tmp_path / "book.xlsx", book(), 3)).worksheets[0]


def check_of(sheet: Worksheet, column: str) -> DataValidation:
    """What the spreadsheet checks in a column; there is one check a column."""
    (found,) = (check for check in sheet.data_validations.dataValidation if str(check.sqref).startswith(column))
    return found


def test_cells_to_fill_in_are_empty_open_and_marked_in_every_row(sheet: Worksheet) -> None:
    cells = [sheet[f"{column}{row}"] for column in OPEN_COLUMNS for row in (3, 4, 5)]
    assert {cell.value for cell in cells} == {None}
    assert {cell.protection.locked for cell in cells} == {False}
    assert {cell.fill.fill_type for cell in cells} == {"solid"}
    assert {cell.border.left.style for cell in cells} == {"thin"}


def test_every_other_cell_is_closed_and_holds_what_it_held(sheet: Worksheet) -> None:
    open_cells = {f"{column}{row}" for column in OPEN_COLUMNS for row in (3, 4, 5)}
    others = [cell for row in sheet.iter_rows() for cell in row if cell.coordinate not in open_cells]
    assert {cell.protection.locked for cell in others} == {True}
    assert [cell.value for cell in sheet["A"][2:]] == ["S000001", "S000002", "S000003"]
    assert [cell.value for cell in sheet["D"][2:]] == [12.5, 12.5, 12.5]
    assert [cell.value for cell in sheet[2]] == ["用户编号", "接触日期", "接触结果", "话费", "成本(元)", "备注"]


def test_cells_to_fill_in_show_a_value_of_their_kind(sheet: Worksheet) -> None:
    assert [sheet[f"{column}3"].number_format for column in OPEN_COLUMNS] == ["yyyy-mm-dd", "@", "#,##0.00", "@"]


def test_choices_are_a_drop_down_list_and_nothing_else_is_taken(sheet: Worksheet) -> None:
    check = check_of(sheet, "C")
    assert (check.type, check.formula1, str(check.sqref)) == ("list", '"接受,拒绝,未接通"', "C3:C5")
    assert not check.hide_drop_down
    assert check.showErrorMessage
    assert check.errorStyle in (None, "stop")
    assert check.error == "只能选列表中的结果"


def test_whoever_selects_a_cell_to_fill_in_reads_its_prompt(sheet: Worksheet) -> None:
    checks = [check_of(sheet, column) for column in OPEN_COLUMNS]
    assert [check.prompt for check in checks] == ["哪天联系的", "请从列表中选择", "花了多少钱", "不要写姓名和号码"]
    assert all(check.showInputMessage for check in checks)


def test_a_date_is_a_date_of_this_century_and_not_any_number(sheet: Worksheet) -> None:
    check = check_of(sheet, "B")
    begin = dt.date(1899, 12, 30)
    bounds = [str((day - begin).days) for day in (dt.date(2000, 1, 1), dt.date(2099, 12, 31))]
    assert (check.type, check.operator or "between", str(check.sqref)) == ("date", "between", "B3:B5")
    assert [check.formula1, check.formula2] == bounds
    assert (check.error, check.showErrorMessage) == ("请填 2000 年以后的日期", True)


def test_money_is_a_number_and_not_negative(sheet: Worksheet) -> None:
    check = check_of(sheet, "E")
    assert (check.type, check.operator, check.formula1) == ("decimal", "greaterThanOrEqual", "0")
    assert (check.error, check.showErrorMessage) == ("请填不小于 0 的数", True)


def test_a_text_without_choices_is_taken_as_it_is(sheet: Worksheet) -> None:
    assert check_of(sheet, "F").type in (None, "none")


def test_an_open_cell_may_stay_empty(sheet: Worksheet) -> None:
    assert all(check.allowBlank for check in sheet.data_validations.dataValidation)


def test_every_sheet_is_protected_without_a_password(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    made = openpyxl.load_workbook(write(connection, tmp_path / "book.xlsx", book(sheet_rows=2), 5))
    assert made.sheetnames == ["客户经理工单 1", "客户经理工单 2", "客户经理工单 3", "说明"]
    assert [sheet.protection.sheet for sheet in made] == [True] * 4
    assert [sheet.protection.password for sheet in made] == [None] * 4


def test_filters_sorting_widths_and_selecting_stay_allowed_and_nothing_else(sheet: Worksheet) -> None:
    # in the file format each of these says what is forbidden
    forbidden = {name: getattr(sheet.protection, name) for name in sheet.protection.__attrs__ if name != "sheet"}
    allowed = {name for name, is_forbidden in forbidden.items() if is_forbidden is False}
    assert allowed == {"autoFilter", "sort", "formatColumns", "selectLockedCells", "selectUnlockedCells"}
    assert sheet.auto_filter.ref == "A2:F5"


def test_what_is_filled_in_is_checked_in_the_rows_of_every_sheet(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    made = openpyxl.load_workbook(write(connection, tmp_path / "book.xlsx", book(sheet_rows=2), 5))
    spans = [sorted(str(check.sqref) for check in sheet.data_validations.dataValidation) for sheet in made]
    assert spans[0] == spans[1] == ["B3:B4", "C3:C4", "E3:E4", "F3:F4"]
    assert spans[2:] == [["B3", "C3", "E3", "F3"], []]
    assert made.worksheets[2]["C3"].protection.locked is False


def test_a_list_of_nobody_has_nothing_to_fill_in(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    empty = openpyxl.load_workbook(write(connection, tmp_path / "book.xlsx", book(), 0)).worksheets[0]
    assert empty["A3"].value == "本月无此类用户"
    assert {cell.protection.locked for row in empty.iter_rows() for cell in row} == {True}
    assert not empty.data_validations.dataValidation
    assert empty.protection.sheet


def test_a_book_without_columns_to_fill_in_is_neither_protected_nor_checked(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fields = tuple(field for field in FIELDS if not field.input)
    target = write(connection, tmp_path / "book.xlsx", book(fields=fields), 3)
    with zipfile.ZipFile(target) as archive:
        parts = "".join(archive.read(name).decode() for name in archive.namelist())
    assert not any(word in parts for word in ("sheetProtection", "dataValidation", "<protection"))


def test_both_readers_see_the_same_empty_columns(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = write(connection, tmp_path / "book.xlsx", book(), 2)
    read = load_workbook(str(target)).get_sheet_by_index(0).to_python()
    assert read[2] == ["S000001", "", "", 12.5, "", ""]
    assert [cell.value for cell in openpyxl.load_workbook(target).worksheets[0][3]] == [
        *("S000001", None, None),
        *(12.5, None, None),
    ]


def test_what_was_filled_in_is_read_back(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = write(connection, tmp_path / "book.xlsx", book(), 2)
    filled = openpyxl.load_workbook(target)
    filled.worksheets[0]["B4"] = dt.date(2011, 11, 3)
    filled.worksheets[0]["C4"] = "接受"
    filled.save(target)
    read = load_workbook(str(target)).get_sheet_by_index(0).to_python()
    assert [row[:3] for row in read[2:]] == [["S000001", "", ""], ["S000002", dt.date(2011, 11, 3), "接受"]]


def test_the_same_rows_to_fill_in_give_the_same_bytes(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first, second = (write(connection, tmp_path / name, book(), 3).read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.filterwarnings("ignore:Length of")
@pytest.mark.parametrize(
    "field",
    [
        Field("outcome", "结果", input=Input("", "", ("yes, later", "no"))),
        Field("outcome", "结果", input=Input("", "", ('the "good" one',))),
        Field("outcome", "结果", input=Input("", "", ("接受", ""))),
        Field("outcome", "结果", input=Input("", "", ("接受 ",))),
        Field("outcome", "结果", input=Input("", "", tuple(f"结果{number:04d}" for number in range(40)))),
        Field("outcome", "结果", input=Input("长" * 256, "", OUTCOMES)),
        Field("outcome", "结果", input=Input("", "长" * 256, OUTCOMES)),
        Field("amount", "金额", Kind.MONEY, input=Input("", "", OUTCOMES)),
        Field("share", "占比", Kind.PERCENT, input=Input("", "")),
    ],
)
def test_what_a_spreadsheet_cannot_check_is_an_error_and_not_an_unchecked_column(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, field: Field
) -> None:
    with pytest.raises(UnusableInput, match=f"column {field.name}"):
        write(connection, tmp_path / "book.xlsx", book(fields=(FIELDS[0], field)), 1)


def test_choices_of_255_characters_are_taken(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    choices = tuple(f"M{number:04d}" for number in range(42))
    assert len(",".join(choices)) == 251
    field = Field("measure_code", "措施", input=Input("", "", choices))
    target = write(connection, tmp_path / "book.xlsx", book(fields=(FIELDS[0], field)), 1)
    check = check_of(openpyxl.load_workbook(target).worksheets[0], "B")
    assert check.formula1.strip('"').split(",") == list(choices)


def test_in_a_csv_file_columns_to_fill_in_are_empty(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.execute("create table lines as select 1::bigint as n, '007' as subscriber_id, -1.5 as amount")
    prepare_lines(connection, FIELDS, "lines", into="prepared", keep=["n"])
    write_csv(connection, tmp_path / "list.csv", FIELDS, Rows("prepared", "n", 1))
    with (tmp_path / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1] == ["007", "", "", "-1.5", "", ""]
