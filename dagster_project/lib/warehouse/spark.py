"""The Spark warehouse: dbt-spark's Parquet tables, read with DuckDB, so that no Spark session is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.lib import engine
from dagster_project.lib.warehouse.base import MissingRelation, literal
from dagster_project.lib.warehouse.duckdb import copy_month
from dagster_project.settings import Settings


@contextmanager
def open_spark(settings: Settings) -> Iterator[SparkWarehouse]:
    """The tables below ``warehouse/spark``."""
    with engine.connect(settings) as connection:
        yield SparkWarehouse(connection, settings.warehouse_dir / "spark")


@dataclass(frozen=True)
class SparkWarehouse:
    """Files ``<folder>/<schema>.db/<table>/month=<month>/*.parquet``, read through ``connection``."""

    connection: duckdb.DuckDBPyConnection
    folder: Path

    def export_month(
        self, relation: str, month: str, order_by: Sequence[str], columns: Sequence[str], target: Path
    ) -> int:
        """Write one month of a table as Parquet; see :class:`~.base.Warehouse`."""
        source = self._source(relation, month)
        return copy_month(self.connection, source, month, order_by=order_by, columns=columns, target=target)

    def _source(self, relation: str, month: str) -> str:
        """The month's files; of a month without rows, any file of the table, for its columns."""
        schema, _, table = relation.partition(".")
        folder = self.folder / f"{schema}.db" / table
        files = next(
            (
                found
                for pattern in (f"month={month}/*.parquet", "month=*/*.parquet", "*.parquet")
                if (found := sorted(folder.glob(pattern)))
            ),
            [],
        )
        if not files:
            raise MissingRelation(f"{relation} has no files; run the transformation with Spark first")
        names = ", ".join(literal(str(file)) for file in files)
        options = "hive_partitioning = true, hive_types = {'month': varchar}, union_by_name = true"
        return f"read_parquet([{names}], {options})"
