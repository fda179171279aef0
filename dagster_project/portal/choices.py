"""Which months, units and versions a reader can change to from where they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dagster_project.lib.exports.numbers import month_name
from dagster_project.portal import publications
from dagster_project.portal.models import Account
from dagster_project.portal.naming import published_at, unit_name
from dagster_project.portal.publications import Publication, Unit
from dagster_project.portal.visibility import units_of


@dataclass(frozen=True)
class Option:
    """Something to choose: its value, what it is called, and whether it is what the reader sees."""

    value: str
    name: str
    is_chosen: bool


@dataclass(frozen=True)
class Version:
    """A version of a month; ``is_current`` for the one that holds."""

    publication: Publication
    published_at: dt.datetime
    is_current: bool
    is_shown: bool


@dataclass(frozen=True)
class Choices:
    """What the head of a page offers: months, newest first, units, and the versions of the month, newest first."""

    months: Sequence[Option]
    units: Sequence[Option]
    versions: Sequence[Version]

    @property
    def holding(self) -> Version | None:
        """The version that holds, when another one is shown."""
        shown = any(version.is_shown and version.is_current for version in self.versions)
        return None if shown else next((version for version in self.versions if version.is_current), None)

    @property
    def shown(self) -> Version | None:
        """The version that is shown."""
        return next((version for version in self.versions if version.is_shown), None)


def choices(account: Account, publication: Publication, unit: Unit, language: str) -> Choices:
    """What a reader can change to from a unit's month: only what the account may see."""
    current = publications.current()
    return Choices(
        months=month_options(current, publication.month, language),
        units=[
            Option(each.slug, unit_name(publication, each, language), each == unit)
            for each in units_of(account, publication)
        ],
        versions=_versions(publication, current.get(publication.month)),
    )


def month_options(current: Iterable[str], chosen: str, language: str) -> list[Option]:
    """The published months, newest first."""
    return [
        Option(month, month_name(month, language, with_year=True), month == chosen)
        for month in sorted(current, reverse=True)
    ]


def _versions(publication: Publication, current: Publication | None) -> list[Version]:
    return [
        Version(each, published_at(each), each == current, each == publication)
        for each in reversed(publications.versions(publication.month))
    ]
