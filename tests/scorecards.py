"""Scorecards out of given cases: the compiled models of scores and ranks, run straight in DuckDB."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.lib import rules

Row = Mapping[str, Any]

MARTS = ("mart_district_scorecard", "mart_manager_scorecard", "mart_dealer_scorecard")
_MODELS = ("int_scorecard_values", "int_scorecard_scores", "int_scorecard_ranks", *MARTS)
_SEEDS = ("thresholds", "scorecard_kpis", "scorecard_weights", "scorecard_targets")
_GIVEN = {
    "intermediate.int_scorecard_units": """month varchar, unit_type varchar, unit_code varchar, unit_name varchar,
        district_code varchar, peer_group varchar""",
    "intermediate.int_scorecard_cases": """month varchar, unit_type varchar, unit_code varchar, kpi_code varchar,
        stratum varchar, case_count bigint, event_count bigint""",
    "staging.stg_deliveries__data_sets": "month varchar, data_set varchar, is_delivered boolean",
}
DATA_SETS = tuple(sorted({name for row in rules.seed("scorecard_kpis") for name in row["needs"].split("+")}))


@dataclass(frozen=True)
class Cases:
    """Counts of one month, as int_scorecard_cases holds them."""

    month: str
    unit_code: str
    case_count: int
    event_count: int
    kpi_code: str = "net_churn"
    stratum: str = "all"
    unit_type: str = "district"


@dataclass(frozen=True)
class Unit:
    """Somebody with a scorecard in a month; managers are ranked within their district, others among all."""

    month: str
    unit_code: str
    unit_type: str = "district"
    district_code: str = "D1"

    @property
    def row(self) -> tuple[str, ...]:
        """As int_scorecard_units holds it."""
        group = self.district_code if self.unit_type == "manager" else "all"
        return (self.month, self.unit_type, self.unit_code, self.unit_code, self.district_code, group)


class Scorecards:
    """The models from cases to marts, as ``manifest_file`` holds them compiled for its months."""

    def __init__(self, manifest_file: Path) -> None:
        nodes = {node["name"]: node for node in json.loads(manifest_file.read_text(encoding="utf-8"))["nodes"].values()}
        self._models = {name: (nodes[name]["schema"], _portable(nodes[name]["compiled_code"])) for name in _MODELS}
        own = {nodes[name]["unique_id"] for name in _MODELS}
        self._tests = {
            node["name"]: _portable(node["compiled_code"])
            for node in nodes.values()
            if node["resource_type"] == "test" and node["attached_node"] in own
        }
        self._types = {name: nodes[name]["config"]["column_types"] for name in _SEEDS}
        self._connection = duckdb.connect(config={"threads": 1})
        for schema in ("rules", "staging", "intermediate", "retention"):
            self._connection.execute(f"create schema {schema}")
        for name in _SEEDS:
            self.rule(name, rules.seed(name))

    def rule(self, table: str, rows: Iterable[Mapping[str, str]]) -> None:
        """Replace a rule table."""
        types = self._types[table]
        self._connection.execute(
            f"create or replace table rules.{table} ({', '.join(f'{column} {kind}' for column, kind in types.items())})"
        )
        self._insert(f"rules.{table}", [[row[column] or None for column in types] for row in rows])

    def judge(
        self,
        cases: Sequence[Cases],
        units: Iterable[Unit] | None = None,
        deliveries: Iterable[tuple[str, str]] | None = None,
    ) -> None:
        """Build all scorecards; unless told otherwise, who has cases is a unit, and months of cases have all data."""
        months = sorted({each.month for each in cases})
        if units is None:
            units = dict.fromkeys(Unit(each.month, each.unit_code, each.unit_type) for each in cases)
        if deliveries is None:
            deliveries = [(month, name) for month in months for name in DATA_SETS]
        for name, columns in _GIVEN.items():
            self._connection.execute(f"create or replace table {name} ({columns})")
        self._insert("intermediate.int_scorecard_units", [unit.row for unit in units])
        self._insert("staging.stg_deliveries__data_sets", [(month, name, True) for month, name in deliveries])
        self._insert(
            "intermediate.int_scorecard_cases",
            [
                (*(each.month, each.unit_type, each.unit_code, each.kpi_code), each.stratum, *_counts(each))
                for each in cases
            ],
        )
        for name, (schema, select) in self._models.items():
            self._connection.execute(f"create or replace table {schema}.{name} as {select}")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query on what was built last."""
        cursor = self._connection.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def failing_tests(self) -> list[str]:
        """dbt's tests of the models that what was built last does not pass."""
        return [name for name, select in self._tests.items() if self.rows(f"select * from ({select}) limit 1")]

    def card(self, month: str, unit_code: str, unit_type: str = "district") -> dict[str, dict[str, Any]]:
        """A unit's scorecard by indicator."""
        mart = f"retention.mart_{unit_type}_scorecard"
        found = self.rows(f"select * from {mart} where month = '{month}' and unit_code = '{unit_code}'")
        return {row["kpi_code"]: row for row in found}

    def _insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        arrived = pa.table(
            [pa.array(column) for column in zip(*rows, strict=True)],
            [f"column_{place}" for place in range(len(rows[0]))],
        )
        self._connection.register("arrived", arrived)
        self._connection.execute(f"insert into {table} from arrived")
        self._connection.unregister("arrived")


def _counts(cases: Cases) -> tuple[int, int]:
    return cases.case_count, cases.event_count


def _portable(compiled: str) -> str:
    """A statement that names its tables by schema only."""
    return re.sub(r'"\w+"\."(\w+)"\."(\w+)"', r"\1.\2", compiled).strip().rstrip(";")
