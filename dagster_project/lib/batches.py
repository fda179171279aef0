"""The rows of one data set of a delivery, from all its files, as one view of text in DuckDB.

``records`` (row_no, file_no, line, contract columns as text), ``damaged`` (file_no, line, code, record)
and ``files`` (file_no, name); whether they came by their column names or through a mapping's SELECT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from dagster_project.lib import reading, shaping, wording
from dagster_project.lib.contract import DataSet
from dagster_project.lib.deliveries import DeliveredFile, Delivery
from dagster_project.lib.dumps import UnreadableDump
from dagster_project.lib.reading import Columns, Facts, TextTable
from dagster_project.lib.refusals import Refusal, refusal
from dagster_project.lib.reports import FileReport
from dagster_project.lib.shaping import FILE_COLUMN, LINE_COLUMN, Shaped, ShapingFailed, UnreadableSource
from dagster_project.lib.values import literal
from dagster_project.settings import Settings

_SHOWN_HEADERS = 40
_LOOKS_LIKE_DATA = re.compile(r"[\d\s./:,+-]+")


@dataclass(frozen=True)
class Batch:
    """What was read: per file the lines and rows, the columns found, and what stands against it."""

    files: tuple[FileReport, ...] = ()
    columns: tuple[str, ...] = ()
    unknown_columns: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    in_fen: bool = False
    serves_many_months: bool = False

    @property
    def is_delivered(self) -> bool:
        """Whether anything arrived, readable or not."""
        return bool(self.files or self.refusals)


@dataclass
class _Gathering:
    """What has been gathered so far, in file order."""

    files: list[FileReport] = field(default_factory=list)
    selects: list[str] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True)
class _Reader:
    connection: duckdb.DuckDBPyConnection
    settings: Settings
    delivery: Delivery
    data_set: DataSet
    work: Path

    def refuse(self, code: str, file: str | None, line: int | None = None, **facts: object) -> Refusal:
        """A refusal of this data set; ``column`` among the facts is where it is."""
        column = facts.pop("column", None)
        name = self.data_set.name
        return refusal(self.settings, code, name, file, line=line, column=str(column) if column else None, **facts)


def read_batch(
    connection: duckdb.DuckDBPyConnection, settings: Settings, delivery: Delivery, data_set: DataSet, work: Path
) -> Batch:
    """Read every file of a data set; create ``records``, ``damaged`` and ``files``."""
    connection.execute("create temp table damaged (file_no int, line bigint, code varchar, record varchar)")
    reader = _Reader(connection, settings, delivery, data_set, work)
    gathering = _Gathering()
    if delivery.mapping and data_set.name in delivery.mapping.statements:
        _gather_shaped(reader, gathering)
    else:
        for file, facts in _direct_files(delivery, data_set):
            _gather_file(reader, gathering, file, facts)
    _create_views(connection, data_set, gathering)
    return Batch(
        files=tuple(gathering.files),
        columns=tuple(column.name for column in data_set.columns if column.name in gathering.columns),
        unknown_columns=tuple(dict.fromkeys(gathering.unknown)),
        refusals=tuple(gathering.refusals),
        in_fen=any(facts.in_fen for _, facts in _direct_files(delivery, data_set)),
        serves_many_months=_serves_many_months(delivery, data_set),
    )


def _direct_files(delivery: Delivery, data_set: DataSet) -> Iterable[tuple[DeliveredFile, Facts]]:
    if delivery.mapping is None:
        return [(file, Facts()) for file in delivery.files if file.data_set == data_set.name]
    sources = {source.name: source for source in delivery.mapping.direct_sources(data_set.name)}
    return [(file, sources[file.source].facts) for file in delivery.files if file.source in sources]


def _serves_many_months(delivery: Delivery, data_set: DataSet) -> bool:
    if delivery.mapping is None:
        return False
    if data_set.name in delivery.mapping.statements:
        return True
    return any(not source.is_monthly for source in delivery.mapping.direct_sources(data_set.name))


def _create_views(connection: duckdb.DuckDBPyConnection, data_set: DataSet, gathering: _Gathering) -> None:
    columns = ", ".join(f"cast(null as varchar) as {column.name}" for column in data_set.columns)
    nothing = f"select 0 as row_no, 0 as file_no, cast(null as bigint) as line, {columns} where false"
    connection.execute(f"create temp view records as {' union all '.join([*gathering.selects, nothing])}")
    connection.execute("create temp table files (file_no int, name varchar)")
    for number, file in enumerate(gathering.files):
        connection.execute("insert into files values (?, ?)", [number, file.name])


def _gather_file(reader: _Reader, gathering: _Gathering, file: DeliveredFile, facts: Facts) -> None:
    table = f"part_{len(gathering.files)}"
    number = len(gathering.files)
    gathering.files.append(FileReport(file.name))
    try:
        text = reading.read(reader.connection, file.path, table, reader.work, facts)
    except UnreadableDump as problem:
        gathering.refusals.append(reader.refuse(problem.code, file.name, problem.line, **problem.facts))
        return
    gathering.files[number] = _file_report(file.name, text)
    columns = reading.recognise(reader.data_set, text.names, facts.rename)
    gathering.refusals += _header_refusals(reader, file.name, text.names, columns)
    gathering.columns |= set(columns.positions)
    gathering.unknown += columns.unknown
    _add_damaged(reader, number, f"select * from {table}_damaged")
    _add_rows(reader, gathering, columns, table=table, file_no=str(number), line=text.line, rows=text.rows)


def _file_report(name: str, text: TextTable) -> FileReport:
    return FileReport(name, text.encoding, text.delimiter, text.lines_read, text.rows + text.damaged)


def _add_damaged(reader: _Reader, number: int, query: str) -> None:
    reader.connection.execute(f"insert into damaged select {number}, * from ({query})")


def _add_rows(
    reader: _Reader, gathering: _Gathering, columns: Columns, *, table: str, file_no: str, line: str, rows: int
) -> None:
    fields = ", ".join(
        f"c{columns.positions[column.name]} as {column.name}"
        if column.name in columns.positions
        else f"cast(null as varchar) as {column.name}"
        for column in reader.data_set.columns
    )
    gathering.selects.append(
        f"select {gathering.rows} + rowid as row_no, {file_no} as file_no, {line} as line, {fields} from {table}"
    )
    gathering.rows += rows


def _header_refusals(reader: _Reader, file: str, names: Sequence[str], columns: Columns) -> Iterable[Refusal]:
    for name in columns.duplicates:
        yield reader.refuse("duplicate_column", file, 1, column=name)
    for name in columns.missing:
        alias = reader.data_set.column(name).alias
        headers = _shown_headers(reader.settings, names, columns)
        yield reader.refuse("missing_column", file, 1, column=name, alias=alias, headers=headers)


def _shown_headers(settings: Settings, names: Sequence[str], columns: Columns) -> str:
    """The headers found; a first line of data is not shown, because it may be somebody's."""
    if not columns.positions and any(_LOOKS_LIKE_DATA.fullmatch(name) for name in names):
        return wording.text("ingestion.no_headers", settings.language, count=len(names))
    more = ", …" if len(names) > _SHOWN_HEADERS else ""
    return ", ".join(names[:_SHOWN_HEADERS]) + more


def _gather_shaped(reader: _Reader, gathering: _Gathering) -> None:
    try:
        shaped = shaping.shape(reader.settings, reader.delivery, reader.data_set.name)
    except ShapingFailed as problem:
        file = f"{reader.data_set.name}.sql"
        gathering.refusals.append(reader.refuse("mapping_failed", file, detail=str(problem)))
        return
    except UnreadableSource as failure:
        problem_of = failure.problem
        gathering.refusals.append(
            reader.refuse(problem_of.code, failure.file.name, problem_of.line, **problem_of.facts)
        )
        return
    if shaped:
        try:
            _gather_shape(reader, gathering, shaped)
        finally:
            shaped.path.unlink(missing_ok=True)


def _gather_shape(reader: _Reader, gathering: _Gathering, shaped: Shaped) -> None:
    """Rows name their source file when the statement passes it through, else all source files at once."""
    text = reading.read(reader.connection, shaped.path, "part_0", reader.work)
    places = {name.lower(): index for index, name in enumerate(text.names)}
    has_file = FILE_COLUMN in places
    reports = [
        FileReport(source.name, source.encoding, source.delimiter, source.lines_read, source.damaged_count)
        for source in shaped.sources
    ]
    if not has_file:
        reports = [_joined(f"{reader.data_set.name}.sql", reports)]
    numbers = {report.name: number for number, report in enumerate(reports)}
    for source in shaped.sources:
        number = numbers[source.name] if has_file else 0
        _add_damaged(reader, number, f"select * from read_parquet({literal(str(source.damaged))})")
    names = [name if name.lower() not in (FILE_COLUMN, LINE_COLUMN) else "" for name in text.names]
    columns = reading.recognise(reader.data_set, names, {})
    gathering.refusals += _header_refusals(reader, f"{reader.data_set.name}.sql", [n for n in names if n], columns)
    gathering.columns |= set(columns.positions)
    gathering.unknown += [name for name in columns.unknown if name]
    file_no = _file_number(numbers, f"c{places[FILE_COLUMN]}") if has_file else "0"
    line = f"cast(c{places[LINE_COLUMN]} as bigint)" if LINE_COLUMN in places else "cast(null as bigint)"
    _add_rows(reader, gathering, columns, table="part_0", file_no=file_no, line=line, rows=text.rows)
    gathering.files += _with_rows(reader, reports, file_no)


def _joined(statement: str, reports: Sequence[FileReport]) -> FileReport:
    first = reports[0] if reports else FileReport(statement)
    return FileReport(
        ", ".join(report.name for report in reports) or statement,
        first.encoding,
        first.delimiter,
        sum(report.lines_read for report in reports),
        sum(report.rows_read for report in reports),
    )


def _file_number(numbers: dict[str, int], column: str) -> str:
    """A row whose ``_file`` is no source file counts with the first one."""
    whens = " ".join(f"when {literal(name)} then {number}" for name, number in numbers.items())
    return f"case {column} {whens} else 0 end"


def _with_rows(reader: _Reader, reports: Sequence[FileReport], file_no: str) -> list[FileReport]:
    counted = dict(
        reader.connection.execute(f"select {file_no} as file_no, count(*) from part_0 group by 1").fetchall()
    )
    return [
        replace(report, rows_read=report.rows_read + counted.get(number, 0)) for number, report in enumerate(reports)
    ]
