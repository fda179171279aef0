"""Publication: what was staged becomes readable whole, at once, or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster_project.lib.exports import edition as editions
from dagster_project.lib.exports.edition import STAGING, Edition, Written, current
from dagster_project.lib.exports.identity import configuration_id
from dagster_project.settings import Settings

MANIFEST = "manifest.json"


class PublicationRefused(RuntimeError):
    """A staged publication that must not be published; its message says why and what to do."""


@dataclass(frozen=True)
class Publication:
    """A published month: where it is, and whether it was there already with the same content."""

    month: str
    publication_id: str
    folder: Path
    files: int
    bytes: int
    is_new: bool
    supersedes: str | None


def publish(edition: Edition, run_id: str, deliveries: Mapping[str, str]) -> Publication:
    """Publish one month; see :func:`publish_all`."""
    return publish_all([edition], run_id, deliveries)[0]


def publish_all(staged: Sequence[Edition], run_id: str, deliveries: Mapping[str, str]) -> tuple[Publication, ...]:
    """Publish several months, which readers see change together.

    ``deliveries`` maps a month to its accepted delivery. Every manifest is written and every folder
    moved before ``current.json``, the only thing that is ever replaced, is switched once. Raises
    :class:`PublicationRefused`, with ``current.json`` as it was, when a file is missing or unaccounted
    for, or when the same inputs and configuration gave other bytes before.
    """
    if not staged:
        return ()
    settings = staged[0].settings
    with _locked(settings):
        before = current(settings)
        manifests = {edition.month: _manifest(edition, run_id, deliveries, before) for edition in staged}
        for edition in staged:
            _refuse_other_content(edition, manifests[edition.month])
        publications = tuple(_move(edition, manifests[edition.month]) for edition in staged)
        pointers = {**before, **{publication.month: publication.folder for publication in publications}}
        _switch(settings, pointers)
    _clear(staged)
    return publications


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a published folder."""
    content: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return content


def _manifest(
    edition: Edition, run_id: str, deliveries: Mapping[str, str], before: Mapping[str, Path]
) -> dict[str, Any]:
    notes = editions.recorded(edition)
    previous = before.get(edition.month)
    supersedes = previous.name if previous and previous.name != edition.publication_id else None
    districts = sorted({code for note in notes for code in note.district_rows})
    return {
        "month": edition.month,
        "publication_id": edition.publication_id,
        "state": "preliminary",
        "run_id": run_id,
        "configuration": configuration_id(edition.settings),
        "deliveries": {m: delivery for m, delivery in sorted(deliveries.items()) if m <= edition.month},
        "supersedes": supersedes,
        "not_available": sorted({entry for note in notes for entry in note.not_available}),
        "districts": {code: editions.folder_name(code) for code in districts},
        "exports": {note.export: _export_entry(note) for note in notes},
        "files": _file_entries(edition, notes),
    }


def _export_entry(note: Written) -> dict[str, Any]:
    """Rows over all and by district; null where the data that an export needs was not delivered."""
    if not note.is_available:
        return {"rows": None, "district_rows": dict.fromkeys(note.district_rows)}
    return {"rows": note.rows, "district_rows": dict(note.district_rows)}


def _file_entries(edition: Edition, notes: Sequence[Written]) -> dict[str, dict[str, Any]]:
    """Every staged file with rows, bytes and hash; what is on disk must be what the exports wrote."""
    rows = {file.path: file.rows for note in notes for file in note.files}
    present = {
        path.relative_to(edition.folder).as_posix()
        for path in edition.folder.rglob("*")
        if path.is_file() and not path.relative_to(edition.folder).parts[0].startswith(".")
    } - {MANIFEST}
    odd = sorted(present.symmetric_difference(rows))
    missing = [export.name for export in edition.catalog.exports if export.name not in {note.export for note in notes}]
    if odd or missing:
        raise PublicationRefused(
            f"{edition.month}: the staged files are not what the exports wrote"
            f" (exports missing: {', '.join(missing) or 'none'}; files odd: {', '.join(odd[:5]) or 'none'});"
            " run all exports of the month again"
        )
    return {path: file_entry(edition.folder / path, rows[path]) for path in sorted(rows)}


def file_entry(path: Path, rows: int | None) -> dict[str, Any]:
    """What a manifest says of a file: data rows (none for a page), bytes and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": rows, "bytes": path.stat().st_size, "sha256": digest}


def _refuse_other_content(edition: Edition, manifest: Mapping[str, Any]) -> None:
    """The same name must mean the same bytes: a difference is a fault that nobody may overlook."""
    published = _target(edition)
    if not (published / MANIFEST).is_file():
        return
    old, new = read_manifest(published)["files"], manifest["files"]
    different = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    if different:
        raise PublicationRefused(
            f"{edition.month}/{edition.publication_id} is published with other content, although inputs and"
            f" configuration are the same; {len(different)} files differ, first: {', '.join(different[:5])}."
            " This is a fault of the pipeline: keep both and report it"
        )


def _target(edition: Edition) -> Path:
    return edition.settings.published / edition.month / edition.publication_id


def _move(edition: Edition, manifest: Mapping[str, Any]) -> Publication:
    target = _target(edition)
    is_new = not (target / MANIFEST).is_file()
    if is_new:
        editions.drop_records(edition)
        _write_json(edition.folder / MANIFEST, manifest)
        target.parent.mkdir(parents=True, exist_ok=True)
        edition.folder.rename(target)
    files = manifest["files"]
    return Publication(
        month=edition.month,
        publication_id=edition.publication_id,
        folder=target,
        files=len(files),
        bytes=sum(entry["bytes"] for entry in files.values()),
        is_new=is_new,
        supersedes=manifest["supersedes"],
    )


def _switch(settings: Settings, pointers: Mapping[str, Path]) -> None:
    entries = {month: folder.relative_to(settings.published).as_posix() for month, folder in sorted(pointers.items())}
    _write_json(settings.published / "current.json", entries)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file by one that is complete on the disk before it takes the name."""
    new_file = path.with_name(f".{path.name}.new")
    with new_file.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new_file.replace(path)


def _clear(staged: Sequence[Edition]) -> None:
    """Take away what is left in staging of the months that were published."""
    for edition in staged:
        shutil.rmtree(edition.folder.parent, ignore_errors=True)
    with suppress(OSError):
        (staged[0].settings.published / STAGING).rmdir()


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """Hold the publication lock: two runs that end together must not lose each other's months."""
    settings.published.mkdir(parents=True, exist_ok=True)
    with (settings.published / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
