"""What is published: one asset per dbt exposure, then the publication that makes them readable."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg

from dagster_project.components.previews import preview
from dagster_project.defs.automation import TIME_ZONE
from dagster_project.defs.resources import manifest
from dagster_project.defs.transform.assets import WAREHOUSE_POOL
from dagster_project.defs.transform.translator import RetentionTranslator
from dagster_project.lib import deliveries
from dagster_project.lib.exclusive import sole_writer
from dagster_project.lib.exports import comparison, dictionary, edition, lists, marts, publication, report, scorecards
from dagster_project.lib.exports.catalog import Catalog, Export, read_catalog
from dagster_project.lib.exports.edition import Edition, Written
from dagster_project.lib.exports.publication import Publication
from dagster_project.lib.wording import text
from dagster_project.partitions import monthly, whole_range
from dagster_project.settings import Settings

_WRITERS: Mapping[str, Callable[[Edition, Export], Written]] = {
    "marts": marts.write_marts,
    "restricted": marts.write_marts,
    "list": lists.write_list,
    "scorecard": scorecards.write_scorecards,
    "comparison": comparison.write_comparison,
    "report": report.write_report,
    "data_dictionary": dictionary.write_dictionary,
}
_WAITS_FOR = {"marts": (), "restricted": ("marts",)}
_EVERYTHING_STAGED = ("marts", "restricted")
_KINDS: Mapping[str, set[str]] = {
    "marts": {"parquet"},
    "restricted": {"parquet"},
    "list": {"excel", "csv"},
    "scorecard": {"html", "excel"},
    "comparison": {"html", "excel"},
    "report": {"html", "excel"},
    "data_dictionary": {"excel"},
}


@dg.definitions
def exports() -> dg.Definitions:
    """An asset for every exposure of the dbt project, and the publication of them all."""
    catalog = read_catalog(manifest())
    made = [_export_asset(catalog, export, _model_keys(manifest())) for export in catalog.exports]
    return dg.Definitions(assets=[*made, _publication(catalog)])


def _model_keys(manifest_file: Path) -> dict[str, dg.AssetKey]:
    translator = RetentionTranslator(Settings.from_environment().language)
    nodes = json.loads(manifest_file.read_text(encoding="utf-8"))["nodes"].values()
    return {node["name"]: translator.get_asset_key(node) for node in nodes if node["resource_type"] == "model"}


def _key(export: Export) -> dg.AssetKey:
    return dg.AssetKey(["export", export.name])


def _export_asset(catalog: Catalog, export: Export, model_keys: Mapping[str, dg.AssetKey]) -> dg.AssetsDefinition:
    waits_for = _WAITS_FOR.get(export.kind, _EVERYTHING_STAGED)
    language = Settings.from_environment().language

    @dg.asset(
        key=_key(export),
        deps=[
            *(model_keys[name] for name in export.depends_on),
            *(_key(earlier) for kind in waits_for for earlier in catalog.of_kind(kind)),
        ],
        partitions_def=monthly,
        backfill_policy=whole_range,
        group_name="export",
        kinds=_KINDS[export.kind],
        owners=["team:retention"],
        description=_description(export, language),
        pool=WAREHOUSE_POOL if export.kind in _EVERYTHING_STAGED else None,
    )
    def export_asset(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        with sole_writer(settings):
            for each, written in _write(settings, export, _editions(settings, catalog, context.partition_keys)):
                context.add_asset_metadata(_metadata(each, export, written), partition_key=each.month)
        return dg.MaterializeResult()

    return export_asset


def _write(settings: Settings, export: Export, staged: Sequence[Edition]) -> list[tuple[Edition, Written]]:
    """Write one export of every month, months side by side."""
    if export.kind == "marts":
        for each in staged:
            edition.stage(each)
    workers = max(1, min(settings.threads, len(staged)))
    own = settings.for_one_of(workers)
    with ThreadPoolExecutor(workers) as pool:
        written = pool.map(lambda each: _WRITERS[export.kind](replace(each, settings=own), export), staged)
        return list(zip(staged, written, strict=True))


def _publication(catalog: Catalog) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey("publication"),
        deps=[_key(export) for export in catalog.exports],
        partitions_def=monthly,
        backfill_policy=whole_range,
        group_name="export",
        kinds={"json"},
        owners=["team:retention"],
        description=text("assets.publication", Settings.from_environment().language),
        freshness_policy=dg.FreshnessPolicy.cron(
            deadline_cron="0 9 8 * *", lower_bound_delta=timedelta(days=8), timezone=TIME_ZONE
        ),
    )
    def publication_asset(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        staged = _editions(settings, catalog, context.partition_keys)
        with sole_writer(settings):
            published = publication.publish_all(staged, context.run_id, _accepted(settings))
        for each in published:
            context.add_asset_metadata(_publication_metadata(each), partition_key=each.month)
        return dg.MaterializeResult()

    return publication_asset


def _accepted(settings: Settings) -> dict[str, str]:
    return {month: entry.delivery_id for month, entry in deliveries.accepted(settings).items()}


def _editions(settings: Settings, catalog: Catalog, months: list[str]) -> tuple[Edition, ...]:
    """The publications to make: of the run's months that have an accepted delivery."""
    accepted = _accepted(settings)
    return edition.editions(settings, catalog, [month for month in months if month in accepted], accepted)


def _metadata(each: Edition, export: Export, written: Written) -> dict[str, dg.MetadataValue | int | str]:
    found: dict[str, dg.MetadataValue | int | str] = {
        "dagster/partition_row_count": written.rows,
        "files": len(written.files),
        "bytes": written.bytes,
        "publication": each.publication_id,
        "folder": dg.MetadataValue.path(str(each.folder)),
    }
    if export.kind == "marts":
        shown = each.mart(export.depends_on[0])
        found["preview"] = preview(shown, personal=())
    if written.district_rows:
        found["rows_by_district"] = dg.MetadataValue.json(dict(written.district_rows))
    return found


def _publication_metadata(published: Publication) -> dict[str, dg.MetadataValue | int | str]:
    return {
        "publication": published.publication_id,
        "files": published.files,
        "bytes": published.bytes,
        "is_new": int(published.is_new),
        "folder": dg.MetadataValue.path(str(published.folder)),
    }


def _description(export: Export, language: str) -> str:
    if language == "en":
        return export.description
    return f"{export.titles.get(language, export.name)}。{export.meta.get('definitions', {}).get('zh', '')}"
