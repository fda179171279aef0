"""Everything Dagster shows, against a snapshot; and what must hold for every asset.

When a change of the definitions is meant: ``RETENTION_UPDATE_SNAPSHOT=1 pytest tests/definitions``
and read the difference of ``definitions.json`` before committing it.
"""

import hashlib
import json
import os
import re
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.defs.resources import manifest
from dagster_project.defs.transform.translator import RetentionTranslator
from dagster_project.lib import contract, raw, rules
from dagster_project.lib.dbt import manifest_path
from dagster_project.lib.exports.catalog import read_catalog
from dagster_project.settings import DBT_PROJECT_DIR

SNAPSHOT = Path(__file__).with_name("definitions.json")


def described(definitions):
    graph = definitions.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys(), key=str):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "group": node.group_name,
            "owners": sorted(node.owners),
            "kinds": sorted(node.kinds),
            "depends_on": sorted(parent.to_user_string() for parent in node.parent_keys),
            "checks": {
                check.name: "blocking" if graph.get(check).blocking else "warning"
                for check in sorted(node.check_keys, key=lambda check: check.name)
            },
        }
    return {
        "assets": assets,
        "jobs": sorted(job.name for job in definitions.jobs or []),
        "schedules": {schedule.name: schedule.cron_schedule for schedule in definitions.schedules or []},
        "sensors": sorted(sensor.name for sensor in definitions.sensors or []),
        "resources": sorted(definitions.resources or {}),
    }


def test_the_definitions_are_those_of_the_snapshot(definitions):
    now = described(definitions)
    if os.environ.get("RETENTION_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == now


def test_every_asset_has_a_description_an_owner_a_kind_and_months_when_it_is_kept_by_months(definitions):
    without_months = set(_keys_of_what_is_not_kept_by_months())
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        if key in without_months:
            assert node.partitions_def is None, key
        else:
            assert node.partitions_def.fmt == "%Y-%m", key


def _keys_of_what_is_not_kept_by_months():
    """Seeds, views, and what leads up to the facts and marts."""
    translator = RetentionTranslator("zh")
    for node in json.loads(manifest().read_text(encoding="utf-8"))["nodes"].values():
        if node["resource_type"] == "seed" or node["schema"] in ("staging", "intermediate"):
            yield translator.get_asset_key(node)


def test_descriptions_are_chinese_by_default(definitions):
    graph = definitions.resolve_asset_graph()
    public = [key for key in graph.get_all_asset_keys() if key.path[0] in ("raw", "core", "retention", "export")]
    english = [key for key in public if not re.search(r"[一-鿿]", graph.get(key).description)]
    assert english == []


@pytest.mark.parametrize("table", raw.tables())
def test_every_raw_table_is_an_asset(definitions, table):
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert f"raw/{table}" in keys


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_every_raw_data_set_is_gated_by_blocking_checks(definitions, data_set):
    checks = described(definitions)["assets"][f"raw/{data_set}"]["checks"]
    assert checks["contract_is_kept"] == "blocking"
    assert len(checks) > 1


def test_the_warehouse_waits_for_the_decision_on_the_delivery(definitions):
    graph = definitions.resolve_asset_graph()
    transformed = {key for key in graph.get_all_asset_keys() if key.path[0] in ("staging", "intermediate", "core")}
    warehouses = {graph.get(key).assets_def.op.name for key in transformed}
    parents = {parent.to_user_string() for key in transformed for parent in graph.get(key).parent_keys}
    assert warehouses == {"warehouse"}
    assert {f"raw/{table}" for table in raw.DELIVERY_TABLES} <= parents


def test_every_exposure_is_an_asset_and_the_publication_waits_for_all_of_them(definitions):
    exports = {f"export/{export.name}" for export in read_catalog(manifest_path("duckdb")).exports}
    assets = described(definitions)["assets"]
    assert exports <= set(assets)
    assert set(assets["publication"]["depends_on"]) == exports


def test_every_asset_of_the_job_runs_a_range_as_one_run(definitions):
    for assets_definition in definitions.resolve_asset_graph().assets_defs:
        policy = assets_definition.backfill_policy
        assert policy is not None, assets_definition.keys
        assert policy.max_partitions_per_run is None, assets_definition.keys


def test_what_opens_the_warehouse_shares_one_pool(definitions):
    job = definitions.resolve_job_def("month_close")
    pools = {node.name: node.definition.pool for node in job.graph.nodes}
    assert {name for name, pool in pools.items() if pool == "warehouse"} == {
        "warehouse",
        "export__marts",
        "export__restricted_marts",
    }


@pytest.mark.parametrize("table", ["thresholds", *rules.RULE_TABLES])
def test_a_changed_rule_table_has_another_code_version_and_the_publication_rests_on_it(definitions, table):
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(["rules", table]))
    content = (DBT_PROJECT_DIR / "seeds" / f"{table}.csv").read_text(encoding="utf-8").strip()
    assert node.code_version == hashlib.sha256(content.encode()).hexdigest()
    readers, waiting = set(), [node.key]
    while waiting:
        found = graph.get(waiting.pop()).child_keys - readers
        readers |= found
        waiting += found
    assert dg.AssetKey("publication") in readers
    assert {key.path[0] for key in readers} >= {"retention", "export"}
