"""Calendar months: the pipeline's only partition.

A month is the text ``YYYY-MM``; that text sorts in calendar order, so months compare as strings.
"""

from __future__ import annotations

import datetime as dt
import re

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


class InvalidMonth(ValueError):
    """A text that is not a month; its message says how a month is written."""


def parse(text: str) -> str:
    """Return ``text`` as a month, or raise :class:`InvalidMonth` (2011-10 is the only form)."""
    if not _MONTH.fullmatch(text):
        raise InvalidMonth(f"{text!r} is not a month; write it as YYYY-MM, for example 2011-10")
    return text


def is_month(text: str) -> bool:
    """Whether ``text`` is a month in that form."""
    return _MONTH.fullmatch(text) is not None


def shift(month: str, count: int) -> str:
    """The month ``count`` months later (earlier when negative)."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + count, 12)
    return f"{year:04d}-{number + 1:02d}"


def between(first: str, last: str) -> tuple[str, ...]:
    """Every month from ``first`` to ``last``, both included; empty when ``last`` is earlier."""
    return tuple(shift(first, offset) for offset in range(distance(first, last) + 1))


def distance(first: str, last: str) -> int:
    """How many months ``last`` lies after ``first``."""
    return (int(last[:4]) - int(first[:4])) * 12 + int(last[5:]) - int(first[5:])


def first_day(month: str) -> dt.date:
    """The month's first day."""
    return dt.date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> dt.date:
    """The month's last day."""
    return first_day(shift(month, 1)) - dt.timedelta(days=1)
