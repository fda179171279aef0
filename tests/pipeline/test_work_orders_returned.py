"""A work order goes out, is filled in, comes back and is delivered as contacts with the next dumps."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import openpyxl
import pytest

from dagster_project.lib.rules import seed
from tests.commandline import Branch

pytestmark = pytest.mark.slow

MONTH, NEXT = "2011-03", "2011-04"


def fill_in(source: Path, target: Path, lines: list[dict[str, object]]) -> list[dict[str, str]]:
    """Write ``lines`` into the first rows as somebody does in a spreadsheet; return the keys of those rows."""
    book = openpyxl.load_workbook(source)
    sheet = book.worksheets[0]
    places = {cell.value: cell.column for cell in sheet[2]}
    assert sheet.protection.sheet
    keys = []
    for row, line in enumerate(lines, start=3):
        for heading, value in line.items():
            cell = sheet.cell(row, places[heading])
            assert not cell.protection.locked, heading
            cell.value = value
        keys.append({name: sheet.cell(row, places[name]).value for name in ("Main list", "Subscriber id")})
    book.save(target)
    return keys


def test_what_was_filled_in_is_delivered_as_contacts_and_taken_in(branch: Branch, tmp_path: Path) -> None:
    sent = branch.current[MONTH] / "network" / "work_order.xlsx"
    called = dt.datetime(2011, 4, 6, 15, 30)
    lines: list[dict[str, object]] = [
        {
            "Contacted at": called,
            "Outcome": "accepted",
            "Measure code": "RS001",
            "Cost (yuan)": 3.5,
            "Note": "rang at noon",
        },
        {"Contacted at": dt.datetime(2011, 4, 7), "Outcome": "unreached"},
    ]
    first, second = fill_in(sent, tmp_path / "back.xlsx", lines)
    said = branch.call("collect", "--month", NEXT, str(tmp_path / "back.xlsx"))
    assert said.exit_status == 0, said.words
    delivered = branch.landing / NEXT / "crm_contacts_work_returns.csv"
    rows = duckdb.sql(f"from read_csv('{delivered}', all_varchar = true) order by contacted_at").fetchall()
    columns = duckdb.sql(f"describe from read_csv('{delivered}', all_varchar = true)").fetchall()
    found = [dict(zip((name for name, *_ in columns), row, strict=True)) for row in rows]
    assert [row["subscriber_id"] for row in found] == [first["Subscriber id"], second["Subscriber id"]]
    assert [(row["list_month"], row["outcome"], row["measure_code"], row["cost"]) for row in found] == [
        (MONTH, "accepted", "RS001", "3.50"),
        (MONTH, "unreached", None, None),
    ]
    titles = {row["en"]: row["list_type"] for row in seed("list_types")}
    assert [row["list_type"] for row in found] == [titles[first["Main list"]], titles[second["Main list"]]]
    assert "noon" not in delivered.read_text(encoding="utf-8")
    checked = branch.call("check", "--month", NEXT)
    assert checked.exit_status == 0, checked.words


def test_one_wrong_cell_and_nothing_is_delivered(branch: Branch, tmp_path: Path) -> None:
    sent = branch.current[MONTH] / "network" / "work_order.xlsx"
    lines: list[dict[str, object]] = [
        {"Contacted at": dt.datetime(2011, 4, 6), "Outcome": "accepted"},
        {"Contacted at": dt.datetime(2011, 4, 7), "Outcome": "perhaps"},
    ]
    fill_in(sent, tmp_path / "back.xlsx", lines)
    said = branch.call("collect", "--month", NEXT, str(tmp_path / "back.xlsx"))
    assert said.exit_status == 3
    assert "row 4" in said.words
    assert "Outcome" in said.words
    assert not (branch.landing / NEXT / "crm_contacts_work_returns.csv").exists()
