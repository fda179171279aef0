"""Is a data set of a delivery what it should be? One Great Expectations suite per data set decides.

A suite sees the candidate's columns and, beside them, what the month is: ``delivery_month`` (text),
``month_starts_on`` and ``next_month_starts_on`` (dates), ``days_in_month``. So an expectation
never needs a parameter, and several months can be judged at once.

Besides Great Expectations' own fields an expectation's ``meta`` holds ``id``, ``severity``
(``blocking`` or ``warning``), the sentences ``zh`` and ``en`` that are true when it passes, and, when needed,
``from_rows`` (a statistic of fewer rows says nothing) and ``columns`` (what a free SQL query reads).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.lib import contract, engine, failing_rows, months
from dagster_project.lib.checks import CheckOutcome, ExpectationSpec
from dagster_project.settings import SUITES_DIR, Settings

if TYPE_CHECKING:
    from dagster_project.lib.gx_duckdb import Judge, Verdict

_VIEW = "candidate"
_ROW_COUNT = "expect_table_row_count_to_be_between"
"""Suites use it with ``min_value`` 1 only."""
_TOGETHER = 6_000_000
"""Rows that are judged at once at most, to bound memory."""


@dataclass(frozen=True)
class Expectation:
    """One entry of a suite."""

    type: str
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The check's name, unique within its data set."""
        return str(self.meta["id"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data set that it reads."""
        condition = self.kwargs.get("row_condition") or {"column": {"name": None}}
        named = [
            self.kwargs.get("column"),
            self.kwargs.get("column_A"),
            self.kwargs.get("column_B"),
            *self.kwargs.get("column_list", ()),
            *self.meta.get("columns", ()),
            condition["column"]["name"],
        ]
        return tuple(dict.fromkeys(name for name in named if name and name not in _MONTH_COLUMNS))

    @property
    def serialised(self) -> dict[str, Any]:
        """In Great Expectations' own form."""
        return {"type": self.type, "kwargs": dict(self.kwargs), "meta": dict(self.meta)}


@dataclass(frozen=True)
class _Profile:
    """How many rows a month has, and in how many of them each column holds a value."""

    rows: int
    known: Mapping[str, int]


_MONTH_COLUMNS = ("delivery_month", "month_starts_on", "next_month_starts_on", "days_in_month")


def suite_names() -> tuple[str, ...]:
    """The data sets that have a suite, sorted."""
    return tuple(sorted(path.stem for path in SUITES_DIR.glob("*.json")))


def expectations_of(data_set: str) -> tuple[ExpectationSpec, ...]:
    """The checks of a data set as they are declared, in the suite's order; does not run anything."""
    return tuple(
        ExpectationSpec(entry.id, entry.meta["severity"], entry.meta["zh"], entry.meta["en"], entry.columns)
        for entry in suite(data_set)
    )


@cache
def suite(data_set: str) -> tuple[Expectation, ...]:
    """The data set's suite as it stands in its file."""
    content = json.loads((SUITES_DIR / f"{data_set}.json").read_text(encoding="utf-8"))
    return tuple(Expectation(entry["type"], entry["kwargs"], entry["meta"]) for entry in content["expectations"])


def validate(settings: Settings, data_set: str, candidate: Path, month: str) -> tuple[CheckOutcome, ...]:
    """Judge one month's candidate: one outcome per expectation, in the suite's order.

    An expectation that says nothing about this candidate (its column was not delivered, too few
    rows) passes with ``is_applicable`` 0.
    """
    return validate_months(settings, data_set, {month: candidate})[month]


def validate_months(
    settings: Settings, data_set: str, candidates: Mapping[str, Path]
) -> dict[str, tuple[CheckOutcome, ...]]:
    """Judge several months' candidates: per month the same outcomes as :func:`validate`, in less time.

    All months are judged as one first; what no row of any month fails, no month fails. The rest is
    judged month by month.
    """
    outcomes: dict[str, tuple[CheckOutcome, ...]] = {}
    with _judgement(settings) as (connection, judge):
        for together in _portions(connection, candidates):
            examination = _Examination(settings, data_set, connection, judge)
            outcomes |= examination.run(together)
    return outcomes


@contextmanager
def _judgement(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, Judge]]:
    from dagster_project.lib import gx_duckdb  # noqa: PLC0415  (takes seconds)

    with engine.connect(settings) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"create view {_VIEW} as select 1 as placeholder")
        with gx_duckdb.judge_of(connection, _VIEW) as judge:
            yield connection, judge


def _portions(connection: duckdb.DuckDBPyConnection, candidates: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    portion: dict[str, Path] = {}
    size = 0
    for month, path in sorted(candidates.items()):
        (rows,) = connection.execute(
            "select coalesce(sum(num_rows), 0) from parquet_file_metadata(?)", [str(path)]
        ).fetchall()[0]
        if portion and size + rows > _TOGETHER:
            yield portion
            portion, size = {}, 0
        portion[month] = path
        size += rows
    if portion:
        yield portion


def _show(connection: duckdb.DuckDBPyConnection, candidates: Mapping[str, Path]) -> None:
    """Make the view show the candidates' rows with their months."""
    for month, path in candidates.items():
        rows = connection.read_parquet(str(path), hive_partitioning=False)
        next_month = months.first_day(months.shift(month, 1))
        days = (next_month - months.first_day(month)).days
        rows.project(
            f"*, '{months.parse(month)}' as delivery_month, date '{months.first_day(month)}' as month_starts_on,"
            f" date '{next_month}' as next_month_starts_on, {days} as days_in_month"
        ).create_view(f"of_{month.replace('-', '_')}", replace=True)
    parts = " union all by name ".join(f"select * from of_{month.replace('-', '_')}" for month in candidates)
    connection.execute(f"create or replace view {_VIEW} as {parts}")


@dataclass(frozen=True)
class _Examination:
    """The judging of one data set's months over one connection."""

    settings: Settings
    data_set: str
    connection: duckdb.DuckDBPyConnection
    judge: Judge

    def run(self, candidates: Mapping[str, Path]) -> dict[str, tuple[CheckOutcome, ...]]:
        _show(self.connection, candidates)
        profiles = self._profiles(candidates)
        suspects = self._suspects(candidates, profiles)
        found = {}
        for month, path in candidates.items():
            if len(candidates) > 1 and suspects[month]:
                _show(self.connection, {month: path})
            verdicts = self.judge([entry.serialised for entry in suspects[month]])
            found[month] = tuple(
                self._outcome(month, entry, verdicts.get(entry.id), profiles[month]) for entry in suite(self.data_set)
            )
        return found

    def _suspects(
        self, candidates: Mapping[str, Path], profiles: Mapping[str, _Profile]
    ) -> dict[str, list[Expectation]]:
        """Per month the applicable expectations that are not yet known to hold for every row."""
        entries = suite(self.data_set)
        guilty = {}
        if len(candidates) > 1:
            guilty = self._months_with_failing_rows(entries) | _months_without_rows(entries, profiles)
        return {
            month: [
                entry
                for entry in entries
                if _is_applicable(self.data_set, entry, profiles[month]) and month in guilty.get(entry.id, candidates)
            ]
            for month in candidates
        }

    def _months_with_failing_rows(self, entries: Sequence[Expectation]) -> dict[str, frozenset[str]]:
        of_rows = [entry for entry in entries if failing_rows.is_of_rows(entry.type)]
        verdicts = self.judge([entry.serialised for entry in of_rows])
        return {
            entry.id: self._months_of(entry) if verdicts[entry.id].failing_count else frozenset() for entry in of_rows
        }

    def _months_of(self, entry: Expectation) -> frozenset[str]:
        failing = failing_rows.query(entry.type, entry.kwargs, _VIEW)
        found = self.connection.execute(
            f"select distinct delivery_month from ({failing.sql}) as failing", list(failing.parameters)
        )
        return frozenset(month for (month,) in found.fetchall())

    def _profiles(self, candidates: Mapping[str, Path]) -> dict[str, _Profile]:
        columns = [column.name for column in contract.DATA_SETS[self.data_set].columns]
        counts = ", ".join(f"count({column})" for column in columns)
        found = self.connection.execute(
            f"select delivery_month, count(*), {counts} from {_VIEW} group by delivery_month"
        ).fetchall()
        known = {row[0]: _Profile(row[1], dict(zip(columns, row[2:], strict=True))) for row in found}
        empty = _Profile(0, dict.fromkeys(columns, 0))
        return {month: known.get(month, empty) for month in candidates}

    def _outcome(self, month: str, entry: Expectation, verdict: Verdict | None, profile: _Profile) -> CheckOutcome:
        is_applicable = _is_applicable(self.data_set, entry, profile)
        failing_count = verdict.failing_count if verdict else 0
        passed = verdict.passed if verdict else True
        observed: dict[str, int | float | str] = {"rows": profile.rows, "is_applicable": int(is_applicable)}
        if verdict and verdict.figure is not None:
            observed["figure"] = round(verdict.figure, 4)
        elif is_applicable:
            observed["failing_share"] = round(failing_count / profile.rows, 6) if profile.rows else 0.0
        return CheckOutcome(
            check_id=entry.id,
            data_set=self.data_set,
            month=month,
            passed=passed,
            severity=entry.meta["severity"],
            sentence=entry.meta[self.settings.language],
            observed=observed,
            failing_count=failing_count,
            failing_keys=() if passed else self._failing_keys(entry),
        )

    def _failing_keys(self, entry: Expectation) -> tuple[str, ...]:
        if not failing_rows.is_of_rows(entry.type):
            return ()
        failing = failing_rows.query(entry.type, entry.kwargs, _VIEW)
        return failing_rows.identifiers(self.connection, self.settings, self.data_set, failing)


def _months_without_rows(entries: Sequence[Expectation], profiles: Mapping[str, _Profile]) -> dict[str, frozenset[str]]:
    """The months for which a suite's expectation of a row count has anything to judge: those without a row."""
    empty = frozenset(month for month, profile in profiles.items() if not profile.rows)
    return {entry.id: empty for entry in entries if entry.type == _ROW_COUNT}


def _is_applicable(data_set: str, entry: Expectation, profile: _Profile) -> bool:
    """Whether the candidate can say anything: enough rows, and the optional columns were delivered."""
    if profile.rows < entry.meta.get("from_rows", 0):
        return False
    optional = {column.name for column in contract.DATA_SETS[data_set].columns if not column.required}
    return all(profile.known[column] for column in entry.columns if column in optional)
