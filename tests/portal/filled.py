"""Published work orders as somebody fills them in."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl

from tests.portal.published import CORRECTED

FIRST_ROW = 3
"""Below the title and the headings."""
GOOD: Mapping[str, object] = {"接触时间": dt.datetime(2011, 11, 9, 15, 30), "接触结果": "接受"}
"""A contact that is right in every way."""


def order_path(home: Path, unit: str, month: str = "2011-10", publication: str = CORRECTED) -> Path:
    """A unit's published work orders."""
    folder = "network" if unit == "network" else f"districts/{unit}"
    return home / "published" / month / publication / folder / "work_order.xlsx"


def filled(
    source: Path, lines: Sequence[Mapping[str, object]], first: int = FIRST_ROW, extra: str | None = None
) -> bytes:
    """The workbook with ``lines`` written into its rows from ``first`` on and a column named ``extra``."""
    book = openpyxl.load_workbook(source)
    sheet = book.worksheets[0]
    if extra:
        sheet.cell(FIRST_ROW - 1, sheet.max_column + 1, extra)
    places = {str(cell.value): cell.column for cell in sheet[FIRST_ROW - 1]}
    for row, line in enumerate(lines, start=first):
        for heading, value in line.items():
            sheet.cell(row, places[heading]).value = value
        if extra:
            sheet.cell(row, places[extra]).value = f"A1-{row:05}"
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
