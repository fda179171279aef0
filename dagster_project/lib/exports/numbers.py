"""Figures as an office reads them: rounded half up, with units, never a blank and never a false zero."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text

DASH = "—"
_STEPS = {
    Kind.MONEY: Decimal("0.01"),
    Kind.NUMBER: Decimal("0.1"),
    Kind.PERCENT: Decimal("0.01"),
    Kind.COUNT: Decimal(1),
}
_TEN_THOUSAND = 10_000


def rounded(value: float | Decimal, kind: Kind) -> Decimal:
    """``value`` to the decimals of its kind, half up; a fraction becomes per cent."""
    exact = Decimal(str(value))
    scaled = exact * 100 if kind is Kind.PERCENT else exact
    return scaled.quantize(_STEPS[kind], rounding=ROUND_HALF_UP)


def shown(value: Any, kind: Kind) -> str:
    """A table cell: the figure in full, or a dash."""
    if value is None:
        return DASH
    if kind is Kind.TEXT:
        return str(value)
    if kind is Kind.DATE:
        return value.isoformat() if isinstance(value, dt.date) else str(value)
    figure = f"{rounded(value, kind):,}"
    return f"{figure}%" if kind is Kind.PERCENT else figure


def short(value: float, kind: Kind, language: str) -> str:
    """A figure where space is short: counts of ten thousand and more in 万 in Chinese."""
    if kind is Kind.COUNT and language == "zh" and abs(value) >= _TEN_THOUSAND:
        return text("scorecard.ten_thousands", language, figure=rounded(value / _TEN_THOUSAND, Kind.MONEY))
    return shown(value, kind)


def people(count: int, language: str) -> str:
    """A number of customers with its unit: 14 户, 4.30 万户."""
    if language == "zh" and count >= _TEN_THOUSAND:
        return text("scorecard.ten_thousand_people", language, figure=rounded(count / _TEN_THOUSAND, Kind.MONEY))
    return text("scorecard.people", language, figure=f"{count:,}")


def change(now: float, before: float, kind: Kind, language: str) -> tuple[str, int]:
    """The difference of two figures in words with its sign, and its direction (-1, 0, 1) after rounding.

    Of two percentages it is in percentage points, of the exact figures and not of the rounded ones.
    """
    difference = rounded(Decimal(str(now)) - Decimal(str(before)), kind)
    figure = f"{difference:+,}" if difference else shown(0, kind).rstrip("%")
    direction = int(difference.compare(Decimal(0)))
    unit = f"scorecard.change_{kind.value}"
    return text(unit, language, figure=figure), direction


def month_name(month: str, language: str, *, with_year: bool = False) -> str:
    """What a month is called: 10 月, 2011 年 10 月, October, October 2011."""
    year, number = int(month[:4]), int(month[5:])
    key = "scorecard.month_and_year" if with_year else "scorecard.month"
    return text(key, language, year=year, number=number, name=text(f"scorecard.month_{number}", language))
