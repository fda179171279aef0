"""Source mapping: how a branch's own files become the contract's data sets, without Python.

A mapping folder holds ``sources.yml`` (the facts of the files) and, where names alone are not enough,
``<data set>.sql``: one SELECT over the files as text. The format is in docs/source-mapping.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from dagster_project.lib import contract, dumps, months
from dagster_project.lib.reading import Facts

SOURCES = "sources.yml"

_TOP_KEYS = {"months", "snapshots_hold_leavers", "files"}
_FILE_KEYS = {"name", "pattern", "encoding", "delimiter", "header", "columns", "feeds", "rename", "money_unit"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLACEHOLDERS = {"{month}": r"(?P<month>\d{4}-\d{2})", "{yyyymm}": r"(?P<yyyymm>\d{6})"}
_GLOBS = {"{month}": "????-??", "{yyyymm}": "??????"}
_DELIMITERS = {"tab": "\t", **{mark: mark for mark in dumps.DELIMITERS}}


class InvalidMapping(ValueError):
    """A mapping that cannot be used; the message names the file, the key and the remedy."""


@dataclass(frozen=True)
class Source:
    """One kind of delivered file; ``pattern`` is relative to the landing folder."""

    name: str
    pattern: str
    facts: Facts
    feeds: tuple[str, ...] = ()

    @property
    def only_feed(self) -> str | None:
        """The data set a file belongs to, when it feeds exactly one by its column names."""
        return self.feeds[0] if len(self.feeds) == 1 else None

    @property
    def is_monthly(self) -> bool:
        """Whether every month has files of its own; otherwise the same files serve many months."""
        return any(mark in self.pattern for mark in _PLACEHOLDERS)

    def files(self, landing: Path, month: str) -> tuple[Path, ...]:
        """The files that serve ``month``, in name order."""
        pattern = self.pattern.replace("{month}", month).replace("{yyyymm}", month.replace("-", ""))
        return tuple(sorted(path for path in landing.glob(pattern) if path.is_file()))

    def months_found(self, landing: Path) -> Iterable[str]:
        """The months that file names in the landing folder tell."""
        glob, expression = self.pattern, re.escape(self.pattern).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        for mark, named in _PLACEHOLDERS.items():
            glob = glob.replace(mark, _GLOBS[mark])
            expression = expression.replace(re.escape(mark), named, 1).replace(re.escape(mark), ".*")
        for path in landing.glob(glob):
            if found := re.fullmatch(expression, path.relative_to(landing).as_posix()):
                parts = found.groupdict()
                text = parts.get("month") or f"{parts['yyyymm'][:4]}-{parts['yyyymm'][4:]}"
                if months.is_month(text):
                    yield text


@dataclass(frozen=True)
class SourceMapping:
    """A mapping as read from its folder; ``statements`` are the SELECTs by data set."""

    folder: Path
    sources: tuple[Source, ...]
    statements: Mapping[str, str] = field(default_factory=dict)
    first_month: str | None = None
    last_month: str | None = None
    snapshots_hold_leavers: bool = True

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any file of the mapping folder."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def covers(self, month: str) -> bool:
        """Whether ``month`` lies within the months stated, if any are."""
        return (self.first_month or month) <= month <= (self.last_month or month)

    def source(self, name: str) -> Source:
        """The source called ``name``."""
        return next(source for source in self.sources if source.name == name)

    def direct_sources(self, data_set: str) -> tuple[Source, ...]:
        """Sources whose files feed a data set by their column names."""
        return tuple(source for source in self.sources if data_set in source.feeds)

    def delivered_months(self, landing: Path) -> tuple[str, ...]:
        """The months that files in the landing folder serve."""
        found = {month for source in self.sources if source.is_monthly for month in source.months_found(landing)}
        if self.first_month and self.last_month:
            stated = months.between(self.first_month, self.last_month)
            found |= {m for m in stated if any(s.files(landing, m) for s in self.sources)}
        return tuple(sorted(month for month in found if self.covers(month)))


def load(folder: Path) -> SourceMapping:
    """Read and check a mapping folder; raise :class:`InvalidMapping`."""
    path = folder / SOURCES
    if not path.is_file():
        raise InvalidMapping(f"{path}: the file is missing; a source mapping needs it (docs/source-mapping.md)")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as problem:
        raise InvalidMapping(f"{path}: not valid YAML: {problem}") from None
    _check_keys(path, "", content, _TOP_KEYS, {"files"})
    if not isinstance(content["files"], list) or not content["files"]:
        raise InvalidMapping(f"{path}: files: give a list with at least one file")
    sources = tuple(_source(path, index, item) for index, item in enumerate(content["files"]))
    names = [source.name for source in sources]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InvalidMapping(f"{path}: files: the name {repeated[0]} is given twice")
    first, last = _month_range(path, content.get("months"))
    statements = dict(_statements(folder, set(names)))
    _check_feeds(path, sources, statements)
    return SourceMapping(
        folder, sources, statements, first, last, _flag(path, content, "snapshots_hold_leavers", default=True)
    )


def _check_keys(path: Path, place: str, content: Any, known: set[str], needed: set[str]) -> None:
    if not isinstance(content, dict):
        raise InvalidMapping(f"{path}: {place or 'the file'} must be a mapping of keys")
    at = f"{place}." if place else ""
    if unknown := sorted(str(key) for key in content if key not in known):
        raise InvalidMapping(f"{path}: {at}{unknown[0]} is unknown; known keys: {', '.join(sorted(known))}")
    if missing := sorted(needed - set(content)):
        raise InvalidMapping(f"{path}: {at}{missing[0]} is missing")


def _flag(path: Path, content: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = content.get(key, default)
    if not isinstance(value, bool):
        raise InvalidMapping(f"{path}: {key} must be true or false, not {value!r}")
    return value


def _month_range(path: Path, stated: Any) -> tuple[str | None, str | None]:
    if stated is None:
        return None, None
    _check_keys(path, "months", stated, {"from", "to"}, {"from", "to"})
    try:
        return months.parse(str(stated["from"])), months.parse(str(stated["to"]))
    except months.InvalidMonth as problem:
        raise InvalidMapping(f"{path}: months: {problem}") from None


def _source(path: Path, index: int, item: Any) -> Source:
    place = f"files[{index}]"
    _check_keys(path, place, item, _FILE_KEYS, {"name", "pattern"})
    if not _NAME.fullmatch(str(item["name"])):
        raise InvalidMapping(f"{path}: {place}.name: use lower-case letters, digits and _, not {item['name']!r}")
    pattern = str(item["pattern"])
    if pattern.startswith("/") or ".." in Path(pattern).parts:
        raise InvalidMapping(f"{path}: {place}.pattern: must stay within the landing folder, not {pattern!r}")
    feeds = _texts(path, place, item, "feeds")
    if unknown := [name for name in feeds if name not in contract.DATA_SETS]:
        raise InvalidMapping(f"{path}: {place}.feeds: {unknown[0]} is no data set of the contract")
    return Source(str(item["name"]), pattern, _facts(path, place, item), feeds)


def _facts(path: Path, place: str, item: Mapping[str, Any]) -> Facts:
    columns = _texts(path, place, item, "columns")
    if columns == () and not _flag(path, item, "header", default=True):
        raise InvalidMapping(f"{path}: {place}.columns: a file without a header needs the list of its columns")
    if columns and item.get("header") is True:
        raise InvalidMapping(f"{path}: {place}.columns: only for files with header: false")
    return Facts(
        encoding=_encoding(path, place, item.get("encoding")),
        delimiter=_choice(path, f"{place}.delimiter", item.get("delimiter"), _DELIMITERS),
        columns=columns,
        rename=_renames(path, place, item.get("rename") or {}),
        in_fen=bool(_choice(path, f"{place}.money_unit", item.get("money_unit"), {"yuan": "", "fen": "fen"})),
    )


def _encoding(path: Path, place: str, stated: Any) -> str | None:
    if stated is None:
        return None
    try:
        "".encode(str(stated))
    except LookupError:
        raise InvalidMapping(f"{path}: {place}.encoding: {stated!r} is unknown; for example gb18030") from None
    return str(stated)


def _choice(path: Path, place: str, stated: Any, allowed: Mapping[str, str]) -> str | None:
    if stated is None:
        return None
    if stated not in allowed:
        raise InvalidMapping(f"{path}: {place}: {stated!r} is unknown; use one of: {' '.join(allowed)}")
    return allowed[stated]


def _renames(path: Path, place: str, stated: Any) -> dict[str, str]:
    if not isinstance(stated, dict):
        raise InvalidMapping(f"{path}: {place}.rename: give the delivered name and the contract's, one pair a line")
    return {str(old): str(new) for old, new in stated.items()}


def _texts(path: Path, place: str, item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = item.get(key) or []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InvalidMapping(f"{path}: {place}.{key}: give a list of texts")
    return tuple(value)


def _statements(folder: Path, sources: set[str]) -> Iterable[tuple[str, str]]:
    for path in sorted(folder.glob("*.sql")):
        if path.stem not in contract.DATA_SETS:
            raise InvalidMapping(f"{path}: {path.stem} is no data set of the contract")
        sql = path.read_text(encoding="utf-8")
        if unknown := sorted(tables_of(path, sql) - sources):
            raise InvalidMapping(f"{path}: there is no file named {unknown[0]} in {SOURCES}")
        yield path.stem, sql


def _says_something(statement: Any) -> bool:
    """Comments behind the last semicolon are no statement."""
    return statement is not None and not isinstance(statement, exp.Semicolon)


def tables_of(path: Path, sql: str) -> set[str]:
    """The sources that a mapping's statement reads; raise unless it is exactly one SELECT."""
    try:
        parsed = [statement for statement in sqlglot.parse(sql, read="duckdb") if _says_something(statement)]
    except sqlglot.errors.SqlglotError as problem:
        raise InvalidMapping(f"{path}: not valid SQL: {str(problem).splitlines()[0]}") from None
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise InvalidMapping(f"{path}: must be exactly one SELECT statement")
    inner = {expression.alias for expression in parsed[0].find_all(exp.CTE)}
    return {table.name for table in parsed[0].find_all(exp.Table) if table.name} - inner


def _check_feeds(path: Path, sources: tuple[Source, ...], statements: Mapping[str, str]) -> None:
    for source in sources:
        if both := sorted(set(source.feeds) & set(statements)):
            raise InvalidMapping(f"{path}: {source.name}.feeds: {both[0]} comes from {both[0]}.sql already")
    for name in {feed for source in sources for feed in source.feeds}:
        if len({source.facts.in_fen for source in sources if name in source.feeds}) > 1:
            raise InvalidMapping(f"{path}: money_unit: the files that feed {name} must state the same unit")
