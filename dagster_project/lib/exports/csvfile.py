"""CSV for spreadsheets: UTF-8 with a byte order mark, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from dagster_project.lib.exports.workbook import Field, Kind, Rows, RowsLost
from dagster_project.lib.warehouse.base import literal, quoted

BYTE_ORDER_MARK = "\ufeff"
_RISKY_START = r"^[=@+\-\t\r\n＝＋－＠]"
_PLAIN_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?"


def prepare_lines(
    connection: duckdb.DuckDBPyConnection, fields: Sequence[Field], relation: str, *, into: str, keep: Sequence[str]
) -> None:
    """Make the temporary table ``into``: the fields of ``relation``, harmless, under the names ``c0``, ``c1`` and on.

    Columns ``keep`` (numbers, filters) come along.
    """
    kept = ", ".join(quoted(name) for name in keep)
    values = ", ".join(f"{_value(field)} as c{index}" for index, field in enumerate(fields))
    connection.execute(f"create temp table {into} as select {kept}, {values} from {relation}")


def write_csv(connection: duckdb.DuckDBPyConnection, target: Path, fields: Sequence[Field], rows: Rows) -> None:
    """Write prepared ``rows`` to ``target`` in their order; raise :class:`RowsLost` when some are missing."""
    if not rows.count:
        # most lists of a small district are empty, and a query costs more than their heading
        with target.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(_headings(fields))
        return
    chosen = ", ".join(f"c{index} as {quoted(heading)}" for index, heading in enumerate(_headings(fields)))
    query = f"select {chosen} from {rows.relation} where {rows.where} order by {quoted(rows.number)}"
    copied = connection.execute(f"copy ({query}) to {literal(str(target))} (format csv, header)", list(rows.parameters))
    row = copied.fetchone()
    if row is None or row[0] != rows.count:
        raise RowsLost(f"{target.name}: {row and row[0]} rows written, {rows.count} expected")


def _headings(fields: Sequence[Field]) -> list[str]:
    """The headings; the first carries the byte order mark, because it is the start of the file."""
    return [(BYTE_ORDER_MARK if index == 0 else "") + field.heading for index, field in enumerate(fields)]


def _value(field: Field) -> str:
    """SQL for a value; a column to fill in is empty."""
    if field.input:
        return "null"
    return harmless(quoted(field.name)) if field.kind is Kind.TEXT else quoted(field.name)


def harmless(text: str) -> str:
    """SQL that puts an apostrophe before a text that a spreadsheet would take for a formula.

    ``=``, ``@``, tabs and line breaks always; plus and minus only when the text is not a plain number.
    """
    is_number = f"regexp_full_match({text}, {literal(_PLAIN_NUMBER)})"
    risky = f"regexp_matches({text}, {literal(_RISKY_START)}) and not {is_number}"
    return f"case when {risky} then '''' || {text} else {text} end"


def harmless_text(text: str) -> str:
    """What :func:`harmless` makes of a text, for rows that come from no query."""
    is_risky = re.match(_RISKY_START, text) and not re.fullmatch(_PLAIN_NUMBER, text, re.ASCII)
    return f"'{text}" if is_risky else text
