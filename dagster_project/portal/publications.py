"""What is published, read from the folder of publications: months, their versions, units and files.

A publication never changes once it is there, so what was read of one is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from dagster_project.lib import months
from dagster_project.lib.exports import edition
from dagster_project.lib.exports.publication import MANIFEST, read_manifest
from dagster_project.lib.exports.summary import FILE_NAME as SUMMARY

NETWORK = "network"
_DISTRICTS = "districts"
_LIST = "list_"
_KEPT = 256


@dataclass(frozen=True)
class PublishedFile:
    """A file as its manifest names it: data rows (none for a page), bytes, SHA-256."""

    path: str
    rows: int | None
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its ending: for a list its type."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Unit:
    """A district, or the branch (``code`` is None); ``folder`` is where its files lie in a publication."""

    code: str | None
    folder: str

    @property
    def slug(self) -> str:
        """How addresses name the unit."""
        return self.folder.rpartition("/")[2]


@dataclass(frozen=True)
class Publication:
    """One version of a month; ``folder`` is a published folder, with a manifest."""

    month: str
    publication_id: str
    folder: Path

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What the publication says of itself."""
        return _manifest(self.folder)

    @property
    def units(self) -> tuple[Unit, ...]:
        """Its districts by code, then the branch."""
        districts = sorted(self.manifest["districts"].items())
        return (*(Unit(code, f"{_DISTRICTS}/{name}") for code, name in districts), Unit(None, NETWORK))

    @property
    def list_types(self) -> frozenset[str]:
        """The types of its lists, work orders among them."""
        return frozenset(name.removeprefix(_LIST) for name in self.manifest["exports"] if name.startswith(_LIST))

    @property
    def files(self) -> Mapping[str, PublishedFile]:
        """Every file by its path."""
        return _files(self.folder)

    def files_of(self, unit: Unit) -> Mapping[str, PublishedFile]:
        """The unit's files by name."""
        inside = f"{unit.folder}/"
        return {file.name: file for path, file in self.files.items() if path.startswith(inside)}

    def summary(self, unit: Unit, language: str) -> Mapping[str, Any] | None:
        """The unit's month in few words (:mod:`dagster_project.lib.exports.summary`); None when it has none."""
        if f"{unit.folder}/{SUMMARY}" not in self.files:
            return None
        content: Mapping[str, Any] = _read_json(self.folder / unit.folder / SUMMARY)
        return {**content["languages"][language], "code": content["code"]}


def current() -> dict[str, Publication]:
    """The version that holds, of every published month, oldest first."""
    folders = edition.current(settings.RETENTION)
    return {month: Publication(month, folder.name, folder) for month, folder in folders.items()}


def find(month: str, publication_id: str) -> Publication | None:
    """A version of a month, superseded ones too; None when there is none of that name."""
    return next((each for each in versions(month) if each.publication_id == publication_id), None)


def versions(month: str) -> tuple[Publication, ...]:
    """Every version of a month, the newest last."""
    if not months.is_month(month):
        return ()
    published = settings.RETENTION.published / month
    manifests = sorted(published.glob(f"*/{MANIFEST}"), key=lambda path: (path.stat().st_mtime_ns, path))
    return tuple(Publication(month, path.parent.name, path.parent) for path in manifests)


@lru_cache(_KEPT)
def _manifest(folder: Path) -> Mapping[str, Any]:
    return read_manifest(folder)


@lru_cache(_KEPT)
def _files(folder: Path) -> Mapping[str, PublishedFile]:
    return {path: PublishedFile(path, **entry) for path, entry in _manifest(folder)["files"].items()}


@lru_cache(4 * _KEPT)
def _read_json(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
