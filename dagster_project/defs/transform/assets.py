"""The dbt project: every model, one invocation for a whole range of months."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from dagster_project.defs.resources import manifest
from dagster_project.defs.transform.translator import RetentionTranslator
from dagster_project.lib import dbt as dbt_project
from dagster_project.lib import deliveries
from dagster_project.lib.exclusive import sole_writer
from dagster_project.lib.exports.catalog import read_catalog
from dagster_project.lib.warehouse import open_warehouse
from dagster_project.partitions import whole_range
from dagster_project.settings import Settings

WAREHOUSE_POOL = "warehouse"


@dg.definitions
def transform() -> dg.Definitions:
    """Seeds, staging, facts and marts."""

    @dbt_assets(
        manifest=manifest(),
        name="warehouse",
        backfill_policy=whole_range,
        dagster_dbt_translator=RetentionTranslator(Settings.from_environment().language),
        pool=WAREHOUSE_POOL,
    )
    def warehouse(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[Settings]
    ) -> Iterator[Any]:
        months = context.partition_keys
        with sole_writer(settings):
            first = dbt_project.begin_build(settings, months[0], deliveries.accepted(settings))
            arguments = list(dbt_project.build_arguments(first, months[-1]))
            invocation = dbt.cli(arguments, context=context, target_path=dbt_project.run_target_dir(settings))
            events = list(invocation.stream())
            dbt_project.end_build(settings)
            _add_row_counts(context, settings)
            yield from events

    return dg.Definitions(assets=[warehouse])


def _add_row_counts(context: dg.AssetExecutionContext, settings: Settings) -> None:
    """Rows of every published model and month of the run, as metadata; events wait until they are known."""
    translator = RetentionTranslator(settings.language)
    catalog = read_catalog(manifest())
    nodes = json.loads(manifest().read_text(encoding="utf-8"))["nodes"].values()
    published = [
        node for node in nodes if node["resource_type"] == "model" and node["name"] in catalog.published_models
    ]
    with open_warehouse(settings) as opened:
        for node in published:
            counts = opened.rows_by_month(catalog.model(node["name"]).relation)
            for month in context.partition_keys:
                metadata = {"dagster/partition_row_count": counts.get(month, 0)}
                context.add_asset_metadata(metadata, translator.get_asset_key(node), month)
