"""Contacts of returned work orders as a file of the next delivery: what workbooks hold together, written once."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from dagster_project.lib import contract, deliveries, months
from dagster_project.lib.wording import text
from dagster_project.lib.work_returns.contacts import Contact, Problem, Return
from dagster_project.settings import Settings

FILE_NAME = "crm_contacts_work_returns.csv"
"""The file of a month's landing folder that the collected contacts are delivered as."""

_DATA_SET = contract.DATA_SETS["crm_contacts"]


@dataclass(frozen=True)
class Collected:
    """What several workbooks hold together; ``left_out`` counts contacts delivered with another month."""

    contacts: tuple[Contact, ...]
    left_out: int
    problems: tuple[Problem, ...]


class AlteredFile(Exception):
    """A file of collected contacts is not as it was written, so it cannot be added to; carries its ``path``."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.parent.name}/{path.name} was altered: move it away and collect the month again")
        self.path = path


def collect(
    returns: Sequence[Return], landing: Path, month: str, replaceable: Collection[str] | None = None
) -> Collected:
    """What the workbooks hold together for ``month``, against each other and against what was collected before.

    A contact that two of them hold alike counts once, and one that another month's file holds already is left out;
    where two sources say otherwise of a contact it is a problem, because none of them is known to be right. The
    month's own file is what they correct, in all its contacts or in those whose ids are ``replaceable``.
    """
    held, altered = _held_by_month(landing)
    others = {
        name: (each, row)
        for each, rows in held.items()
        for name, row in rows.items()
        if each != month or (replaceable is not None and name not in replaceable)
    }
    chosen = {contact.contact_id: contact for _, contact, _ in _placed(returns)}
    problems = (
        *(problem for returned in returns for problem in returned.problems),
        *_contradictions(returns),
        *_delivered_otherwise(returns, others),
        *altered,
    )
    contacts = tuple(contact for name, contact in chosen.items() if name not in others)
    return Collected(contacts, len(chosen) - len(contacts), problems)


def _placed(returns: Iterable[Return]) -> Iterator[tuple[str, Contact, int]]:
    """Every contact with the workbook and the sheet row that it stands in."""
    for returned in returns:
        for contact, row in zip(returned.contacts, returned.rows, strict=True):
            yield returned.file, contact, row


def _contradictions(returns: Iterable[Return]) -> Iterator[Problem]:
    first: dict[str, tuple[str, Contact, int]] = {}
    for file, contact, row in _placed(returns):
        other, known, other_row = first.setdefault(contact.contact_id, (file, contact, row))
        if known != contact:
            yield Problem(file, "contradicted", row, facts={"other": other, "other_row": other_row})


def _delivered_otherwise(
    returns: Iterable[Return], others: Mapping[str, tuple[str, Mapping[str, str]]]
) -> Iterator[Problem]:
    for file, contact, row in _placed(returns):
        month, known = others.get(contact.contact_id, ("", None))
        if known is not None and known != _row(contact):
            yield Problem(file, "delivered_otherwise", row, facts={"month": month})


def deliver_contacts(contacts: Iterable[Contact], landing: Path, month: str) -> Path:
    """Write contacts as a file of the data set crm_contacts into the landing folder of ``month``; return its path.

    What was delivered into that file before stays; a contact of the same id replaces it. The file appears whole or
    not at all, and the same contacts give the same bytes. Raises :class:`AlteredFile` when somebody else changed it.
    """
    target = landing / months.parse(month) / FILE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(landing):
        rows = {**_held(target), **{contact.contact_id: _row(contact) for contact in contacts}}
        _write(target, rows.values())
    return target


def withdraw_contacts(ids: Collection[str], landing: Path, month: str) -> None:
    """Take contacts out of the month's file, which is then as if they had never been delivered.

    Ids that it does not hold are passed by. The file goes away with its last contact, and the month's folder with it
    when nothing else was delivered. Raises :class:`AlteredFile` when somebody else changed the file.
    """
    target = landing / months.parse(month) / FILE_NAME
    if not target.is_file():
        return
    with _lock(landing):
        held = _held(target)
        left = [row for name, row in held.items() if name not in ids]
        if left and len(left) < len(held):
            _write(target, left)
        elif held and not left:
            target.unlink()
            with suppress(OSError):
                target.parent.rmdir()


def _lock(landing: Path) -> FileLock:
    """Held by whoever changes a file of collected contacts."""
    return FileLock(landing / f".{FILE_NAME}.lock")


def _write(target: Path, rows: Iterable[Mapping[str, str]]) -> None:
    # beside the month's folder: whatever lies in it is taken for a part of the delivery
    draft = target.parent.parent / f".{FILE_NAME}.{os.getpid()}"
    draft.write_bytes(_serialised(rows))
    draft.replace(target)


def _row(contact: Contact) -> Mapping[str, str]:
    """A contact as the file has it."""
    facts = {column.name: getattr(contact, column.name) for column in _DATA_SET.columns}
    known = {name: "" if fact is None else str(fact) for name, fact in facts.items()}
    return {**known, "cost": "" if contact.cost is None else f"{contact.cost:.2f}"}


def _serialised(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The file's bytes, in the order of lists, subscribers and times."""
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, [column.name for column in _DATA_SET.columns], lineterminator="\n")
    writer.writeheader()
    order = ("list_month", "list_type", "subscriber_id", "contacted_at")
    writer.writerows(sorted(rows, key=lambda row: tuple(row[name] for name in order)))
    return content.getvalue().encode()


def _held(path: Path) -> Mapping[str, Mapping[str, str]]:
    """The rows of a file of collected contacts by their ids; none when it is not there."""
    if not path.is_file():
        return {}
    content = path.read_bytes()
    try:
        rows = {row["contact_id"]: row for row in csv.DictReader(io.StringIO(content.decode(), newline=""))}
        is_whole = _serialised(rows.values()) == content
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        is_whole = False
    if not is_whole:
        raise AlteredFile(path)
    return rows


def _held_by_month(landing: Path) -> tuple[Mapping[str, Mapping[str, Mapping[str, str]]], Sequence[Problem]]:
    """What each month's file of collected contacts holds, and the files that were altered."""
    held: dict[str, Mapping[str, Mapping[str, str]]] = {}
    altered: list[Problem] = []
    for path in sorted(landing.glob(f"*/{FILE_NAME}")):
        month = path.parent.name
        if not months.is_month(month):
            continue
        try:
            held[month] = _held(path)
        except AlteredFile:
            altered.append(Problem(f"{month}/{FILE_NAME}", "altered_file"))
    return held, altered


def is_all_of(delivery: deliveries.Delivery) -> bool:
    """Whether a delivery is nothing but collected contacts: the month's dumps are still to come."""
    return {file.path.name for file in delivery.files} == {FILE_NAME}


def remarks(settings: Settings, month: str) -> Sequence[str]:
    """What whoever delivered a month's contacts must know of the rest of the delivery, in the user's language."""
    facts = {"file": FILE_NAME, "month": month}
    return [text(f"work_returns.note_{code}", settings.language, **facts) for code in _remarks(settings, month)]


def _remarks(settings: Settings, month: str) -> Iterator[str]:
    try:
        delivery = deliveries.find(settings, month)
    except deliveries.DeliveryMissing:
        yield "unmapped"
        return
    if delivery.manifest:
        yield "manifest_states" if delivery.manifest.about(FILE_NAME) else "manifest_silent"
    if all(file.path.name != FILE_NAME for file in delivery.files):
        yield "unmapped"
    else:
        yield "next_run" if len(delivery.files) > 1 else "alone"
