"""Runs a source mapping's SELECT over the delivered files, with no way to reach anything else.

Every source file becomes a Parquet file of text once, kept by content in the scratch folder, so that
twelve months over the same files read them once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from filelock import FileLock

from dagster_project.lib import engine, mapping, reading, reports
from dagster_project.lib.deliveries import DeliveredFile, Delivery
from dagster_project.lib.dumps import UnreadableDump, normal_name
from dagster_project.lib.mapping import Source
from dagster_project.lib.values import literal, quoted
from dagster_project.settings import Settings

FILE_COLUMN = "_file"
LINE_COLUMN = "_line"


class ShapingFailed(Exception):
    """A statement that cannot produce its data set; the message says why."""


@dataclass(frozen=True)
class SourceTable:
    """A source file as text: ``rows`` (names, ``_line``) and ``damaged`` are Parquet files."""

    name: str
    names: tuple[str, ...]
    encoding: str
    delimiter: str
    lines_read: int
    damaged_count: int
    rows: Path
    damaged: Path


class UnreadableSource(Exception):
    """A delivered file that cannot be read; the reason is the cause."""

    def __init__(self, file: DeliveredFile, problem: UnreadableDump) -> None:
        super().__init__(f"{file.name}: {problem.code}")
        self.file = file
        self.problem = problem


@dataclass(frozen=True)
class Shaped:
    """What a statement made: a Parquet file, and the source files that it read."""

    path: Path
    sources: tuple[SourceTable, ...]


def shape(settings: Settings, delivery: Delivery, data_set: str) -> Shaped | None:
    """Produce a mapped data set; None when no file of its sources was delivered.

    Raises :class:`ShapingFailed` and :class:`UnreadableSource`.
    """
    assert delivery.mapping is not None
    sql = delivery.mapping.statements[data_set]
    used = sorted(mapping.tables_of(delivery.mapping.folder / f"{data_set}.sql", sql))
    files = [file for file in delivery.files if file.source in used]
    if used and not files:
        return None
    if absent := [name for name in used if name not in {file.source for file in files}]:
        raise ShapingFailed(f"no file was delivered for {', '.join(absent)}")
    tables = {id(file): source_table(settings, file, delivery.mapping.source(str(file.source))) for file in files}
    views = {name: [tables[id(file)] for file in files if file.source == name] for name in used}
    target = settings.scratch / "shaped" / f"{delivery.month}-{data_set}-{delivery.delivery_id}-{os.getpid()}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(settings, delivery.month, sql, views, target)
    return Shaped(target, tuple(tables[id(file)] for file in files))


def _run(settings: Settings, month: str, sql: str, views: dict[str, list[SourceTable]], target: Path) -> None:
    allowed = [str(table.rows) for tables in views.values() for table in tables] + [str(target)]
    with engine.connect(settings) as connection:
        connection.execute(f"set allowed_paths = [{', '.join(literal(path) for path in allowed)}]")
        connection.execute("set enable_external_access = false")
        connection.execute(f"set variable month = {literal(month)}")
        connection.execute("set lock_configuration = true")
        for name, tables in views.items():
            connection.execute(f"create view {quoted(name)} as {_union(tables)}")
        try:
            connection.sql(sql).write_parquet(str(target))
        except duckdb.Error as problem:
            raise ShapingFailed(str(problem).splitlines()[0]) from None


def _union(tables: Sequence[SourceTable]) -> str:
    return " union all by name ".join(
        f"select *, {literal(table.name)} as {FILE_COLUMN} from read_parquet({literal(str(table.rows))})"
        for table in tables
    )


def source_table(settings: Settings, file: DeliveredFile, source: Source) -> SourceTable:
    """The text of a source file, read once for as long as its content and its stated facts stay the same."""
    facts = hashlib.sha256(json.dumps(asdict(source.facts), sort_keys=True).encode()).hexdigest()[:12]
    folder = settings.scratch / "sources"
    stem = f"{file.sha256}-{facts}{'-gz' if file.name.lower().endswith('.gz') else ''}"
    known = folder / f"{stem}.json"
    folder.mkdir(parents=True, exist_ok=True)
    # Months are read side by side, and one file may serve them all.
    with FileLock(folder / f".{stem}.lock"):
        if not known.is_file():
            _read_source(settings, file, source, folder, stem)
    held = json.loads(known.read_text(encoding="utf-8"))
    held["names"] = tuple(held["names"])
    rows, damaged = folder / f"{stem}.parquet", folder / f"{stem}-damaged.parquet"
    return SourceTable(name=file.name, rows=rows, damaged=damaged, **held)


def _read_source(settings: Settings, file: DeliveredFile, source: Source, folder: Path, stem: str) -> None:
    work = f"source_{os.getpid()}"
    with engine.connect(settings) as connection:
        try:
            text = reading.read(connection, file.path, work, folder, source.facts)
        except UnreadableDump as problem:
            raise UnreadableSource(file, problem) from problem
        names = _column_names(file, source, text.names)
        columns = ", ".join(f"c{index} as {quoted(name)}" for index, name in enumerate(names))
        rows = f"select {columns}, {text.line} as {LINE_COLUMN} from {work}"
        for suffix, query in (("", rows), ("-damaged", f"select * from {work}_damaged")):
            draft = folder / f".{stem}{suffix}.{os.getpid()}"
            connection.execute(f"copy ({query}) to {literal(str(draft))} (format parquet)")
            draft.replace(folder / f"{stem}{suffix}.parquet")
    facts = {
        "names": names,
        "encoding": text.encoding,
        "delimiter": text.delimiter,
        "lines_read": text.lines_read,
        "damaged_count": text.damaged,
    }
    reports.write_json(folder / f"{stem}.json", facts)


def _column_names(file: DeliveredFile, source: Source, delivered: Iterable[str]) -> list[str]:
    renames = {normal_name(old): new for old, new in source.facts.rename.items()}
    names = [renames.get(normal_name(name), name.strip().lstrip("\ufeff")) for name in delivered]
    folded = [name.lower() for name in names]
    if repeated := [name for name in names if folded.count(name.lower()) > 1]:
        raise ShapingFailed(f"{file.name} has the column {repeated[0]} more than once")
    return names
