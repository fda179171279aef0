"""The same deliveries through DuckDB and through local Spark give the same rows in every published model."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import Settings
from tests.worlds import World, varied_world

pytestmark = [pytest.mark.spark, pytest.mark.slow]

MODELS_AND_TESTED_SEEDS = "resource_type:model path:seeds"
BUILT_TWICE = "+mart_delivery_quality,resource_type:model"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five months on both engines; one model's last month twice, so that replacing months is compared too.

    Rule tables are tested on Spark as well, because dbt loads their empty cells there in its own way.
    """
    built = varied_world(tmp_path_factory.mktemp("parity"))
    built.build("2011-02", "2011-06", tests=True, again=BUILT_TWICE)
    built.build(
        *("2011-02", "2011-06", MODELS_AND_TESTED_SEEDS, "spark"), tests=True, tests_beside="empty", again=BUILT_TWICE
    )
    return built


def test_every_published_model_is_equal_row_by_row_on_both_engines(world: World) -> None:
    relations = _compared(world.settings)
    assert len(relations) >= 15
    with duckdb.connect(str(world.settings.duckdb_file), read_only=True) as connection:
        differences = {name: _differences(connection, world.settings, name) for name in relations}
    assert differences == {name: [] for name in relations}


def test_the_world_has_every_list_stage_tier_and_kind_of_churn(world: World) -> None:
    def values(column: str, relation: str) -> set[str]:
        rows = world.query(f"select distinct {column} as value from {relation} where {column} is not null")
        return {row["value"] for row in rows}

    subscriber_months = "core.fct_subscriber_months"
    lists = {
        *("warning", "expiring", "silent", "non_billed", "mid_high", "churned"),
        *("dormant", "arrears", "value_drop", "points_expiry", "new_care", "hoarding", "blacklist"),
        *("win_back", "plan_migration", "internal_swap"),
    }
    assert values("list_type", "retention.mart_work_lists") == lists
    stages = {"identification", "growth", "stable", "warning", "sunk"}
    assert values("lifecycle_stage", subscriber_months) == stages
    assert values("value_tier", subscriber_months) >= {"high", "mid", "low", "group", "U"}
    assert values("churn_kind", subscriber_months) == {"passive", "active", "unknown"}
    assert values("risk_level", subscriber_months) <= {"red", "orange", "yellow"}
    flows = ("is_new", "is_reinstated", "is_appeared", "is_vanished", "is_carried_forward")
    for flow in (*flows, "is_entered_base", "is_left_base"):
        assert world.query(f"select 1 from {subscriber_months} where {flow} limit 1"), flow


def _compared(settings: Settings) -> tuple[str, ...]:
    """What is published, and the cases of the scorecards, of which a score would show little."""
    with duckdb.connect(str(settings.duckdb_file), read_only=True) as connection:
        rows = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where (table_schema in ('core', 'retention') or table_name = 'int_scorecard_cases') "
            "and table_type = 'BASE TABLE' order by 1"
        ).fetchall()
    return tuple(str(row[0]) for row in rows)


def _differences(connection: duckdb.DuckDBPyConnection, settings: Settings, relation: str) -> list[tuple[object, ...]]:
    """Up to five rows that one engine has and the other has not."""
    schema, _, name = relation.partition(".")
    folder: Path = settings.warehouse_dir / "spark" / "tables" / f"{schema}.db" / name
    names = [str(row[0]) for row in connection.execute(f"describe {relation}").fetchall()]
    columns = ", ".join(f'"{column}"' for column in names)
    spark = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
    one, other = f"select {columns} from {relation}", f"select {columns} from {spark}"
    return connection.execute(
        f"(select 'duckdb' as engine, * from ({one} except all {other}) limit 5) "
        f"union all (select 'spark' as engine, * from ({other} except all {one}) limit 5)"
    ).fetchall()
