"""Exact splitting of CSV text into records, for files that the fast reader does not account for.

Every record keeps the number of its first physical line. A stray or unbalanced quote costs the line
it stands on and no other: the splitter takes up again at the next line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dagster_project.lib.dumps import DumpText, Header

_MAX_RECORD_LINES = 1_000
_MAX_RECORD_CHARACTERS = 131_000
"""Just below the longest field that Python's csv module takes."""

BROKEN_QUOTE = "broken_quote"
WRONG_COLUMN_COUNT = "wrong_column_count"


@dataclass(frozen=True)
class SplitCounts:
    """What became of the lines below the header: records written and records damaged."""

    records: int
    damaged: int


@dataclass(frozen=True)
class Record:
    """One record: its first line, its text, and why it is damaged (empty when it is not)."""

    line: int
    text: str
    damage: str = ""


class _Shape:
    """What a record of ``width`` fields looks like."""

    def __init__(self, delimiter: str, width: int) -> None:
        mark = re.escape(delimiter)
        quoted = '"(?:[^"]++|"")*+"'
        plain = f'(?:[^"{mark}\\n][^{mark}\\n]*+)?'
        unquoted = f'[^"{mark}\\n]*+'
        field = f"(?:{quoted}|{plain})"
        self.delimiter = delimiter
        self.width = width
        self.any_record = re.compile(f"{field}(?:{mark}{field})*+")
        self.opening = re.compile(f'(?:{field}{mark})*+"(?:[^"]++|"")*+')
        strict = f"(?:{quoted}|{unquoted})"
        self.whole_line = re.compile(f"{strict}(?:{mark}{strict}){{{width - 1}}}")

    def judge(self, line: int, text: str) -> Record:
        """A closed record, good when it has the right number of fields."""
        has_quotes = '"' in text
        count = len(_fields(self.delimiter, text)) if has_quotes else text.count(self.delimiter) + 1
        return Record(line, text, "" if count == self.width else WRONG_COLUMN_COUNT)


def _fields(delimiter: str, text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter), [""])


class _Lines:
    """Physical lines with their numbers, with as much looking ahead as a record needs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ahead: list[str] = []
        self.number = 0

    def take(self) -> str | None:
        line = self._ahead.pop(0) if self._ahead else self._read()
        self.number += line is not None
        return line

    def peek(self, index: int) -> str | None:
        while len(self._ahead) <= index:
            line = self._read()
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[index]

    def _read(self) -> str | None:
        line = self._stream.readline()
        return line.removesuffix("\n") if line else None


def split(text: DumpText, header: Header) -> Iterator[Record]:
    """The records below the header, in order; blank lines between records are none."""
    shape = _Shape(header.delimiter, len(header.names))
    with text.path.open(encoding="utf-8", newline="\n") as stream:
        lines = _Lines(stream)
        for _ in range(header.line):
            lines.take()
        while (line := lines.take()) is not None:
            if line:
                yield _record(lines, shape, line)


def _record(lines: _Lines, shape: _Shape, line: str) -> Record:
    number = lines.number
    if len(line) > _MAX_RECORD_CHARACTERS:
        return Record(number, line[:_MAX_RECORD_CHARACTERS], WRONG_COLUMN_COUNT)
    if '"' not in line or shape.any_record.fullmatch(line):
        return shape.judge(number, line)
    continuation = _continuation(lines, shape, line) if shape.opening.fullmatch(line) else None
    if continuation is None:
        return Record(number, line, BROKEN_QUOTE)
    count, whole = continuation
    for _ in range(count):
        lines.take()
    return Record(number, whole)


def _continuation(lines: _Lines, shape: _Shape, line: str) -> tuple[int, str] | None:
    """How many more lines complete the record that ``line`` opens, and its text; None when none do.

    A line on the way that is a whole record by itself says that the quote was a stray one.
    """
    pieces, size = [line], len(line)
    for index in range(_MAX_RECORD_LINES):
        piece = lines.peek(index)
        if piece is None or (shape.width > 1 and shape.whole_line.fullmatch(piece)):
            return None
        pieces.append(piece)
        size += len(piece) + 1
        if size > _MAX_RECORD_CHARACTERS:
            return None
        if '"' not in piece:
            continue
        whole = "\n".join(pieces)
        if shape.any_record.fullmatch(whole):
            return (index + 1, whole) if not shape.judge(0, whole).damage else None
        if not shape.opening.fullmatch(whole):
            return None
    return None


def write_clean(text: DumpText, header: Header, clean: Path, damaged: Path) -> SplitCounts:
    """Write good records to ``clean``, each behind its line number, and the others to ``damaged``.

    ``clean`` has the header's delimiter and no header row; ``damaged`` is comma-separated:
    line, reason code, text.
    """
    counts = [0, 0]
    with clean.open("w", encoding="utf-8", newline="") as good, damaged.open("w", encoding="utf-8", newline="") as bad:
        damaged_rows = csv.writer(bad, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for record in split(text, header):
            counts[bool(record.damage)] += 1
            if record.damage:
                damaged_rows.writerow((record.line, record.damage, record.text))
            else:
                good.write(_clean_line(record, header.delimiter))
    return SplitCounts(*counts)


def _clean_line(record: Record, delimiter: str) -> str:
    if '"' not in record.text:
        return f"{record.line}{delimiter}{record.text}\n"
    quoted = ('"' + field.replace('"', '""') + '"' for field in _fields(delimiter, record.text))
    return f"{record.line}{delimiter}{delimiter.join(quoted)}\n"
