"""Work orders that come back: checked, accepted as contacts of the next delivery, taken back until that is published.

The database says what is accepted, the landing folder's file follows it, and at every moment the file holds at least
what is accepted: contacts are written into it just before the database says so, and taken out just after it no longer
does. A crash in between leaves contacts too many, which the next decision or the next start takes out. One decision is
made at a time, whatever process makes it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from filelock import FileLock

from dagster_project.lib import months
from dagster_project.lib.wording import text
from dagster_project.lib.work_returns import (
    AlteredFile,
    Contact,
    OrderBook,
    Problem,
    Return,
    collect,
    deliver_contacts,
    explained,
    of_own_orders,
    read_return,
    withdraw_contacts,
)
from dagster_project.portal import audit, publications
from dagster_project.portal.models import Account, ReturnedContact, ReturnedWorkbook
from dagster_project.portal.visibility import order_book_of

State = ReturnedWorkbook.State
MOST_PROBLEMS = 500
"""Problems that are kept of a workbook; how many more there were is kept in their stead."""
MORE = "more_problems"
LEFT_OUT = "left_out"
_COUNTS = (MORE, LEFT_OUT)
"""Kept among the problems, and no problem of a row."""
_SAID_OTHERWISE = ("contradicted", "delivered_otherwise", "later_month")
"""Problems whose remedy is a command line's; the site has its own words for them."""
_SUFFIX_LENGTH = 6

_one_workbook = threading.Lock()
"""What a workbook may unpack to is bounded; of many at once it would not be."""


class Refused(Exception):
    """A decision that is not made; ``code`` is a key of the catalogue (``portal_returns.refused_<code>``)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Found:
    """What is found in a workbook: good contacts with their rows, problems, and contacts delivered before."""

    returned: Return
    district_codes: Mapping[str, str]
    left_out: int


def delivery_month() -> str | None:
    """The month with whose delivery contacts arrive: the one after the newest published; None before the first."""
    newest = next(reversed(publications.current()), None)
    return months.shift(newest, 1) if newest else None


def is_open(workbook: ReturnedWorkbook) -> bool:
    """Whether the delivery that a workbook belongs to can still change."""
    return workbook.delivery_month == delivery_month()


def check(request: HttpRequest, account: Account, name: str, content: bytes) -> ReturnedWorkbook:
    """Store what is found in a workbook, neither the workbook nor its ``name``, whose ending says what it claims to be.

    Raises :class:`Refused` before the first month is published.
    """
    month = delivery_month()
    if month is None:
        raise Refused("nothing_published")
    found = _found(account, _read(name, content, month), month)
    with transaction.atomic():
        workbook = ReturnedWorkbook.objects.create(
            account=account,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            delivery_month=month,
            problems=_kept(found.returned.problems, found.left_out),
        )
        ReturnedContact.objects.bulk_create(
            ReturnedContact(
                workbook=workbook,
                row=row,
                contact_id=contact.contact_id,
                district_code=found.district_codes[contact.contact_id],
                content=_as_json(contact),
            )
            for contact, row in zip(found.returned.contacts, found.returned.rows, strict=True)
        )
        _record(request, audit.Action.RETURN_CHECKED, workbook)
    return workbook


def accept(request: HttpRequest, key: int) -> ReturnedWorkbook:
    """Make the good rows contacts of the delivery; one that is accepted already stays so.

    Raises :class:`Refused` when that cannot be: also when rows have become wrong since they were checked, which are
    then problems of the workbook.
    """
    with _deciding(), _unaltered():
        workbook = ReturnedWorkbook.objects.get(pk=key)
        if workbook.state == State.ACCEPTED:
            return workbook
        _require_open(workbook)
        _take_out(workbook.delivery_month)
        if _check_again(workbook):
            raise Refused("changed")
        contacts = [_from_json(row.content) for row in workbook.contacts.all()]
        if not contacts:
            raise Refused("nothing_good")
        with transaction.atomic():
            _decide(request, workbook, State.ACCEPTED, audit.Action.RETURN_ACCEPTED)
            # last, so that what can fail has not failed: only the commit comes after it
            deliver_contacts(contacts, settings.RETENTION.landing, workbook.delivery_month)
    return workbook


def undo(request: HttpRequest, key: int) -> ReturnedWorkbook:
    """Take an accepted workbook's contacts back, except those that another accepted one holds, too.

    One that is not accepted stays as it is. Raises :class:`Refused` when the delivery can no longer change.
    """
    with _deciding(), _unaltered():
        workbook = ReturnedWorkbook.objects.get(pk=key)
        if workbook.state != State.ACCEPTED:
            return workbook
        _require_open(workbook)
        # an altered file is found out before anything is decided
        _take_out(workbook.delivery_month)
        with transaction.atomic():
            _decide(request, workbook, State.UNDONE, audit.Action.RETURN_UNDONE)
        _take_out(workbook.delivery_month)
    return workbook


def take_back_what_is_not_accepted() -> None:
    """Mend what a crash between database and file may have left, where that can be.

    An altered file, or a folder that cannot be written, keeps nobody from reading: the next decision meets it again.
    """
    month = delivery_month()
    if month is None or not settings.RETENTION.landing.is_dir():
        return
    with suppress(AlteredFile, OSError), _deciding():
        _take_out(month)


def told(problems: Sequence[Mapping[str, Any]], language: str) -> list[dict[str, object]]:
    """The problems of rows and files as a page tells them: row and heading where known, reason, remedy."""
    return [
        {"row": problem["row"], "heading": problem["heading"], "reason": reason, "remedy": remedy}
        for problem in problems
        if problem["code"] not in _COUNTS
        for reason, remedy in [_explained(problem, language)]
    ]


def count_of(problems: Sequence[Mapping[str, Any]], code: str) -> int:
    """What :data:`MORE` or :data:`LEFT_OUT` counts."""
    return sum(problem["facts"]["count"] for problem in problems if problem["code"] == code)


def _explained(problem: Mapping[str, Any], language: str) -> tuple[str, str]:
    code, facts = problem["code"], problem["facts"]
    if code not in _SAID_OTHERWISE:
        return explained(Problem("", code, problem["row"], problem["heading"], facts), language)
    reason, remedy = (text(f"portal_returns.{part}_{code}", language, **facts) for part in ("reason", "remedy"))
    return reason, remedy


def _read(name: str, content: bytes, month: str) -> Return:
    """A workbook of no more than its ending's name, in a folder of its own that does not outlive the reading."""
    suffix = PurePath(name).suffix.lower()
    plain = suffix if suffix.isascii() and suffix[1:].isalnum() and len(suffix) <= _SUFFIX_LENGTH else ""
    settings.RETENTION.scratch.mkdir(parents=True, exist_ok=True)
    with _one_workbook, tempfile.TemporaryDirectory(dir=settings.RETENTION.scratch) as folder:
        path = Path(folder) / f"returned{plain}"
        path.write_bytes(content)
        return read_return(path, month)


def _found(account: Account, returned: Return, month: str, workbook: ReturnedWorkbook | None = None) -> Found:
    """What is good of a workbook, held against the account's work orders and what was delivered and accepted before."""
    own = of_own_orders(returned, _books(account, returned))
    wanted = {contact.contact_id for contact in own.returned.contacts}
    # a contact of the file that no workbook brought is the operator's, and not the site's to replace or take out
    brought = set(_brought(month).values_list("contact_id", flat=True))
    earlier = _accepted_before(month, wanted, workbook)
    collected = collect([*earlier, own.returned], settings.RETENTION.landing, month, replaceable=brought)
    problems = [problem for problem in collected.problems if problem.file == returned.file]
    wrong = {problem.row for problem in problems}
    delivered = {contact.contact_id for contact in collected.contacts}
    sound = [pair for pair in zip(own.returned.contacts, own.returned.rows, strict=True) if pair[1] not in wrong]
    good = [(contact, row) for contact, row in sound if contact.contact_id in delivered]
    kept = Return(returned.file, tuple(contact for contact, _ in good), tuple(row for _, row in good), tuple(problems))
    return Found(kept, own.district_codes, len(sound) - len(good))


def _books(account: Account, returned: Return) -> Iterator[OrderBook]:
    """The work orders that the account may answer, of every version of the published months that rows name."""
    for month in sorted({contact.list_month for contact in returned.contacts} & publications.current().keys()):
        for publication in publications.versions(month):
            book = order_book_of(account, publication)
            if book:
                yield book


def _brought(month: str) -> Any:
    return ReturnedContact.objects.filter(workbook__delivery_month=month)


def _accepted_before(month: str, wanted: set[str], workbook: ReturnedWorkbook | None) -> list[Return]:
    """Of the accepted workbooks the contacts that are wanted, each workbook under the number that pages give it."""
    rows = _brought(month).filter(workbook__state=State.ACCEPTED).exclude(workbook=workbook).order_by("workbook", "row")
    by_workbook: dict[int, list[ReturnedContact]] = {}
    for row in rows.iterator():
        if row.contact_id in wanted:
            by_workbook.setdefault(row.workbook_id, []).append(row)
    return [
        Return(f"#{key}", tuple(_from_json(row.content) for row in held), tuple(row.row for row in held))
        for key, held in by_workbook.items()
    ]


def _check_again(workbook: ReturnedWorkbook) -> bool:
    """Whether rows have become wrong since they were checked: an office lost a district, another one was faster."""
    stored = list(workbook.contacts.all())
    returned = Return("", tuple(_from_json(row.content) for row in stored), tuple(row.row for row in stored))
    found = _found(workbook.account, returned, workbook.delivery_month, workbook)
    good = set(found.returned.rows)
    if len(good) == len(stored):
        return False
    counts = {code: count_of(workbook.problems, code) for code in _COUNTS}
    workbook.problems = [
        *(problem for problem in workbook.problems if problem["code"] not in _COUNTS),
        *_kept(found.returned.problems, counts[LEFT_OUT] + found.left_out, counts[MORE]),
    ]
    with transaction.atomic():
        workbook.contacts.exclude(row__in=good).delete()
        workbook.save()
    return True


def _kept(problems: Sequence[Problem], left_out: int, more: int = 0) -> list[dict[str, Any]]:
    """Problems as they are stored: without file, and with facts of which JSON knows."""
    counts = {MORE: more + max(0, len(problems) - MOST_PROBLEMS), LEFT_OUT: left_out}
    return [
        *(_stored(problem) for problem in problems[:MOST_PROBLEMS]),
        *({"code": code, "row": None, "heading": None, "facts": {"count": n}} for code, n in counts.items() if n),
    ]


def _stored(problem: Problem) -> dict[str, Any]:
    facts = {name: fact if isinstance(fact, int) else str(fact) for name, fact in problem.facts.items()}
    return {"code": problem.code, "row": problem.row, "heading": problem.heading, "facts": facts}


def _as_json(contact: Contact) -> dict[str, Any]:
    facts = asdict(contact) | {"contacted_at": contact.contacted_at.isoformat()}
    return facts | {"cost": None if contact.cost is None else str(contact.cost)}


def _from_json(content: Mapping[str, Any]) -> Contact:
    cost = content["cost"]
    read = {"contacted_at": dt.datetime.fromisoformat(content["contacted_at"]), "cost": cost and Decimal(cost)}
    return Contact(**{**content, **read})


@contextmanager
def _deciding() -> Iterator[None]:
    """One decision at a time."""
    landing = settings.RETENTION.landing
    landing.mkdir(parents=True, exist_ok=True)
    with FileLock(landing / ".returned_work_orders.lock"):
        yield


@contextmanager
def _unaltered() -> Iterator[None]:
    """A file that somebody altered is neither added to nor taken from."""
    try:
        yield
    except AlteredFile:
        raise Refused("altered") from None


def _require_open(workbook: ReturnedWorkbook) -> None:
    if not is_open(workbook):
        raise Refused("too_late")


def _decide(
    request: HttpRequest, workbook: ReturnedWorkbook, state: ReturnedWorkbook.State, action: audit.Action
) -> None:
    workbook.state, workbook.decided_at = state, timezone.now()
    workbook.save()
    _record(request, action, workbook)


def _record(request: HttpRequest, action: audit.Action, workbook: ReturnedWorkbook) -> None:
    audit.record(
        request,
        action,
        rows=workbook.contacts.count(),
        workbook=workbook.pk,
        delivery=workbook.delivery_month,
        problems=sum(problem["code"] not in _COUNTS for problem in workbook.problems)
        + count_of(workbook.problems, MORE),
    )


def _take_out(month: str) -> None:
    """Take out of the file what workbooks brought of which none is accepted."""
    brought = _brought(month)
    accepted = brought.filter(workbook__state=State.ACCEPTED).values("contact_id")
    stale = set(brought.exclude(contact_id__in=accepted).values_list("contact_id", flat=True))
    if stale:
        withdraw_contacts(stale, settings.RETENTION.landing, month)
