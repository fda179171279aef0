"""What a publication is made of, as one short name: same inputs and configuration, same name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dagster_project.settings import DBT_PROJECT_DIR, PROJECT_ROOT, SUITES_DIR, Settings

_SOURCES = ("dagster_project/lib", "dagster_project/components", "dagster_project/defs/ingestion")
_SUFFIXES = frozenset({".sql", ".yml", ".yaml", ".csv", ".json", ".py", ".html", ".css"})
_GENERATED = frozenset({"target", "logs", "__pycache__", "dbt_packages"})
_OF_THE_SITE = "portal_"
"""Wording of the offices' site, which changes no published file."""
_WRITERS = ("duckdb", "jinja2", "xlsxwriter")
"""Packages whose version can change the bytes of a published file."""


@cache
def configuration_id(settings: Settings) -> str:
    """SHA-256 over everything that decides results beside the deliveries.

    That is: the dbt project, the expectation suites, the source mapping, the library's own files,
    the versions of the packages that write files, and the settings for language and limits.
    """
    digest = hashlib.sha256()
    for name, content in _configuration(settings):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def publication_id(settings: Settings, month: str, accepted: Mapping[str, str], predecessor: str | None = None) -> str:
    """Name of the publication of ``month``: 12 hexadecimal digits.

    ``accepted`` maps a month to its accepted delivery; later months than ``month`` play no part.
    ``predecessor`` is the publication of the latest earlier month, from which the series are read:
    when that one changes, so does every name after it.
    """
    parts = {
        "configuration": configuration_id(settings),
        "month": month,
        "deliveries": sorted((m, delivery) for m, delivery in accepted.items() if m <= month),
        "predecessor": predecessor,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def publication_ids(
    settings: Settings, months: Sequence[str], accepted: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, str]:
    """Names for the publications of ``months``, made in one run on top of the ``current`` ones."""
    named = dict(current)
    for month in sorted(months):
        earlier = [m for m in named if m < month]
        predecessor = named[max(earlier)] if earlier else None
        named[month] = publication_id(settings, month, accepted, predecessor)
    return {month: named[month] for month in sorted(months)}


def _configuration(settings: Settings) -> Iterator[tuple[str, bytes]]:
    for name in (*_SOURCES,):
        yield from _files(PROJECT_ROOT / name, name)
    yield from _files(DBT_PROJECT_DIR, "dbt")
    yield from _files(SUITES_DIR, "suites")
    if settings.mapping:
        yield from _files(settings.mapping, "mapping")
    yield from ((f"package:{name}", version(name).encode()) for name in _WRITERS)
    limits = {
        "warehouse": settings.warehouse,
        "language": settings.language,
        "quarantine_share_limit": settings.quarantine_share_limit,
        "vanished_share_limit": settings.vanished_share_limit,
        "msisdn_pattern": settings.msisdn_pattern,
    }
    yield "settings", json.dumps(limits, sort_keys=True).encode()


def _files(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        is_source = file.suffix in _SUFFIXES and not file.name.startswith(_OF_THE_SITE)
        if is_source and _GENERATED.isdisjoint(relative.parts) and file.is_file():
            yield f"{name}/{relative.as_posix()}", file.read_bytes()
