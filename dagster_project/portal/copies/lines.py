"""A person's copy of a CSV file: two more columns, the row's code and whom the copy was made for.

There is no line for a mark of the whole: what reads the file would take it for a row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

from dagster_project.portal.copies.codes import codes
from dagster_project.portal.copies.layout import (
    OWNER_PLACE,
    PHONE_PLACE,
    Cut,
    UnusableSource,
    masked,
    require_owner_heading,
)
from dagster_project.portal.copies.marks import mark_of
from dagster_project.portal.models import Copy

_BYTE_ORDER_MARK = "\ufeff"


def marked_lines(source: IO[bytes], copy: Copy, cut: Cut, language: str) -> Iterator[tuple[bytes, int]]:
    """The copy's records, each with how many rows there are with it; raises :class:`UnusableSource`.

    What is published of a row stays byte for byte, but for what ``cut`` says.
    """
    mark = mark_of(copy, language)
    records = _records(source)
    heading = next(records, b"")
    try:
        require_owner_heading(_cells(heading)[OWNER_PLACE], language)
        yield _joined(heading, mark.code_heading, mark.person_heading), 0
        numbered, rows = codes(copy), 0
        for record in records:
            shown = _cut(record, cut)
            if shown is not None:
                rows += 1
                yield _joined(shown, next(numbered), mark.line), rows
    except (IndexError, UnicodeDecodeError, csv.Error):
        raise UnusableSource("it is no CSV file as lists are") from None


def _records(source: IO[bytes]) -> Iterator[bytes]:
    """The file's records with their ends; a line break between quotation marks ends none."""
    held: list[bytes] = []
    is_open = False
    for line in source:
        is_open ^= line.count(b'"') % 2 == 1
        if is_open or held:
            held.append(line)
        if not is_open:
            yield b"".join(held) if held else line
            held = []
    yield from held


def _cells(record: bytes) -> list[str]:
    found = next(csv.reader(io.StringIO(record.decode(), newline=""), strict=True))
    return [found[0].removeprefix(_BYTE_ORDER_MARK), *found[1:]]


def _cut(record: bytes, cut: Cut) -> bytes | None:
    """What the copy shows of a row; None when it does not show it."""
    if not cut.is_masked and cut.owner is None:
        return record
    cells = _cells(record)
    if cut.owner is not None and cells[OWNER_PLACE] != cut.owner:
        return None
    if not cut.is_masked or not cells[PHONE_PLACE]:
        return record
    cells[PHONE_PLACE] = masked(cells[PHONE_PLACE])
    return _line(cells)


def _joined(record: bytes, code: str, person: str) -> bytes:
    return record.rstrip(b"\r\n") + b"," + _line([code, person])


def _line(cells: list[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
