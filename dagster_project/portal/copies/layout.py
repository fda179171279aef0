"""How published lists are laid out: where their texts, columns and rows are, and what a masked number looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from xlsxwriter.utility import xl_col_to_name

from dagster_project.lib.exports.list_columns import CSV_START, FIRST_SCREEN
from dagster_project.lib.wording import text, topic

HEADER_ROWS = 2
"""Of a sheet: the title and the headings."""
OWNER, PHONE = "account_manager", "msisdn"
OWNER_LETTER, PHONE_LETTER = (xl_col_to_name(FIRST_SCREEN.index(name)) for name in (OWNER, PHONE))
OWNER_PLACE, PHONE_PLACE = (CSV_START.index(name) for name in (OWNER, PHONE))
"""Columns of a workbook by letter, and of a CSV file by place, from 0."""
_SHEET_OF_SEVERAL = r"(?P<suffix> \(\d+/\d+\))?"


class UnusableSource(Exception):
    """A published list of which no copy can be made; the message says what is wrong with it and holds no cell."""


@dataclass(frozen=True)
class Cut:
    """What a copy shows of its list: numbers masked or as published, all rows or one account manager's."""

    is_masked: bool = False
    owner: str | None = None


def masked(phone: str) -> str:
    """A phone number as lists show it: ``138****1234``."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 8 else "****"


def require_owner_heading(heading: str, language: str) -> None:
    """Raise :class:`UnusableSource` unless the heading is that of the account managers.

    Phone numbers are next to them: a list with other columns would show what is to be masked.
    """
    if heading != text(f"work_returns.{OWNER}", language):
        raise UnusableSource("its columns are not those that lists have")


def retitled(title: str, rows: int, owner: str, language: str) -> str:
    """The title line of an account manager's own rows: their name beside the unit's, their number of rows.

    Raises :class:`UnusableSource` for a title that is not made as titles of lists are.
    """
    template = topic("lists")["title_line"][language]
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*?)", re.escape(template))
    found = re.fullmatch(pattern + _SHEET_OF_SEVERAL, title)
    if found is None:
        raise UnusableSource("its title is not that of a list")
    facts = {**found.groupdict(), "rows": f"{rows:,}", "unit": f"{found['unit']} · {owner}"}
    return text("lists.title_line", language, **facts) + (found["suffix"] or "")


def cell_markup(value: str) -> bytes:
    """A text as the cells of published workbooks have it."""
    return escape(value.replace("_x", "_x005F_x").replace("\r", "_x000D_")).encode()
