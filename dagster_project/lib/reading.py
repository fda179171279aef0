"""Delivered files as DuckDB tables of text, every row with its physical line.

A CSV file is read by DuckDB with everything stated and nothing detected. That reading stands only if
it accounts for every line of the file; otherwise the file is split exactly (``records``) and the
clean part is read. Either way: records of the file = rows of the table + damaged records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.lib import dumps, records
from dagster_project.lib.contract import DataSet
from dagster_project.lib.dumps import DumpText, Header, UnreadableDump, normal_name
from dagster_project.lib.values import literal, quoted

_MAX_LINE_BYTES = 16_777_216


@dataclass(frozen=True)
class Facts:
    """What a source mapping states of a file; everything is detected when it states nothing."""

    encoding: str | None = None
    delimiter: str | None = None
    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a header row."""
    rename: Mapping[str, str] = field(default_factory=dict)
    in_fen: bool = False


@dataclass(frozen=True)
class TextTable:
    """A file as a table of text: ``columns`` are c0, c1, … in the order of ``names``."""

    table: str
    names: tuple[str, ...]
    encoding: str
    delimiter: str
    lines_read: int
    rows: int
    damaged: int
    line: str
    """SQL for a row's physical line."""


def read(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, scratch: Path, facts: Facts | None = None
) -> TextTable:
    """Read a dump into ``table``; its damaged records go to ``<table>_damaged`` (line, code, record).

    Raises :class:`UnreadableDump`; scratch files are named after ``table``.
    """
    stated = facts or Facts()
    connection.execute(f"create or replace temp table {table}_damaged (line bigint, code varchar, record varchar)")
    if dumps.is_parquet(path.name):
        return _read_parquet(connection, path, table)
    text = dumps.transcode(path, scratch / f"{table}.txt", stated.encoding)
    try:
        header = dumps.read_header(text, stated.delimiter, stated.columns)
        return _read_text(connection, text, header, table)
    finally:
        text.path.unlink(missing_ok=True)


def _read_text(connection: duckdb.DuckDBPyConnection, text: DumpText, header: Header, table: str) -> TextTable:
    below = text.lines - (1 if header.line else 0)
    if text.blank_lines == 0 and len(header.names) > 1 and _read_fast(connection, text.path, header, table) == below:
        rows, damaged, line = below, 0, f"rowid + {header.line + 1}"
    else:
        counts = _read_exactly(connection, text, header, table)
        rows, damaged, line = counts.records, counts.damaged, "line"
    return TextTable(table, header.names, text.encoding, header.delimiter, text.lines, rows, damaged, line)


def _read_fast(connection: duckdb.DuckDBPyConnection, path: Path, header: Header, table: str) -> int:
    """Rows read, or -1 when the fast reader rejected anything."""
    columns = [f"c{index}" for index in range(len(header.names))]
    try:
        return _read_csv(connection, path, header.delimiter, skip=header.line, columns=columns, table=table)
    except duckdb.Error:
        return -1


def _read_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    delimiter: str,
    *,
    skip: int,
    columns: Sequence[str],
    table: str,
) -> int:
    types = ", ".join(f"{literal(name)}: 'varchar'" for name in columns)
    connection.execute(
        f"""
        create or replace temp table {table} as
        select * from read_csv(
            {literal(str(path))}, auto_detect = false, header = false, skip = {skip}, delim = {literal(delimiter)},
            quote = '"', escape = '"', columns = {{{types}}}, max_line_size = {_MAX_LINE_BYTES}, new_line = '\\n'
        )
        """
    )
    return _count(connection, table)


def _read_exactly(
    connection: duckdb.DuckDBPyConnection, text: DumpText, header: Header, table: str
) -> records.SplitCounts:
    clean, damaged = text.path.with_suffix(".clean"), text.path.with_suffix(".damaged")
    try:
        counts = records.write_clean(text, header, clean, damaged)
        columns = ["line_text", *(f"c{index}" for index in range(len(header.names)))]
        _read_csv(connection, clean, header.delimiter, skip=0, columns=columns, table=f"{table}_clean")
        names = ", ".join(columns[1:])
        connection.execute(
            f"create or replace temp table {table} as"
            f" select cast(line_text as bigint) as line, {names} from {table}_clean"
        )
        connection.execute(f"drop table {table}_clean")
        _read_csv(connection, damaged, ",", skip=0, columns=["line_text", "code", "record"], table=f"{table}_rejected")
        connection.execute(f"insert into {table}_damaged select * from {table}_rejected")
    finally:
        clean.unlink(missing_ok=True)
        damaged.unlink(missing_ok=True)
    found = (_count(connection, table), _count(connection, f"{table}_damaged"))
    if found != (counts.records, counts.damaged):
        raise AssertionError(f"{found} records of {text.path.name} were read, {counts} were split")
    return counts


def _read_parquet(connection: duckdb.DuckDBPyConnection, path: Path, table: str) -> TextTable:
    try:
        if path.stat().st_size == 0:
            raise UnreadableDump("empty_file")
        described = connection.execute(f"describe select * from read_parquet({literal(str(path))})").fetchall()
        names = tuple(str(row[0]) for row in described)
        casts = ", ".join(f"cast({quoted(name)} as varchar) as c{index}" for index, name in enumerate(names))
        connection.execute(
            f"create or replace temp table {table} as select {casts} from read_parquet({literal(str(path))})"
        )
    except duckdb.Error:
        raise UnreadableDump("unreadable_parquet") from None
    rows = _count(connection, table)
    return TextTable(table, names, "parquet", "", rows, rows, 0, "rowid + 1")


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True)
class Columns:
    """Which columns of a file are which of the contract, and what is wrong with its header."""

    positions: Mapping[str, int]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    duplicates: tuple[str, ...]


def recognise(data_set: DataSet, names: Sequence[str], rename: Mapping[str, str]) -> Columns:
    """Match headers with the contract's names and aliases, after the mapping's renames."""
    spellings = {normal_name(spelling): c.name for c in data_set.columns for spelling in (c.name, c.alias)}
    renames = {normal_name(old): normal_name(new) for old, new in rename.items()}
    found = [renames.get(normal_name(name), normal_name(name)) for name in names]
    known = [spellings.get(name) for name in found]
    seen = [code or name for code, name in zip(known, found, strict=True) if code or name]
    return Columns(
        positions={code: index for index, code in enumerate(known) if code},
        unknown=tuple(name for name, code in zip(names, known, strict=True) if not code),
        missing=tuple(name for name in data_set.required_columns if name not in known),
        duplicates=tuple(dict.fromkeys(name for name in seen if seen.count(name) > 1)),
    )
