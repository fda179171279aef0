"""``manifest.json``: what the sender states of a delivery. Every statement in it is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

_STATEMENTS = {"name", "rows", "sha256", "totals"}


@dataclass(frozen=True)
class Statement:
    """What the sender states of one file; ``totals`` are column sums in the file's rows."""

    name: str
    rows: int | None = None
    sha256: str | None = None
    totals: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """The statements of a delivery; ``problem`` says why it cannot be read, then nothing is stated."""

    text: str
    month: str | None = None
    files: tuple[Statement, ...] = ()
    problem: str | None = None

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest; what is wrong with it is in ``problem``."""
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig", "backslashreplace")
        try:
            return cls._parse(text)
        except (ValueError, ArithmeticError) as problem:
            return cls(text, problem=str(problem))

    @classmethod
    def _parse(cls, text: str) -> Manifest:
        content = json.loads(text, parse_float=Decimal)
        if not isinstance(content, dict):
            raise ValueError("not an object")
        month = content.get("month")
        if month is not None and not isinstance(month, str):
            raise ValueError("month is not a text")
        files = content.get("files", [])
        if not isinstance(files, list):
            raise ValueError("files is not a list")
        return cls(text, month, tuple(_statement(item) for item in files))

    def about(self, name: str) -> tuple[Statement, ...]:
        """What is stated of the file called ``name``, with or without its folder."""
        return tuple(s for s in self.files if s.name in (name, name.rpartition("/")[2]))


def _statement(item: Any) -> Statement:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ValueError("a file has no name")
    if unknown := sorted(set(item) - _STATEMENTS):
        raise ValueError(f"{item['name']}: unknown key {unknown[0]}")
    rows, sha256, totals = item.get("rows"), item.get("sha256"), item.get("totals") or {}
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int)):
        raise ValueError(f"{item['name']}: rows is not a whole number")
    if sha256 is not None and not isinstance(sha256, str):
        raise ValueError(f"{item['name']}: sha256 is not a text")
    if not isinstance(totals, dict):
        raise ValueError(f"{item['name']}: totals is not an object")
    return Statement(item["name"], rows, sha256, {name: _amount(value) for name, value in totals.items()})


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("a total is not a number")
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError("a total is not a number")
    return amount
