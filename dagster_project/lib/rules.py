"""Business rules that are tables: dbt's seeds, read as they are for everybody who has to show them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from dagster_project.lib import months
from dagster_project.lib.wording import UnknownWording, text, topic
from dagster_project.settings import DBT_PROJECT_DIR

RULE_TABLES: Mapping[str, tuple[str, ...]] = {
    "tenure_buckets": ("tenure_bucket",),
    "arpu_bands": ("arpu_band",),
    "value_tiers": ("value_tier",),
    "value_tier_rules": ("value_tier_rule",),
    "warning_clauses": ("clause_code",),
    "cost_caps": ("value_tier",),
    "list_types": ("list_type",),
    "work_order_reasons": ("reason_code",),
    "measure_choices": ("cause", "lifecycle_stage", "value_tier", "measure_code"),
    "measure_costs": ("measure_code",),
    "causes": ("cause_code",),
    "survey_causes": ("answer_code",),
    "satisfaction_topics": ("category",),
    "exit_evidence": ("answer", "code"),
    "swap_evidence": ("evidence",),
    "hoarding_signals": ("signal_code",),
    "group_calendars": ("name_part", "calendar_month"),
    "gaming_signs": ("sign_code",),
    "scorecard_kpis": ("unit_type", "kpi_code"),
    "scorecard_weights": ("unit_type", "kpi_code"),
    "scorecard_targets": ("unit_type", "unit_code", "kpi_code"),
}
"""Effective-dated seeds beside the thresholds, bands, tiers, weights and mappings, with the columns of their key."""
_NAMED_BY: Mapping[str, tuple[str, str]] = {
    "value_tier": ("value_tiers", "value_tier"),
    "cause_code": ("causes", "cause_code"),
    "churn_class": ("churn_classes", "churn_class"),
    "list_type": ("list_types", "list_type"),
    "measure_code": ("measures", "measure_code"),
    "kpi_code": ("scorecard_kpis", "kpi_code"),
}
"""Columns whose codes another seed gives names to, and that seed's key."""
_TOLD_BY_NAME = frozenset(
    {"from_month_number", "to_month_number", "above_amount", "up_to_amount", "sort_order", "rule_order"}
)
"""Columns that a sentence leaves out: a band's name has its edges, and rows stand in their order."""
_NOT_FACTS = frozenset({"zh", "en", "note", "source", "valid_from", "valid_to"})
_LAST = "9999-12"


class UnknownThreshold(KeyError):
    """A key that the seed of thresholds does not have."""


class InvalidRules(ValueError):
    """Rule tables that contradict themselves or each other; the message names what, since when and the remedy."""


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
        return validity(self.valid_from, self.valid_to, language)

    def sentence(self, language: str) -> str:
        """Name, value, validity and source: what an output says of the thresholds that decide it."""
        words = {word: text(f"exports.source_{word}", language) for word in ("domain", "proposed", "default")}
        source = re.sub(r"\b(domain|proposed|default)\b", lambda found: words[found.group()], self.source)
        facts = {"name": self.name(language), "value": self.value, "source": source}
        return text("exports.threshold", language, **facts, validity=self.validity(language))


@dataclass(frozen=True)
class Rule:
    """A row of a rule table."""

    table: str
    row: Mapping[str, str]

    @property
    def key(self) -> str:
        """Its key in the table."""
        return " / ".join(self.row[column] for column in RULE_TABLES[self.table])

    @property
    def source(self) -> str:
        """Where it comes from."""
        return self.row["source"]

    def name(self, language: str) -> str:
        """What the office calls it; the words of its key where the table gives no name."""
        words = (_shown(self.row, column, language) for column in RULE_TABLES[self.table])
        return self.row.get(language) or " ".join(words).replace("_", " ")

    def facts(self, language: str, *, brief: bool = False) -> dict[str, str]:
        """What it says beside its name, by the headings of the columns; ``brief`` for a sentence."""
        skipped = _NOT_FACTS | set(RULE_TABLES[self.table]) | (_TOLD_BY_NAME if brief else set())
        return {
            text(f"rules.column_{column}", language): _shown(self.row, column, language)
            for column in self.row
            if column not in skipped and not column.endswith(("_zh", "_en"))
        }

    def validity(self, language: str) -> str:
        """The months in which it holds, in words."""
        return validity(self.row["valid_from"], self.row["valid_to"], language)


def _shown(row: Mapping[str, str], column: str, language: str) -> str:
    """A cell in ``language``: by its translation beside it, by the seed that names it, or by a word."""
    value = row[column]
    if column in _NAMED_BY:
        table, key = _NAMED_BY[column]
        return next((named[language] for named in seed(table) if named[key] == value), value)
    word = topic("rules").get(f"word_{value}", {}).get(language, value)
    return row.get(f"{column}_{language}") or word


def validity(first: str, last: str, language: str) -> str:
    """The months from ``first`` to ``last``, or since ``first``, in words."""
    return text(f"exports.valid_{'between' if last else 'since'}", language, first=first, last=last)


def holds_in(row: Mapping[str, str], month: str) -> bool:
    """Whether a row of a seed is in force in ``month``; a row without validity always is."""
    return (row.get("valid_from") or "") <= month <= (row.get("valid_to") or _LAST)


def seed(name: str) -> Sequence[Mapping[str, str]]:
    """The rows of a seed, in its order."""
    file = DBT_PROJECT_DIR / "seeds" / f"{name}.csv"
    return _rows(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _rows(file: Path, _changed_at: int) -> Sequence[Mapping[str, str]]:
    """Read once for as long as the file stays as it is: every output of every month asks."""
    with file.open(encoding="utf-8", newline="") as opened:
        return tuple(csv.DictReader(opened))


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


def rules_of(table: str, month: str | None = None) -> list[Rule]:
    """The rows of a rule table, all or those in force in ``month``, in its order."""
    return [Rule(table, row) for row in seed(table) if month is None or holds_in(row, month)]


def state_of(table: str, month: str) -> tuple[str, str]:
    """First and last month in which a rule table stands as in ``month``; the last is empty while none is known."""
    rows = seed(table)
    ends = [row["valid_to"] for row in rows if row["valid_to"]]
    turns = {row["valid_from"] for row in rows} | {months.shift(end, 1) for end in ends}
    following = [turn for turn in turns if turn > month]
    first = max((turn for turn in turns if turn <= month), default=month)
    return first, months.shift(min(following), -1) if following else ""


def table_sentence(table: str, month: str, language: str) -> str:
    """A rule table's name, the months in which it stands as it is, and its rows: what an output says of it."""
    rows = text("exports.rule_separator", language).join(_row_words(rule, language) for rule in rules_of(table, month))
    standing = validity(*state_of(table, month), language)
    return text("exports.rule_sentence", language, name=text(f"rules.{table}", language), validity=standing, rows=rows)


def _row_words(rule: Rule, language: str) -> str:
    words = fact_words(rule, language, brief=True)
    name = rule.name(language)
    return text("exports.rule_with_facts", language, name=name, facts=words) if words else name


def fact_words(rule: Rule, language: str, *, brief: bool = False) -> str:
    """What a rule says, in one line."""
    facts = (f"{heading} {value}" for heading, value in rule.facts(language, brief=brief).items() if value)
    return text("exports.fact_separator", language).join(facts)


_SCORECARD_TABLES = ("scorecard_kpis", "scorecard_weights", "scorecard_targets")
_FULL_WEIGHT = Decimal(100)


def require_sound_scorecards() -> None:
    """Raise :class:`InvalidRules` unless in every month the rules of scorecards say one thing, and all that is needed.

    Asked before a run begins: a weight that is missing would otherwise be found when everything else is built.
    """
    problems = [*_overlaps(), *_unknown_indicators(), *_wrong_sums(), *_missing_targets()]
    if problems:
        raise InvalidRules("\n".join(problems))


def _overlaps() -> Iterator[str]:
    """Rows of one key of which two hold in the same month."""
    for table in _SCORECARD_TABLES:
        key = RULE_TABLES[table]
        rows = sorted(seed(table), key=lambda row: ([row[column] for column in key], row["valid_from"]))
        for row, following in pairwise(rows):
            is_same = all(row[column] == following[column] for column in key)
            if is_same and holds_in(row, following["valid_from"]):
                name = " / ".join(row[column] for column in key)
                yield (
                    f"seeds/{table}.csv: two rows of {name} hold in {following['valid_from']};"
                    f" end the earlier one (valid_to) in {months.shift(following['valid_from'], -1)}"
                )


def _unknown_indicators() -> Iterator[str]:
    """Weights and targets of what no scorecard has."""
    known = {(row["unit_type"], row["kpi_code"]) for row in seed("scorecard_kpis")}
    for table in _SCORECARD_TABLES[1:]:
        for row in seed(table):
            if (row["unit_type"], row["kpi_code"]) not in known:
                yield (
                    f"seeds/{table}.csv: the scorecard of a {row['unit_type']} has no indicator {row['kpi_code']};"
                    " take the row out, or describe the indicator in seeds/scorecard_kpis.csv"
                )


def _wrong_sums() -> Iterator[str]:
    """Types of units whose weights do not add up to 100, with the first month of each wrong sum."""
    rows = seed("scorecard_weights")
    for unit_type in sorted({row["unit_type"] for row in seed("scorecard_kpis")}):
        own = [row for row in rows if row["unit_type"] == unit_type]
        for month in _turns(seed("scorecard_kpis"), own):
            weights = [Decimal(row["weight"]) for row in own if holds_in(row, month)]
            total = sum(weights, Decimal(0))
            if total != _FULL_WEIGHT or min(weights, default=Decimal(0)) < 0:
                yield (
                    f"seeds/scorecard_weights.csv: the weights of a {unit_type} sum to {total} from {month} on,"
                    " not to 100; change them so that those in force in every month, none below 0, sum to 100"
                )


def _missing_targets() -> Iterator[str]:
    """Indicators with a stated target in whose months no target for all units is stated."""
    targets = [row for row in seed("scorecard_targets") if row["unit_code"] == "all"]
    for kpi in seed("scorecard_kpis"):
        if kpi["target_rule"] != "fixed":
            continue
        key = (kpi["unit_type"], kpi["kpi_code"])
        own = [row for row in targets if (row["unit_type"], row["kpi_code"]) == key]
        for month in _turns([kpi], own):
            if holds_in(kpi, month) and not any(holds_in(row, month) for row in own):
                yield (
                    f"seeds/scorecard_targets.csv: {' / '.join(key)} has no target for all in {month};"
                    " add a row with unit_code all, or give the indicator another target_rule"
                )


def _turns(*tables: Iterable[Mapping[str, str]]) -> list[str]:
    """The months in which what holds can change: where a row begins, and after one has ended."""
    rows = [row for table in tables for row in table]
    ends = {months.shift(row["valid_to"], 1) for row in rows if row["valid_to"]}
    return sorted({row["valid_from"] for row in rows} | ends)
