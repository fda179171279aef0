"""The warehouse between raw data and published files: DuckDB, or Spark at scale."""

from __future__ import annotations

from dagster_project.lib.warehouse.base import MissingRelation, Warehouse
from dagster_project.lib.warehouse.duckdb import DuckDBWarehouse
from dagster_project.lib.warehouse.spark import SparkWarehouse
from dagster_project.settings import Settings

__all__ = ["MissingRelation", "Warehouse", "open_warehouse"]


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that the settings name."""
    return SparkWarehouse(settings) if settings.warehouse == "spark" else DuckDBWarehouse(settings)
