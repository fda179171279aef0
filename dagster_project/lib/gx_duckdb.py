"""Great Expectations on a DuckDB view: expectations become SQL, rows stay in DuckDB.

Why a dialect of its own is needed is told in ``docs/adr/0003-great-expectations-on-duckdb.md``.
Importing this module takes a moment and the first use some seconds, so import it where it is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import duckdb_engine
from sqlalchemy.dialects import registry
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

_DIALECT = "duckdb.expectations"
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
"""Counts of failing rows and none of their values."""

_connection: ContextVar[duckdb.DuckDBPyConnection] = ContextVar("connection")
"""The database that is judged at the moment; setting Great Expectations up anew for each takes longer than judging."""

_DIGITS = re.compile(r"\d{5,}")


class ExpectationBroken(RuntimeError):
    """An expectation that could not be computed; its message names the expectation."""


@dataclass(frozen=True)
class Verdict:
    """What Great Expectations says about one expectation."""

    passed: bool
    checked_count: int
    """Rows the expectation looked at; 0 for an expectation of a figure."""
    failing_count: int
    figure: float | None
    """The observed figure (a row count, a mean); None for an expectation of rows."""


Judge = Callable[[Sequence[Mapping[str, Any]]], dict[str, Verdict]]
"""From serialised expectations to verdicts by the ``id`` in their ``meta``."""


class ReadOnlyDialect(duckdb_engine.Dialect):
    """DuckDB without transactions, because results are fetched after a rollback that would end them."""

    supports_statement_cache = False

    def do_begin(self, connection: Any) -> None:
        """Do nothing: each statement is a transaction of its own."""

    def do_commit(self, connection: Any) -> None:
        """Do nothing: nothing is written."""

    def do_rollback(self, connection: Any) -> None:
        """Do nothing: the pending result is still to be read."""

    def do_close(self, dbapi_connection: Any) -> None:
        """Do nothing: the result outlives the connection's return to the pool, and then closes by itself."""

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        """The view's columns, in a fraction of the time that the catalogue queries of PostgreSQL take."""
        described = connection.exec_driver_sql(f"describe {table_name}").fetchall()
        return [
            {
                "name": row[0],
                "type": self.ischema_names.get(row[1].lower(), NullType)(),
                "nullable": True,
                "default": None,
            }
            for row in described
        ]


@contextmanager
def judge_of(connection: duckdb.DuckDBPyConnection, view: str) -> Iterator[Judge]:
    """Give a judge of the rows that ``view`` shows at the time of each judgement."""

    def judge(expectations: Sequence[Mapping[str, Any]]) -> dict[str, Verdict]:
        if not expectations:
            return {}
        gx, rows = _rows_of(view)
        suite = gx.ExpectationSuite(name=view, expectations=[dict(expectation) for expectation in expectations])
        results = rows.get_batch().validate(suite, result_format=_COUNTS_ONLY).results
        return {result.expectation_config.meta["id"]: _verdict(result) for result in results}

    token = _connection.set(connection)
    try:
        yield judge
    finally:
        _connection.reset(token)


def load() -> Any:
    """The module, imported without its telemetry."""
    # Great Expectations reads this once, when it is imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations  # noqa: PLC0415  (takes seconds)

    return great_expectations


@cache
def _rows_of(view: str) -> tuple[Any, Any]:
    """The module and the batch definition of a view, made once a process; nothing is written, nobody called."""
    gx = load()
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    registry.register(_DIALECT, __name__, ReadOnlyDialect.__name__)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    sources: Any = context.data_sources
    source = sources.add_sql(
        name=view,
        connection_string=f"{_DIALECT.replace('.', '+')}://",
        kwargs={"creator": _another_cursor, "poolclass": NullPool},
    )
    return gx, source.add_table_asset(name=view, table_name=view).add_batch_definition_whole_table(view)


def _another_cursor() -> Any:
    return duckdb_engine.ConnectionWrapper(_connection.get().cursor())


def _verdict(result: Any) -> Verdict:
    found = result.result
    if "unexpected_count" not in found and "observed_value" not in found:
        raise ExpectationBroken(_complaint(result))
    if "unexpected_count" in found:
        checked = int(found["element_count"] or 0) - int(found.get("missing_count") or 0)
        return Verdict(bool(result.success), checked, int(found["unexpected_count"] or 0), None)
    figure = found["observed_value"]
    if result.expectation_config.type == "unexpected_rows_expectation":
        return Verdict(bool(result.success), 0, int(figure), None)
    return Verdict(bool(result.success), 0, 0, None if figure is None else float(figure))


def _complaint(result: Any) -> str:
    config = result.expectation_config
    told = [info for info in (result.exception_info or {}).values() if isinstance(info, dict)] or [
        result.exception_info or {}
    ]
    reason = str(told[0].get("exception_message") or "no result").splitlines()[0]
    return (
        f"expectation {config.meta['id']!r} ({config.type}) cannot be computed: {_DIGITS.sub('#', reason)}; "
        "compare its columns in expectations/suites with the input contract"
    )
