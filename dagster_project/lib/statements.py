"""Checks what a manifest states of a delivery's files against the files."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dagster_project.lib.contract import DataSet, Kind
from dagster_project.lib.deliveries import MANIFEST, DeliveredFile, Delivery, data_set_of
from dagster_project.lib.dumps import normal_name
from dagster_project.lib.manifest import Manifest, Statement
from dagster_project.lib.refusals import Refusal, refusal
from dagster_project.settings import Settings

_SPEAKER = "crm_subscribers"
"""What concerns the delivery and no data set of its own is told with the snapshot, once."""


def about(delivery: Delivery, file_name: str) -> tuple[Statement, ...]:
    """What the manifest states of a file."""
    return delivery.manifest.about(file_name) if delivery.manifest else ()


def refusals(settings: Settings, delivery: Delivery, data_set: str) -> Iterator[Refusal]:
    """Statements that do not hold and need no reading: form, month, files missing, sha256."""
    manifest = delivery.manifest
    if manifest is None:
        return
    if data_set == _SPEAKER:
        yield from _delivery_refusals(settings, delivery, manifest)
    for statement in manifest.files:
        files = [file for file in delivery.files if statement in manifest.about(file.name)]
        if (_data_set(statement, files) or _SPEAKER) != data_set:
            continue
        if not files:
            yield refusal(settings, "manifest_missing_file", data_set, statement.name)
        for file in files:
            if statement.sha256 and statement.sha256.lower() != file.sha256:
                yield refusal(settings, "manifest_sha256", data_set, file.name)


def _delivery_refusals(settings: Settings, delivery: Delivery, manifest: Manifest) -> Iterator[Refusal]:
    if manifest.problem:
        yield refusal(settings, "malformed_manifest", _SPEAKER, MANIFEST, detail=manifest.problem)
    if manifest.month is not None and manifest.month != delivery.month:
        stated, month = manifest.month, delivery.month
        yield refusal(settings, "manifest_month", _SPEAKER, MANIFEST, stated=stated, month=month)


def _data_set(statement: Statement, files: list[DeliveredFile]) -> str | None:
    return files[0].data_set if files else data_set_of(statement.name)


def summed_column(data_set: DataSet, delivered: Collection[str], name: str) -> str | None:
    """The delivered column that a manifest's total is about, by name or alias; None when there is none."""
    wanted = normal_name(name)
    for column in data_set.columns:
        if wanted in (normal_name(column.name), normal_name(column.alias)):
            is_number = column.kind in (Kind.MONEY, Kind.NUMBER, Kind.COUNT)
            return column.name if is_number and column.name in delivered else None
    return None
