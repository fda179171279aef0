"""Business rules that are tables: dbt's seeds, read as they are for everybody who has to show them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dagster_project.lib.wording import UnknownWording, text
from dagster_project.settings import DBT_PROJECT_DIR

RULE_TABLES = (
    "tenure_buckets",
    "arpu_bands",
    "value_tiers",
    "value_tier_rules",
    "lifecycle_stages",
    "warning_clauses",
    "survey_causes",
)
"""Seeds with bands, tiers, stages, weights and mappings."""
_LAST = "9999-12"


class UnknownThreshold(KeyError):
    """A key that the seed of thresholds does not have."""


@dataclass(frozen=True)
class Threshold:
    """A value and the months in which it holds, both included; ``valid_to`` is empty while it holds."""

    key: str
    value: str
    valid_from: str
    valid_to: str
    source: str
    note: str

    def name(self, language: str) -> str:
        """What the office calls it; the seed's own note where the catalogue has no Chinese name yet."""
        if language == "en":
            return self.note
        try:
            return text(f"thresholds.{self.key}", language)
        except UnknownWording:
            return self.note

    def validity(self, language: str) -> str:
        """The months in words."""
        key = "valid_between" if self.valid_to else "valid_since"
        return text(f"exports.{key}", language, first=self.valid_from, last=self.valid_to)

    def sentence(self, language: str) -> str:
        """Name, value, validity and source: what an output says of the thresholds that decide it."""
        words = {word: text(f"exports.source_{word}", language) for word in ("domain", "proposed", "default")}
        source = re.sub(r"\b(domain|proposed|default)\b", lambda found: words[found.group()], self.source)
        facts = {"name": self.name(language), "value": self.value, "source": source}
        return text("exports.threshold", language, **facts, validity=self.validity(language))


def holds_in(row: Mapping[str, str], month: str) -> bool:
    """Whether a row of a seed is in force in ``month``; a row without validity always is."""
    return (row.get("valid_from") or "") <= month <= (row.get("valid_to") or _LAST)


def seed(name: str) -> list[Mapping[str, str]]:
    """The rows of a seed, in its order."""
    with (DBT_PROJECT_DIR / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def thresholds(month: str | None = None) -> list[Threshold]:
    """All thresholds, or those in force in ``month``, in the order of their keys and then of their validity."""
    rows = [Threshold(**row) for row in seed("thresholds") if month is None or holds_in(row, month)]
    return sorted(rows, key=lambda row: (row.key, row.valid_from))


def named(keys: Iterable[str], month: str) -> list[Threshold]:
    """The thresholds of ``keys`` in force in ``month``, in the order of ``keys``."""
    in_force = {row.key: row for row in thresholds(month)}
    known = {row.key for row in thresholds()}
    wanted = list(keys)
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise UnknownThreshold(f"no threshold is called {', '.join(unknown)}")
    return [in_force[key] for key in wanted if key in in_force]
