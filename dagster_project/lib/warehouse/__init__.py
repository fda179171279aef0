"""The warehouse between raw data and published files: DuckDB, or Spark at scale."""

from __future__ import annotations

from contextlib import AbstractContextManager

from dagster_project.lib.warehouse.base import MissingRelation, Warehouse
from dagster_project.lib.warehouse.duckdb import open_duckdb
from dagster_project.lib.warehouse.spark import open_spark
from dagster_project.settings import Settings

__all__ = ["MissingRelation", "Warehouse", "open_warehouse"]


def open_warehouse(settings: Settings) -> AbstractContextManager[Warehouse]:
    """The warehouse that the settings name, open for the length of a block."""
    return open_spark(settings) if settings.warehouse == "spark" else open_duckdb(settings)
