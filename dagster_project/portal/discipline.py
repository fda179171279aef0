"""Whether districts fetch their work orders, and what comes back of them: counted from the audit log and the returns.

A list is fetched by the people of a district; what the branch downloads of it does not count for the district. What
comes back is counted by subscriber, among the returned workbooks that were accepted here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from dagster_project.lib import engine
from dagster_project.portal import publications
from dagster_project.portal.history import published_at
from dagster_project.portal.models import AuditEntry, ReturnedContact, ReturnedWorkbook
from dagster_project.portal.publications import Publication
from dagster_project.portal.roles import Role
from dagster_project.portal.visibility import WORK_ORDER

_ORDERS = "restricted/mart_work_orders.parquet"
_BY_OWNER = """
    select
        orders.district_code,
        orders.account_manager,
        count(*) as planned,
        coalesce(list(returned.subscriber_id) filter (where returned.subscriber_id is not null), []) as returned
    from read_parquet(?) as orders
    left join (select unnest(?::varchar[]) as subscriber_id) as returned using (subscriber_id)
    where orders.is_planned
    group by all
    order by orders.district_code, orders.account_manager nulls last
"""


@dataclass(frozen=True)
class Fetched:
    """Who downloaded the work orders: how many people, when first, and whether the version that holds is among them.

    ``days`` are calendar days from the month's first version, None before the first download.
    """

    people: int = 0
    first_at: dt.datetime | None = None
    days: int | None = None
    has_current: bool = False


@dataclass(frozen=True)
class FollowUp:
    """What came back of ``planned`` work orders, in subscribers; ``days`` as in :class:`Fetched`.

    ``returned`` are among the planned of the version that holds, ``elsewhere`` are not.
    """

    planned: int
    returned: int = 0
    elsewhere: int = 0
    days: int | None = None

    @property
    def share(self) -> float | None:
        """Returned of planned; None where nothing is planned."""
        return self.returned / self.planned if self.planned else None


@dataclass(frozen=True)
class Manager:
    """An account manager's part; without ``name`` it is the orders that nobody owns."""

    name: str | None
    fetched: Fetched
    follow_up: FollowUp


@dataclass(frozen=True)
class Discipline:
    """A district's part, and its account managers'."""

    code: str
    fetched: Fetched
    follow_up: FollowUp
    managers: Sequence[Manager] = ()


@dataclass(frozen=True)
class _Download:
    """The first time that an account took a version's work orders of a district; ``manager`` as the data names them."""

    code: str
    publication_id: str
    account: int
    manager: str | None
    first_at: dt.datetime


@dataclass(frozen=True)
class _Owner:
    """What an account manager has of a district's orders, and which of the subscribers came back."""

    code: str
    name: str | None
    planned: int
    returned: Sequence[str] = field(repr=False)


def disciplines(publication: Publication) -> tuple[Discipline, ...] | None:
    """Every district's discipline with the work orders of the version that holds; None where it has no such list."""
    entry = publication.manifest["exports"].get(f"list_{WORK_ORDER}")
    if entry is None or entry["rows"] is None:
        return None
    begin = published_at(publications.versions(publication.month)[0])
    downloads = _downloads(publication)
    returned = _returned(publication.month)
    owners = _owners(publication, sorted({subscriber for _, subscriber in returned}))
    return tuple(
        Discipline(
            code=code,
            fetched=_fetched([each for each in downloads if each.code == code], publication, begin),
            follow_up=_follow_up(code, planned, owners, returned, begin),
            managers=[
                Manager(
                    owner.name,
                    _fetched(_own(downloads, owner), publication, begin),
                    _follow_up(code, owner.planned, [owner], _of(owner, returned), begin),
                )
                for owner in owners
                if owner.code == code
            ],
        )
        for code, planned in sorted(entry["district_rows"].items())
    )


def _downloads(publication: Publication) -> list[_Download]:
    codes = {
        file.path: unit.code
        for version in publications.versions(publication.month)
        for unit in version.units
        if unit.code is not None
        for file in version.files_of(unit).values()
        if file.stem == WORK_ORDER
    }
    found = (
        AuditEntry.objects.filter(
            action=AuditEntry.Action.DOWNLOADED,
            month=publication.month,
            role__in=(Role.DISTRICT, Role.MANAGER),
            path__in=codes,
        )
        .order_by()
        .values_list("path", "publication_id", "account", "role", "account__account_manager")
        .annotate(first_at=Min("at"))
    )
    return [
        _Download(codes[path], version, account, manager if role == Role.MANAGER else None, first_at)
        for path, version, account, role, manager, first_at in found
        if account is not None
    ]


def _own(downloads: Iterable[_Download], owner: _Owner) -> list[_Download]:
    return [each for each in downloads if owner.name and (each.code, each.manager) == (owner.code, owner.name)]


def _fetched(downloads: Sequence[_Download], publication: Publication, begin: dt.datetime) -> Fetched:
    if not downloads:
        return Fetched()
    first_at = min(each.first_at for each in downloads)
    return Fetched(
        people=len({each.account for each in downloads}),
        first_at=first_at,
        days=_days(begin, first_at),
        has_current=any(each.publication_id == publication.publication_id for each in downloads),
    )


def _returned(month: str) -> Mapping[tuple[str, str], dt.datetime]:
    """When a subscriber's order of a month first came back, by district and subscriber."""
    found: dict[tuple[str, str], dt.datetime] = {}
    rows = ReturnedContact.objects.filter(
        workbook__state=ReturnedWorkbook.State.ACCEPTED, content__list_month=month
    ).order_by("workbook__received_at")
    for code, subscriber, at in rows.values_list("district_code", "content__subscriber_id", "workbook__received_at"):
        found.setdefault((code, subscriber), at)
    return found


def _of(owner: _Owner, returned: Mapping[tuple[str, str], dt.datetime]) -> Mapping[tuple[str, str], dt.datetime]:
    own = {(owner.code, subscriber) for subscriber in owner.returned}
    return {key: at for key, at in returned.items() if key in own}


def _owners(publication: Publication, subscribers: Sequence[str]) -> tuple[_Owner, ...]:
    """Who owns the planned orders of a version, and which of ``subscribers`` are among them."""
    with engine.connect(settings.RETENTION) as connection:
        rows = connection.execute(_BY_OWNER, [str(publication.folder / _ORDERS), subscribers]).fetchall()
    return tuple(_Owner(*row) for row in rows)


def _follow_up(
    code: str,
    planned: int,
    owners: Iterable[_Owner],
    returned: Mapping[tuple[str, str], dt.datetime],
    begin: dt.datetime,
) -> FollowUp:
    expected = {(owner.code, subscriber) for owner in owners for subscriber in owner.returned}
    own = {key: at for key, at in returned.items() if key[0] == code}
    among = sum(1 for key in own if key in expected)
    return FollowUp(
        planned=planned,
        returned=among,
        elsewhere=len(own) - among,
        days=_days(begin, min(own.values())) if own else None,
    )


def _days(begin: dt.datetime, end: dt.datetime) -> int | None:
    """Calendar days of the office from one time to another; None where a restored folder makes them go backwards."""
    days = (timezone.localtime(end).date() - timezone.localtime(begin).date()).days
    return days if days >= 0 else None
