"""Returned work orders: what was filled in arrives as contacts, and what cannot be used is told and not guessed."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import xlsxwriter
import yaml
from click.testing import CliRunner, Result
from delivered import MONTH, Branch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dagster_project import cli
from dagster_project.lib import contract, deliveries, rehearsal, rules, wording, work_returns
from dagster_project.lib.work_returns import (
    AlteredFile,
    Contact,
    OrderBook,
    Problem,
    Return,
    collect,
    contact_id,
    deliver_contacts,
    of_own_orders,
    packages,
    read_return,
    told,
    withdraw_contacts,
)

HEADINGS = {
    "zh": {
        "list_month": "名单月份",
        "main_list_type": "主要名单",
        "subscriber_id": "用户编号",
        "account_manager": "客户经理",
        "district": "区县",
        "reason": "原因",
        "msisdn": "手机号码",
        "contacted_at": "接触时间",
        "outcome": "接触结果",
        "measure_code": "采用措施",
        "cost": "成本(元)",
        "note": "备注",
    },
    "en": {
        "list_month": "List month",
        "main_list_type": "Main list",
        "subscriber_id": "Subscriber id",
        "account_manager": "Account manager",
        "district": "District",
        "reason": "Reason",
        "msisdn": "Phone number",
        "contacted_at": "Contacted at",
        "outcome": "Outcome",
        "measure_code": "Measure code",
        "cost": "Cost (yuan)",
        "note": "Note",
    },
}
HANDED_OUT = {
    "list_month": "2011-09",
    "main_list_type": "离网预警",
    "subscriber_id": "U1",
    "account_manager": "王小明",
    "district": "安岳",
    "reason": "话费由 86.00 元降到 21.00 元",
    "msisdn": "13800000001",
}
FILLED_IN = {"contacted_at": dt.datetime(2011, 10, 9, 15, 30), "outcome": "接受"}
NASTY = ('=HYPERLINK("http://example.com","x")', "+1", "@x", "𠮷野家", "😀", "一\n二\r\n三", "a,b\"c';", "x" * 32_000)
LIST_TITLES = {"离网预警": "warning", "Churn warnings": "warning", "欠费催缴": "arrears", "Falling value": "value_drop"}

Cells = Mapping[str, Any]


class Formula(str):
    """A cell that is a formula; ``value`` is what the spreadsheet last made of it."""

    value: Any = ""


def formula(written: str, value: Any = "") -> Formula:
    made = Formula(written)
    made.value = value
    return made


def row(**cells: Any) -> dict[str, Any]:
    """A row as handed out, with what was filled in or changed."""
    return {**HANDED_OUT, **cells}


def contact_row(**cells: Any) -> dict[str, Any]:
    """A row with a contact that is right in every way, but for ``cells``."""
    return {**HANDED_OUT, **FILLED_IN, **cells}


def workbook(path: Path, rows: Sequence[Cells], language: str = "zh", headings: Sequence[str] | None = None) -> Path:
    """A work order as it comes back: a title, the headings, the rows, and a last sheet of notes."""
    named = HEADINGS[language]
    with xlsxwriter.Workbook(path) as book:
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("工单")
        sheet.write_string(0, 0, "雁江 · 客户经理工单 · 2011-09")
        for column, heading in enumerate(headings if headings is not None else named.values()):
            sheet.write_string(1, column, heading)
        for number, cells in enumerate(rows, start=2):
            for column, name in enumerate(named):
                _write(sheet, number, column, cells.get(name), moment, day)
        book.add_worksheet("说明" if language == "zh" else "Notes").write_string(0, 0, "…")
    return path


def _write(sheet: Any, row_number: int, column: int, value: Any, moment: Any, day: Any) -> None:
    if isinstance(value, Formula):
        sheet.write_formula(row_number, column, str(value), None, value.value)
    elif isinstance(value, dt.datetime):
        sheet.write_datetime(row_number, column, value, moment)
    elif isinstance(value, dt.date):
        sheet.write_datetime(row_number, column, value, day)
    elif isinstance(value, str):
        sheet.write_string(row_number, column, value)
    elif value is not None:
        sheet.write(row_number, column, value)


@pytest.fixture
def returned(tmp_path: Path) -> Callable[..., Return]:
    """What is read of a workbook of these rows, in the delivery of October."""

    def read(*rows: Cells, language: str = "zh", month: str = MONTH) -> Return:
        return read_return(workbook(tmp_path / "工单.xlsx", rows, language), month)

    return read


def codes(found: Return) -> list[str]:
    return [problem.code for problem in found.problems]


def places(found: Return) -> list[tuple[int | None, str | None, str]]:
    return [(problem.row, problem.heading, problem.code) for problem in found.problems]


def only(found: Return) -> Contact:
    """The one contact of a workbook without problems."""
    assert found.problems == ()
    (contact,) = found.contacts
    return contact


# What is filled in


def test_a_filled_row_is_a_contact_with_everything_that_was_written(returned: Callable[..., Return]) -> None:
    found = returned(contact_row(measure_code="RM001", cost=12.5, note="下月再打"))
    assert only(found) == Contact(
        contact_id="W36f4d31bb8e04a3c",
        subscriber_id="U1",
        list_month="2011-09",
        list_type="warning",
        measure_code="RM001",
        contacted_at=dt.datetime(2011, 10, 9, 15, 30),
        outcome="accepted",
        cost=Decimal("12.50"),
        account_manager="王小明",
    )
    assert found.rows == (3,)


def test_a_workbook_in_english_says_the_same(returned: Callable[..., Return]) -> None:
    english = {"main_list_type": "Churn warnings", "outcome": "accepted"}
    assert only(returned(contact_row(**english), language="en")) == only(returned(contact_row()))


def test_a_row_in_which_nothing_was_filled_in_is_no_contact_and_no_problem(returned: Callable[..., Return]) -> None:
    untouched = [row(subscriber_id=f"U{number}") for number in range(3)]
    blank = row(contacted_at="  ", outcome="\u3000", measure_code="\u200b", cost="", note=" \t ")
    odd = row(list_month=None, subscriber_id=formula("=A1", "x"), main_list_type="没有这样的名单")
    assert returned(*untouched, blank, odd, {}) == Return("工单.xlsx")


@pytest.mark.parametrize("filled", [{"outcome": "拒绝"}, {"measure_code": "RM001"}, {"cost": 5}, {"note": "关机"}])
def test_a_row_with_something_filled_in_needs_time_and_outcome(
    returned: Callable[..., Return], filled: dict[str, Any]
) -> None:
    found = returned(row(), row(**filled))
    wanted = [(4, HEADINGS["zh"][name], "missing_value") for name in ("contacted_at", "outcome") if name not in filled]
    assert places(found) == wanted
    assert found.contacts == ()


def test_measure_cost_note_and_account_manager_may_be_empty(returned: Callable[..., Return]) -> None:
    contact = only(returned(contact_row(account_manager=None, district=None)))
    assert (contact.measure_code, contact.cost, contact.account_manager) == (None, None, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (dt.datetime(2011, 10, 31, 23, 59), dt.datetime(2011, 10, 31, 23, 59)),
        (dt.date(2011, 10, 9), dt.datetime(2011, 10, 9)),
        (dt.datetime(2011, 10, 9, 8, 7, 59, 999_600), dt.datetime(2011, 10, 9, 8, 8)),
        ("2011-10-09", dt.datetime(2011, 10, 9)),
        ("2011-10-09 15:30", dt.datetime(2011, 10, 9, 15, 30)),
        ("2011/10/9 9:05:03", dt.datetime(2011, 10, 9, 9, 5, 3)),
        ("20111009", dt.datetime(2011, 10, 9)),
        (20111009, dt.datetime(2011, 10, 9)),
        ("２０１１－１０－０９", dt.datetime(2011, 10, 9)),
        (" 2011年10月9日 ", dt.datetime(2011, 10, 9)),
        ("2011年10月9日15:30", dt.datetime(2011, 10, 9, 15, 30)),
        ("2011.10.9", dt.datetime(2011, 10, 9)),
    ],
)
def test_a_time_is_a_cell_or_a_text_that_reads_as_one(
    returned: Callable[..., Return], written: Any, meant: dt.datetime
) -> None:
    assert only(returned(contact_row(contacted_at=written))).contacted_at == meant


@pytest.mark.parametrize(
    "written", ["昨天", "2011-02-30", "10-09", "2011-10", 40825, 40825.5, True, "2011-13-01", "1e9"]
)
def test_what_is_no_date_is_told_and_not_guessed(returned: Callable[..., Return], written: Any) -> None:
    assert places(returned(contact_row(contacted_at=written))) == [(3, "接触时间", "bad_date")]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("2011-08-31 23:59:59", "before_list"),
        ("2011-09-01", None),
        ("2011-10-31 23:59:59", None),
        ("2011-11-01", "after_month"),
    ],
)
def test_a_contact_is_made_from_the_month_of_its_list_to_the_end_of_the_delivered_month(
    returned: Callable[..., Return], written: str, code: str | None
) -> None:
    assert codes(returned(contact_row(contacted_at=written))) == ([code] if code else [])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("接受", "accepted"),
        ("拒绝", "declined"),
        ("未接通", "unreached"),
        ("accepted", "accepted"),
        ("Declined", "declined"),
        (" unreached ", "unreached"),
    ],
)
def test_outcomes_are_read_in_both_languages(returned: Callable[..., Return], written: str, meant: str) -> None:
    assert only(returned(contact_row(outcome=written))).outcome == meant


@pytest.mark.parametrize("written", ["同意", "acc", "接受/拒绝", 1, True])
def test_another_outcome_is_a_problem(returned: Callable[..., Return], written: Any) -> None:
    assert places(returned(contact_row(outcome=written))) == [(3, "接触结果", "unknown_outcome")]


@pytest.mark.parametrize(("title", "list_type"), LIST_TITLES.items())
def test_the_title_of_a_list_is_read_back_as_its_code(
    returned: Callable[..., Return], title: str, list_type: str
) -> None:
    assert only(returned(contact_row(main_list_type=title))).list_type == list_type


def test_an_unknown_list_or_measure_is_a_problem(returned: Callable[..., Return]) -> None:
    found = returned(contact_row(main_list_type="离网", measure_code="RM999"))
    assert places(found) == [(3, "主要名单", "unknown_list"), (3, "采用措施", "unknown_measure")]


def test_a_title_means_the_list_that_had_it_in_that_month(
    returned: Callable[..., Return], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = rules.seed

    def seed(name: str) -> Sequence[Mapping[str, str]]:
        if name != "list_types":
            return seeds(name)
        titled = {"zh": "离网预警", "en": "Churn warnings"}
        earlier = {"list_type": "before", "valid_from": "2000-01", "valid_to": "2011-09", **titled}
        return [earlier, {"list_type": "since", "valid_from": "2011-10", "valid_to": "", **titled}]

    monkeypatch.setattr(rules, "seed", seed)
    assert only(returned(contact_row(list_month="2011-09"))).list_type == "before"
    assert only(returned(contact_row(list_month="2011-10"))).list_type == "since"


def test_a_measure_is_known_in_either_case_and_width(returned: Callable[..., Return]) -> None:
    assert only(returned(contact_row(measure_code=" ｒｍ001 "))).measure_code == "RM001"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0, "0.00"),
        (12, "12.00"),
        (12.5, "12.50"),
        (1.1 + 2.2, "3.30"),
        ("12.50", "12.50"),
        ("1,234.5", "1234.50"),
        ("１２．５", "12.50"),
    ],
)
def test_a_cost_is_a_number_or_a_text_that_reads_as_one(
    returned: Callable[..., Return], written: Any, meant: str
) -> None:
    assert only(returned(contact_row(cost=written))).cost == Decimal(meant)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("二十", "bad_number"),
        ("20元", "bad_number"),
        (True, "bad_number"),
        (1e18, "bad_number"),
        ("nan", "bad_number"),
        (-0.01, "negative_cost"),
        ("-5", "negative_cost"),
        (12.345, "too_many_decimals"),
        ("0.001", "too_many_decimals"),
        (dt.date(2011, 10, 9), "bad_number"),
    ],
)
def test_another_cost_is_a_problem(returned: Callable[..., Return], written: Any, code: str) -> None:
    assert places(returned(contact_row(cost=written))) == [(3, "成本(元)", code)]


@pytest.mark.parametrize("note", NASTY)
def test_a_note_may_hold_anything_and_reaches_neither_contact_nor_file(
    returned: Callable[..., Return], tmp_path: Path, note: str
) -> None:
    contact = only(returned(contact_row(note=note)))
    assert contact == only(returned(contact_row()))
    assert note.encode()[:8] not in deliver_contacts([contact], tmp_path, MONTH).read_bytes()


# The keys


@pytest.mark.parametrize(
    ("column", "code"),
    [("list_month", "missing_key"), ("main_list_type", "missing_key"), ("subscriber_id", "missing_key")],
)
def test_a_contact_without_its_key_is_a_problem(returned: Callable[..., Return], column: str, code: str) -> None:
    assert (3, HEADINGS["zh"][column], code) in places(returned(contact_row(**{column: None})))


@pytest.mark.parametrize("column", [*work_returns.KEYS, "contacted_at"])
def test_what_names_a_contact_is_no_formula(returned: Callable[..., Return], column: str) -> None:
    value = contact_row()[column]
    cached = "2011-10-09" if column == "contacted_at" else value
    assert places(returned(contact_row(**{column: formula("=A1", cached)}))) == [(3, HEADINGS["zh"][column], "formula")]


@pytest.mark.parametrize("column", ["outcome", "measure_code", "cost"])
def test_a_formula_without_a_value_is_not_taken_for_an_empty_cell(tmp_path: Path, column: str) -> None:
    path = workbook(tmp_path / "a.xlsx", [contact_row()])
    book = openpyxl.load_workbook(path)
    book.worksheets[0].cell(3, list(HEADINGS["zh"]).index(column) + 1, "=1+1")
    book.save(path)
    assert places(read_return(path, MONTH)) == [(3, HEADINGS["zh"][column], "formula")]


def test_a_formula_with_a_value_is_its_value(returned: Callable[..., Return]) -> None:
    assert only(returned(contact_row(cost=formula("=20*0.8", 16)))).cost == Decimal("16.00")


@pytest.mark.parametrize("column", ["outcome", "cost", "contacted_at", "subscriber_id", "note"])
def test_a_cell_that_is_an_error_is_a_problem(returned: Callable[..., Return], column: str) -> None:
    wrong = contact_row(**{column: formula("=1/0", "#DIV/0!")})
    assert places(returned(wrong)) == [(3, HEADINGS["zh"][column], "cell_error")]


@pytest.mark.parametrize("written", [123, 1.38e10, "1.38E+10", "12.0", "U\n1"])
def test_a_subscriber_that_a_spreadsheet_may_have_altered_is_a_problem(
    returned: Callable[..., Return], written: Any
) -> None:
    assert places(returned(contact_row(subscriber_id=written))) == [(3, "用户编号", "damaged_identifier")]


@pytest.mark.parametrize("written", ["00123", "𠮷1", "A-7", "13800000001"])
def test_a_subscriber_arrives_as_it_was_handed_out(returned: Callable[..., Return], written: str) -> None:
    assert only(returned(contact_row(subscriber_id=written))).subscriber_id == written


@pytest.mark.parametrize("written", ["2011-09", "201109", "2011/09", dt.date(2011, 9, 1)])
def test_a_month_is_read_as_in_dumps(returned: Callable[..., Return], written: Any) -> None:
    assert only(returned(contact_row(list_month=written))).list_month == "2011-09"


@pytest.mark.parametrize(
    ("written", "code"), [("九月", "bad_month"), ("2011-13", "bad_month"), ("2011-11", "later_month")]
)
def test_another_month_is_a_problem(returned: Callable[..., Return], written: str, code: str) -> None:
    assert (3, "名单月份", code) in places(returned(contact_row(list_month=written)))


def test_a_subscriber_contacted_twice_at_one_time_is_a_problem_at_the_second(returned: Callable[..., Return]) -> None:
    later = contact_row(contacted_at=dt.datetime(2011, 10, 10))
    found = returned(contact_row(), later, contact_row(outcome="拒绝"))
    assert places(found) == [(5, "接触时间", "doubled_contact")]
    assert found.problems[0].facts == {"other": 3}
    assert found.rows == (3, 4)


def test_columns_and_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [contact_row(cost=3), row(subscriber_id="U2")])
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    turned = [[cell.value for cell in line][::-1] for line in sheet.iter_rows(min_row=2)]
    for number, line in enumerate([turned[0], [None] * 12, *reversed(turned[1:])], start=2):
        for column, value in enumerate(line, start=1):
            sheet.cell(number, column).value = value
    book.save(path)
    found = read_return(path, MONTH)
    assert only(found).cost == Decimal("3.00")
    assert found.rows == (5,)


def test_several_things_wrong_are_told_at_once_each_in_its_place(returned: Callable[..., Return]) -> None:
    found = returned(contact_row(outcome="?", cost="?"), contact_row(subscriber_id="U2"), row(note="?"))
    assert places(found) == [
        (3, "接触结果", "unknown_outcome"),
        (3, "成本(元)", "bad_number"),
        (5, "接触时间", "missing_value"),
        (5, "接触结果", "missing_value"),
    ]
    assert [contact.subscriber_id for contact in found.contacts] == ["U2"]


# The headings


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("column", [*work_returns.KEYS, *work_returns.FILL_INS])
def test_a_missing_heading_refuses_the_workbook(tmp_path: Path, language: str, column: str) -> None:
    headings = ["?" if name == column else heading for name, heading in HEADINGS[language].items()]
    path = workbook(tmp_path / "a.xlsx", [contact_row()], language, headings)
    assert places(read_return(path, MONTH)) == [(2, HEADINGS[language][column], "missing_heading")]


def test_a_doubled_heading_refuses_the_workbook(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [contact_row()], headings=[*HEADINGS["zh"].values(), " 接触结果 "])
    found = read_return(path, MONTH)
    assert places(found) == [(2, "接触结果", "doubled_heading")]
    assert found.contacts == ()


def test_headings_are_in_one_language(tmp_path: Path) -> None:
    mixed = {**HEADINGS["zh"], "outcome": "Outcome"}
    path = workbook(tmp_path / "a.xlsx", [contact_row()], headings=list(mixed.values()))
    assert places(read_return(path, MONTH)) == [(2, "接触结果", "missing_heading")]


def test_width_and_case_of_a_heading_do_not_matter(tmp_path: Path) -> None:
    headings = [" 成本（元）" if heading == "成本(元)" else heading for heading in HEADINGS["zh"].values()]
    assert only(read_return(workbook(tmp_path / "a.xlsx", [contact_row(cost=1)], headings=headings), MONTH)).cost == 1


def test_an_empty_workbook_lacks_every_heading(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    assert codes(read_return(tmp_path / "a.xlsx", MONTH)) == ["missing_heading"] * 10


# The workbook as a file


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def package(path: Path, parts: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return workbook(tmp_path / "good.xlsx", [contact_row()])


def test_a_package_written_anew_is_read(good: Path, tmp_path: Path) -> None:
    only(read_return(package(tmp_path / "a.xlsx", parts_of(good)), MONTH))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.xls", "not_a_workbook"),
        ("a.csv", "not_a_workbook"),
        ("a", "not_a_workbook"),
        ("a.xlsm", "macros"),
        ("a.XLSB", "macros"),
        ("a.XLSX", None),
    ],
)
def test_only_an_xlsx_is_read(good: Path, tmp_path: Path, name: str, code: str | None) -> None:
    path = good.rename(tmp_path / name)
    assert codes(read_return(path, MONTH)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_workbook"),
        (b"list_month,outcome\n", "not_a_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted"),
        (b"PK\x03\x04" + bytes(100), "unreadable"),
    ],
)
def test_what_is_no_workbook_under_its_name_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert codes(read_return(path, MONTH)) == [code]


def test_a_package_compressed_as_no_workbook_is_refused(good: Path, tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", parts_of(good), zipfile.ZIP_LZMA)
    assert codes(read_return(path, MONTH)) == ["unreadable"]


@pytest.mark.parametrize(
    ("part", "content", "code"),
    [
        ("xl/vbaProject.bin", b"x", "macros"),
        ("xl/VBAPROJECT.BIN", b"x", "macros"),
        ("xl/macrosheets/sheet1.xml", b"<a/>", "macros"),
        ("xl/externalLinks/externalLink1.xml", b"<a/>", "external_links"),
        ("xl/connections.xml", b"<a/>", "external_links"),
        ("xl/_rels/odd.rels", b'<a Type="http://x/relationships/externalLink"/>', "external_links"),
        ("xl/_rels/odd.rels", b'<a Type="http://x/2006/relationships/vbaProject"/>', "macros"),
    ],
)
def test_macros_and_links_to_other_files_are_refused(
    good: Path, tmp_path: Path, part: str, content: bytes, code: str
) -> None:
    path = package(tmp_path / "a.xlsx", {**parts_of(good), part: content})
    assert codes(read_return(path, MONTH)) == [code]


def test_a_link_to_a_page_in_a_note_is_no_link_to_another_file(tmp_path: Path, good: Path) -> None:
    book = openpyxl.load_workbook(good)
    book.worksheets[0].cell(3, 12).hyperlink = "https://example.com/"
    book.save(tmp_path / "a.xlsx")
    only(read_return(tmp_path / "a.xlsx", MONTH))


def test_too_many_bytes_are_refused(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MOST_MEGABYTES", 0)
    assert codes(read_return(good, MONTH)) == ["too_many_bytes"]


def test_what_unpacks_to_too_much_is_refused(good: Path, tmp_path: Path) -> None:
    parts = {**parts_of(good), "xl/media/image1.png": bytes(101 << 20)}
    path = package(tmp_path / "a.xlsx", parts)
    assert codes(read_return(path, MONTH)) == ["unpacked_too_big"]


def test_what_is_packed_beyond_reason_is_refused(good: Path, tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", {**parts_of(good), "xl/theme/theme9.xml": bytes(20 << 20)})
    assert codes(read_return(path, MONTH)) == ["packed_too_tightly"]


def test_a_directory_that_misstates_a_size_does_no_harm(good: Path, tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", {**parts_of(good), "xl/theme/theme9.xml": bytes(5 << 20)})
    content = path.read_bytes()
    stated = (5 << 20).to_bytes(4, "little")
    assert content.count(stated) == 2
    path.write_bytes(content.replace(stated, (1000).to_bytes(4, "little")))
    assert codes(read_return(path, MONTH)) == ["unreadable"]


def sheet_with(path: Path, good: Path, cells: str) -> Path:
    """A good workbook, with more cells after its own."""
    parts = parts_of(good)
    sheet = parts["xl/worksheets/sheet1.xml"].decode().replace("</sheetData>", f"{cells}</sheetData>")
    return package(path, {**parts, "xl/worksheets/sheet1.xml": sheet.encode()}, zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="90000"><c r="L90000" t="inlineStr"><is><t>x</t></is></c></row>',
        "<row>" + '<c s="1"/>' * 1_000_001 + "</row>",
    ],
)
def test_more_than_a_million_cells_are_refused(good: Path, tmp_path: Path, cells: str) -> None:
    assert codes(read_return(sheet_with(tmp_path / "a.xlsx", good, cells), MONTH)) == ["too_many_cells"]


def test_cells_that_only_have_a_style_take_no_room(good: Path, tmp_path: Path) -> None:
    path = sheet_with(tmp_path / "a.xlsx", good, '<row r="1048576"><c r="XFD1048576" s="1"/></row>')
    only(read_return(path, MONTH))


def test_a_text_that_many_cells_share_counts_in_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MOST_UNPACKED_MEGABYTES", 1)
    path = workbook(tmp_path / "a.xlsx", [row(reason="x" * 30_000)] * 40)
    assert codes(read_return(path, MONTH)) == ["unpacked_too_big"]


@pytest.mark.parametrize(
    "sheet",
    [
        b"<worksheet><sheetData>",
        b'<!DOCTYPE a [<!ENTITY b "b">]><worksheet>&b;</worksheet>',
        b"<a>" * 200 + b"</a>" * 200,
        b'<worksheet><sheetData><row r="1"><c r="ZZZZ1"><v>1</v></c></row></sheetData></worksheet>',
        b'<worksheet><sheetData><row r="one"/></sheetData></worksheet>',
        b'<worksheet><sheetData><row r="1"><c t="s"><v>99999</v></c></row></sheetData></worksheet>',
        b"",
    ],
)
def test_a_sheet_that_is_no_sheet_is_refused(good: Path, tmp_path: Path, sheet: bytes) -> None:
    path = package(tmp_path / "a.xlsx", {**parts_of(good), "xl/worksheets/sheet1.xml": sheet})
    assert codes(read_return(path, MONTH)) == ["unreadable"]


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"]
)
def test_a_workbook_that_lacks_a_part_is_refused(good: Path, tmp_path: Path, part: str) -> None:
    parts = {name: content for name, content in parts_of(good).items() if name != part}
    assert codes(read_return(package(tmp_path / "a.xlsx", parts), MONTH)) == ["unreadable"]


@given(data=st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_to_a_workbook_raises(good: Path, data: st.DataObject) -> None:
    parts = parts_of(good)
    name = data.draw(st.sampled_from(sorted(parts)))
    start = data.draw(st.integers(0, len(parts[name])))
    end = data.draw(st.integers(start, min(len(parts[name]), start + 40)))
    damaged = parts[name][:start] + data.draw(st.binary(max_size=10)) + parts[name][end:]
    read_return(package(good.parent / "damaged.xlsx", {**parts, name: damaged}), MONTH)
    content = bytearray(good.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (good.parent / "damaged.xlsx").write_bytes(content)
    read_return(good.parent / "damaged.xlsx", MONTH)


# What is told


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_problem_has_a_place_a_reason_and_a_remedy(language: str) -> None:
    catalogue = Path(wording.__file__).parent / "wording" / "work_returns.yml"
    known = yaml.safe_load(catalogue.read_text(encoding="utf-8"))
    reasons = {key.removeprefix("reason_") for key in known if key.startswith("reason_")}
    assert reasons == {key.removeprefix("remedy_") for key in known if key.startswith("remedy_")}
    modules = Path(work_returns.__file__).parent.glob("*.py")
    said_by_code = {code for module in modules for code in re.findall(r'"([a-z_]+)"', module.read_text("utf-8"))}
    assert reasons <= said_by_code
    facts = dict.fromkeys(("most", "month", "first", "last", "other", "other_row"), "FACT")
    for code in reasons:
        line = told(Problem("工单.xlsx", code, 7, "接触结果", facts), language)
        assert "工单.xlsx" in line
        assert "7" in line
        assert "接触结果" in line
        assert "{" not in line


def test_a_problem_is_told_with_file_row_heading_reason_and_remedy(returned: Callable[..., Return]) -> None:
    (problem,) = returned(contact_row(outcome="也许")).problems
    assert told(problem, "zh") == ("工单.xlsx 第 3 行「接触结果」：不是规定的接触结果。请填写：接受、拒绝、未接通。")
    assert told(problem, "en") == (
        "工单.xlsx, row 3, 接触结果: It is none of the outcomes. Write one of these: accepted, declined, unreached."
    )


def test_nothing_that_was_written_into_a_cell_is_told(returned: Callable[..., Return]) -> None:
    secret = "13912345678 李某某"
    columns = [*work_returns.KEYS, *work_returns.FILL_INS]
    for column in columns:
        for others in ({}, {"outcome": None, "note": secret}):
            found = returned(contact_row(account_manager=secret, note=secret) | {column: secret} | others)
            for problem in found.problems:
                assert "139" not in told(problem, "zh") + told(problem, "en") + repr(problem)
                assert "李" not in told(problem, "zh") + told(problem, "en") + repr(problem)


def test_the_name_of_an_account_manager_is_in_no_description_of_a_contact(returned: Callable[..., Return]) -> None:
    found = returned(contact_row())
    assert "王小明" not in repr(found)
    assert found.contacts[0].account_manager == "王小明"


def test_the_words_of_the_outcomes_are_those_of_the_contract() -> None:
    words = {code: wording.text(f"work_returns.outcome.{code}", "zh") for code in ("accepted", "declined", "unreached")}
    assert words == contract.DATA_SETS["crm_contacts"].column("outcome").values


def test_a_contact_has_the_columns_of_the_contract() -> None:
    names = [column.name for column in contract.DATA_SETS["crm_contacts"].columns]
    assert {field.name for field in dataclasses.fields(Contact)} == set(names)


# Delivering


def contact(subscriber: str = "U1", **changes: Any) -> Contact:
    contacted_at = changes.get("contacted_at", dt.datetime(2011, 10, 9, 15, 30))
    facts: dict[str, Any] = {
        "contact_id": contact_id("2011-09", "warning", subscriber, contacted_at),
        "subscriber_id": subscriber,
        "list_month": "2011-09",
        "list_type": "warning",
        "measure_code": None,
        "contacted_at": contacted_at,
        "outcome": "declined",
        "cost": None,
        "account_manager": "王小明",
    }
    return Contact(**(facts | changes))


def delivered_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def test_an_id_is_made_of_list_subscriber_and_time_and_of_nothing_else(returned: Callable[..., Return]) -> None:
    plain = only(returned(contact_row()))
    digest = hashlib.sha256(b"2011-09\nwarning\nU1\n2011-10-09 15:30:00").hexdigest()
    assert plain.contact_id == f"W{digest[:16]}"
    same = contact_row(outcome="拒绝", cost=3, measure_code="RM001", account_manager="李", note="x")
    assert only(returned(same)).contact_id == plain.contact_id
    others = (
        {"subscriber_id": "U2"},
        {"list_month": "2011-10"},
        {"main_list_type": "沉默"},
        {"contacted_at": "2011-10-09"},
    )
    ids = {only(returned(contact_row(**changes))).contact_id for changes in others}
    assert len(ids | {plain.contact_id}) == 5


def test_contacts_are_delivered_as_a_file_of_their_data_set(tmp_path: Path) -> None:
    path = deliver_contacts([contact(cost=Decimal("12.5"), measure_code="RM001")], tmp_path, MONTH)
    assert path == tmp_path / MONTH / "crm_contacts_work_returns.csv"
    assert deliveries.data_set_of(path.name) == "crm_contacts"
    assert path.read_bytes().decode() == (
        "contact_id,subscriber_id,list_month,list_type,measure_code,contacted_at,outcome,cost,account_manager\n"
        "W36f4d31bb8e04a3c,U1,2011-09,warning,RM001,2011-10-09 15:30:00,declined,12.50,王小明\n"
    )


def test_the_same_contacts_give_the_same_bytes_in_whatever_order(tmp_path: Path) -> None:
    contacts = [contact(f"U{number}") for number in range(5)]
    first = deliver_contacts(contacts, tmp_path / "a", MONTH).read_bytes()
    deliver_contacts(contacts[3:], tmp_path / "b", MONTH)
    second = deliver_contacts([*reversed(contacts[:3]), *contacts], tmp_path / "b", MONTH).read_bytes()
    assert first == second


def test_a_corrected_contact_replaces_and_the_others_stay(tmp_path: Path) -> None:
    deliver_contacts([contact("U1"), contact("U2")], tmp_path, MONTH)
    path = deliver_contacts([contact("U2", outcome="accepted")], tmp_path, MONTH)
    assert {row["subscriber_id"]: row["outcome"] for row in delivered_rows(path)} == {
        "U1": "declined",
        "U2": "accepted",
    }


def test_nothing_but_the_file_lies_in_the_folder_of_the_month(tmp_path: Path) -> None:
    deliver_contacts([contact()], tmp_path, MONTH)
    assert [path.name for path in (tmp_path / MONTH).iterdir()] == ["crm_contacts_work_returns.csv"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [MONTH]


@pytest.mark.parametrize(
    "spoil", [lambda b: b + b"x", lambda b: b"", lambda b: b.replace(b",", b";"), lambda b: b"\xff" + b]
)
def test_a_file_that_somebody_altered_is_not_overwritten(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = deliver_contacts([contact()], tmp_path, MONTH)
    path.write_bytes(spoil(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(AlteredFile):
        deliver_contacts([contact("U2")], tmp_path, MONTH)
    assert path.read_bytes() == before
    assert [problem.code for problem in collect([], tmp_path, MONTH).problems] == ["altered_file"]


def holding(file: str, *contacts: Contact) -> Return:
    return Return(file, contacts, tuple(range(3, 3 + len(contacts))))


def test_a_contact_in_two_workbooks_counts_once(tmp_path: Path) -> None:
    found = collect([holding("a", contact("U1"), contact("U2")), holding("b", contact("U2"))], tmp_path, MONTH)
    assert found.problems == ()
    assert sorted(one.subscriber_id for one in found.contacts) == ["U1", "U2"]


def test_two_workbooks_that_contradict_each_other_are_a_problem(tmp_path: Path) -> None:
    found = collect([holding("a", contact("U1")), holding("b", contact("U1", outcome="accepted"))], tmp_path, MONTH)
    assert found.problems == (Problem("b", "contradicted", 3, facts={"other": "a", "other_row": 3}),)


def test_a_contact_of_another_month_is_left_out_and_is_a_problem_when_it_changed(tmp_path: Path) -> None:
    deliver_contacts([contact("U1")], tmp_path, MONTH)
    again = collect([holding("a", contact("U1"), contact("U2"))], tmp_path, "2011-11")
    assert ([one.subscriber_id for one in again.contacts], again.left_out, again.problems) == (["U2"], 1, ())
    changed = collect([holding("a", contact("U1", outcome="accepted"))], tmp_path, "2011-11")
    assert changed.problems == (Problem("a", "delivered_otherwise", 3, facts={"month": MONTH}),)
    assert collect([holding("a", contact("U1", outcome="accepted"))], tmp_path, MONTH).problems == ()


def test_a_month_of_which_little_may_be_corrected_keeps_the_rest_as_it_was_delivered(tmp_path: Path) -> None:
    deliver_contacts([contact("U1"), contact("U2")], tmp_path, MONTH)
    changed = [contact(name, outcome="accepted") for name in ("U1", "U2", "U3")]
    found = collect([holding("a", *changed)], tmp_path, MONTH, replaceable={contact("U1").contact_id})
    assert found.problems == (Problem("a", "delivered_otherwise", 4, facts={"month": MONTH}),)
    assert [one.subscriber_id for one in found.contacts] == ["U1", "U3"]


# Taking back


def test_what_is_withdrawn_leaves_the_bytes_of_never_having_been_delivered(tmp_path: Path) -> None:
    before = deliver_contacts([contact("U1"), contact("U3")], tmp_path, MONTH).read_bytes()
    path = deliver_contacts([contact("U2"), contact("U4")], tmp_path, MONTH)
    withdraw_contacts({contact(name).contact_id for name in ("U2", "U4", "U9")}, tmp_path, MONTH)
    assert path.read_bytes() == before


def test_the_file_goes_with_its_last_contact_and_what_else_was_delivered_stays(tmp_path: Path) -> None:
    ids = {contact().contact_id}
    withdraw_contacts(ids, tmp_path / "nowhere", MONTH)
    path = deliver_contacts([contact()], tmp_path, MONTH)
    withdraw_contacts(ids, tmp_path, MONTH)
    assert not path.parent.exists()
    deliver_contacts([contact()], tmp_path, MONTH)
    (path.parent / "crm_contacts.csv").write_text("x")
    withdraw_contacts(ids, tmp_path, MONTH)
    assert [each.name for each in path.parent.iterdir()] == ["crm_contacts.csv"]


def test_nothing_is_withdrawn_from_a_file_that_somebody_altered(tmp_path: Path) -> None:
    path = deliver_contacts([contact("U1"), contact("U2")], tmp_path, MONTH)
    path.write_bytes(path.read_bytes() + b"x")
    before = path.read_bytes()
    with pytest.raises(AlteredFile):
        withdraw_contacts({contact("U1").contact_id}, tmp_path, MONTH)
    assert path.read_bytes() == before


# Whose orders


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Three planned orders and one held back, of two districts and without one."""
    path = tmp_path / "orders.parquet"
    duckdb.sql(
        f"""
        copy (
            from (values
                ('U1', 'warning', 'D01', '王小明', true), ('U2', 'warning', 'D02', '李', true),
                ('U3', 'warning', null, null, true), ('U4', 'warning', 'D01', '王小明', false)
            ) as orders (subscriber_id, main_list_type, district_code, account_manager, is_planned)
        ) to '{path}' (format parquet)
        """
    )
    return path


@pytest.mark.parametrize(
    ("cut", "own"),
    [
        ({}, ["U1", "U2", "U3"]),
        ({"districts": frozenset({"D01"})}, ["U1"]),
        ({"districts": frozenset()}, []),
        ({"districts": frozenset({"D01", "D02"}), "account_manager": "李"}, ["U2"]),
        ({"account_manager": ""}, []),
    ],
)
def test_contacts_answer_planned_orders_of_ones_own_or_are_problems(
    orders: Path, cut: dict[str, Any], own: list[str]
) -> None:
    names = {"U2": "李", "U3": None}
    given = [contact(f"U{at}", account_manager=names.get(f"U{at}", " 王小明")) for at in range(1, 6)]
    found = of_own_orders(holding("a", *given), [OrderBook(orders, "2011-09", **cut)])
    assert [one.subscriber_id for one in found.returned.contacts] == own
    assert len(found.returned.rows) == len(own)
    others = [at for at, one in enumerate(given, start=3) if one.subscriber_id not in own]
    assert found.returned.problems == tuple(Problem("a", "not_your_order", row) for row in others)
    districts = {"U1": "D01", "U2": "D02", "U3": ""}
    assert found.district_codes == {contact(name).contact_id: districts[name] for name in own}


def test_the_account_manager_of_a_contact_is_the_one_of_the_order_in_some_version_or_nobody(
    orders: Path, tmp_path: Path
) -> None:
    later = tmp_path / "later.parquet"
    duckdb.sql(f"copy (select * replace ('赵' as account_manager) from read_parquet('{orders}')) to '{later}'")
    books = [OrderBook(path, "2011-09") for path in (orders, later)]
    for name, codes_expected in (("王小明", []), ("赵", []), (None, []), ("李", ["other_manager"])):
        found = of_own_orders(holding("a", contact(account_manager=name)), books)
        assert codes(found.returned) == codes_expected


def test_an_order_of_another_month_or_list_is_none(orders: Path) -> None:
    books = [OrderBook(orders, "2011-10")]
    assert codes(of_own_orders(holding("a", contact()), books).returned) == ["not_your_order"]
    books = [OrderBook(orders, "2011-09")]
    assert codes(of_own_orders(holding("a", contact(list_type="silent")), books).returned) == ["not_your_order"]


# Through ingestion


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path / "home", {"landing": tmp_path / "landing"})


def test_what_is_delivered_is_what_ingestion_loads_beside_the_crms_own_contacts(branch: Branch) -> None:
    own = "contact_id,subscriber_id,list_month,list_type,contacted_at,outcome\nC1,U2,2011-09,silent,2011-10-02,接受\n"
    branch.deliver({"crm_contacts.csv": own})
    nasty = [contact(f"U{number}", account_manager=name) for number, name in enumerate(("𠮷😀", 'a,"b', "=1+1", None))]
    written = contact(
        "U9", cost=Decimal("0.10"), measure_code="RM001", contacted_at=dt.datetime(2011, 10, 31, 23, 59, 59)
    )
    deliver_contacts([*nasty, written], branch.settings.landing, MONTH)
    delivery = deliveries.find(branch.settings, MONTH)
    report = branch.ingest(delivery, "crm_contacts")
    assert (report.loaded_count, report.quarantined_count, report.duplicate_count, report.refusals) == (6, 0, 0, ())
    names = (
        "contact_id, subscriber_id, list_month, list_type, measure_code, contacted_at, outcome, cost, account_manager"
    )
    loaded = {row[0]: row for row in branch.loaded(delivery, "crm_contacts", names)}
    assert loaded["C1"][1:4] == ("U2", "2011-09", "silent")
    for one in (*nasty, written):
        facts = dataclasses.asdict(one)
        assert loaded[one.contact_id] == tuple(facts[name] for name in names.split(", "))


def test_a_delivery_with_returned_work_orders_is_accepted_under_a_manifest_that_does_not_name_them(
    branch: Branch,
) -> None:
    stated = {"month": MONTH, "files": [{"name": "billing_bills.csv", "rows": 2}]}
    branch.deliver({"manifest.json": json.dumps(stated)})
    deliver_contacts([contact("U1"), contact("U2")], branch.settings.landing, MONTH)
    admission = rehearsal.rehearse(branch.settings, MONTH)
    assert admission.refusals == ()
    assert admission.reports["crm_contacts"].loaded_count == 2


# The command


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands put their settings into the environment; here they must not outlive a test."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("RETENTION_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RETENTION_LANGUAGE", "en")
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def call(branch: Branch) -> Callable[..., Result]:
    def called(*arguments: str | Path, month: str = MONTH) -> Result:
        branch.settings.landing.mkdir(exist_ok=True)
        places = ["--home", str(branch.home), "--landing", str(branch.settings.landing)]
        return CliRunner().invoke(cli.main, ["collect", "--month", month, *places, *map(str, arguments)])

    return called


def landed(branch: Branch) -> Path:
    return branch.settings.landing / MONTH / work_returns.FILE_NAME


def test_collecting_says_how_many_contacts_of_how_many_workbooks(
    call: Callable[..., Result], branch: Branch, tmp_path: Path
) -> None:
    branch.deliver()
    first = workbook(tmp_path / "a.xlsx", [contact_row(), contact_row(subscriber_id="U2"), row(subscriber_id="U3")])
    english = contact_row(subscriber_id="U4", main_list_type="Arrears", outcome="declined")
    second = workbook(tmp_path / "b.xlsx", [english], "en")
    result = call(first, second)
    assert result.exit_code == 0
    assert "3 contacts of 2 workbooks" in result.output
    assert f"retention run --month {MONTH}" in result.output
    assert [row["subscriber_id"] for row in delivered_rows(landed(branch))] == ["U4", "U1", "U2"]
    assert not branch.home.exists()


def test_collecting_in_chinese_speaks_chinese(
    call: Callable[..., Result], branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETENTION_LANGUAGE", "zh")
    branch.deliver()
    assert "1 份工单共 1 条接触" in call(workbook(tmp_path / "a.xlsx", [contact_row()])).output


def test_collecting_a_workbook_twice_counts_it_once(
    call: Callable[..., Result], branch: Branch, tmp_path: Path
) -> None:
    branch.deliver()
    path = workbook(tmp_path / "a.xlsx", [contact_row()])
    call(path)
    before = landed(branch).read_bytes()
    assert call(path, path).exit_code == 0
    assert landed(branch).read_bytes() == before
    call(workbook(tmp_path / "a.xlsx", [contact_row(outcome="拒绝")]))
    assert [row["outcome"] for row in delivered_rows(landed(branch))] == ["declined"]


def test_one_bad_workbook_keeps_all_from_being_delivered_with_exit_status_3(
    call: Callable[..., Result], branch: Branch, tmp_path: Path
) -> None:
    branch.deliver()
    good = workbook(tmp_path / "a.xlsx", [contact_row()])
    bad = workbook(tmp_path / "b.xlsx", [contact_row(outcome="也许", cost="?")])
    result = call(good, bad)
    assert result.exit_code == 3
    assert f"{bad}, row 3, 接触结果" in result.output
    assert f"{bad}, row 3, 成本(元)" in result.output
    assert "2 problems" in result.output
    assert not landed(branch).exists()


def test_workbooks_without_a_contact_deliver_no_empty_file(
    call: Callable[..., Result], branch: Branch, tmp_path: Path
) -> None:
    branch.deliver()
    result = call(workbook(tmp_path / "a.xlsx", [row()]))
    assert result.exit_code == 0
    assert "1 workbooks hold no new contact" in result.output
    assert not landed(branch).exists()


def test_contacts_of_another_month_are_counted_and_left_out(
    call: Callable[..., Result], branch: Branch, tmp_path: Path
) -> None:
    path = workbook(tmp_path / "a.xlsx", [contact_row()])
    assert "Nothing else was delivered" in call(path).output
    result = call(path, month="2011-11")
    assert result.exit_code == 0
    assert "1 other contacts were delivered with another month" in result.output


@pytest.mark.parametrize(
    ("stated", "told_of"),
    [
        ([], "does not name crm_contacts_work_returns.csv"),
        ([{"name": work_returns.FILE_NAME, "rows": 7}], "states facts of crm_contacts_work_returns.csv"),
    ],
)
def test_collecting_tells_what_a_manifest_has_to_do_with_it(
    call: Callable[..., Result], branch: Branch, tmp_path: Path, stated: list[dict[str, Any]], told_of: str
) -> None:
    manifest = json.dumps({"month": MONTH, "files": stated})
    branch.deliver({"manifest.json": manifest})
    result = call(workbook(tmp_path / "a.xlsx", [contact_row()]))
    assert result.exit_code == 0
    assert told_of in result.output
    assert (branch.settings.landing / MONTH / "manifest.json").read_text() == manifest


def test_collecting_tells_when_the_source_mapping_passes_the_file_by(
    call: Callable[..., Result], branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.deliver()
    folder = tmp_path / "mapping"
    folder.mkdir()
    bills = '  - {name: bills, pattern: "{month}/billing_bills.csv", feeds: [billing_bills]}\n'
    (folder / "sources.yml").write_text(f"files:\n{bills}", encoding="utf-8")
    monkeypatch.setenv("RETENTION_MAPPING", str(folder))
    path = workbook(tmp_path / "a.xlsx", [contact_row()])
    assert "source mapping does not take in" in call(path).output
    contacts = f'  - {{name: returned, pattern: "{{month}}/{work_returns.FILE_NAME}", feeds: [crm_contacts]}}\n'
    (folder / "sources.yml").write_text(f"files:\n{bills}{contacts}", encoding="utf-8")
    assert "source mapping" not in call(path).output


@pytest.mark.parametrize("arguments", [[], ["no-such-file.xlsx"], ["."]])
def test_wrong_usage_of_collecting_has_exit_status_2(call: Callable[..., Result], arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


def test_collecting_needs_a_month(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [contact_row()])
    assert CliRunner().invoke(cli.main, ["collect", str(path)]).exit_code == 2
    assert CliRunner().invoke(cli.main, ["collect", "--month", "2011-13", str(path)]).exit_code == 2
