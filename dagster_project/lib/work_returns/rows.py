"""The rows of a returned work order: contacts where they are good, problems where they are not.

What is filled in means what the same text means in a dump (``values``), and what cannot be read is a problem, never a
guess.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from dagster_project.lib import months, rules, values
from dagster_project.lib.dumps import normal_name
from dagster_project.lib.wording import LANGUAGES, text
from dagster_project.lib.work_returns.contacts import FILL_INS, KEYS, Contact, Problem, Return, contact_id, outcomes
from dagster_project.lib.work_returns.packages import Sheet, Unusable, read_sheet

_PROSE = ("main_list_type", "account_manager", "district", "note")
HEADING_ROW = 2
"""Where a work order has its headings, below its title."""
_CHINESE_DATE = re.compile(r"(\d{4})\s*[年.]\s*(\d{1,2})\s*[月.]\s*(\d{1,2})\s*[日号]?")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def read_return(path: Path, month: str, name: str | None = None) -> Return:
    """The contacts that a returned workbook holds for the delivery of ``month``, and everything wrong with it.

    Problems call the workbook ``name`` (its file name when omitted). Nothing that somebody put into a workbook
    raises; :class:`~dagster_project.lib.months.InvalidMonth` and :class:`OSError` of the file do.
    """
    months.parse(month)
    file = name or path.name
    try:
        sheet = read_sheet(path)
    except Unusable as found:
        return Return(file, problems=(Problem(file, found.code, facts=found.facts),))
    layout = _recognise(sheet)
    if problems := tuple(_heading_problems(file, layout)):
        return Return(file, problems=problems)
    return _judge(file, _read_lines(sheet, layout), layout, month)


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


def _recognise(sheet: Sheet) -> _Layout:
    """The layout in the language of which most headings are there."""
    cells = sheet.rows[HEADING_ROW - 1] if len(sheet.rows) >= HEADING_ROW else ()
    found = [normal_name(str(cell)) for cell in cells]
    layouts = [_Layout(language, _places(found, language)) for language in LANGUAGES]
    return max(layouts, key=lambda layout: sum(1 for places in layout.places.values() if places))


def _places(headings: Sequence[str], language: str) -> Mapping[str, Sequence[int]]:
    wanted = {column: normal_name(text(f"work_returns.{column}", language)) for column in (*KEYS, *FILL_INS)}
    return {name: [at for at, heading in enumerate(headings) if heading == one] for name, one in wanted.items()}


def _heading_problems(file: str, layout: _Layout) -> Iterator[Problem]:
    for column, places in layout.places.items():
        if len(places) != 1:
            code = "doubled_heading" if places else "missing_heading"
            yield Problem(file, code, HEADING_ROW, layout.heading(column))


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


def _read_lines(sheet: Sheet, layout: _Layout) -> Sequence[_Line]:
    """The rows with something filled in, in the order of the sheet."""
    rows = [(row, cells) for row, cells in enumerate(sheet.rows, 1) if row > HEADING_ROW]
    touched = [(row, cells) for row, cells in rows if _is_touched(sheet, layout, row, cells)]
    readings = _readings([_texts(layout, cells) for _, cells in touched])
    words = _words_of({read["read_month"] for read in readings})
    read_rows = zip(touched, readings, strict=True)
    lines = (_line(sheet, layout, words, row, cells, read) for (row, cells), read in read_rows)
    return [line for line in lines if any(line.given[c] or c in line.formulas | line.errors for c in FILL_INS)]


def _is_touched(sheet: Sheet, layout: _Layout, row: int, cells: Sequence[Any]) -> bool:
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
    outcome_words = {text(f"work_returns.outcome.{code}", each): code for code in outcomes() for each in LANGUAGES}
    return _Words(
        lists={month: _titles(month) if month else {} for month in list_months},
        outcomes={normal_name(word): code for word, code in outcome_words.items()},
        measures={normal_name(row["measure_code"]): row["measure_code"] for row in rules.seed("measures")},
    )


def _titles(month: str) -> Mapping[str, str]:
    """The lists that are in force in a month, by their titles."""
    in_force = [row for row in rules.seed("list_types") if rules.holds_in(row, month)]
    return {normal_name(row[each]): row["list_type"] for row in in_force for each in LANGUAGES}


def _line(
    sheet: Sheet, layout: _Layout, words: _Words, row: int, cells: Sequence[Any], reading: Mapping[str, Any]
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
