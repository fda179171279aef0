"""Texts in workbooks: whatever customers and sources write is shown as it was written, and nothing of it runs."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import duckdb
import openpyxl
import pytest
from openpyxl.cell import Cell
from python_calamine import load_workbook

from dagster_project.lib.exports.workbook import Book, Field, Rows, prepare_rows, write_workbook

SHOWN: Mapping[str, str] = {
    **{text: text for text in ('=HYPERLINK("http://x","y")', "=1+1", "+1", "-5", "@x", "-2+3+cmd|' /C calc'!A0")},
    **{text: text for text in ("a\tb", "\tx", "a\nb", "\n", "a\rb", "\r", "\r\nx", "a\r\nb")},
    **{text: text for text in ("𠮷", "𠮷野家", "😀", "👩‍👩‍👧", "e\u0301", "\u200b", "\ufeff", "中\u3000文")},
    **{text: text for text in ("_x000D_", "_x0041_", "_x005F_", "_x005F_x000D_", "_x", "a_xFFFFb", "_X000D_")},
    **{text: text for text in (" ahead", "behind ", "  ", "\u3000")},
    **{text: text for text in ("<&>\"'", "&amp;", "</t></is></c>", "]]>", "<!--", "<?xml?>")},
    **{text: text for text in ("13800000001", "8613800000001", "00123", "898600000000000000001", "1.38E+10", "1/2")},
    **{text: text for text in ("TRUE", "#N/A", "2011-10-31", "10%", "'x", '"', "http://example.com/", "NULL", "'")},
    # what no XML file can hold is left out
    "\x07": "",
    "a\x00b\x1fc": "abc",
    "\ufffe\uffff": "",
    "=\x0b1": "=1",
    # a cell takes 32,767 units of UTF-16, and a character is taken whole or not at all
    "长" * 40_000: "长" * 32_767,
    "x" * 32_767: "x" * 32_767,
    "x" * 32_768: "x" * 32_767,
    "&" * 40_000: "&" * 32_767,
    "𠮷" * 16_383: "𠮷" * 16_383,
    "𠮷" * 40_000: "𠮷" * 16_383,
    "x" + "𠮷" * 20_000: "x" + "𠮷" * 16_383,
    "😀" + "长" * 40_000: "😀" + "长" * 32_765,
}
"""What is written, and what is seen."""


@dataclass(frozen=True)
class ReadBook:
    """The same column of one workbook, as two readers and its markup have it, by the text that was written."""

    calamine: Mapping[str, Any]
    openpyxl: Mapping[str, Cell]
    markup: Mapping[str, ET.Element]
    parts: Mapping[str, str]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> ReadBook:
    target = tmp_path_factory.mktemp("texts") / "book.xlsx"
    _write(target, list(SHOWN))
    with zipfile.ZipFile(target) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    rows = load_workbook(str(target)).get_sheet_by_index(0).to_python()[2:]
    cells = openpyxl.load_workbook(target).worksheets[0]["A"][2:]
    markup = [row[0] for row in ET.fromstring(parts["xl/worksheets/sheet1.xml"]).iter(_tag("row"))][2:]
    assert len(rows) == len(cells) == len(markup) == len(SHOWN)
    return ReadBook(
        {text: row[0] for text, row in zip(SHOWN, rows, strict=True)},
        dict(zip(SHOWN, cells, strict=True)),
        dict(zip(SHOWN, markup, strict=True)),
        parts,
    )


def _write(target: Path, texts: list[str]) -> None:
    field = Field("reason", "原因")
    made = Book("清单", "清单", (field, Field("number", "序号")), "", "说明", (), 1)
    with duckdb.connect() as connection:
        connection.execute("create table lines (number bigint, reason varchar)")
        connection.executemany("insert into lines values (?, ?)", list(enumerate(texts, start=1)))
        styles = prepare_rows(connection, made, "lines", into="prepared", keep=["number"])
        write_workbook(connection, target, made, Rows("prepared", "number", len(texts), styles=styles))


def _tag(name: str) -> str:
    return f"{{http://schemas.openxmlformats.org/spreadsheetml/2006/main}}{name}"


def _unescaped(text: str) -> str:
    """A text as the file format means it: _xHHHH_ is the character of that number (ISO/IEC 29500, ST_Xstring)."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def _called(text: str) -> str:
    return ascii(text) if len(text) < 60 else f"{text[0]!a} times {len(text)}"


each_text = pytest.mark.parametrize("text", SHOWN, ids=_called)


@each_text
def test_calamine_sees_the_text_that_was_written(read: ReadBook, text: str) -> None:
    assert read.calamine[text] == SHOWN[text]


@each_text
def test_openpyxl_sees_the_text_that_was_written(read: ReadBook, text: str) -> None:
    assert _unescaped(read.openpyxl[text].value or "") == SHOWN[text]


@each_text
def test_a_text_is_a_text_and_no_formula_number_date_or_error(read: ReadBook, text: str) -> None:
    cell, markup = read.openpyxl[text], read.markup[text]
    assert cell.data_type in {"s", "inlineStr"} or cell.value is None
    assert cell.number_format == "@"
    assert markup.get("t") == "inlineStr"
    assert [child.tag for child in markup.iter()] == [_tag("c"), _tag("is"), _tag("t")]


@each_text
def test_no_text_is_longer_than_a_cell_takes(read: ReadBook, text: str) -> None:
    stored = _unescaped("".join(read.markup[text].itertext()))
    assert len(stored.encode("utf-16-le")) // 2 <= 32_767


def test_blanks_at_both_ends_are_kept_by_every_reader(read: ReadBook) -> None:
    # without this attribute a reader may drop them
    texts = [text for cell in read.markup.values() for text in cell.iter(_tag("t"))]
    assert {text.get("{http://www.w3.org/XML/1998/namespace}space") for text in texts} == {"preserve"}


def test_nothing_in_the_book_runs_links_or_leaves_it(read: ReadBook) -> None:
    forbidden = ("<f>", "<f ", "<hyperlink", "relationships/hyperlink", 'TargetMode="External"', "externalLink", "vba")
    assert [(name, word) for name, part in read.parts.items() for word in forbidden if word in part] == []


def test_a_carriage_return_stands_in_the_file_as_an_escape_because_xml_readers_drop_it(read: ReadBook) -> None:
    assert "\r" not in read.parts["xl/worksheets/sheet1.xml"].replace("\r\n", "")
    assert "a_x000D_b" in read.parts["xl/worksheets/sheet1.xml"]
    assert "_x005F_x000D_" in read.parts["xl/worksheets/sheet1.xml"]
