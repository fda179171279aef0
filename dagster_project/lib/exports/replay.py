"""Replay: the lists of a publication made again from its own marts, to show that they are what they were."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from dagster_project.lib.exports.catalog import Catalog
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.identity import configuration_id
from dagster_project.lib.exports.lists import write_list
from dagster_project.lib.exports.publication import MANIFEST, file_entry, read_manifest
from dagster_project.lib.wording import text
from dagster_project.settings import Settings

_MARTS = ("marts", "restricted")


class NotReplayable(ValueError):
    """A publication that cannot be made again here; its message says why and what to do."""


@dataclass(frozen=True)
class Replay:
    """What came out: how many files of lists were made again, and those whose bytes or rows differ."""

    files: int
    different: tuple[str, ...]


def replay_lists(settings: Settings, catalog: Catalog, month: str, publication_id: str) -> Replay:
    """Make every list of a publication again and compare rows, size and hash with its manifest.

    Nothing that others read is touched. Raises :class:`NotReplayable` when there is no such publication, or when it
    was made with other rules, code or settings, which would give other bytes rightly.
    """
    published = settings.published / month / publication_id
    if not (published / MANIFEST).is_file():
        raise NotReplayable(text("console.replay_unknown", settings.language, month=month, publication=publication_id))
    manifest = read_manifest(published)
    if manifest["configuration"] != configuration_id(settings):
        raise NotReplayable(text("console.replay_other_configuration", settings.language, publication=publication_id))
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.scratch, prefix="replay-") as folder:
        edition = Edition(replace(settings, home=Path(folder)), catalog, month, publication_id)
        edition.folder.mkdir(parents=True)
        for part in _MARTS:
            (edition.folder / part).symlink_to(published / part, target_is_directory=True)
        written = [file for export in catalog.of_kind("list") for file in write_list(edition, export).files]
        different = [
            file.path
            for file in written
            if file_entry(edition.folder / file.path, file.rows) != manifest["files"].get(file.path)
        ]
    return Replay(len(written), tuple(sorted(different)))
