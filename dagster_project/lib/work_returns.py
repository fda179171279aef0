"""What account managers wrote into their work orders, read back as contacts of a delivery.

A workbook that comes back has been through many hands. It is judged as a package first; python-calamine then
gets a copy of the parts that were judged and reads values, never formulas. What is filled in means what the
same text means in a dump (``values``), and what cannot be read is a problem, never a guess.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from xml.parsers import expat

import duckdb
import pyarrow as pa
from filelock import FileLock
from python_calamine import CalamineError, load_workbook

from dagster_project.lib import contract, deliveries, months, rules, values
from dagster_project.lib.dumps import normal_name
from dagster_project.lib.wording import text
from dagster_project.settings import Settings

KEYS = ("list_month", "main_list_type", "subscriber_id", "account_manager", "district")
"""Columns of a work order that say whose row it is; they are handed out filled in."""
FILL_INS = ("contacted_at", "outcome", "measure_code", "cost", "note")
"""Columns of a work order that are handed out empty."""
FILE_NAME = "crm_contacts_work_returns.csv"
"""The file of a month's landing folder that the collected contacts are delivered as."""

MOST_MEGABYTES = 20
MOST_UNPACKED_MEGABYTES = 100
MOST_PACKED = 100
"""How many times as tightly as its contents a workbook may be packed; work orders are packed five to thirty times."""
MOST_CELLS = 1_000_000
"""Of the first sheet, empty ones between filled ones included."""

_DATA_SET = contract.DATA_SETS["crm_contacts"]
_LANGUAGES = ("zh", "en")
_PROSE = ("main_list_type", "account_manager", "district", "note")
_HEADING_ROW = 2
_MEGABYTE = 1 << 20
_MOST_NESTED = 100
_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The only ones that workbooks have."""
_MACRO_SUFFIXES = (".xlsm", ".xltm", ".xlsb", ".xlam")
_CELL = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
_CHINESE_DATE = re.compile(r"(\d{4})\s*[年.]\s*(\d{1,2})\s*[月.]\s*(\d{1,2})\s*[日号]?")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Contact:
    """One contact as the data set crm_contacts has it; ``cost`` in yuan, without a time zone like every dump."""

    contact_id: str
    subscriber_id: str
    list_month: str
    list_type: str
    measure_code: str | None
    contacted_at: dt.datetime
    outcome: str
    cost: Decimal | None
    account_manager: str | None = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a returned workbook: the whole of it without ``row``, a row without ``heading``.

    ``code`` is stable; ``facts`` fill the catalogue's texts and hold nothing that somebody wrote into a cell.
    """

    file: str
    code: str
    row: int | None = None
    heading: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Return:
    """What one returned workbook holds: the contacts of its good rows, the sheet rows they stand in, its problems."""

    file: str
    contacts: tuple[Contact, ...] = ()
    rows: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()


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


class _Unusable(Exception):
    """A workbook of which nothing can be taken; ``code`` and ``facts`` as in :class:`Problem`."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def told(problem: Problem, language: str) -> str:
    """A problem in one line: where it is, what it is, what to do about it."""
    kind = "cell" if problem.heading else "row" if problem.row else "file"
    facts = {
        "file": problem.file,
        "row": problem.row,
        "heading": problem.heading,
        "outcomes": text("work_returns.separator", language).join(
            text(f"work_returns.outcome.{code}", language) for code in outcomes()
        ),
        "example": rules.seed("measures")[0]["measure_code"],
        **problem.facts,
    }
    parts = (f"place_{kind}", f"reason_{problem.code}", f"remedy_{problem.code}")
    place, reason, remedy = (text(f"work_returns.{part}", language, **facts) for part in parts)
    return text("work_returns.told", language, place=place, reason=reason, remedy=remedy)


def read_return(path: Path, month: str, name: str | None = None) -> Return:
    """The contacts that a returned workbook holds for the delivery of ``month``, and everything wrong with it.

    Problems call the workbook ``name`` (its file name when omitted). Nothing that somebody put into a workbook
    raises; :class:`~dagster_project.lib.months.InvalidMonth` and :class:`OSError` of the file do.
    """
    months.parse(month)
    file = name or path.name
    try:
        sheet = _read_sheet(path)
    except _Unusable as found:
        return Return(file, problems=(Problem(file, found.code, facts=found.facts),))
    layout = _recognise(sheet)
    if problems := tuple(_heading_problems(file, layout)):
        return Return(file, problems=problems)
    return _judge(file, _read_lines(sheet, layout), layout, month)


def _read_sheet(path: Path) -> _Sheet:
    parts = _unpack(path)
    part = _first_sheet(parts)
    scan = _SheetScan(_string_lengths(parts))
    _walk(part, scan.open, scan.close, scan.add)
    try:
        with load_workbook(_repacked(parts)) as book:
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, ValueError, IndexError):
        raise _Unusable("unreadable") from None
    return _Sheet(rows, frozenset(scan.formulas), frozenset(scan.errors))


def _unpack(path: Path) -> Mapping[str, bytes]:
    """The XML parts of a workbook, once its directory and they are found harmless."""
    suffix = path.suffix.lower()
    if suffix != ".xlsx":
        raise _Unusable("macros" if suffix in _MACRO_SUFFIXES else "not_a_workbook")
    if path.stat().st_size > MOST_MEGABYTES * _MEGABYTE:
        raise _Unusable("too_many_bytes", most=MOST_MEGABYTES)
    content = path.read_bytes()
    if content.startswith(_ENCRYPTED):
        raise _Unusable("encrypted")
    if not content.startswith(b"PK"):
        raise _Unusable("not_a_workbook")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _judge_directory(archive.infolist())
            named = {info.filename: info for info in archive.infolist()}
            parts = {name: archive.read(info) for name, info in named.items() if name.endswith((".xml", ".rels"))}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        raise _Unusable("unreadable") from None
    _judge_relations(parts)
    return parts


def _judge_directory(entries: Sequence[zipfile.ZipInfo]) -> None:
    names = {entry.filename.lower() for entry in entries}
    if any("vbaproject" in name or name.startswith("xl/macrosheets/") for name in names):
        raise _Unusable("macros")
    if any(name.startswith("xl/externallinks/") or name == "xl/connections.xml" for name in names):
        raise _Unusable("external_links")
    if any(entry.flag_bits & 1 for entry in entries):
        raise _Unusable("encrypted")
    if len(names) < len(entries) or any(entry.compress_type not in _COMPRESSIONS for entry in entries):
        raise _Unusable("unreadable")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED_MEGABYTES * _MEGABYTE:
        raise _Unusable("unpacked_too_big", most=MOST_UNPACKED_MEGABYTES)
    # what little there is may be packed as tightly as it likes
    if unpacked > _MEGABYTE and unpacked > MOST_PACKED * sum(entry.compress_size for entry in entries):
        raise _Unusable("packed_too_tightly", most=MOST_PACKED)


def _judge_relations(parts: Mapping[str, bytes]) -> None:
    """A macro or a link to another file under a harmless name still says here what it is."""
    said = b"".join(part for name, part in parts.items() if name.endswith(".rels") or name == "[Content_Types].xml")
    if b"vbaproject" in said.lower() or b"macroenabled" in said.lower():
        raise _Unusable("macros")
    if b"relationships/externallink" in said.lower():
        raise _Unusable("external_links")


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
        raise _Unusable("unreadable") from None


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
            raise _Unusable("unreadable")
        opened(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal nested
        nested -= 1
        closed(name.rpartition(":")[2])

    def doctype(*_: object) -> None:
        raise _Unusable("unreadable")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = added, doctype
    try:
        parser.Parse(part, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise _Unusable("unreadable") from None


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
            raise _Unusable("unpacked_too_big", most=MOST_UNPACKED_MEGABYTES)

    def _stop_above(self, cells: int) -> None:
        if cells > MOST_CELLS:
            raise _Unusable("too_many_cells", most=f"{MOST_CELLS:,}")


def _position(place: str) -> tuple[int, int]:
    """Row and column of a cell's reference, both from 1."""
    found = _CELL.fullmatch(place)
    if not found:
        raise ValueError
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


@dataclass(frozen=True)
class _Sheet:
    """A sheet's values from its first row on, and the cells (row, column, from 1) that are formulas or errors."""

    rows: Sequence[Sequence[Any]]
    formulas: frozenset[tuple[int, int]]
    errors: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class _Layout:
    """The language of the headings, and the places (from 0) where each column was found."""

    language: str
    places: Mapping[str, Sequence[int]]

    def heading(self, column: str) -> str:
        """What the workbook calls a column."""
        return text(f"work_returns.{column}", self.language)

    def place(self, column: str) -> int:
        """Where a column is, from 0."""
        return self.places[column][0]


def _recognise(sheet: _Sheet) -> _Layout:
    """The layout in the language of which most headings are there."""
    cells = sheet.rows[_HEADING_ROW - 1] if len(sheet.rows) >= _HEADING_ROW else ()
    found = [normal_name(str(cell)) for cell in cells]
    layouts = [_Layout(language, _places(found, language)) for language in _LANGUAGES]
    return max(layouts, key=lambda layout: sum(1 for places in layout.places.values() if places))


def _places(headings: Sequence[str], language: str) -> Mapping[str, Sequence[int]]:
    wanted = {column: normal_name(text(f"work_returns.{column}", language)) for column in (*KEYS, *FILL_INS)}
    return {name: [at for at, heading in enumerate(headings) if heading == one] for name, one in wanted.items()}


def _heading_problems(file: str, layout: _Layout) -> Iterator[Problem]:
    for column, places in layout.places.items():
        if len(places) != 1:
            code = "doubled_heading" if places else "missing_heading"
            yield Problem(file, code, _HEADING_ROW, layout.heading(column))


@dataclass(frozen=True)
class _Line:
    """A row with something filled in: its texts as a dump's are read, what they mean, and what its cells are."""

    row: int
    given: Mapping[str, str | None]
    list_month: str | None
    list_type: str | None
    contacted_at: dt.datetime | None
    outcome: str | None
    measure_code: str | None
    cost: Decimal | None
    amount: Decimal | None
    """The cost before it is held to two decimals."""
    is_damaged: bool
    """The subscriber is no text, or one that a spreadsheet has made of a number."""
    formulas: frozenset[str]
    errors: frozenset[str]


def _read_lines(sheet: _Sheet, layout: _Layout) -> Sequence[_Line]:
    """The rows with something filled in, in the order of the sheet."""
    rows = [(row, cells) for row, cells in enumerate(sheet.rows, 1) if row > _HEADING_ROW]
    touched = [(row, cells) for row, cells in rows if _is_touched(sheet, layout, row, cells)]
    readings = _readings([_texts(layout, cells) for _, cells in touched])
    words = _words_of({read["read_month"] for read in readings})
    read_rows = zip(touched, readings, strict=True)
    lines = (_line(sheet, layout, words, row, cells, read) for (row, cells), read in read_rows)
    return [line for line in lines if any(line.given[c] or c in line.formulas | line.errors for c in FILL_INS)]


def _is_touched(sheet: _Sheet, layout: _Layout, row: int, cells: Sequence[Any]) -> bool:
    """Whether a row may have something filled in: quickly, because most rows have not."""
    places = [layout.place(column) for column in FILL_INS]
    return any(
        str(cells[at]).strip() or (row, at + 1) in sheet.formulas or (row, at + 1) in sheet.errors for at in places
    )


def _texts(layout: _Layout, cells: Sequence[Any]) -> Mapping[str, str]:
    """A row as a dump would write it."""
    texts = {column: _text(cells[layout.place(column)]) for column in (*KEYS, *FILL_INS)}
    return {**texts, "contacted_at": _CHINESE_DATE.sub(r"\1-\2-\3 ", texts["contacted_at"])}


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat(sep=" ") if isinstance(cell, dt.datetime) else str(cell)


def _readings(rows: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, Any]]:
    """What the texts of the rows mean, by the readings of dumps: every column trimmed, and ``read_`` what it says."""
    trimmed = {column: "text_of" if column in _PROSE else "plain_of" for column in (*KEYS, *FILL_INS)}
    cleaned = ", ".join(f"{reading}({column}) as {column}" for column, reading in trimmed.items())
    table = pa.table({column: pa.array([row[column] for row in rows], pa.string()) for column in trimmed})
    with duckdb.connect(config={"threads": 1}) as connection:
        values.define_readings(connection)
        connection.register("delivered", table)
        result = connection.execute(
            f"""
            with cleaned as (select {cleaned} from delivered)
            select
                *,
                month_of(list_month) as read_month,
                moment_of(contacted_at) as read_moment,
                number_of(cost) as read_amount,
                money_of(number_of(cost)) as read_cost,
                coalesce(is_damaged(subscriber_id), false) as read_damage
            from cleaned
            """
        )
        names = [name for name, *_ in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@dataclass(frozen=True)
class _Words:
    """The codes that words stand for, by the words' normal forms; a list's title by the month of the list."""

    lists: Mapping[str | None, Mapping[str, str]]
    outcomes: Mapping[str, str]
    measures: Mapping[str, str]


def _words_of(list_months: Iterable[str | None]) -> _Words:
    outcome_words = {text(f"work_returns.outcome.{code}", each): code for code in outcomes() for each in _LANGUAGES}
    return _Words(
        lists={month: _titles(month) if month else {} for month in list_months},
        outcomes={normal_name(word): code for word, code in outcome_words.items()},
        measures={normal_name(row["measure_code"]): row["measure_code"] for row in rules.seed("measures")},
    )


def _titles(month: str) -> Mapping[str, str]:
    """The lists that are in force in a month, by their titles."""
    in_force = [row for row in rules.seed("list_types") if rules.holds_in(row, month)]
    return {normal_name(row[each]): row["list_type"] for row in in_force for each in _LANGUAGES}


def outcomes() -> Iterable[str]:
    """The codes of what may come of a contact, in the order of the contract."""
    return _DATA_SET.column("outcome").values


def _line(
    sheet: _Sheet, layout: _Layout, words: _Words, row: int, cells: Sequence[Any], reading: Mapping[str, Any]
) -> _Line:
    subscriber = cells[layout.place("subscriber_id")]
    is_text = isinstance(subscriber, str) and (reading["subscriber_id"] or "").isprintable()
    given = {column: reading[column] for column in (*KEYS, *FILL_INS)}
    places = {column: (row, layout.place(column) + 1) for column in given}
    return _Line(
        row=row,
        given=given,
        list_month=reading["read_month"],
        list_type=words.lists[reading["read_month"]].get(normal_name(given["main_list_type"] or "")),
        outcome=words.outcomes.get(normal_name(given["outcome"] or "")),
        measure_code=words.measures.get(normal_name(given["measure_code"] or "")),
        contacted_at=_to_the_second(reading["read_moment"]),
        cost=reading["read_cost"],
        amount=reading["read_amount"],
        is_damaged=reading["read_damage"] or not is_text,
        formulas=frozenset(column for column, place in places.items() if place in sheet.formulas),
        errors=frozenset(column for column, place in places.items() if place in sheet.errors),
    )


def _to_the_second(moment: dt.datetime | None) -> dt.datetime | None:
    """A spreadsheet keeps times as fractions of a day, which rarely meet the second that was typed."""
    return (moment + dt.timedelta(milliseconds=500)).replace(microsecond=0) if moment else None


@dataclass(frozen=True)
class _Finding:
    """What is wrong with a column of a row."""

    column: str
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)


def _judge(file: str, lines: Iterable[_Line], layout: _Layout, month: str) -> Return:
    """Contacts of the rows that are good, and one problem a column of the rows that are not."""
    contacts: list[Contact] = []
    rows: dict[tuple[str, dt.datetime], int] = {}
    problems: list[Problem] = []
    for line in lines:
        findings = _first_of_each_column(_findings(line, month))
        if not findings:
            contact = _contact(line)
            other = rows.setdefault((contact.subscriber_id, contact.contacted_at), line.row)
            if other == line.row:
                contacts.append(contact)
                continue
            findings = [_Finding("contacted_at", "doubled_contact", {"other": other})]
        problems += (Problem(file, one.code, line.row, layout.heading(one.column), one.facts) for one in findings)
    return Return(file, tuple(contacts), tuple(rows.values()), tuple(problems))


def _first_of_each_column(findings: Iterable[_Finding]) -> Sequence[_Finding]:
    first: dict[str, _Finding] = {}
    for finding in findings:
        first.setdefault(finding.column, finding)
    return [first[column] for column in (*KEYS, *FILL_INS) if column in first]


def _findings(line: _Line, month: str) -> Iterator[_Finding]:
    yield from _cell_findings(line)
    yield from _presence_findings(line)
    yield from _key_findings(line, month)
    yield from _moment_findings(line, month)
    if line.given["outcome"] and not line.outcome:
        yield _Finding("outcome", "unknown_outcome")
    if line.given["measure_code"] and not line.measure_code:
        yield _Finding("measure_code", "unknown_measure")
    yield from _cost_findings(line)


def _cell_findings(line: _Line) -> Iterator[_Finding]:
    """What names a contact must not change when the workbook is calculated again; other formulas need a value."""
    for column in (*KEYS, *FILL_INS):
        if column in line.errors:
            yield _Finding(column, "cell_error")
        elif column in line.formulas and (column in (*KEYS, "contacted_at") or line.given[column] is None):
            yield _Finding(column, "formula")


def _presence_findings(line: _Line) -> Iterator[_Finding]:
    """Nobody need be in charge of a subscriber, and the district is no part of a contact."""
    for column in ("list_month", "main_list_type", "subscriber_id"):
        if line.given[column] is None:
            yield _Finding(column, "missing_key")
    for column in ("contacted_at", "outcome"):
        if line.given[column] is None:
            yield _Finding(column, "missing_value")


def _key_findings(line: _Line, month: str) -> Iterator[_Finding]:
    if line.list_month is None:
        yield _Finding("list_month", "bad_month")
    elif line.list_month > month:
        yield _Finding("list_month", "later_month", {"month": month})
    elif not line.list_type:
        yield _Finding("main_list_type", "unknown_list")
    if line.is_damaged:
        yield _Finding("subscriber_id", "damaged_identifier")


def _moment_findings(line: _Line, month: str) -> Iterator[_Finding]:
    if line.contacted_at is None:
        yield _Finding("contacted_at", "bad_date")
        return
    day, last = line.contacted_at.date(), months.last_day(month)
    if day > last:
        yield _Finding("contacted_at", "after_month", {"last": last})
    if line.list_month and day < (first := months.first_day(line.list_month)):
        yield _Finding("contacted_at", "before_list", {"first": first})


def _cost_findings(line: _Line) -> Iterator[_Finding]:
    if line.given["cost"] is None:
        return
    if line.amount is None:
        yield _Finding("cost", "bad_number")
    elif line.amount < 0:
        yield _Finding("cost", "negative_cost")
    elif line.cost is None:
        yield _Finding("cost", "too_many_decimals")


def _contact(line: _Line) -> Contact:
    """The contact of a row without findings, in which all of these are known."""
    list_month, list_type, outcome = str(line.list_month), str(line.list_type), str(line.outcome)
    subscriber_id, contacted_at = str(line.given["subscriber_id"]), cast("dt.datetime", line.contacted_at)
    manager = _CONTROLS.sub(" ", line.given["account_manager"] or "").strip()
    return Contact(
        contact_id=contact_id(list_month, list_type, subscriber_id, contacted_at),
        subscriber_id=subscriber_id,
        list_month=list_month,
        list_type=list_type,
        measure_code=line.measure_code,
        contacted_at=contacted_at,
        outcome=outcome,
        cost=line.cost,
        account_manager=manager or None,
    )


def contact_id(list_month: str, list_type: str, subscriber_id: str, contacted_at: dt.datetime) -> str:
    """What names a contact: ``W`` and 16 hex digits of the sha256 of the four, one a line; the time to the second."""
    lines = (list_month, list_type, subscriber_id, contacted_at.isoformat(sep=" ", timespec="seconds"))
    return "W" + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def collect(returns: Sequence[Return], landing: Path, month: str) -> Collected:
    """What the workbooks hold together for ``month``, against each other and against what was collected before.

    A contact that two of them hold alike counts once, and one that another month's file holds already is left out;
    where two sources say otherwise of a contact it is a problem, because none of them is known to be right.
    """
    held, altered = _held_by_month(landing)
    others = {name: (each, row) for each, rows in held.items() if each != month for name, row in rows.items()}
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
    # beside the month's folder: whatever lies in it is taken for a part of the delivery
    draft = landing / f".{FILE_NAME}.{os.getpid()}"
    with FileLock(landing / f".{FILE_NAME}.lock"):
        rows = {**_held(target), **{contact.contact_id: _row(contact) for contact in contacts}}
        draft.write_bytes(_serialised(rows.values()))
        draft.replace(target)
    return target


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
