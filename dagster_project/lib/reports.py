"""What became of one data set of a delivery, as figures that add up; kept as JSON beside its candidate."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from dagster_project.lib.refusals import Refusal


@dataclass(frozen=True)
class FileReport:
    """One file: rows_read = loaded + quarantined + duplicates + other_months."""

    name: str
    encoding: str = ""
    delimiter: str = ""
    lines_read: int = 0
    rows_read: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicates: int = 0
    other_months: int = 0


@dataclass(frozen=True)
class Example:
    """Where a quarantined row is, without its value."""

    file: str
    line: int | None
    column: str | None
    reason_code: str


@dataclass(frozen=True)
class DataSetReport:
    """One data set of one delivery; ``refusals`` is empty when nothing stands against accepting it."""

    month: str
    delivery_id: str
    data_set: str
    is_delivered: bool
    files: tuple[FileReport, ...] = ()
    loaded_count: int = 0
    quarantined_count: int = 0
    duplicate_count: int = 0
    quarantined_by_reason: Mapping[str, int] = field(default_factory=dict)
    quarantine_examples: tuple[Example, ...] = ()
    unknown_columns: tuple[str, ...] = ()
    delivered_columns: tuple[str, ...] = ()
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    looked_back: bool = False
    """Whether subscribers had to be looked up in earlier months' snapshots."""
    fingerprint: str = ""
    """Of everything the report depends on: delivery, settings, contract, accepted data looked up."""

    @property
    def rows_read(self) -> int:
        """Rows of this month that were read from all files."""
        return self.loaded_count + self.quarantined_count + self.duplicate_count


def write(report: DataSetReport, path: Path) -> None:
    """Write a report atomically."""
    write_json(path, asdict(report))


def read(path: Path) -> DataSetReport | None:
    """The report at ``path``, or None when there is none."""
    if not path.is_file():
        return None
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    held["files"] = tuple(FileReport(**item) for item in held["files"])
    held["quarantine_examples"] = tuple(Example(**item) for item in held["quarantine_examples"])
    held["refusals"] = tuple(Refusal(**item) for item in held["refusals"])
    held["amounts"] = {name: Decimal(text) for name, text in held["amounts"].items()}
    for name in ("unknown_columns", "delivered_columns", "warnings"):
        held[name] = tuple(held[name])
    return DataSetReport(**held)


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that readers see the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    draft.replace(path)
