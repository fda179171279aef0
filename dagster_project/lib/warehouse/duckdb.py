"""The DuckDB warehouse: one file, opened only for the length of a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.lib import engine
from dagster_project.lib.warehouse.base import PARQUET_OPTIONS, MissingRelation, literal, quoted, quoted_relation
from dagster_project.settings import Settings


@dataclass(frozen=True)
class DuckDBWarehouse:
    """Tables in ``settings.duckdb_file``; the caller holds the pool that makes it the only user."""

    settings: Settings

    def export_month(
        self, relation: str, month: str, order_by: Sequence[str], columns: Sequence[str], target: Path
    ) -> int:
        """Write one month of a table as Parquet; see :class:`~.base.Warehouse`."""
        with self._open(relation) as connection:
            return copy_month(
                connection, quoted_relation(relation), month, order_by=order_by, columns=columns, target=target
            )

    def rows_by_month(self, relation: str) -> dict[str, int]:
        """Rows of each month; see :class:`~.base.Warehouse`."""
        with self._open(relation) as connection:
            return count_by_month(connection, quoted_relation(relation))

    @contextmanager
    def _open(self, relation: str) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.settings.duckdb_file.is_file():
            raise MissingRelation(f"there is no warehouse file for {relation}; run the transformation first")
        with engine.connect(self.settings, self.settings.duckdb_file) as connection:
            try:
                yield connection
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


def count_by_month(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, int]:
    """How many rows of each month there are in ``source`` (an SQL relation)."""
    return dict(connection.execute(f"select month, count(*) from {source} group by month order by month").fetchall())
