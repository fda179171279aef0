"""Decides a delivery: its candidates become raw data, or nothing changes.

Accepting can be interrupted anywhere and run again: every step replaces whole files, and the ledger is
written when all of them are in place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from dagster_project.lib import contract, deliveries, engine, incoming, quarantine, raw
from dagster_project.lib.deliveries import Delivery
from dagster_project.lib.refusals import DeliveryRefused, Refusal
from dagster_project.lib.reports import DataSetReport
from dagster_project.lib.values import literal
from dagster_project.settings import Settings


def accept(settings: Settings, delivery: Delivery, reports: Mapping[str, DataSetReport]) -> None:
    """Make a delivery the month's data: raw replaced whole, ledger written, other candidates removed.

    ``reports`` has every data set of the contract. Raises :class:`DeliveryRefused` when one of them
    has refusals.
    """
    if refusals := tuple(refusal for report in reports.values() for refusal in report.refusals):
        raise DeliveryRefused(refusals)
    raw.ensure_tables(settings)
    for name in contract.DATA_SETS:
        report = reports.get(name)
        if report and report.is_delivered:
            _promote(settings, delivery, name)
        else:
            raw.remove(settings, name, delivery.month)
    _write_delivery_tables(settings, delivery, reports)
    deliveries.record(settings, delivery, deliveries.ACCEPTED, reports, warnings=_warnings(reports))
    _remove_other_candidates(settings, delivery)


def refuse(
    settings: Settings, delivery: Delivery, reports: Mapping[str, DataSetReport], refusals: Iterable[Refusal]
) -> None:
    """Note in the ledger why a delivery was refused; raw data stays as it is."""
    deliveries.record(settings, delivery, deliveries.REFUSED, reports, refusals=refusals, warnings=_warnings(reports))


def _warnings(reports: Mapping[str, DataSetReport]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warning for report in reports.values() for warning in report.warnings))


def _promote(settings: Settings, delivery: Delivery, name: str) -> None:
    """The candidate stays, as another name of the same file, so that a repeated run finds it."""
    candidate = incoming.candidate_path(settings, delivery, name)
    draft = candidate.with_name(f".{name}.{os.getpid()}.parquet")
    draft.unlink(missing_ok=True)
    try:
        os.link(candidate, draft)
    except OSError:
        shutil.copyfile(candidate, draft)
    raw.replace(settings, name, delivery.month, draft)


def _write_delivery_tables(settings: Settings, delivery: Delivery, reports: Mapping[str, DataSetReport]) -> None:
    with engine.connect(settings) as connection:
        _write(settings, connection, delivery.month, "deliveries", _delivery_rows(delivery, reports))
        columns = [(r.data_set, column) for r in reports.values() for column in r.delivered_columns]
        _write(settings, connection, delivery.month, "delivered_columns", columns)
        _create(connection, "quarantined_subscribers")
        _collect_quarantined(settings, connection, delivery)
        _put(settings, connection, delivery.month, "quarantined_subscribers")


def _delivery_rows(delivery: Delivery, reports: Mapping[str, DataSetReport]) -> list[tuple[object, ...]]:
    hold_leavers = delivery.mapping.snapshots_hold_leavers if delivery.mapping else True
    return [_delivery_row(name, reports.get(name), hold_leavers=hold_leavers) for name in contract.DATA_SETS]


def _delivery_row(name: str, report: DataSetReport | None, *, hold_leavers: bool) -> tuple[object, ...]:
    if report is None or not report.is_delivered:
        return (name, False, 0, 0, 0, 0, 0, "absent", hold_leavers)
    lines = sum(file.rows_read - file.other_months for file in report.files)
    counts = (report.loaded_count, report.quarantined_count, report.duplicate_count)
    return (name, True, len(report.files), lines, *counts, "loaded", hold_leavers)


def _create(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in raw.table_columns(table).items())
    connection.execute(f"create or replace temp table {table} ({columns})")


def _write(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    month: str,
    table: str,
    rows: Sequence[tuple[object, ...]],
) -> None:
    _create(connection, table)
    if rows:
        marks = ", ".join("?" for _ in raw.table_columns(table))
        connection.executemany(f"insert into {table} values ({marks})", rows)
    _put(settings, connection, month, table)


def _collect_quarantined(settings: Settings, connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
    """Subscribers with a snapshot row in quarantine and none loaded."""
    kept_out = quarantine.path(settings, delivery.month, delivery.delivery_id, "crm_subscribers")
    loaded = raw.path(settings, "crm_subscribers", delivery.month)
    if kept_out.is_file():
        connection.execute(
            f"""
            insert into quarantined_subscribers
            select distinct subscriber_id from read_parquet({literal(str(kept_out))})
            where subscriber_id is not null
                and subscriber_id not in (select subscriber_id from read_parquet({literal(str(loaded))}))
            order by subscriber_id
            """
        )


def _put(settings: Settings, connection: duckdb.DuckDBPyConnection, month: str, table: str) -> None:
    draft = settings.scratch / f"{table}-{month}-{os.getpid()}.parquet"
    connection.execute(f"copy {table} to {literal(str(draft))} (format parquet)")
    raw.replace(settings, table, month, draft)


def _remove_other_candidates(settings: Settings, delivery: Delivery) -> None:
    kept = incoming.folder(settings, delivery)
    others: list[Path] = [path for path in kept.parent.iterdir() if path != kept] if kept.parent.is_dir() else []
    for path in others:
        shutil.rmtree(path, ignore_errors=True)
