"""A list that takes more than one sheet, written as lists are, with few rows."""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.lib.exports.list_columns import FIRST_SCREEN
from dagster_project.lib.exports.workbook import Book, Field, Rows, prepare_rows, write_workbook
from dagster_project.lib.wording import text

OWNERS = ("甲", "乙", "甲", "乙", "甲")


def write_list_of_two_sheets(target: Path) -> Path:
    """Five rows, three to a sheet, of two account managers in turns; return the workbook."""
    headings = {"account_manager": "客户经理"}
    fields = [Field(name, headings.get(name, name)) for name in FIRST_SCREEN]
    title = text("lists.title_line", "zh", unit="雁江", title="离网预警", month="2011-10", rows="5", version="v")
    notes = ((text("lists.note_rows_label", "zh"), "5"),)
    book = Book(title, "离网预警", fields, "", "说明", notes, first_screen=9, sheet_rows=3)
    with duckdb.connect() as connection:
        values = ", ".join(f"({number}, '{owner}')" for number, owner in enumerate(OWNERS, start=1))
        others = ", ".join(f"'{name}' || number as {name}" for name in FIRST_SCREEN[1:])
        connection.execute(
            f"create table rows as select number, account_manager, {others}"
            f" from (values {values}) as given(number, account_manager)"
        )
        styles = prepare_rows(connection, book, "rows", into="ready", keep=["number"])
        write_workbook(connection, target, book, Rows("ready", "number", len(OWNERS), styles=styles))
    return target
