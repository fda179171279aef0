"""What a check is called and what it found: shared by the suites and the checks across months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BLOCKING = "blocking"
"""A failure stops the month."""
WARNING = "warning"
"""A failure is shown and stops nothing."""

SHOWN_KEYS = 20
"""How many failing rows a check names at most."""


@dataclass(frozen=True)
class ExpectationSpec:
    """A check as it is declared, before it runs; ``zh`` and ``en`` are true when it passes."""

    id: str
    severity: str
    zh: str
    en: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckOutcome:
    """What one check found in one month of one data set; it holds no personal data.

    ``observed`` are figures only. ``failing_keys`` are identifiers of failing rows, at most
    :data:`SHOWN_KEYS` of the ``failing_count``.
    """

    check_id: str
    data_set: str
    month: str
    passed: bool
    severity: str
    sentence: str
    observed: Mapping[str, int | float | str] = field(default_factory=dict)
    failing_count: int = 0
    failing_keys: tuple[str, ...] = ()
