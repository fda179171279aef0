"""One monthly dump -> one raw data set, gated by its expectation suite."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from dagster_project.components.check_results import check_specs, summarise
from dagster_project.components.previews import masked_preview
from dagster_project.lib import admission, contract, deliveries, expectations, ingestion
from dagster_project.lib.admission import Examination
from dagster_project.lib.deliveries import Delivery
from dagster_project.lib.wording import text
from dagster_project.partitions import monthly, whole_range
from dagster_project.settings import Settings

CONTRACT_CHECK = "contract_is_kept"


@dataclass
class DumpFeed(dg.Component, dg.Resolvable):
    """The raw asset of one data set: reads each month's delivery into a validated candidate.

    The data set itself (columns, grain, keys) is the input contract's; here stand only who owns
    it and what it has to wait for.
    """

    data_set: str
    owners: Sequence[str]
    waits_for: Sequence[str] = ()

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """One asset with one check per expectation."""
        return dg.Definitions(assets=[_raw_asset(self)])


def _raw_asset(feed: DumpFeed) -> dg.AssetsDefinition:
    settings = Settings.from_environment()
    data_set = contract.DATA_SETS[feed.data_set]
    key = dg.AssetKey(["raw", data_set.name])
    blocking = dg.AssetCheckSpec(
        CONTRACT_CHECK, asset=key, blocking=True, description=text("assets.contract_check", settings.language)
    )
    specs = [blocking, *check_specs(key, expectations.expectations_of(data_set.name), settings.language)]

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["raw", name]) for name in feed.waits_for],
        partitions_def=monthly,
        backfill_policy=whole_range,
        group_name="raw",
        kinds={"parquet", "greatexpectations"},
        owners=list(feed.owners),
        description=_description(data_set, settings.language),
        check_specs=specs,
        tags={"system": data_set.system},
        metadata={"dagster/column_schema": _column_schema(data_set, settings.language)},
    )
    def raw_asset(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        examinations = _examine(settings, context.partition_keys, data_set.name)
        for month, (delivery, examination) in examinations.items():
            context.add_asset_metadata(_metadata(settings, delivery, examination), partition_key=month)
        yield dg.MaterializeResult(asset_key=key)
        yield _contract_result({month: found for month, (_, found) in examinations.items()})
        yield from summarise(
            specs[1:], {month: examination.outcomes for month, (_, examination) in examinations.items()}
        )

    return raw_asset


def _examine(settings: Settings, months: Sequence[str], data_set: str) -> dict[str, tuple[Delivery, Examination]]:
    """The examinations of those months that lie in the landing folder; refused ones go to the ledger."""
    found = {delivery.month: delivery for month in months if (delivery := _find(settings, month))}
    examinations = admission.examine(settings, list(found.values()), data_set)
    for month, examination in examinations.items():
        if examination.refusals:
            admission.refuse(settings, found[month], list(found.values()))
    return {month: (found[month], examination) for month, examination in examinations.items()}


def _find(settings: Settings, month: str) -> Delivery | None:
    try:
        return deliveries.find(settings, month)
    except deliveries.DeliveryMissing:
        return None


def _contract_result(examinations: dict[str, Examination]) -> dg.AssetCheckResult:
    refused = {month: e.report.refusals for month, e in examinations.items() if e.report.refusals}
    reasons = [f"{month}: {refusal.reason} {refusal.remedy}" for month, found in refused.items() for refusal in found]
    return dg.AssetCheckResult(
        check_name=CONTRACT_CHECK,
        passed=not refused,
        metadata={
            "months": len(examinations),
            "refused_months": len(refused),
            "reasons": dg.MetadataValue.md("\n".join(f"* {reason}" for reason in reasons[:20]) or "—"),
        },
    )


def _metadata(
    settings: Settings, delivery: Delivery, examination: Examination
) -> dict[str, dg.MetadataValue | int | float | str]:
    report = examination.report
    path = ingestion.candidate_path(settings, delivery, report.data_set)
    return {
        "dagster/partition_row_count": report.loaded_count,
        "delivered": int(report.is_delivered),
        "rows_read": report.rows_read,
        "rows_quarantined": report.quarantined_count,
        "rows_duplicate": report.duplicate_count,
        "quarantined_share": report.quarantined_count / report.rows_read if report.rows_read else 0.0,
        "reasons": dg.MetadataValue.json(dict(report.quarantined_by_reason)),
        "files": dg.MetadataValue.json([file.name for file in report.files]),
        "delivery": report.delivery_id,
        **{f"amount_{column}": float(total) for column, total in report.amounts.items()},
        **({"preview": masked_preview(report.data_set, path)} if path.is_file() else {}),
    }


def _description(data_set: contract.DataSet, language: str) -> str:
    title = data_set.title if language == "zh" else data_set.name
    kind = "required" if data_set.required else "optional"
    return text(f"assets.raw_{kind}", language, grain=text(f"assets.grain_{data_set.name}", language), title=title)


def _column_schema(data_set: contract.DataSet, language: str) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.kind.sql_type,
                description=column.alias if language == "zh" else column.name.replace("_", " "),
                constraints=dg.TableColumnConstraints(nullable=not column.required),
            )
            for column in data_set.columns
        ]
    )
