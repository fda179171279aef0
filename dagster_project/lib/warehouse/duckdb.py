"""The DuckDB warehouse: one file, opened only while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.lib import engine
from dagster_project.lib.warehouse.base import PARQUET_OPTIONS, MissingRelation, literal, quoted, quoted_relation
from dagster_project.settings import Settings


@contextmanager
def open_duckdb(settings: Settings) -> Iterator[DuckDBWarehouse]:
    """The tables in ``settings.duckdb_file``; the caller holds the pool that makes it the only user.

    Raises :class:`MissingRelation` when there is no such file.
    """
    if not settings.duckdb_file.is_file():
        raise MissingRelation("there is no warehouse file; run the transformation first")
    with engine.connect(settings, settings.duckdb_file) as connection:
        yield DuckDBWarehouse(connection)


@dataclass(frozen=True)
class DuckDBWarehouse:
    """Tables of an open DuckDB file."""

    connection: duckdb.DuckDBPyConnection

    def export_month(
        self, relation: str, month: str, order_by: Sequence[str], columns: Sequence[str], target: Path
    ) -> int:
        """Write one month of a table as Parquet; see :class:`~.base.Warehouse`."""
        with _told_what_to_run(relation):
            source = quoted_relation(relation)
            return copy_month(self.connection, source, month, order_by=order_by, columns=columns, target=target)


@contextmanager
def _told_what_to_run(relation: str) -> Iterator[None]:
    try:
        yield
    except duckdb.CatalogException as error:
        raise MissingRelation(f"{relation} cannot be read; run the transformation first ({error})") from error


def copy_month(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    month: str,
    *,
    order_by: Sequence[str],
    columns: Sequence[str],
    target: Path,
) -> int:
    """Copy the rows of ``month`` from ``source`` (an SQL relation) to a Parquet file; return the rows."""
    chosen = ", ".join(quoted(column) for column in columns)
    order = ", ".join(f"{quoted(column)} nulls first" for column in order_by)
    query = f"select {chosen} from {source} where month = {literal(month)} order by {order}"
    row = connection.execute(f"copy ({query}) to {literal(str(target))} ({PARQUET_OPTIONS})").fetchone()
    return int(row[0]) if row else 0
