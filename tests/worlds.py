"""Small worlds for tests: rows written as raw Parquet by the contract, built by the real dbt project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.lib import contract, raw
from dagster_project.settings import DBT_PROJECT_DIR, Settings

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "crm_subscribers": {
        "district_code": "D1",
        "plan_code": "P1",
        "join_date": "2009-01-15",
        "status": "active",
    },
    "crm_districts": {"district_name": "一区"},
    "crm_plans": {"plan_name": "套餐"},
    "crm_channels": {"channel_name": "渠道"},
    "crm_groups": {"group_name": "集团"},
}
"""What a row says unless the test says otherwise; a column in no row and without default is not delivered."""


class BuildFailed(AssertionError):
    """dbt did not build the world; the message is its log."""


class World:
    """Deliveries of a made-up branch under ``home``, and the warehouse that dbt makes of them."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home.resolve(), landing=home / "landing", memory_limit="3GB")
        self._columns: dict[tuple[str, str], set[str]] = {}
        self._leavers_absent: set[str] = set()
        self._duckdb = duckdb.connect()

    def add(self, table: str, month: str, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        """Deliver ``rows`` of ``table`` in ``month``; the month column is filled in."""
        columns = raw.table_columns(table)
        complete = [{**_month_columns(table, month), **DEFAULTS.get(table, {}), **row} for row in rows]
        unknown = {name for row in complete for name in row} - set(columns)
        if unknown:
            raise KeyError(f"{table} has no columns {sorted(unknown)}")
        self._duckdb.execute(f"create or replace table given ({_definitions(columns)})")
        if complete:
            marks = ", ".join("?" * len(columns))
            values = [[row.get(name) for name in columns] for row in complete]
            self._duckdb.executemany(f"insert into given values ({marks})", values)
        self._write(table, month, "from given", {name for row in complete for name in row})

    def add_sql(self, table: str, month: str, select: str) -> None:
        """Deliver what ``select`` (DuckDB SQL) gives; other columns take their default or are not delivered."""
        columns = raw.table_columns(table)
        self._duckdb.execute(f"create or replace table chosen as {select}")
        given = {str(row[0]) for row in self._duckdb.execute("describe chosen").fetchall()}
        constants = {**DEFAULTS.get(table, {}), **_month_columns(table, month)}
        cells = ", ".join(
            f"cast({_cell(name, given, constants)} as {kind}) as {name}" for name, kind in columns.items()
        )
        self._write(table, month, f"select {cells} from chosen", (given | set(constants)) & set(columns))
        self._duckdb.execute("drop table chosen")

    def remove(self, month: str) -> None:
        """Take a whole month's delivery away."""
        for table in raw.tables():
            raw.remove(self.settings, table, month)
            self._columns.pop((table, month), None)

    def snapshots_hold_no_leavers(self, month: str) -> None:
        """State for ``month`` what a mapping can state: leavers are absent from the snapshot."""
        self._leavers_absent.add(month)

    def build(
        self, from_month: str, to_month: str, select: str | None = None, warehouse: str = "duckdb"
    ) -> subprocess.CompletedProcess[str]:
        """Seed, run and test the models for the months; raise :class:`BuildFailed` when anything fails."""
        self._write_deliveries()
        raw.ensure_tables(self.settings)
        chosen = [] if select is None else ["--select", select]
        arguments = [
            *("build", "--exclude-resource-type", "unit_test", *chosen),
            *("--vars", f"{{from_month: '{from_month}', to_month: '{to_month}'}}"),
        ]
        return run_dbt(self.settings, arguments, warehouse)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query on the DuckDB warehouse."""
        with duckdb.connect(str(self.settings.duckdb_file), read_only=True) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _write(self, table: str, month: str, select: str, delivered: set[str]) -> None:
        self.settings.scratch.mkdir(parents=True, exist_ok=True)
        new_file = self.settings.scratch / f"{table}-{month}.parquet"
        self._duckdb.execute(f"copy ({select}) to '{new_file}' (format parquet)")
        raw.replace(self.settings, table, month, new_file)
        if table in contract.DATA_SETS:
            self._columns[table, month] = delivered | set(contract.DATA_SETS[table].required_columns)

    def _write_deliveries(self) -> None:
        months = sorted({month for _, month in self._columns})
        if months:
            self._add_references(months[0])
        for month in months:
            self.add("deliveries", month, [self._delivery(name, month) for name in contract.DATA_SETS])
            columns = [
                {"data_set": name, "column_name": column}
                for name in contract.DATA_SETS
                for column in sorted(self._columns.get((name, month), ()))
            ]
            self.add("delivered_columns", month, columns)

    def _add_references(self, first_month: str) -> None:
        """Districts and plans for the codes in use, unless the test delivered its own."""
        known = {table for table, _ in self._columns}
        for table, key in (("crm_districts", "district_code"), ("crm_plans", "plan_code")):
            if table not in known:
                snapshots = self.settings.raw / "crm_subscribers" / "*" / "data.parquet"
                name = key.replace("code", "name")
                self.add_sql(
                    table, first_month, f"select distinct {key}, {key} as {name} from '{snapshots}' order by all"
                )

    def _delivery(self, data_set: str, month: str) -> dict[str, Any]:
        path = raw.path(self.settings, data_set, month)
        is_delivered = (data_set, month) in self._columns
        count = self._duckdb.execute(f"select count(*) from '{path}'").fetchall()[0][0] if is_delivered else 0
        return {
            "data_set": data_set,
            "is_delivered": is_delivered,
            "files": int(is_delivered),
            "lines_read": count,
            "loaded_count": count,
            "quarantined_count": 0,
            "duplicate_count": 0,
            "status": "accepted" if is_delivered else "not_delivered",
            "snapshots_hold_leavers": month not in self._leavers_absent,
        }


def run_dbt(settings: Settings, arguments: list[str], warehouse: str = "duckdb") -> subprocess.CompletedProcess[str]:
    """Run dbt on the project for ``settings``; nothing is written outside its home but the parse cache."""
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    target = settings.scratch / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    parsed = _parse_cache() / f"{warehouse}.msgpack"
    if parsed.is_file():
        shutil.copy(parsed, target / "partial_parse.msgpack")
    environment = {
        **os.environ,
        "RETENTION_HOME": str(settings.home),
        "RETENTION_WAREHOUSE": warehouse,
        "RETENTION_MEMORY_LIMIT": settings.memory_limit,
        "DO_NOT_TRACK": "1",
    }
    command = [
        *(str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments),
        *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]
    done = subprocess.run(
        command, env=environment, cwd=settings.scratch, capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode != 0:
        raise BuildFailed(done.stdout[-8000:] + done.stderr[-2000:])
    if (target / "partial_parse.msgpack").is_file():
        shutil.copy(target / "partial_parse.msgpack", parsed)
    return done


@cache
def _parse_cache() -> Path:
    """One folder a test process: parsing the project again for every world would take seconds each."""
    return Path(tempfile.mkdtemp(prefix="retention-dbt-"))


def _month_columns(table: str, month: str) -> dict[str, str]:
    names = {"crm_subscribers": "snapshot_month", "billing_bills": "bill_month", "finance_acquisition": "month"}
    usage = ("billing_usage", "billing_call_circle")
    name = "usage_month" if table in usage else names.get(table)
    return {name: month} if name else {}


def _definitions(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _cell(name: str, given: set[str], constants: Mapping[str, Any]) -> str:
    if name in given:
        return name
    return f"'{constants[name]}'" if name in constants else "null"
