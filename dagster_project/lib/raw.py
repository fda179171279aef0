"""Raw data: one Parquet file per data set and month, typed by the contract, replaced atomically.

``raw/<table>/delivery_month=<month>/data.parquet``; both warehouses read the folder as one table
partitioned by ``delivery_month``. Every table also has an empty file under ``delivery_month=none``,
so that a data set that was never delivered is an empty table and not an error.

Three tables beside the contract's data sets tell what was delivered, for the marts to know the
difference between nothing and not available.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dagster_project.lib import contract, engine
from dagster_project.settings import Settings

NO_MONTH = "none"

DELIVERY_TABLES: Mapping[str, Mapping[str, str]] = {
    "deliveries": {
        "data_set": "varchar",
        "is_delivered": "boolean",
        "files": "bigint",
        "lines_read": "bigint",
        "loaded_count": "bigint",
        "quarantined_count": "bigint",
        "duplicate_count": "bigint",
        "status": "varchar",
        "snapshots_hold_leavers": "boolean",
    },
    "delivered_columns": {"data_set": "varchar", "column_name": "varchar"},
    "quarantined_subscribers": {"subscriber_id": "varchar"},
}
"""Per month: one row per data set of the contract; one row per delivered column; one row per
subscriber whose snapshot row is in quarantine although its identifier was readable."""


def table_columns(table: str) -> Mapping[str, str]:
    """Column names and SQL types of a raw table, without the partition column."""
    if table in DELIVERY_TABLES:
        return DELIVERY_TABLES[table]
    return {column.name: column.kind.sql_type for column in contract.DATA_SETS[table].columns}


def tables() -> tuple[str, ...]:
    """Every raw table: the contract's data sets, then the delivery tables."""
    return (*contract.DATA_SETS, *DELIVERY_TABLES)


def path(settings: Settings, table: str, month: str) -> Path:
    """Where a table's rows of one month are."""
    return settings.raw / table / f"delivery_month={month}" / "data.parquet"


def replace(settings: Settings, table: str, month: str, new_file: Path) -> None:
    """Put ``new_file`` in the place of a table's month; readers see the old or the new, whole."""
    target = path(settings, table, month)
    target.parent.mkdir(parents=True, exist_ok=True)
    new_file.replace(target)


def remove(settings: Settings, table: str, month: str) -> None:
    """Take a table's month away, because the newest delivery of that month does not hold it."""
    target = path(settings, table, month)
    target.unlink(missing_ok=True)
    if target.parent.is_dir():
        target.parent.rmdir()


def ensure_tables(settings: Settings) -> None:
    """Give every raw table its empty file, so that both warehouses can read it before any delivery."""
    missing = [table for table in tables() if not path(settings, table, NO_MONTH).is_file()]
    if not missing:
        return
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with engine.connect(settings) as connection:
        for table in missing:
            columns = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in table_columns(table).items())
            new_file = settings.scratch / f"empty-{table}-{os.getpid()}.parquet"
            connection.execute(f"copy (select {columns} where false) to '{new_file}' (format parquet)")
            replace(settings, table, NO_MONTH, new_file)
