"""Dagster's event log: kept in Dagster's own files, whoever opens them."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project.event_log import LastingSqliteEventLog
from dagster_project.settings import PROJECT_ROOT

MONTHS = dg.StaticPartitionsDefinition(["2011-01", "2011-02"])


@dg.asset(partitions_def=MONTHS, backfill_policy=dg.BackfillPolicy.single_run())
def bills(context: dg.AssetExecutionContext) -> None:
    for month in context.partition_keys:
        context.add_asset_metadata({"rows": 3}, partition_key=month)


def instance(home: Path, *, with_class: bool) -> dg.DagsterInstance:
    configured = yaml.safe_load((PROJECT_ROOT / "dagster_project" / "dagster.yaml").read_text(encoding="utf-8"))
    if not with_class:
        del configured["event_log_storage"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(configured), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(home))


def materialize(log: dg.DagsterInstance) -> str:
    tags = {"dagster/asset_partition_range_start": "2011-01", "dagster/asset_partition_range_end": "2011-02"}
    return dg.materialize([bills], instance=log, tags=tags).run_id


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_the_instance_uses_the_lasting_log(home: Path) -> None:
    with instance(home, with_class=True) as log:
        assert isinstance(log.event_log_storage, LastingSqliteEventLog)


@pytest.mark.parametrize("written_with_class", [True, False])
def test_a_log_written_with_the_class_is_read_without_it_and_the_other_way_round(
    home: Path, written_with_class: bool
) -> None:
    with instance(home, with_class=written_with_class) as log:
        run_id = materialize(log)
        written = [record.dagster_event_type for record in log.all_logs(run_id)]
    with instance(home, with_class=not written_with_class) as log:
        assert [record.dagster_event_type for record in log.all_logs(run_id)] == written
        assert log.get_materialized_partitions(bills.key) == {"2011-01", "2011-02"}
        assert materialize(log) != run_id
