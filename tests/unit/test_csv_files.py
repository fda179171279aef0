"""CSV files: nothing in them runs, and negative numbers stay numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagster_project.lib.exports.csvfile import harmless, harmless_text, prepare_lines, write_csv
from dagster_project.lib.exports.workbook import Field, Kind, Rows, RowsLost


def neutralised(text: str) -> str:
    with duckdb.connect() as connection:
        return str(connection.execute(f"select {harmless('given')} from (select ? as given)", [text]).fetchone()[0])


@pytest.mark.parametrize(
    "text", ["=1+1", "@x", "\tx", "\rx", "\nx", "+cmd", "-cmd|' /C calc'!A0", "＝1", "-1+1", "+", "-"]
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert neutralised(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+5", "-5.25", "-1.5e3", "-12%", "话费", "a=b", "", "13800000001", "'x"])
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert neutralised(text) == text


@given(texts=st.lists(st.text() | st.text("=@+-\t\r\n＝＋－＠0１.eE%"), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
@example(texts=["-5\n", "-5\r\n", "+１", "-5", "=1", "－1", "-1e5%", ""])
def test_rows_of_no_query_are_neutralised_like_those_of_one(texts: list[str]) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(f"select {harmless('given')} from (select unnest(?) as given)", [texts]).fetchall()
    assert [harmless_text(text) for text in texts] == [text for (text,) in found]


def test_a_file_starts_with_a_byte_order_mark_and_keeps_its_columns(tmp_path: Path) -> None:
    target = tmp_path / "list.csv"
    fields = (Field("name", "名称"), Field("amount", "金额(元)", Kind.MONEY))
    with duckdb.connect() as connection:
        connection.execute("create table lines (n bigint, name varchar, amount decimal(18,2))")
        connection.execute("insert into lines values (2, 'a,\"b\n=c', -5), (1, '=x', 1.5)")
        prepare_lines(connection, fields, "lines", into="prepared", keep=["n"])
        write_csv(connection, target, fields, Rows("prepared", "n", 2))
    content = target.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True)))
    assert rows == [["名称", "金额(元)"], ["'=x", "1.50"], ['a,"b\n=c', "-5.00"]]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1", "+1"),
        ("-5", "-5"),
        ("-5+cmd|' /C calc'!A0", "'-5+cmd|' /C calc'!A0"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\r\n=1", "'\r\n=1"),
        *((text, text) for text in ("a\tb", "a\nb", "a\r\nb", "a\rb", "𠮷", "😀", "_x000D_", " ahead", "behind ")),
        *((text, text) for text in ("<&>\"'", "a,b", '"', '"=1"', "00123", "13800000001", "898600000000000000001")),
        ("\x07", "\x07"),
        ("长" * 40_000, "长" * 40_000),
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_a_text_comes_back_from_a_file_as_it_was_or_with_an_apostrophe(tmp_path: Path, text: str, shown: str) -> None:
    fields = (Field("reason", "原因"), Field("amount", "金额(元)", Kind.MONEY), Field("share", "变化", Kind.PERCENT))
    with duckdb.connect() as connection:
        connection.execute("create table lines (n bigint, reason varchar, amount decimal(18,2), share double)")
        connection.execute("insert into lines values (1, ?, -21.5, -0.25), (2, 'next', null, -1e-7)", [text])
        prepare_lines(connection, fields, "lines", into="prepared", keep=["n"])
        write_csv(connection, tmp_path / "list.csv", fields, Rows("prepared", "n", 2))
    with (tmp_path / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        _, first, second = csv.reader(file)
    assert first == [shown, "-21.50", "-0.25"]
    assert (second[:2], float(second[2])) == (["next", ""], -1e-7)


def test_a_file_that_lost_a_row_is_an_error(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table lines as select 1::bigint as n, 'x' as name")
        fields = (Field("name", "名称"),)
        prepare_lines(connection, fields, "lines", into="prepared", keep=["n"])
        with pytest.raises(RowsLost):
            write_csv(connection, tmp_path / "list.csv", fields, Rows("prepared", "n", 2))
