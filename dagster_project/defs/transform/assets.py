"""The dbt project: every model, one invocation for a whole range of months."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, dbt_assets

from dagster_project.defs.resources import manifest
from dagster_project.defs.transform.translator import RetentionTranslator
from dagster_project.lib import dbt as dbt_project
from dagster_project.lib import deliveries
from dagster_project.lib.exclusive import sole_writer
from dagster_project.lib.wording import text
from dagster_project.partitions import whole_range
from dagster_project.settings import Settings

WAREHOUSE_POOL = "warehouse"


@dg.definitions
def transform() -> dg.Definitions:
    """Seeds, staging, facts and marts."""

    language = Settings.from_environment().language
    translator = RetentionTranslator(language)

    @dbt_assets(
        manifest=manifest(),
        name="warehouse",
        backfill_policy=whole_range,
        dagster_dbt_translator=translator,
        pool=WAREHOUSE_POOL,
    )
    def warehouse(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[Settings]
    ) -> Iterator[Any]:
        """Build the months whole, whichever models were asked for: what leads up to a model holds one run's months."""
        if not (context.has_partition_key or context.has_partition_key_range):
            raise dg.Failure(text("assets.warehouse_without_months", language))
        months = context.partition_keys
        with sole_writer(settings):
            first = dbt_project.begin_build(settings, months[0], deliveries.accepted(settings))
            invocation = dbt.cli(
                list(dbt_project.build_arguments(first, months[-1])),
                manifest=manifest(),
                dagster_dbt_translator=translator,
                target_path=dbt_project.run_target_dir(settings),
            )
            yield from (event for event in _events(context, invocation) if _is_asked_for(context, event))
            dbt_project.end_build(settings)

    return dg.Definitions(assets=[warehouse])


def _events(context: dg.AssetExecutionContext, invocation: DbtCliInvocation) -> Iterator[Any]:
    """What dbt reports, as it reports it; the rows of a model's months precede the model's own event."""
    translator, nodes = invocation.dagster_dbt_translator, invocation.manifest["nodes"]
    for event in invocation.stream_raw_events():
        counted = dbt_project.rows_by_month(event.raw_event)
        key = translator.get_asset_key(nodes[counted.model]) if counted else None
        if counted and key in context.selected_asset_keys:
            for month in context.partition_keys:
                context.add_asset_metadata({"dagster/partition_row_count": counted.rows.get(month, 0)}, key, month)
        yield from event.to_default_asset_events(
            invocation.manifest, translator, context=context, target_path=invocation.target_path
        )


def _is_asked_for(context: dg.AssetExecutionContext, event: Any) -> bool:
    if isinstance(event, dg.Output):
        return event.output_name in context.selected_output_names
    if isinstance(event, dg.AssetCheckResult) and event.asset_key and event.check_name:
        return dg.AssetCheckKey(event.asset_key, event.check_name) in context.selected_asset_check_keys
    return True
