"""What arrived: the files of a month's delivery, known by their content, and the ledger of decisions.

A delivery's id is a hash of what it holds, so delivering the same bytes again is the same delivery
and a correction is another one that supersedes it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dagster_project.lib import contract, dumps, mapping, months
from dagster_project.lib.manifest import Manifest
from dagster_project.lib.mapping import SourceMapping
from dagster_project.lib.refusals import Refusal
from dagster_project.lib.reports import DataSetReport, write_json
from dagster_project.settings import Settings

MANIFEST = "manifest.json"

RECEIVED = "received"
REFUSED = "refused"
ACCEPTED = "accepted"
SUPERSEDED = "superseded"

_CHUNK = 1 << 20


class DeliveryMissing(Exception):
    """Nothing was delivered for a month; the message says where it was looked for."""


@dataclass(frozen=True)
class DeliveredFile:
    """One file; ``data_set`` is None when it feeds none, or several through a source mapping."""

    name: str
    path: Path
    data_set: str | None
    bytes: int
    sha256: str
    source: str | None = None
    """The name of the mapping's source that the file belongs to."""


@dataclass(frozen=True)
class Delivery:
    """A month's files in name order, what the manifest states of them, and the mapping that reads them."""

    month: str
    delivery_id: str
    files: tuple[DeliveredFile, ...]
    manifest: Manifest | None = None
    mapping: SourceMapping | None = None

    @property
    def unknown_files(self) -> tuple[DeliveredFile, ...]:
        """Files that belong to no data set; they are reported and not read."""
        return tuple(file for file in self.files if file.data_set is None and file.source is None)


@dataclass(frozen=True)
class LedgerEntry:
    """What became of a delivery; ``files`` hold name, data_set, bytes, sha256 and the reconciliation."""

    month: str
    delivery_id: str
    state: str
    supersedes: str | None
    files: tuple[Mapping[str, Any], ...]
    data_sets: Mapping[str, Mapping[str, Any]]
    refusals: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]
    first_seen_at: str
    decided_at: str | None


def find(settings: Settings, month: str) -> Delivery:
    """The delivery of ``month`` as it lies in the landing folder now.

    Raises :class:`DeliveryMissing` when nothing was delivered, and
    :class:`~dagster_project.lib.mapping.InvalidMapping` when the source mapping cannot be used.
    """
    months.parse(month)
    folder = settings.landing / month
    source_mapping = mapping.load(settings.mapping) if settings.mapping else None
    if source_mapping:
        files = _mapped_files(settings, source_mapping, month)
    elif folder.is_dir():
        files = _folder_files(folder)
    else:
        raise DeliveryMissing(f"nothing was delivered for {month}: there is no folder {folder}")
    manifest = Manifest.read(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    return Delivery(month, _delivery_id(files, manifest, source_mapping), files, manifest, source_mapping)


def _folder_files(folder: Path) -> tuple[DeliveredFile, ...]:
    found = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    return tuple(_delivered(path, path.name, data_set_of(path.name)) for path in found)


def _mapped_files(settings: Settings, source_mapping: SourceMapping, month: str) -> tuple[DeliveredFile, ...]:
    if not source_mapping.covers(month):
        raise DeliveryMissing(f"the source mapping covers no month {month}; see months in sources.yml")
    files = tuple(
        _delivered(path, path.relative_to(settings.landing).as_posix(), source.only_feed, source.name)
        for source in source_mapping.sources
        for path in source.files(settings.landing, month)
    )
    if not files:
        raise DeliveryMissing(f"no file in {settings.landing} matches the source mapping's patterns for {month}")
    return tuple(sorted(files, key=lambda file: (file.name, file.source or "")))


def _delivered(path: Path, name: str, data_set: str | None, source: str | None = None) -> DeliveredFile:
    facts = path.stat()
    return DeliveredFile(name, path, data_set, facts.st_size, _sha256(path, facts.st_size, facts.st_mtime_ns), source)


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, changed_at: int) -> str:
    """Size and time of change are there to tell that a file was replaced since it was hashed."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _delivery_id(
    files: tuple[DeliveredFile, ...], manifest: Manifest | None, source_mapping: SourceMapping | None
) -> str:
    content = {
        "files": sorted((file.name, file.sha256) for file in files),
        "manifest": manifest.text if manifest else None,
        "mapping": source_mapping.fingerprint if source_mapping else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def data_set_of(name: str) -> str | None:
    """The data set a file belongs to: the longest data set name that its name begins with."""
    if not dumps.is_dump(name):
        return None
    return max((known for known in contract.DATA_SETS if name.lower().startswith(known)), key=len, default=None)


def delivered_months(settings: Settings) -> tuple[str, ...]:
    """Every month for which something lies in the landing folder, in calendar order."""
    if settings.mapping:
        return mapping.load(settings.mapping).delivered_months(settings.landing)
    if not settings.landing.is_dir():
        return ()
    folders = (path.name for path in settings.landing.iterdir() if path.is_dir())
    return tuple(sorted(name for name in folders if months.is_month(name)))


def record(
    settings: Settings,
    delivery: Delivery,
    state: str,
    reports: Mapping[str, DataSetReport] | None = None,
    *,
    refusals: Iterable[Refusal] = (),
    warnings: Iterable[str] = (),
) -> LedgerEntry:
    """Write the ledger's entry for a delivery; an accepted one supersedes the month's accepted one."""
    known = reports or {}
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    before = _read_entry(_entry_path(settings, delivery.month, delivery.delivery_id))
    entry = LedgerEntry(
        month=delivery.month,
        delivery_id=delivery.delivery_id,
        state=state,
        supersedes=_superseded_id(settings, delivery, state, before),
        files=tuple(_file_facts(file, known.values()) for file in delivery.files),
        data_sets={name: _data_set_facts(report) for name, report in known.items()},
        refusals=tuple(asdict(refusal) for refusal in refusals),
        warnings=tuple(warnings),
        first_seen_at=before.first_seen_at if before else now,
        decided_at=now if state in (ACCEPTED, REFUSED) else None,
    )
    _write_entry(settings, entry)
    if state == ACCEPTED:
        _supersede_others(settings, entry)
    return entry


def _superseded_id(settings: Settings, delivery: Delivery, state: str, before: LedgerEntry | None) -> str | None:
    current = accepted(settings).get(delivery.month)
    if state == ACCEPTED and current and current.delivery_id != delivery.delivery_id:
        return current.delivery_id
    return before.supersedes if before else None


def _supersede_others(settings: Settings, newest: LedgerEntry) -> None:
    for entry in entries(settings, newest.month):
        if entry.state == ACCEPTED and entry.delivery_id != newest.delivery_id:
            _write_entry(settings, LedgerEntry(**{**vars(entry), "state": SUPERSEDED}))


def _file_facts(file: DeliveredFile, reports: Iterable[DataSetReport]) -> Mapping[str, Any]:
    facts: dict[str, Any] = {
        "name": file.name,
        "data_set": file.data_set,
        "bytes": file.bytes,
        "sha256": file.sha256,
    }
    for report in reports:
        for read in report.files:
            if read.name == file.name:
                facts |= {key: value for key, value in asdict(read).items() if key != "name"}
    return facts


def _data_set_facts(report: DataSetReport) -> Mapping[str, Any]:
    return {
        "is_delivered": report.is_delivered,
        "loaded": report.loaded_count,
        "quarantined": report.quarantined_count,
        "duplicates": report.duplicate_count,
        "quarantined_by_reason": dict(report.quarantined_by_reason),
    }


def _entry_path(settings: Settings, month: str, delivery_id: str) -> Path:
    return settings.ledger / month / f"{delivery_id}.json"


def _write_entry(settings: Settings, entry: LedgerEntry) -> None:
    write_json(_entry_path(settings, entry.month, entry.delivery_id), asdict(entry))


def _read_entry(path: Path) -> LedgerEntry | None:
    if not path.is_file():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    for name in ("files", "refusals", "warnings"):
        held[name] = tuple(held[name])
    return LedgerEntry(**held)


def entries(settings: Settings, month: str | None = None) -> tuple[LedgerEntry, ...]:
    """The ledger, of one month or whole, in the order of months and of first arrival."""
    found = (_read_entry(path) for path in sorted(settings.ledger.glob(f"{month or '*'}/*.json")))
    return tuple(sorted((entry for entry in found if entry), key=lambda e: (e.month, e.first_seen_at, e.delivery_id)))


def accepted(settings: Settings) -> dict[str, LedgerEntry]:
    """The accepted delivery of every month that has one."""
    decided = sorted((e for e in entries(settings) if e.state == ACCEPTED), key=lambda e: (e.month, e.decided_at or ""))
    return {entry.month: entry for entry in decided}
