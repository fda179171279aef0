"""Where copies are made and kept: one a person, list and way of showing it, for a few hours, whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from filelock import FileLock

from dagster_project.portal.copies.books import workbook
from dagster_project.portal.copies.layout import Cut, UnusableSource
from dagster_project.portal.copies.lines import marked_lines
from dagster_project.portal.copies.plates import make_plate, read_plate
from dagster_project.portal.models import Account, Copy
from dagster_project.portal.publications import Publication, PublishedFile, find
from dagster_project.portal.visibility import WORK_ORDER, files_of, is_list, manager_of

_PLATES = "plates"
_DRAFT = ".draft"
_LOCK = "lock"


class NotAvailable(Exception):
    """A copy that cannot be fetched (any more): too old, or of what its owner may not see now."""


@dataclass(frozen=True)
class _Wanted:
    """A copy that somebody asks for."""

    account: Account
    publication: Publication
    file: PublishedFile
    has_phone_numbers: bool
    owner: str | None

    @property
    def cut(self) -> Cut:
        """What the copy shows of the list: only work orders have numbers that could be masked."""
        return Cut(self.file.stem == WORK_ORDER and not self.has_phone_numbers, self.owner)

    @property
    def source(self) -> Path:
        """The published file."""
        return self.publication.folder / self.file.path


def copy_for(account: Account, publication: Publication, file: PublishedFile, record: Callable[[Copy], object]) -> Copy:
    """The account's copy of a list: the one made before, while it can be fetched, or a new one.

    A new copy is there once ``record`` has written down that it was made; if anything fails before, nothing is.
    Raises :class:`UnusableSource` when the published file is not there or not as its manifest says.
    """
    wanted = _wanted(account, publication, file)
    prune()
    _require_whole(wanted)
    return _made_before(wanted) or _make(wanted, record)


def file_of(copy: Copy) -> Path:
    """The file of a copy, for its owner; raises :class:`NotAvailable`."""
    path = _path(copy)
    if timezone.now() >= until(copy) or not _is_allowed(copy):
        raise NotAvailable
    with suppress(OSError):
        if path.stat().st_size == copy.bytes:
            return path
    raise NotAvailable


def offered(copy: Copy) -> bool:
    """Whether a copy can be fetched."""
    try:
        file_of(copy)
    except NotAvailable:
        return False
    return True


def until(copy: Copy) -> dt.datetime:
    """When a copy goes."""
    return copy.made_at + dt.timedelta(hours=settings.PORTAL.copy_hours)


def prune() -> int:
    """Take away copies and plates that are too old, and what a making left that was cut off; how many files went."""
    oldest, removed = _oldest().timestamp(), 0
    for folder in (_folder(), _folder(_PLATES)):
        for path in folder.iterdir():
            # others prune at the same time
            with suppress(FileNotFoundError):
                if path.is_file() and path.name != _LOCK and path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
    unfinished = Copy.objects.filter(sha256="", made_at__lt=_oldest())
    if unfinished.exists():
        unfinished.delete()
    return removed


def _oldest() -> dt.datetime:
    """When the oldest copies were made that can be fetched."""
    return timezone.now() - dt.timedelta(hours=settings.PORTAL.copy_hours)


def _wanted(account: Account, publication: Publication, file: PublishedFile) -> _Wanted:
    whole = file.stem == WORK_ORDER and account.sees_phone_numbers
    return _Wanted(account, publication, file, whole, manager_of(account))


def _is_allowed(copy: Copy) -> bool:
    """Whether its owner may still see all that a copy shows."""
    publication = find(copy.month, copy.publication_id)
    file = files_of(copy.account, publication).get(copy.path) if publication else None
    if publication is None or file is None or not is_list(publication, file):
        return False
    wanted = _wanted(copy.account, publication, file)
    return wanted.has_phone_numbers >= copy.has_phone_numbers and (wanted.owner or "") == copy.account_manager


def _require_whole(wanted: _Wanted) -> None:
    try:
        with wanted.source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise UnusableSource("it is not there") from None
    if digest != wanted.file.sha256:
        raise UnusableSource("it has other bytes than its manifest says")


def _made_before(wanted: _Wanted) -> Copy | None:
    found = Copy.objects.filter(
        account=wanted.account,
        source_sha256=wanted.file.sha256,
        month=wanted.publication.month,
        publication_id=wanted.publication.publication_id,
        path=wanted.file.path,
        has_phone_numbers=wanted.has_phone_numbers,
        account_manager=wanted.owner or "",
        made_at__gt=_oldest(),
    ).exclude(sha256="")
    return next((copy for copy in found if offered(copy)), None)


def _make(wanted: _Wanted, record: Callable[[Copy], object]) -> Copy:
    """Number a copy, write it, and take both back when it does not come to an end."""
    copy = Copy.objects.create(
        account=wanted.account,
        month=wanted.publication.month,
        publication_id=wanted.publication.publication_id,
        path=wanted.file.path,
        source_sha256=wanted.file.sha256,
        has_phone_numbers=wanted.has_phone_numbers,
        account_manager=wanted.owner or "",
        rows=0,
        bytes=0,
        sha256="",
    )
    try:
        with _draft(_path(copy)) as target:
            _write(wanted, copy, target)
        with transaction.atomic():
            copy.save()
            record(copy)
    except BaseException:
        _path(copy).unlink(missing_ok=True)
        Copy.objects.filter(pk=copy.pk).delete()
        raise
    return copy


def _write(wanted: _Wanted, copy: Copy, target: IO[bytes]) -> None:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(wanted, copy):
        target.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    copy.bytes, copy.sha256 = size, digest.hexdigest()


def _chunks(wanted: _Wanted, copy: Copy) -> Iterator[bytes]:
    """The copy's bytes; its number of rows is stated when they end."""
    language = settings.RETENTION.language
    if wanted.file.name.endswith(".csv"):
        with wanted.source.open("rb") as source:
            for line, rows in marked_lines(source, copy, wanted.cut, language):
                copy.rows = rows
                yield line
        return
    with _plate_of(wanted, language) as file:
        plate = read_plate(file)
        copy.rows = plate.rows
        yield from workbook(file, plate, copy, wanted.cut, language)


@contextmanager
def _plate_of(wanted: _Wanted, language: str) -> Iterator[IO[bytes]]:
    """The open plate that a copy is made from; whoever needs it first makes it, others wait for them."""
    shown = f"{wanted.file.sha256} {wanted.cut} {language}"
    path = _folder(_PLATES) / hashlib.sha256(shown.encode()).hexdigest()
    if not path.is_file():
        # one at a time: making a plate keeps a processor busy
        with FileLock(_folder() / _LOCK, mode=0o600):
            if not path.is_file():
                with _draft(path) as target:
                    make_plate(wanted.source, target, wanted.cut, wanted.file.rows or 0, language)
    with path.open("rb") as file:
        yield file


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is whole; only its owner may read it."""
    draft = path.with_suffix(_DRAFT)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _path(copy: Copy) -> Path:
    return _folder() / f"{copy.key}.copy"


def _folder(*parts: str) -> Path:
    folder = settings.RETENTION.portal.joinpath("copies", *parts)
    for each in (settings.RETENTION.portal, settings.RETENTION.portal / "copies", folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
