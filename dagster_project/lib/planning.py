"""Which months a run has to work on: the requested ones, and later ones that rest on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster_project.lib import deliveries, months
from dagster_project.lib.deliveries import DeliveryMissing
from dagster_project.lib.exports.edition import current
from dagster_project.lib.exports.identity import publication_ids
from dagster_project.settings import Settings


@dataclass(frozen=True)
class RunPlan:
    """``requested`` months sorted into what there is to do; ``first`` to ``last`` is to be run."""

    requested: tuple[str, ...]
    up_to_date: tuple[str, ...]
    undelivered: tuple[str, ...]
    first: str | None
    last: str | None

    @property
    def range(self) -> tuple[str, ...]:
        """The months to run, in order; empty when everything is up to date."""
        return months.between(self.first, self.last) if self.first and self.last else ()


def plan(settings: Settings, requested: Sequence[str], *, force: bool = False) -> RunPlan:
    """Compare every requested month's delivery and configuration with its last publication.

    Published months after the first month to run are run again, because their figures look back.
    """
    accepted = {month: entry.delivery_id for month, entry in deliveries.accepted(settings).items()}
    undelivered = tuple(month for month in requested if month not in accepted and delivered_id(settings, month) is None)
    stale = [
        month
        for month in requested
        if month not in undelivered and (force or not is_up_to_date(settings, month, accepted))
    ]
    up_to_date = tuple(month for month in requested if month not in undelivered and month not in stale)
    if not stale:
        return RunPlan(tuple(requested), up_to_date, undelivered, None, None)
    last = max([stale[-1], *(month for month in current(settings) if month > stale[0])])
    return RunPlan(tuple(requested), up_to_date, undelivered, stale[0], last)


def is_up_to_date(settings: Settings, month: str, accepted: Mapping[str, str]) -> bool:
    """Whether a month's publication rests on what is in the landing folder and on today's configuration."""
    delivered = delivered_id(settings, month)
    if delivered is not None and delivered != accepted.get(month):
        return False
    published = {each: folder.name for each, folder in current(settings).items()}
    return published.get(month) == publication_ids(settings, [month], accepted, published)[month]


def delivered_id(settings: Settings, month: str) -> str | None:
    """The delivery that lies in the landing folder now, accepted or not; None when there is none."""
    try:
        return deliveries.find(settings, month).delivery_id
    except DeliveryMissing:
        return None
