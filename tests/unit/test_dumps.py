from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.lib import dumps, reading, records
from dagster_project.lib.dumps import DumpText, Header

PIECES = st.lists(st.sampled_from(["a", "1", ",", '"', "\n", '""', "吉", "|", " ", "\n\n", 'x,"y",z\n']), max_size=40)


def as_dump(folder: Path, text: str) -> DumpText:
    path = folder / "dump.csv"
    path.write_bytes(text.encode())
    return dumps.transcode(path, folder / "dump.txt")


def test_lines_and_blank_lines_are_counted_across_read_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "_CHUNK", 3)
    dump = as_dump(tmp_path, "a,b\r\n\r\n\r\n1,2\r3,4\n\n\n5,6")
    assert (dump.lines, dump.blank_lines) == (8, 4)
    assert dump.path.read_text() == "a,b\n\n\n1,2\n3,4\n\n\n5,6"


def test_an_encoding_error_is_placed_on_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "_CHUNK", 4)
    path = tmp_path / "dump.csv"
    path.write_bytes(b"a,b\n1,2\n3,\xff\xff\n")
    with pytest.raises(dumps.UnreadableDump) as caught:
        dumps.transcode(path, tmp_path / "dump.txt")
    assert (caught.value.line, caught.value.facts["offset"]) == (3, 10)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES)
def test_no_line_is_ever_lost(tmp_path: Path, pieces: list[str]) -> None:
    body = "".join(pieces)
    dump = as_dump(tmp_path, "h1,h2,h3\n" + body)
    found = list(records.split(dump, Header(",", ("h1", "h2", "h3"), 1)))
    covered = [line for record in found for line in range(record.line, record.line + record.text.count("\n") + 1)]
    written = [number for number, line in enumerate(("h1,h2,h3\n" + body).split("\n"), 1) if line and number > 1]
    assert set(written) <= set(covered)
    assert len(covered) == len(set(covered))
    assert covered == sorted(covered)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES)
def test_what_is_read_and_what_is_damaged_are_all_records(tmp_path: Path, pieces: list[str]) -> None:
    path = tmp_path / "dump.csv"
    path.write_bytes(("h1,h2,h3\n" + "".join(pieces)).encode())
    with duckdb.connect() as connection:
        table = reading.read(connection, path, "part", tmp_path)
        rows = connection.execute(f"select {table.line} from part").fetchall()
        damaged = connection.execute("select line from part_damaged").fetchall()
    expected = [r.line for r in records.split(as_dump(tmp_path, path.read_text()), Header(",", table.names, 1))]
    assert (len(rows), len(damaged)) == (table.rows, table.damaged)
    assert sorted(line for (line,) in rows + damaged) == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.text(alphabet='ab,"|\n吉 \u2028', max_size=6), min_size=3, max_size=3).filter(any),
        min_size=1,
        max_size=6,
    )
)
def test_properly_written_csv_is_read_back_as_it_was(tmp_path: Path, rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["h1", "h2", "h3"], *rows])
    path = tmp_path / "dump.csv"
    path.write_bytes(buffer.getvalue().encode())
    with duckdb.connect() as connection:
        table = reading.read(connection, path, "part", tmp_path)
        fields = "coalesce(c0, ''), coalesce(c1, ''), coalesce(c2, '')"
        found = [list(row) for row in connection.execute(f"select {fields} from part order by {table.line}").fetchall()]
    assert found == rows or table.damaged


def test_rows_of_a_large_file_name_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "dump.csv"
    with path.open("w") as stream:
        stream.write("number,text\n")
        stream.writelines(f"{n},{'x' * (n % 50)}\n" for n in range(2, 200_002))
    with duckdb.connect(config={"threads": 2}) as connection:
        table = reading.read(connection, path, "part", tmp_path)
        wrong = connection.execute(f"select count(*) from part where {table.line} <> cast(c0 as bigint)").fetchone()
    assert (table.rows, wrong) == (200_000, (0,))
