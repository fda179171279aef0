"""The published data dictionary, read from its workbook to be searched on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from python_calamine import CalamineWorkbook

from dagster_project.portal.publications import Publication, PublishedFile

_FIRST_ROW = 2
"""Rows of a sheet stand below its title and its headings."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of the dictionary: tables, columns, thresholds or rules, as texts."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read(publication: Publication, file: PublishedFile) -> tuple[Sheet, ...]:
    """The dictionary's sheets, without the last one, which has its notes."""
    return _sheets(publication.folder / file.path)


def matching(sheets: Sequence[Sheet], words: str) -> tuple[Sheet, ...]:
    """The sheets with those rows only that hold ``words`` in any cell."""
    needle = words.lower()
    return tuple(
        replace(sheet, rows=tuple(row for row in sheet.rows if any(needle in cell.lower() for cell in row)))
        for sheet in sheets
    )


@lru_cache(4)
def _sheets(path: Path) -> tuple[Sheet, ...]:
    with CalamineWorkbook.from_path(str(path)) as book:
        return tuple(_sheet(name, book.get_sheet_by_name(name).to_python()) for name in book.sheet_names[:-1])


def _sheet(name: str, lines: Sequence[Sequence[object]]) -> Sheet:
    texts = [tuple(str(cell) for cell in line) for line in lines]
    return Sheet(name, texts[_FIRST_ROW - 1], tuple(texts[_FIRST_ROW:]))
