"""Marts as files: one Parquet file per published model, with the rows of the publication's month."""

from __future__ import annotations

from dagster_project.lib.exports.catalog import Export, InvalidCatalog, Model
from dagster_project.lib.exports.edition import Edition, Written, WrittenFile, record, written_file
from dagster_project.lib.warehouse import Warehouse, open_warehouse


def write_marts(edition: Edition, export: Export) -> Written:
    """Stage the models of a ``marts`` or ``restricted`` export; the only export that reads the warehouse."""
    with open_warehouse(edition.settings) as warehouse:
        files = tuple(_write_model(edition, edition.catalog.model(name), warehouse) for name in export.depends_on)
    return record(edition, Written(export.name, files))


def _write_model(edition: Edition, model: Model, warehouse: Warehouse) -> WrittenFile:
    if not model.grain or not model.columns:
        raise InvalidCatalog(f"model {model.name} is published: describe its columns and give config.meta.grain")
    target = edition.mart(model.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = warehouse.export_month(model.relation, edition.month, model.grain, tuple(model.columns), target)
    return written_file(edition, target, rows)
