"""The dbt project: every model, one invocation for a whole range of months."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from dagster_project.defs.resources import manifest
from dagster_project.defs.transform.translator import RetentionTranslator
from dagster_project.lib import dbt as dbt_project
from dagster_project.lib import deliveries
from dagster_project.lib.exclusive import sole_writer
from dagster_project.partitions import monthly, whole_range
from dagster_project.settings import Settings

WAREHOUSE_POOL = "warehouse"


@dg.definitions
def transform() -> dg.Definitions:
    """Seeds, staging, facts and marts."""

    @dbt_assets(
        manifest=manifest(),
        name="warehouse",
        partitions_def=monthly,
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
            yield from dbt.cli(list(dbt_project.build_arguments(first, months[-1])), context=context).stream()
            dbt_project.end_build(settings)

    return dg.Definitions(assets=[warehouse])
