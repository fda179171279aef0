"""How each data set's files look: format, encoding, delimiter, headers, value spellings.

The forms differ on purpose, as operators' systems do; every form is one that the input contract
allows without a source mapping.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from dagster_project.lib import contract
from dagster_project.lib.contract import Column, DataSet, Kind

MANIFEST = "manifest.json"
_GZIP_LEVEL = 3
_BYTE_ORDER_MARKS = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}
_CODECS = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}


@dataclass(frozen=True)
class Form:
    """The form of one data set's files."""

    suffix: str = ".csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    is_chinese: bool = False
    """Chinese headers and spellings of codes instead of the contract's names and codes."""
    yes_no: tuple[str, str] = ("true", "false")
    date_separator: str = "-"
    month_separator: str = "-"
    has_thousands: bool = False
    is_quoted: bool = False
    parts: int = 1
    totals: tuple[str, ...] = ()
    """Columns whose sums the manifest states."""

    @property
    def byte_order_mark(self) -> bytes:
        """What stands before the header."""
        return _BYTE_ORDER_MARKS.get(self.encoding, b"")

    @property
    def codec(self) -> str:
        """The codec of the text after the byte order mark."""
        return _CODECS.get(self.encoding, self.encoding)

    def file_names(self, data_set: str) -> tuple[str, ...]:
        """The names of the data set's parts."""
        if self.parts == 1:
            return (f"{data_set}{self.suffix}",)
        return tuple(f"{data_set}_{part + 1}{self.suffix}" for part in range(self.parts))


FORMS: Mapping[str, Form] = {
    "crm_districts": Form(),
    "crm_plans": Form(encoding="gb18030", is_chinese=True, yes_no=("是", "否")),
    "crm_channels": Form(encoding="utf-8-sig", yes_no=("1", "0")),
    "crm_groups": Form(encoding="utf-16", delimiter="\t", is_chinese=True, yes_no=("Y", "N")),
    "crm_subscribers": Form(
        encoding="gb18030", is_chinese=True, yes_no=("是", "否"), date_separator="/", month_separator=""
    ),
    "billing_bills": Form(suffix=".csv.gz", parts=3, totals=("total_fee",)),
    "billing_usage": Form(encoding="utf-8-sig", delimiter="\t", date_separator="", month_separator="/"),
    "billing_payments": Form(suffix=".csv.gz", delimiter="|", totals=("amount",)),
    "billing_call_circle": Form(suffix=".parquet"),
    "crm_complaints": Form(encoding="gb18030", is_chinese=True, delimiter=";", is_quoted=True),
    "crm_contacts": Form(encoding="utf-8-sig", month_separator="", is_quoted=True),
    "crm_exit_surveys": Form(is_chinese=True),
    "crm_surveys": Form(encoding="utf-16", delimiter="\t"),
    "crm_blacklist": Form(encoding="gb18030", is_chinese=True),
    "finance_acquisition": Form(has_thousands=True, is_quoted=True),
}


def spelled(data_set: DataSet, form: Form, rows: pa.Table) -> pa.Table:
    """The rows as the form spells them; in a Parquet file values keep their types."""
    names = [data_set.column(name).alias if form.is_chinese else name for name in rows.column_names]
    if form.suffix == ".parquet":
        return rows.rename_columns(names)
    spelled_columns = [_spell(data_set.column(name), form, rows.column(name)) for name in rows.column_names]
    return pa.table(spelled_columns, names=names)


def _spell(column: Column, form: Form, values: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.kind is Kind.ENUM and form.is_chinese:
        return _translated(column.values, values)
    if column.kind is Kind.BOOL:
        yes, no = form.yes_no
        return pc.if_else(values, yes, no)
    if column.kind is Kind.DATE and form.date_separator != "-":
        return pc.replace_substring(values.cast(pa.string()), "-", form.date_separator)
    if column.kind is Kind.MONTH and form.month_separator != "-":
        return pc.replace_substring(values, "-", form.month_separator)
    if column.kind is Kind.MONEY and form.has_thousands:
        return pa.chunked_array([pa.array([f"{value:,.2f}" for value in values.to_pylist()], pa.string())])
    return values.cast(pa.string())


def _translated(words: Mapping[str, str], values: pa.ChunkedArray) -> pa.ChunkedArray:
    index = pc.index_in(values, pa.array(list(words)))
    return pc.take(pa.array(list(words.values())), index)


def csv_text(form: Form, rows: pa.Table, *, header: bool) -> bytes:
    """The rows as the bytes of a CSV file, with the byte order mark when there is a header."""
    sink = io.BytesIO()
    quoting: Literal["needed", "none"] = "needed" if form.is_quoted else "none"
    options = pa_csv.WriteOptions(include_header=False, delimiter=form.delimiter, quoting_style=quoting)
    pa_csv.write_csv(rows, sink, options)
    content = sink.getvalue()
    if header:
        content = (form.delimiter.join(rows.column_names) + "\n").encode() + content
    if form.codec != "utf-8":
        content = content.decode().encode(form.codec)
    return form.byte_order_mark + content if header else content


@dataclass
class _File:
    """One file that is being written."""

    path: Path
    rows: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)
    parquet: pq.ParquetWriter | None = None

    def append(self, form: Form, rows: pa.Table) -> None:
        if form.suffix == ".parquet":
            self.parquet = self.parquet or pq.ParquetWriter(self.path, rows.schema, compression="zstd")
            self.parquet.write_table(rows)
        else:
            content = csv_text(form, rows, header=not self.path.exists())
            with self.path.open("ab") as file:
                file.write(gzip.compress(content, _GZIP_LEVEL, mtime=0) if form.suffix == ".csv.gz" else content)
        self.rows += rows.num_rows

    def statement(self) -> dict[str, Any]:
        """What the manifest says about the file."""
        if self.parquet is not None:
            self.parquet.close()
        said: dict[str, Any] = {"name": self.path.name, "rows": self.rows, "sha256": sha256(self.path)}
        if self.totals:
            said["totals"] = {name: float(total) for name, total in self.totals.items()}
        return said


class MonthWriter:
    """Writes a month's delivery chunk by chunk, and its manifest at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, list[_File]] = {}
        folder.mkdir(parents=True)

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows (all contract columns, typed) to a data set, spread over its parts."""
        data_set, form = contract.DATA_SETS[name], FORMS[name]
        if name not in self._files:
            self._files[name] = [_File(self._folder / file) for file in form.file_names(name)]
        files = self._files[name]
        text = spelled(data_set, form, rows)
        step = -(-rows.num_rows // len(files))
        for part, file in enumerate(files):
            file.append(form, text.slice(part * step, step))
            for column in form.totals:
                amount = pc.sum(rows.column(column).slice(part * step, step)).as_py() or Decimal("0.00")
                file.totals[column] = file.totals.get(column, Decimal("0.00")) + amount

    def close(self) -> None:
        """Finish the files and write the manifest."""
        said = [file.statement() for name in sorted(self._files) for file in self._files[name]]
        write_manifest(self._folder, {"month": self._folder.name, "files": said})


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a month's manifest."""
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
