"""The real models as SQL for one range of months, run straight in DuckDB as often as a test wants.

A build by dbt takes ten times as long as its statements. Those of one build, of nothing, are run again for one small
world after another in about a second each, so that properties can be tried on many of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dagster_project.lib import raw
from dagster_project.lib.dbt import months_arguments
from dagster_project.settings import Settings
from tests.shared import made_once
from tests.worlds import run_dbt

Rows = Sequence[Mapping[str, Any]]

COMPILED_MONTHS = ("2011-09", "2011-10")
"""The months for which the whole project is compiled once in a test run."""
_CATALOG = "branch"
_RAW_FILES = re.compile(r"read_parquet\('[^']*/raw/(\w+)/\*/data\.parquet'[^)]*\)")


@dataclass(frozen=True)
class _Model:
    relation: str
    select: str


def compile_manifest(home: Path, first: str, last: str) -> Path:
    """The manifest of the project compiled for the months ``first`` to ``last``; no warehouse is built."""
    settings = Settings(home=home, landing=home / "landing")
    raw.ensure_tables(settings)
    run_dbt(settings, ["compile", "--vars", f"{{from_month: '{first}', to_month: '{last}'}}"])
    return settings.scratch / "dbt" / "duckdb" / "manifest.json"


def compiled_once(factory: pytest.TempPathFactory) -> Path:
    """The manifest of the project compiled for DuckDB and :data:`COMPILED_MONTHS`."""
    home = made_once(factory, "compiled", lambda folder: compile_manifest(folder, *COMPILED_MONTHS))
    return home / "scratch" / "dbt" / "duckdb" / "manifest.json"


class CompiledProject:
    """Some models with all that they rest on, and dbt's tests of them, for the months ``first`` to ``last``."""

    def __init__(self, home: Path, first: str, last: str, models: Iterable[str]) -> None:
        settings = Settings(home=home.resolve(), landing=home / "landing", memory_limit="1GB")
        raw.ensure_tables(settings)
        run_dbt(settings, ["build", "--exclude-resource-type", "unit_test", *months_arguments(first, last)])
        manifest = json.loads((settings.scratch / "dbt" / "duckdb" / "manifest.json").read_text(encoding="utf-8"))
        nodes = manifest["nodes"]
        chosen = _with_everything_before(nodes, models)
        self._models = [_Model(nodes[name]["relation_name"], _on_tables(nodes[name])) for name in chosen]
        self._tests = {
            node["name"]: _on_tables(node)
            for node in nodes.values()
            if node["resource_type"] == "test" and _models_of(nodes, node) <= set(chosen) and _models_of(nodes, node)
        }
        self._connection = _warehouse(settings, nodes)

    def build(self, tables: Mapping[str, Rows]) -> None:
        """Replace all raw data by ``tables``, whose rows say their ``delivery_month``, and build every model."""
        for name in raw.tables():
            self._fill(name, tables.get(name, ()))
        self._build()

    def build_delivered(self, settings: Settings) -> None:
        """Replace all raw data by what is in the raw folder of ``settings``, and build every model."""
        for name in raw.tables():
            self._connection.execute(f"truncate raw.{name}")
            files = settings.raw / name / "*" / "data.parquet"
            arrived = f"read_parquet('{files}', hive_partitioning=true, hive_types_autocast=false, union_by_name=true)"
            self._connection.execute(f"insert into raw.{name} by name select * from {arrived}")
        self._build()

    def _build(self) -> None:
        for model in self._models:
            self._connection.execute(f"create or replace table {model.relation} as {model.select}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on what was built last."""
        return self._connection.execute(sql).fetchall()

    def execute(self, sql: str) -> None:
        """A statement on what was built last, for tables of a test's own and for spoiling figures."""
        self._connection.execute(sql)

    def failing_tests(self) -> dict[str, list[tuple[Any, ...]]]:
        """dbt's tests that what was built last does not pass, with the first rows that they found."""
        found = {name: self.rows(f"select * from ({select}) limit 3") for name, select in self._tests.items()}
        return {name: rows for name, rows in found.items() if rows}

    def _fill(self, name: str, rows: Rows) -> None:
        self._connection.execute(f"truncate raw.{name}")
        if not rows:
            return
        columns = list(dict.fromkeys(column for row in rows for column in row))
        arrived = pa.table({column: [row.get(column) for row in rows] for column in columns})
        self._connection.register("arrived", arrived)
        self._connection.execute(f"insert into raw.{name} by name select * from arrived")
        self._connection.unregister("arrived")


def _with_everything_before(nodes: Mapping[str, Any], models: Iterable[str]) -> list[str]:
    """The models and those that they read, each after all that it reads."""
    unique = {node["name"]: name for name, node in nodes.items() if node["resource_type"] == "model"}
    reads: dict[str, set[str]] = {}
    waiting = [unique[model] for model in models]
    while waiting:
        name = waiting.pop()
        if name not in reads:
            reads[name] = _models_of(nodes, nodes[name])
            waiting.extend(reads[name])
    return list(TopologicalSorter(reads).static_order())


def _models_of(nodes: Mapping[str, Any], node: Mapping[str, Any]) -> set[str]:
    return {name for name in node["depends_on"]["nodes"] if name in nodes and nodes[name]["resource_type"] == "model"}


def _on_tables(node: Mapping[str, Any]) -> str:
    """A node's statement with raw data in tables: reading a hundred little files would cost more than the rest."""
    return _RAW_FILES.sub(r"raw.\1", str(node["compiled_code"])).strip().rstrip(";")


def _warehouse(settings: Settings, nodes: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """A database in memory under the name that the statements say, with seeds and empty raw tables."""
    spill = {"temp_directory": str(settings.scratch / "duckdb")}
    connection = duckdb.connect(config={"threads": 1, "memory_limit": settings.memory_limit, **spill})
    connection.execute(f"attach ':memory:' as {_CATALOG}")
    connection.execute(f"attach '{settings.duckdb_file}' as seeded (read_only)")
    connection.execute(f"use {_CATALOG}")
    for schema in sorted({"raw", *(node["schema"] for node in nodes.values())}):
        connection.execute(f"create schema if not exists {schema}")
    for seed in (node for node in nodes.values() if node["resource_type"] == "seed"):
        connection.execute(f"create table rules.{seed['name']} as from seeded.rules.{seed['name']}")
    connection.execute("detach seeded")
    for name in raw.tables():
        columns = ", ".join(f'"{column}" {kind}' for column, kind in raw.table_columns(name).items())
        connection.execute(f"create table raw.{name} ({columns}, delivery_month varchar)")
    return connection
