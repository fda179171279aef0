"""Warehouses: a month of a table becomes a file, the same bytes for the same rows, from either engine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.lib.exports.edition import Edition, stage
from dagster_project.lib.exports.marts import write_marts
from dagster_project.lib.warehouse import MissingRelation, open_warehouse
from dagster_project.settings import Settings
from tests.editions import catalog, settings

ROWS = (
    "select month, code, n"
    " from (values ('2011-10', 'b', 1), ('2011-10', 'a', 2), ('2011-09', 'c', 3)) as given(month, code, n)"
)


def duckdb_world(home: Path) -> Settings:
    made = settings(home)
    made.warehouse_dir.mkdir(parents=True)
    with duckdb.connect(str(made.duckdb_file)) as connection:
        connection.execute("create schema retention")
        connection.execute(f"create table retention.mart_x as {ROWS}")
    return made


def spark_world(home: Path) -> Settings:
    made = Settings(home=home, landing=home, warehouse="spark")
    folder = made.warehouse_dir / "spark" / "retention.db" / "mart_x"
    folder.mkdir(parents=True)
    duckdb.execute(f"copy ({ROWS}) to '{folder}' (format parquet, partition_by (month))")
    return made


def exported(made: Settings, target: Path, month: str = "2011-10") -> int:
    with open_warehouse(made) as warehouse:
        return warehouse.export_month("retention.mart_x", month, ["code"], ["month", "code", "n"], target)


def test_a_month_is_exported_in_the_order_of_its_key_and_the_same_from_either_engine(tmp_path: Path) -> None:
    counts = [exported(duckdb_world(tmp_path / "a"), tmp_path / "a.parquet")]
    counts.append(exported(spark_world(tmp_path / "b"), tmp_path / "b.parquet"))
    assert counts == [2, 2]
    rows = duckdb.execute(f"select * from '{tmp_path / 'a.parquet'}'").fetchall()
    assert rows == [("2011-10", "a", 2), ("2011-10", "b", 1)]
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("world", [duckdb_world, spark_world])
def test_a_month_without_rows_is_a_file_without_rows(world, tmp_path: Path) -> None:
    made = world(tmp_path)
    assert exported(made, tmp_path / "x.parquet", "2012-01") == 0
    assert [name for name, *_ in duckdb.execute(f"describe select * from '{tmp_path / 'x.parquet'}'").fetchall()] == [
        "month",
        "code",
        "n",
    ]


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_a_table_that_was_never_built_says_what_to_run(name: str, tmp_path: Path) -> None:
    made = Settings(home=tmp_path, landing=tmp_path, warehouse=name)
    with pytest.raises(MissingRelation, match="run the transformation"):
        exported(made, tmp_path / "x.parquet")


def test_the_warehouse_file_is_closed_after_an_export(tmp_path: Path) -> None:
    made = duckdb_world(tmp_path)
    exported(made, tmp_path / "x.parquet")
    with duckdb.connect(str(made.duckdb_file)) as connection:
        assert connection.execute("select count(*) from retention.mart_x").fetchone() == (3,)


def test_public_and_restricted_marts_go_to_their_own_folders(tmp_path: Path) -> None:
    made = settings(tmp_path)
    edition = Edition(made, catalog(), "2011-10", "aaaaaaaaaaaa")
    made.warehouse_dir.mkdir(parents=True)
    with duckdb.connect(str(made.duckdb_file)) as connection:
        connection.execute("create schema retention")
        for model in edition.catalog.models.values():
            columns = ", ".join(f"{column.name} {column.data_type}" for column in model.columns.values())
            connection.execute(f"create table {model.relation} ({columns})")
    stage(edition)
    public = write_marts(edition, edition.catalog.export("marts"))
    restricted = write_marts(edition, edition.catalog.export("restricted_marts"))
    assert {Path(file.path).parent.name for file in public.files} == {"marts"}
    assert {file.path for file in restricted.files} == {
        "restricted/fct_subscriber_months.parquet",
        "restricted/mart_work_lists.parquet",
        "restricted/mart_work_orders.parquet",
    }
