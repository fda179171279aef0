"""Plates: a published workbook made ready for copies, with everything packed that all copies of it have in common.

In a plate every row has a cell for its code that points into the texts that cells share; a copy only brings texts of
its own. A plate is one file: the packed rows, a description in JSON, and the length of it.
"""

from __future__ import annotations

import errno
import json
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from dagster_project.lib.wording import text
from dagster_project.portal.copies.layout import (
    HEADER_ROWS,
    OWNER_LETTER,
    PHONE_LETTER,
    Cut,
    UnusableSource,
    cell_markup,
    masked,
    require_owner_heading,
)
from dagster_project.portal.copies.package import Run, packed_open

STRINGS = "xl/sharedStrings.xml"
WORKBOOK = "xl/workbook.xml"
_SHEET = "xl/worksheets/sheet{}.xml"
_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 18
_BATCH_ROWS = 128
_ROW_END = b"</row>"
_END_OF_ROWS = b"</sheetData>"
_FIRST_ROW = HEADER_ROWS + 1
_CODE_WIDTH = "18.7109375"
_SHARED = ' t="s"'
_EMPTY_STRING = "<si><t></t></si>"
_OWNER = re.compile(rb'<c r="%s\d+"[^>]*><is><t[^>]*>([^<]*)</t>' % OWNER_LETTER.encode())
_PHONE = re.compile(rb'(<c r="%s\d+"[^>]*><is><t[^>]*>)([^<]*)' % PHONE_LETTER.encode())
_PLACES = re.compile(rb'(<(?:row|c) r="[A-Z]*)\d+')


@dataclass(frozen=True)
class PlateSheet:
    """A sheet of rows in a plate: where its packed bytes begin, how far its run came, and what follows its rows."""

    name: str
    start: int
    run: Run
    tail: str


@dataclass(frozen=True)
class Plate:
    """What the copies of a workbook share; ``parts`` and ``strings`` are XML, ``titles`` places among the strings.

    The strings are followed by the heading of the codes and the codes of ``rows`` rows; ``uses`` counts the cells that
    point to any of them.
    """

    sheets: tuple[PlateSheet, ...]
    parts: Mapping[str, str]
    strings: tuple[str, ...]
    titles: tuple[int, ...]
    uses: int
    rows: int


@dataclass
class _Draft:
    """A plate in the making: where from and where to, and what was found so far."""

    book: zipfile.ZipFile
    target: IO[bytes]
    cut: Cut
    language: str
    strings: list[str]
    is_empty: bool
    sheets: list[PlateSheet] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True)
class _Frame:
    """A sheet without its rows: the XML before them, the code's column, its style, the last row, the title's place."""

    head: str
    letter: str
    style: str
    last_row: int
    title: int
    is_bare: bool
    """Whether none of its rows are among those that the copy shows."""


def make_plate(source: Path, target: IO[bytes], cut: Cut, rows: int, language: str) -> None:
    """Write the plate of a published workbook of ``rows`` rows; raises :class:`UnusableSource`.

    Sheets pass through in chunks. The code's column is locked and is sorted along with the others; everything else
    is as published, but for what ``cut`` says.
    """
    try:
        with zipfile.ZipFile(source) as book:
            strings = re.findall(r"<si>.*?</si>", book.read(STRINGS).decode(), re.DOTALL)
            # a place for an account manager's own number of rows, which is known in the end
            strings += [_EMPTY_STRING] if cut.owner is not None else []
            described = json.dumps(asdict(_write(_Draft(book, target, cut, language, strings, not rows), rows)))
    except (zipfile.BadZipFile, zlib.error, KeyError, IndexError, ValueError, EOFError):
        raise UnusableSource("it is no workbook as lists are") from None
    except OSError as error:
        # a directory that leads out of its file
        if error.errno == errno.EINVAL:
            raise UnusableSource("it is no workbook as lists are") from None
        raise
    target.write(described.encode() + _LENGTH.pack(len(described)))


def read_plate(file: IO[bytes]) -> Plate:
    """What an open plate says of itself."""
    file.seek(-_LENGTH.size, 2)
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    file.seek(-_LENGTH.size - length, 2)
    content: dict[str, Any] = json.loads(file.read(length))
    sheets = (PlateSheet(**{**sheet, "run": Run(**sheet["run"])}) for sheet in content["sheets"])
    lists = {name: tuple(content[name]) for name in ("strings", "titles")}
    return Plate(**{**content, **lists, "sheets": tuple(sheets)})


def packed_rows(file: IO[bytes], sheet: PlateSheet) -> Iterator[bytes]:
    """The packed bytes of a plate's sheet."""
    file.seek(sheet.start)
    left = sheet.run.packed_size
    while left:
        chunk = file.read(min(_CHUNK, left))
        left -= len(chunk)
        yield chunk


def string_text(item: str) -> str:
    """What the markup of a shared text says, still escaped."""
    return "".join(re.findall(r"<t[^>]*>([^<]*)</t>", item))


def _write(draft: _Draft, expected: int) -> Plate:
    names = draft.book.namelist()
    *rows, notes = sorted((name for name in names if name.startswith("xl/worksheets/")), key=_number)
    for name in rows:
        _add_sheet(draft, name)
    if draft.cut.owner is None and draft.rows != expected:
        raise UnusableSource("it has other rows than its manifest says")
    parts = {name: draft.book.read(name).decode() for name in names if name not in {*rows, STRINGS}}
    if draft.cut.owner is not None:
        parts[notes] = _recounted(draft, parts[notes])
    parts[WORKBOOK] = _with_ranges(parts[WORKBOOK], draft.frames)
    shell = (*(frame.head for frame in draft.frames), parts[notes])
    return Plate(
        sheets=tuple(draft.sheets),
        parts=parts,
        strings=tuple(draft.strings),
        titles=tuple(frame.title for frame in draft.frames),
        uses=sum(part.count(_SHARED) for part in shell) + draft.rows,
        rows=draft.rows,
    )


def _number(name: str) -> int:
    return int("".join(re.findall(r"\d", name)))


def _add_sheet(draft: _Draft, name: str) -> None:
    frame = _frame(draft, name)
    start, run = draft.target.tell(), Run()
    tail: list[bytes] = []
    with draft.book.open(name) as part:
        lines = islice(_lines(part), HEADER_ROWS, None)
        for packed, run in packed_open(_batches(_sheet(draft, frame, lines, tail))):  # noqa: B007  (the last one stays)
            draft.target.write(packed)
    draft.sheets.append(PlateSheet(name, start, run, _tail(frame, b"".join(tail).decode())))
    draft.frames.append(frame)


def _lines(part: IO[bytes]) -> Iterator[bytes]:
    """A sheet's XML cut after every row, without the cut; the first has all before the rows, the last all after."""
    rest = b""
    while chunk := part.read(_CHUNK):
        *lines, rest = (rest + chunk).split(_ROW_END)
        yield from lines
    yield rest


def _batches(rows: Iterator[bytes]) -> Iterator[bytes]:
    while batch := b"".join(islice(rows, _BATCH_ROWS)):
        yield batch


def _frame(draft: _Draft, name: str) -> _Frame:
    with draft.book.open(name) as part:
        lines = _lines(part)
        title, headings, first = (line.decode() for line in islice(lines, _FIRST_ROW))
        owned = sum(_is_owned(draft, line) for line in (first.encode(), *lines)) if draft.cut.owner is not None else 0
    cells = re.findall(r'<c r="([A-Z]+)2" s="(\d+)" t="s"><v>(\d+)</v>', headings)
    words = {letter: string_text(draft.strings[int(place)]) for letter, _, place in cells}
    require_owner_heading(words.get(OWNER_LETTER, ""), draft.language)
    column = xl_cell_to_rowcol(f"{cells[-1][0]}1")[1] + 1
    letter = xl_col_to_name(column)
    published = int(re.findall(r'<dimension ref="A1:[A-Z]+(\d+)"', title)[0])
    last_row = max(HEADER_ROWS + owned, _FIRST_ROW) if draft.cut.owner is not None else published
    wider = f'<col min="{column + 1}" max="{column + 1}" width="{_CODE_WIDTH}" customWidth="1"/></cols>'
    title = re.sub(r'<dimension ref="[^"]*"', f'<dimension ref="A1:{letter}{last_row}"', title)
    heading = f'<c r="{letter}2" s="{cells[-1][1]}"{_SHARED}><v>{len(draft.strings)}</v></c>'
    styles = Counter(re.findall(r' s="(\d+)" t="inlineStr"', first))
    return _Frame(
        head=f"{title.replace('</cols>', wider)}</row>{_unspanned(headings)}{heading}</row>",
        letter=letter,
        style=max(styles, key=lambda style: styles[style], default="0"),
        last_row=last_row,
        title=int(re.findall(rf'<c r="A1"[^>]*{_SHARED}><v>(\d+)</v>', title)[0]),
        is_bare=draft.cut.owner is not None and not owned and not draft.is_empty,
    )


def _unspanned(row: str) -> str:
    """A row without the hint which columns it has, which would now leave one out."""
    return re.sub(r' spans="[^"]*"', "", row, count=1)


def _sheet(draft: _Draft, frame: _Frame, lines: Iterator[bytes], tail: list[bytes]) -> Iterator[bytes]:
    """A copy's sheet up to the end of its rows; what follows is put into ``tail``."""
    yield frame.head.encode()
    place = HEADER_ROWS
    for line in lines:
        if line.startswith(_END_OF_ROWS):
            tail.append(line)
        elif draft.is_empty:
            yield line + _ROW_END
        elif _is_owned(draft, line):
            place += 1
            yield _row(draft, frame, line, place)
    if frame.is_bare:
        words = cell_markup(text("lists.no_rows", draft.language))
        yield b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>' % (_FIRST_ROW, _FIRST_ROW, words)


def _is_owned(draft: _Draft, line: bytes) -> bool:
    """Whether a row is among those that the copy shows."""
    if draft.cut.owner is None:
        return True
    found = _OWNER.search(line)
    return found is not None and found[1] == cell_markup(draft.cut.owner)


def _row(draft: _Draft, frame: _Frame, line: bytes, place: int) -> bytes:
    if draft.cut.owner is not None:
        line = _PLACES.sub(rb"\g<1>%d" % place, line)
    if draft.cut.is_masked:
        line = _PHONE.sub(lambda found: found[1] + masked(found[2].decode()).encode(), line, count=1)
    draft.rows += 1
    code = f'<c r="{frame.letter}{place}" s="{frame.style}"{_SHARED}><v>{len(draft.strings) + draft.rows}</v></c></row>'
    return line + code.encode()


def _tail(frame: _Frame, tail: str) -> str:
    """What follows the rows, for the copy's rows; a sheet without rows has nothing to check."""
    if frame.is_bare:
        tail = re.sub(r"<dataValidations.*</dataValidations>", "", tail, flags=re.DOTALL)
    tail = re.sub(r'(sqref="[A-Z]+3:[A-Z]+)\d+"', rf'\g<1>{frame.last_row}"', tail)
    return re.sub(r'(<autoFilter ref="A2:)[A-Z]+\d+"', rf'\g<1>{frame.letter}{frame.last_row}"', tail)


def _with_ranges(workbook: str, frames: list[_Frame]) -> str:
    """The workbook's part, whose filters and print areas go over the rows of the copy."""
    for index, frame in enumerate(frames):
        begin = rf'(<definedName name="_xlnm\.{{}}" localSheetId="{index}"[^>]*>[^<]*\$A\${{}}:\$)'
        for name, row, letters in (("_FilterDatabase", 2, frame.letter), ("Print_Area", 1, r"\g<2>")):
            pattern = begin.format(name, row) + r"([A-Z]+)\$\d+</definedName>"
            workbook = re.sub(pattern, rf"\g<1>{letters}${frame.last_row}</definedName>", workbook)
    return workbook


def _recounted(draft: _Draft, notes: str) -> str:
    """The notes, which name the copy's number of rows; the list's own leaves the book with it."""
    label = text("lists.note_rows_label", draft.language)
    cells = re.findall(r'<c r="A(\d+)"[^>]*><v>(\d+)</v></c><c r="B\1"[^>]*><v>(\d+)</v>', notes)
    for row, name, value in cells:
        if string_text(draft.strings[int(name)]) == label:
            notes = re.sub(rf'(<c r="B{row}"[^>]*><v>)\d+', rf"\g<1>{len(draft.strings) - 1}", notes)
            draft.strings[-1] = f"<si><t>{draft.rows:,}</t></si>"
            shell = notes + "".join(frame.head for frame in draft.frames)
            if not re.search(rf"{_SHARED}><v>{value}</v>", shell):
                draft.strings[int(value)] = _EMPTY_STRING
    return notes
