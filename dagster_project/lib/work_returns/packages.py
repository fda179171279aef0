"""A returned workbook as a package: whether it is harmless, and the values of its first sheet.

It has been through many hands. Its zip directory and its parts are judged first; python-calamine then gets a copy of
the parts that were judged and reads values, never formulas.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from python_calamine import CalamineError, load_workbook

MOST_MEGABYTES = 20
MOST_UNPACKED_MEGABYTES = 100
MOST_PACKED = 100
"""How many times as tightly as its contents a workbook may be packed; work orders are packed five to thirty times."""
MOST_CELLS = 1_000_000
"""Of the first sheet, empty ones between filled ones included."""

_MEGABYTE = 1 << 20
_MOST_NESTED = 100
_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The only ones that workbooks have."""
_MACRO_SUFFIXES = (".xlsm", ".xltm", ".xlsb", ".xlam")
_CELL = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")


class Unusable(Exception):
    """A workbook of which nothing can be taken; ``code`` and ``facts`` as in :class:`~.contacts.Problem`."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True)
class Sheet:
    """A sheet's values from its first row on, and the cells (row, column, from 1) that are formulas or errors."""

    rows: Sequence[Sequence[Any]]
    formulas: frozenset[tuple[int, int]]
    errors: frozenset[tuple[int, int]]


def read_sheet(path: Path) -> Sheet:
    """The first sheet of a workbook; raises :class:`Unusable` for one of which nothing can be taken."""
    parts = _unpack(path)
    part = _first_sheet(parts)
    scan = _SheetScan(_string_lengths(parts))
    _walk(part, scan.open, scan.close, scan.add)
    try:
        with load_workbook(_repacked(parts)) as book:
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, ValueError, IndexError):
        raise Unusable("unreadable") from None
    return Sheet(rows, frozenset(scan.formulas), frozenset(scan.errors))


def _unpack(path: Path) -> Mapping[str, bytes]:
    """The XML parts of a workbook, once its directory and they are found harmless."""
    suffix = path.suffix.lower()
    if suffix != ".xlsx":
        raise Unusable("macros" if suffix in _MACRO_SUFFIXES else "not_a_workbook")
    if path.stat().st_size > MOST_MEGABYTES * _MEGABYTE:
        raise Unusable("too_many_bytes", most=MOST_MEGABYTES)
    content = path.read_bytes()
    if content.startswith(_ENCRYPTED):
        raise Unusable("encrypted")
    if not content.startswith(b"PK"):
        raise Unusable("not_a_workbook")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _judge_directory(archive.infolist())
            named = {info.filename: info for info in archive.infolist()}
            parts = {name: archive.read(info) for name, info in named.items() if name.endswith((".xml", ".rels"))}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        raise Unusable("unreadable") from None
    _judge_relations(parts)
    return parts


def _judge_directory(entries: Sequence[zipfile.ZipInfo]) -> None:
    names = {entry.filename.lower() for entry in entries}
    if any("vbaproject" in name or name.startswith("xl/macrosheets/") for name in names):
        raise Unusable("macros")
    if any(name.startswith("xl/externallinks/") or name == "xl/connections.xml" for name in names):
        raise Unusable("external_links")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unusable("encrypted")
    if len(names) < len(entries) or any(entry.compress_type not in _COMPRESSIONS for entry in entries):
        raise Unusable("unreadable")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED_MEGABYTES * _MEGABYTE:
        raise Unusable("unpacked_too_big", most=MOST_UNPACKED_MEGABYTES)
    # what little there is may be packed as tightly as it likes
    if unpacked > _MEGABYTE and unpacked > MOST_PACKED * sum(entry.compress_size for entry in entries):
        raise Unusable("packed_too_tightly", most=MOST_PACKED)


def _judge_relations(parts: Mapping[str, bytes]) -> None:
    """A macro or a link to another file under a harmless name still says here what it is."""
    said = b"".join(part for name, part in parts.items() if name.endswith(".rels") or name == "[Content_Types].xml")
    if b"vbaproject" in said.lower() or b"macroenabled" in said.lower():
        raise Unusable("macros")
    if b"relationships/externallink" in said.lower():
        raise Unusable("external_links")


def _repacked(parts: Mapping[str, bytes]) -> io.BytesIO:
    """A package of what was judged and nothing else: sizes that a directory misstates cannot harm who opens it."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    package.seek(0)
    return package


def _first_sheet(parts: Mapping[str, bytes]) -> bytes:
    sheets: list[str] = []
    targets: dict[str, str] = {}

    def relation(name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    def sheet(name: str, attributes: Mapping[str, str]) -> None:
        if name == "sheet":
            sheets.extend(value for key, value in attributes.items() if key.endswith(":id"))

    try:
        _walk(parts["xl/_rels/workbook.xml.rels"], relation)
        _walk(parts["xl/workbook.xml"], sheet)
        target = targets[sheets[0]].lstrip("/")
        return parts[target if target.startswith("xl/") else f"xl/{target}"]
    except (KeyError, IndexError):
        raise Unusable("unreadable") from None


def _walk(
    part: bytes,
    opened: Callable[[str, Mapping[str, str]], None],
    closed: Callable[[str], None] = lambda name: None,
    added: Callable[[str], None] = lambda text: None,
) -> None:
    """Tell of every element of an XML part by its name without prefix; keeps nothing, expands nothing."""
    nested = 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal nested
        nested += 1
        if nested > _MOST_NESTED:
            raise Unusable("unreadable")
        opened(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal nested
        nested -= 1
        closed(name.rpartition(":")[2])

    def doctype(*_: object) -> None:
        raise Unusable("unreadable")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = added, doctype
    try:
        parser.Parse(part, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise Unusable("unreadable") from None


def _string_lengths(parts: Mapping[str, bytes]) -> Sequence[int]:
    """How long each text is that cells share."""
    lengths: list[int] = []

    def opened(name: str, _: Mapping[str, str]) -> None:
        if name == "si":
            lengths.append(0)

    def added(piece: str) -> None:
        if lengths:
            lengths[-1] += len(piece)

    for name, part in parts.items():
        if name.lower() == "xl/sharedstrings.xml":
            _walk(part, opened, added=added)
    return lengths


class _SheetScan:
    """Finds out what a sheet would take to read, and which cells (row, column, from 1) are formulas or errors."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.formulas: set[tuple[int, int]] = set()
        self.errors: set[tuple[int, int]] = set()
        self._lengths = lengths
        self._row = self._column = self._height = self._width = self._cells = 0
        self._characters = 0
        self._kind: str | None = None
        self._value: list[str] | None = None

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if name == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif name == "c":
            self._open_cell(attributes)
        elif self._kind is not None:
            self._open_content(name)

    def close(self, name: str) -> None:
        """An element ends."""
        if name == "c":
            self._kind = None
        elif name == "v" and self._value is not None:
            self._add_shared("".join(self._value))
            self._value = None

    def add(self, piece: str) -> None:
        """Text between elements."""
        if self._value is not None:
            self._value.append(piece)

    def _open_cell(self, attributes: Mapping[str, str]) -> None:
        self._cells += 1
        if place := attributes.get("r"):
            self._row, self._column = _position(place)
        else:
            self._column += 1
        self._kind = attributes.get("t", "n")
        if self._kind == "e":
            self.errors.add((self._row, self._column))
        self._stop_above(self._cells)

    def _open_content(self, name: str) -> None:
        """What has content stretches the sheet to its place: readers fill the gaps."""
        if name == "f":
            self.formulas.add((self._row, self._column))
        elif name == "v":
            self._value = []
        self._height, self._width = max(self._height, self._row), max(self._width, self._column)
        self._stop_above(self._height * self._width)

    def _add_shared(self, value: str) -> None:
        """A long text costs its length in every cell that shows it."""
        if self._kind == "s":
            self._characters += self._lengths[int(value)]
        if self._characters > MOST_UNPACKED_MEGABYTES * _MEGABYTE:
            raise Unusable("unpacked_too_big", most=MOST_UNPACKED_MEGABYTES)

    def _stop_above(self, cells: int) -> None:
        if cells > MOST_CELLS:
            raise Unusable("too_many_cells", most=f"{MOST_CELLS:,}")


def _position(place: str) -> tuple[int, int]:
    """Row and column of a cell's reference, both from 1."""
    found = _CELL.fullmatch(place)
    if not found:
        raise ValueError
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column
