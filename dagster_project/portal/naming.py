"""What units, lists and moments are called on pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from dagster_project.lib.exports.states import UNKNOWN_DISTRICT
from dagster_project.lib.rules import holds_in, seed
from dagster_project.lib.wording import text
from dagster_project.portal.publications import Publication, Unit
from dagster_project.portal.visibility import WORK_ORDER


def unit_name(publication: Publication, unit: Unit, language: str) -> str:
    """A district's name, or what the branch is called; the code where the publication names no district."""
    summary = publication.summary(unit, language)
    if summary is not None:
        return str(summary["name"])
    if unit.code is None:
        return text("exports.branch", language)
    return text("exports.unknown_district", language) if unit.code == UNKNOWN_DISTRICT else unit.code


def list_title(publication: Publication, unit: Unit, list_type: str, language: str) -> str:
    """What the office calls a list: as the publication says it, else by the rules in force in its month."""
    summary = publication.summary(unit, language)
    said = {line["list_type"]: line["title"] for line in summary["lists"]} if summary else {}
    rows = seed("list_types")
    ruled = {row["list_type"]: row[language] for row in rows if holds_in(row, publication.month)}
    named = ruled | {WORK_ORDER: text("portal_pages.work_orders", language)} | said
    return str(named.get(list_type, list_type))


def in_order(list_types: Iterable[str]) -> list[str]:
    """Types of lists in the order of the rules: the work orders, then as lists are given in list_types."""
    ruled = [WORK_ORDER, *(row["list_type"] for row in seed("list_types"))]
    return sorted(list_types, key=lambda name: (ruled.index(name) if name in ruled else len(ruled), name))


def published_at(publication: Publication) -> dt.datetime:
    """When a publication became readable, in the site's time zone."""
    written = (publication.folder / "manifest.json").stat().st_mtime
    return timezone.localtime(dt.datetime.fromtimestamp(written, tz=dt.UTC))
