"""A publication in the making: which month, under which name, where, and built on what."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dagster_project.lib.exports.catalog import Catalog
from dagster_project.lib.exports.identity import publication_ids
from dagster_project.settings import Settings

STAGING = ".staging"
_NOTES = ".exports"
_UNSAFE = re.compile(r"[^\w.-]")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Edition:
    """One month's publication while it is staged; ``history`` has the folders of earlier months."""

    settings: Settings
    catalog: Catalog
    month: str
    publication_id: str
    history: Mapping[str, Path] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the files are put together before they are published."""
        return self.settings.published / STAGING / self.month / self.publication_id

    def mart(self, name: str) -> Path:
        """The staged Parquet file of a published model."""
        return self.folder / self._part(name) / f"{name}.parquet"

    def series(self, name: str, months: Iterable[str]) -> list[Path]:
        """A model's files of those ``months`` that are published or staged, oldest first."""
        folders = {**self.history, self.month: self.folder}
        part = self._part(name)
        files = (folders[month] / part / f"{name}.parquet" for month in sorted(months) if month in folders)
        return [file for file in files if file.is_file()]

    def _part(self, name: str) -> str:
        return "restricted" if self.catalog.model(name).is_restricted else "marts"


@dataclass(frozen=True)
class WrittenFile:
    """One file of a publication: its path inside it, data rows (none for a page) and bytes."""

    path: str
    rows: int | None
    bytes: int


@dataclass(frozen=True)
class Written:
    """What one export wrote: its files, rows by district code, and what could not be computed."""

    export: str
    files: tuple[WrittenFile, ...]
    district_rows: Mapping[str, int] = field(default_factory=dict)
    not_available: tuple[str, ...] = ()
    is_available: bool = True
    """Whether it could be computed: a list without rows is something else than a list of nobody knows whom."""

    @property
    def rows(self) -> int:
        """Rows over all districts, or, for an export without districts, over its files."""
        return sum(self.district_rows.values()) if self.district_rows else sum(file.rows or 0 for file in self.files)

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)


def editions(
    settings: Settings, catalog: Catalog, months: Sequence[str], accepted: Mapping[str, str]
) -> tuple[Edition, ...]:
    """The publications that a run over ``months`` makes, oldest first.

    ``accepted`` maps every accepted month to its delivery. The history of each is what is
    published now, and, for the run's own earlier months, what the run has staged.
    """
    published = current(settings)
    ids = publication_ids(settings, months, accepted, {month: folder.name for month, folder in published.items()})
    made: list[Edition] = []
    for month, name in ids.items():
        earlier = {m: folder for m, folder in published.items() if m < month}
        earlier |= {edition.month: edition.folder for edition in made}
        made.append(Edition(settings, catalog, month, name, earlier))
    return tuple(made)


def stage(edition: Edition) -> Path:
    """Make the edition's staging folder, empty, and take away what earlier runs left for the month."""
    shutil.rmtree(edition.folder.parent, ignore_errors=True)
    (edition.folder / _NOTES).mkdir(parents=True)
    return edition.folder


def current(settings: Settings) -> dict[str, Path]:
    """The folder of every published month, by month; empty before the first publication."""
    pointer = settings.published / "current.json"
    if not pointer.is_file():
        return {}
    entries: dict[str, str] = json.loads(pointer.read_text(encoding="utf-8"))
    return {month: settings.published / path for month, path in sorted(entries.items())}


def record(edition: Edition, written: Written) -> Written:
    """Leave a note of what an export wrote, for :func:`~.publication.publish_all` to check; return it."""
    notes = edition.folder / _NOTES
    notes.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(written), ensure_ascii=False, sort_keys=True)
    (notes / f"{written.export}.json").write_text(text, encoding="utf-8")
    return written


def recorded(edition: Edition) -> list[Written]:
    """The notes of all exports written so far, in the order of their names."""
    notes = []
    for file in sorted((edition.folder / _NOTES).glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        files = tuple(WrittenFile(**entry) for entry in content.pop("files"))
        not_available = tuple(content.pop("not_available"))
        notes.append(Written(**content, files=files, not_available=not_available))
    return notes


def drop_records(edition: Edition) -> None:
    """Take the notes away; they are no part of what is published."""
    shutil.rmtree(edition.folder / _NOTES, ignore_errors=True)


def written_file(edition: Edition, path: Path, rows: int | None) -> WrittenFile:
    """Describe a file that was just written into the edition."""
    return WrittenFile(path.relative_to(edition.folder).as_posix(), rows, path.stat().st_size)


def folder_name(code: str) -> str:
    """A folder name for a district code, which is data: no separators, no reserved name, no clash.

    A plain code is its own name; any other keeps what it can and gets a hash of the whole.
    """
    plain = unicodedata.normalize("NFC", code)
    safe = _UNSAFE.sub("_", plain).strip(".")[:_LONGEST_NAME]
    if safe and safe == code and code.upper() == code and not _RESERVED.fullmatch(safe):
        return safe
    return f"{safe or '_'}-{hashlib.sha256(code.encode()).hexdigest()[:8]}"
