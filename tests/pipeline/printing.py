"""Figures as the sources print them: rounded half up at the printed precision."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

SUPPRESSED = "—"


def percent(rate: float | None, digits: int = 2) -> str:
    """A rate as a percentage, or a dash when it is withheld."""
    return SUPPRESSED if rate is None else f"{rounded(Decimal(repr(rate)) * 100, digits)}%"


def rounded(value: Decimal | float, digits: int) -> str:
    """A number with ``digits`` digits after the point."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return str(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def ten_thousands(count: int, digits: int) -> str:
    """A count in 万."""
    return f"{rounded(Decimal(count) / 10_000, digits)}万"
