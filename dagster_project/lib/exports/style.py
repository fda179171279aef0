"""How workbooks look: one set of cell formats, one font, one accent colour."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import IO, Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format

Formats = Mapping[str, Format]

_FIXED_DATE = dt.datetime(2000, 1, 1)
"""In place of the clock, so that the same rows give the same bytes."""
_FONT: Mapping[str, Any] = {"font_name": "Microsoft YaHei", "font_size": 10}
ACCENT = "#1F5A99"
_GRID = "#D5DCE4"
_TO_FILL_IN: Mapping[str, Any] = {
    "locked": False,
    "bg_color": "#FFF8DC",
    "border": 1,
    "border_color": "#C9B458",
    "valign": "top",
}

_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "title": {"bold": True, "font_size": 13, "font_color": ACCENT, "valign": "vcenter"},
    "header": {
        "bold": True,
        "font_color": "#FFFFFF",
        "bg_color": ACCENT,
        "text_wrap": True,
        "valign": "vcenter",
        "border": 1,
        "border_color": _GRID,
    },
    "text": {"num_format": "@", "valign": "top"},
    "wrapped": {"num_format": "@", "text_wrap": True, "valign": "top"},
    "label": {"num_format": "@", "bold": True, "valign": "top", "text_wrap": True},
    "note": {"italic": True, "font_color": "#5A6672"},
    "money": {"num_format": "#,##0.00", "valign": "top"},
    "number": {"num_format": "#,##0.0", "valign": "top"},
    "count": {"num_format": "#,##0", "valign": "top"},
    "percent": {"num_format": "0.00%", "valign": "top"},
    "date": {"num_format": "yyyy-mm-dd", "align": "left", "valign": "top"},
    "input_text": {"num_format": "@", **_TO_FILL_IN},
    "input_money": {"num_format": "#,##0.00", **_TO_FILL_IN},
    "input_date": {"num_format": "yyyy-mm-dd", "align": "left", **_TO_FILL_IN},
}


def open_book(target: str | IO[bytes], title: str) -> Workbook:
    """A new workbook that takes texts as texts; the same content gives the same bytes.

    It is made in memory, because parts made through files carry the files' times, and gets its own
    copy of the font, because XlsxWriter changes the dictionary that it is given.
    """
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_format_properties": dict(_FONT),
    }
    workbook = Workbook(target, options)
    workbook.set_properties({"title": title, "created": _FIXED_DATE})
    return workbook


def make_formats(workbook: Workbook) -> Formats:
    """Every cell format, registered with ``workbook`` in a fixed order."""
    return {name: workbook.add_format({**_FONT, **properties}) for name, properties in _FORMATS.items()}


def safe_sheet_name(name: str) -> str:
    """``name`` without what a sheet name must not hold, at most 31 characters."""
    return re.sub(r"[\[\]:*?/\\]", " ", name).strip("'")[:31]
