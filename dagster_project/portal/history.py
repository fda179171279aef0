"""What changed from one version of a month to the next: deliveries, configuration, lists, files, headline figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dagster_project.lib.exports.numbers import DASH, shown
from dagster_project.lib.exports.publication import MANIFEST
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text
from dagster_project.portal import publications
from dagster_project.portal.publications import NETWORK, Publication, Unit

_LIST = "list_"


@dataclass(frozen=True)
class DeliveryChange:
    """A month whose delivery is another one; None where a version used none of it."""

    month: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class ListChange:
    """A list that has other rows in a district; None where it could not be computed or was not there."""

    title: str
    unit: str
    before: int | None
    after: int | None

    @property
    def shown(self) -> Sequence[str]:
        """Before, after and the difference as figures."""
        more = DASH if self.before is None or self.after is None else f"{self.after - self.before:+,}"
        return (shown(self.before, Kind.COUNT), shown(self.after, Kind.COUNT), more)


@dataclass(frozen=True)
class HeadlineChange:
    """A headline figure that a unit's scorecard shows otherwise."""

    unit: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Changes:
    """What one version of a month has otherwise than the one before it."""

    deliveries: Sequence[DeliveryChange]
    is_configuration_changed: bool
    lists: Sequence[ListChange]
    headlines: Sequence[HeadlineChange]
    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[str]


@dataclass(frozen=True)
class Version:
    """A version of a month; ``changes`` are those against the version before it, None for the first.

    ``sentences`` say why it was published and how much is different.
    """

    publication: Publication
    published_at: dt.datetime
    is_current: bool
    list_rows: str
    changes: Changes | None
    sentences: Sequence[str]

    @property
    def delivery(self) -> str | None:
        """The delivery of its own month."""
        found: str | None = self.publication.manifest["deliveries"].get(self.publication.month)
        return found


def versions_of(month: str, language: str) -> tuple[Version, ...]:
    """Every version of a month, the newest first; figures and names in ``language``."""
    known = publications.versions(month)
    held = publications.current().get(month)
    before: dict[str, Publication] = {later.publication_id: earlier for earlier, later in pairwise(known)}
    found = []
    for each in reversed(known):
        earlier = before.get(each.publication_id)
        changed = changes(earlier, each, language) if earlier else None
        found.append(
            Version(
                publication=each,
                published_at=published_at(each),
                is_current=held is not None and held.publication_id == each.publication_id,
                list_rows=shown(sum(entry["rows"] or 0 for entry in _lists(each).values()), Kind.COUNT),
                changes=changed,
                sentences=(_why(changed, language), _how_much(changed, language)) if changed else (_first(language),),
            )
        )
    return tuple(found)


def _first(language: str) -> str:
    return text("portal_history.first", language)


def _why(changed: Changes, language: str) -> str:
    """What a version was published for: other deliveries, other rules, or only another version of an earlier month."""
    reasons = [_delivery_reason(delivery, language) for delivery in changed.deliveries]
    if changed.is_configuration_changed:
        reasons.append(text("portal_history.configuration_other", language))
    told = text("portal_history.separator", language).join(reasons or [text("portal_history.earlier", language)])
    return text("portal_history.why", language, reasons=told)


def _delivery_reason(delivery: DeliveryChange, language: str) -> str:
    key = "delivery_new" if delivery.before is None else "delivery_gone" if delivery.after is None else "delivery_other"
    facts = {"month": delivery.month, "before": delivery.before, "after": delivery.after}
    return text(f"portal_history.{key}", language, **facts)


def _how_much(changed: Changes, language: str) -> str:
    return text(
        "portal_history.counts",
        language,
        lists=len(changed.lists),
        headlines=len(changed.headlines),
        added=len(changed.added),
        removed=len(changed.removed),
        changed=len(changed.changed),
    )


def published_at(publication: Publication) -> dt.datetime:
    """When a version appeared: its manifest is written last, and never again."""
    return dt.datetime.fromtimestamp((publication.folder / MANIFEST).stat().st_mtime, dt.UTC)


def exports_of(publication: Publication) -> Mapping[str, str]:
    """The rows of every output of a version; a dash where data were missing."""
    return {name: shown(entry["rows"], Kind.COUNT) for name, entry in publication.manifest["exports"].items()}


def changes(before: Publication, after: Publication, language: str) -> Changes:
    """What ``after`` has otherwise than ``before``."""
    old, new = before.files, after.files
    return Changes(
        deliveries=tuple(_deliveries(before.manifest["deliveries"], after.manifest["deliveries"])),
        is_configuration_changed=before.manifest["configuration"] != after.manifest["configuration"],
        lists=tuple(_list_changes(before, after, language)),
        headlines=tuple(_headline_changes(before, after, language)),
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        changed=sorted(path for path in old.keys() & new.keys() if old[path].sha256 != new[path].sha256),
    )


def _deliveries(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[DeliveryChange]:
    for month in sorted({*before, *after}):
        if before.get(month) != after.get(month):
            yield DeliveryChange(month, before.get(month), after.get(month))


def _lists(publication: Publication) -> Mapping[str, Mapping[str, Any]]:
    """What the manifest says of lists, by their type."""
    exports = publication.manifest["exports"].items()
    return {name.removeprefix(_LIST): entry for name, entry in exports if name.startswith(_LIST)}


def _list_changes(before: Publication, after: Publication, language: str) -> Iterator[ListChange]:
    old, new = _lists(before), _lists(after)
    titles = {**_titles(before, language), **_titles(after, language)}
    names = {unit.code: _name(each, unit, language) for each in (before, after) for unit in each.units}
    for list_type in sorted({*old, *new}):
        rows_before, rows_after = (each.get(list_type, {}).get("district_rows", {}) for each in (old, new))
        for code in sorted({*rows_before, *rows_after}):
            if rows_before.get(code) != rows_after.get(code):
                title = titles.get(list_type, list_type)
                yield ListChange(title, names.get(code, code), rows_before.get(code), rows_after.get(code))


def _titles(publication: Publication, language: str) -> Mapping[str, str]:
    """What the office calls the lists, by their type."""
    branch = publication.summary(Unit(None, NETWORK), language)
    return {line["list_type"]: line["title"] for line in branch["lists"]} if branch else {}


def _name(publication: Publication, unit: Unit, language: str) -> str:
    summary = publication.summary(unit, language)
    return str(summary["name"]) if summary else unit.slug


def _headline_changes(before: Publication, after: Publication, language: str) -> Iterator[HeadlineChange]:
    for unit in after.units:
        old, new = (each.summary(unit, language) for each in (before, after))
        if old is None or new is None:
            continue
        shown = {headline["key"]: headline["shown"] for headline in old["headlines"]}
        for headline in new["headlines"]:
            if shown.get(headline["key"]) != headline["shown"]:
                yield HeadlineChange(new["name"], headline["name"], shown.get(headline["key"]), headline["shown"])
