"""Rows in workbooks: long lists go on on further sheets, and no row is lost, doubled or moved on the way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from python_calamine import load_workbook

from dagster_project.lib.exports.workbook import SHEET_ROWS, Book, Field, Rows, RowsLost, prepare_rows, write_workbook

EXCEL_ROWS = 1_048_576


def write(connection: duckdb.DuckDBPyConnection, target: Path, numbers: str, count: int, sheet_rows: int) -> Path:
    """A book of one column, the row's number as a text; ``numbers`` is SQL for the rows' numbers."""
    made = Book("清单", "清单", (Field("name", "编号"),), "本月无此类用户", "说明", (), 1, sheet_rows=sheet_rows)
    connection.execute(f"create temp table lines as select n::bigint as n, n::varchar as name from ({numbers}) as t(n)")
    styles = prepare_rows(connection, made, "lines", into="prepared", keep=["n"])
    write_workbook(connection, target, made, Rows("prepared", "n", count, styles=styles))
    return target


def up_to(count: int) -> str:
    return f"select unnest(range(1, {count + 1}))"


def lists_of(target: Path) -> list[list[int]]:
    """The numbers on every sheet but that of the notes, below title and headings."""
    book = load_workbook(str(target))
    sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names if name != "说明"]
    assert all(sheet[1] == ["编号"] for sheet in sheets)
    return [[int(str(row[0])) for row in sheet[2:]] for sheet in sheets]


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (20, [10, 10]), (21, [10, 10, 1])]
)
def test_a_sheet_is_full_before_the_next_begins(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, count: int, sizes: list[int]
) -> None:
    sheets = lists_of(write(connection, tmp_path / "book.xlsx", up_to(count), count, sheet_rows=10))
    assert [len(sheet) for sheet in sheets] == sizes
    assert [number for sheet in sheets for number in sheet] == list(range(1, count + 1))


def test_rows_that_come_in_many_batches_stay_in_order(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    sheets = lists_of(write(connection, tmp_path / "book.xlsx", up_to(20_001), 20_001, sheet_rows=9_999))
    assert [len(sheet) for sheet in sheets] == [9_999, 9_999, 3]
    assert [number for sheet in sheets for number in sheet] == list(range(1, 20_002))


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param("select unnest(range(1, 25))", id="the last is missing"),
        pytest.param("select unnest(range(2, 26))", id="the first is missing"),
        pytest.param("select unnest([n for n in range(1, 26) if n != 15])", id="one of the second sheet is missing"),
        pytest.param("select unnest(list_append(range(1, 25), 24))", id="one stands for another"),
        pytest.param("select unnest(list_append(range(1, 26), 25))", id="one is there twice"),
        pytest.param("select unnest(list_reverse(range(1, 26)))", id="all are turned round"),
        pytest.param("select unnest(range(0))", id="all are missing"),
    ],
)
def test_a_list_that_does_not_hold_exactly_its_rows_is_no_workbook(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, numbers: str
) -> None:
    with pytest.raises(RowsLost):
        write(connection, tmp_path / "book.xlsx", numbers, 25, sheet_rows=10)


def test_a_sheet_takes_less_than_half_of_what_excel_opens() -> None:
    assert SHEET_ROWS <= EXCEL_ROWS // 2


@pytest.mark.thorough
def test_a_list_of_1_2_million_rows_fills_three_sheets_and_loses_none(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    count = 1_200_000
    sheets = lists_of(write(connection, tmp_path / "book.xlsx", up_to(count), count, sheet_rows=SHEET_ROWS))
    assert [len(sheet) for sheet in sheets] == [500_000, 500_000, 200_000]
    assert sum(map(sum, sheets)) == count * (count + 1) // 2
    assert [number for sheet in sheets for number in sheet] == list(range(1, count + 1))
