"""Take a generated delivery apart and put it together again, its manifest kept true to the files."""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from dagster_project.lib import contract
from dagster_project.synth.forms import FORMS, MANIFEST, Form, sha256, write_manifest


@dataclass
class Dump:
    """One unquoted CSV file as fields; row 0 is on line 2 of the file."""

    path: Path
    data_set: str
    header: list[str]
    rows: list[list[str]]

    @property
    def form(self) -> Form:
        """The form in which the file is written."""
        return FORMS[self.data_set]

    def position(self, column: str) -> int:
        """Where a column of the contract stands in the rows."""
        heading = contract.DATA_SETS[self.data_set].column(column).alias if self.form.is_chinese else column
        return self.header.index(heading)

    def values(self, column: str) -> list[str]:
        """Every row's text of a column."""
        position = self.position(column)
        return [row[position] for row in self.rows]


@dataclass(frozen=True)
class Delivery:
    """One month's folder of a generated landing."""

    folder: Path

    @property
    def month(self) -> str:
        """The month delivered."""
        return self.folder.name

    def files(self, data_set: str) -> list[Path]:
        """The files of a data set's parts."""
        return [self.folder / name for name in FORMS[data_set].file_names(data_set)]

    def read(self, path: Path, data_set: str) -> Dump:
        """Read one of a data set's files."""
        form = FORMS[data_set]
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        lines = content.removeprefix(form.byte_order_mark).decode(form.codec).split("\n")
        fields = [line.split(form.delimiter) for line in lines if line]
        return Dump(path, data_set, fields[0], fields[1:])

    def write(self, dump: Dump) -> None:
        """Write a changed file in its form and state it anew in the manifest."""
        form = dump.form
        lines = "".join(form.delimiter.join(row) + "\n" for row in (dump.header, *dump.rows))
        content = form.byte_order_mark + lines.encode(form.codec)
        self.write_bytes(dump.path, gzip.compress(content, mtime=0) if dump.path.suffix == ".gz" else content)
        said = {"rows": len(dump.rows)}
        totals = {name: float(_sum(dump.values(name))) for name in form.totals}
        self.state(dump.path.name, said | ({"totals": totals} if totals else {}))

    def write_bytes(self, path: Path, content: bytes) -> None:
        """Replace a file's bytes; the manifest keeps its rows and totals and gets the new hash."""
        path.write_bytes(content)
        self.state(path.name, {"sha256": sha256(path)})

    def remove(self, data_set: str) -> None:
        """Take a data set out of the delivery and the manifest."""
        for path in self.files(data_set):
            path.unlink()
            manifest = self.manifest()
            manifest["files"] = [said for said in manifest["files"] if said["name"] != path.name]
            write_manifest(self.folder, manifest)

    def manifest(self) -> dict[str, Any]:
        """What the manifest says."""
        content: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        return content

    def state(self, name: str, said: dict[str, Any]) -> None:
        """Change what the manifest says of one file."""
        manifest = self.manifest()
        for entry in manifest["files"]:
            if entry["name"] == name:
                entry.update(said)
        write_manifest(self.folder, manifest)


def _sum(texts: Sequence[str]) -> Decimal:
    plain = (unicodedata.normalize("NFKC", text) for text in texts if text)
    return sum((Decimal(text) for text in plain), Decimal("0.00"))


def spread(count: int, size: int) -> list[int]:
    """``count`` different positions spread evenly over ``size`` rows (fewer when there are fewer rows)."""
    count = min(count, size)
    return [(2 * number + 1) * size // (2 * count) for number in range(count)]
