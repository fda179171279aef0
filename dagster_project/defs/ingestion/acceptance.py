"""The gate between what was delivered and what counts."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.components.check_results import check_specs, summarise
from dagster_project.lib import admission, continuity, contract, deliveries, raw
from dagster_project.lib.admission import Admission
from dagster_project.lib.ingestion import DeliveryRefused
from dagster_project.lib.wording import text
from dagster_project.partitions import monthly, whole_range
from dagster_project.settings import Settings

DELIVERIES = dg.AssetKey(["raw", "deliveries"])


@dg.definitions
def acceptance() -> dg.Definitions:
    """The delivery tables, written when a month's delivery has passed every check."""
    return dg.Definitions(assets=[_accepted_deliveries()])


def _accepted_deliveries() -> dg.AssetsDefinition:
    language = Settings.from_environment().language
    feeds = [dg.AssetKey(["raw", name]) for name in contract.DATA_SETS]
    specs = [
        dg.AssetSpec(
            dg.AssetKey(["raw", table]),
            deps=feeds,
            group_name="raw",
            kinds={"parquet"},
            owners=["team:data"],
            description=text(f"assets.{table}", language),
        )
        for table in raw.DELIVERY_TABLES
    ]
    checks = check_specs(DELIVERIES, continuity.check_specs(), language)

    @dg.multi_asset(
        name="accepted_deliveries",
        specs=specs,
        check_specs=checks,
        partitions_def=monthly,
        backfill_policy=whole_range,
    )
    def accepted_deliveries(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        raw.ensure_tables(settings)
        admissions: dict[str, Admission] = {}
        for month in context.partition_keys:
            admitted = _admit(context, settings, month)
            if admitted:
                admissions[month] = admitted
                context.add_asset_metadata(_metadata(admitted), asset_key=DELIVERIES, partition_key=month)
        yield from (dg.MaterializeResult(asset_key=spec.key) for spec in specs)
        yield from summarise(checks, {month: found.outcomes for month, found in admissions.items()})

    return accepted_deliveries


def _admit(context: dg.AssetExecutionContext, settings: Settings, month: str) -> Admission | None:
    try:
        delivery = deliveries.find(settings, month)
    except deliveries.DeliveryMissing as missing:
        kept = month in deliveries.accepted(settings)
        if not kept and len(context.partition_keys) == 1:
            raise dg.Failure(str(missing)) from missing
        context.log.info(f"{month}: {'kept as accepted earlier' if kept else 'not delivered'}")
        return None
    try:
        return admission.admit(settings, delivery)
    except DeliveryRefused as refused:
        raise dg.Failure(str(refused), allow_retries=False) from refused


def _metadata(admitted: Admission) -> dict[str, int | str]:
    reports = [examination.report for examination in admitted.examinations.values()]
    return {
        "delivery": admitted.delivery.delivery_id,
        "files": len(admitted.delivery.files),
        "rows_loaded": sum(report.loaded_count for report in reports),
        "rows_quarantined": sum(report.quarantined_count for report in reports),
        "rows_duplicate": sum(report.duplicate_count for report in reports),
        "warnings": len(admitted.warnings),
    }
