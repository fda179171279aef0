"""The columns of work lists: which ones a list has, in which order, and what the office reads in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster_project.lib import work_returns
from dagster_project.lib.exports.catalog import Export, InvalidCatalog, Model
from dagster_project.lib.exports.workbook import Field, Input, Kind
from dagster_project.lib.rules import holds_in, seed
from dagster_project.lib.warehouse.base import literal, quoted
from dagster_project.lib.wording import text

CSV_START = (
    *("list_month", "list_type", "district", "account_manager", "subscriber_id", "msisdn", "brand", "plan_name"),
    *("value_tier", "lifecycle_stage", "tenure_month", "arpu3_amount", "total_fee_amount", "mou"),
)
"""Which list, who and what about them: the first columns of a CSV file."""
_WORTH = (
    *("reason", "risk_level", "churn_probability", "expected_loss_amount", "measure_codes", "measure_names"),
    *("care_cap_amount", "retention_cap_amount"),
)
FIRST_SCREEN = (
    *("account_manager", "msisdn", "reason", "risk_level", "measure_names", "care_cap_amount"),
    *("retention_cap_amount", "plan_name", "value_tier"),
)
"""Who does what for whom, why and up to what cost: what is seen and printed without scrolling."""

_CODES: Mapping[str, tuple[str, ...]] = {
    "risk_level": ("red", "orange", "yellow"),
    "value_tier": ("high", "mid", "low", "group", "U"),
    "lifecycle_stage": ("identification", "growth", "sunk", "warning", "stable"),
    "churn_kind": ("passive", "active", "unknown"),
    "arrears_stage": ("before_disconnect", "second_stop", "first_stop", "due"),
    "status": (
        *("active", "suspended_voluntary", "suspended_arrears", "pre_cancelled"),
        *("cancelled", "disconnected", "ported_out"),
    ),
    "warning_clauses": (
        *("contract", "spend_drop", "frequency_drop", "mou_drop", "callees_drop", "ratio_rise", "forwarding"),
        *("complaints", "unanswered", "dissatisfied", "rival_hotline", "arrears"),
    ),
}
"""Columns that hold codes, whose words for the office are in the catalogue."""
_NAMED_BY_SEED: Mapping[str, tuple[str, str]] = {
    "main_list_type": ("list_types", "list_type"),
    "other_list_types": ("list_types", "list_type"),
    "work_order_reason": ("work_order_reasons", "reason_code"),
    "controllable_cause_code": ("causes", "cause_code"),
}
"""Columns whose codes a rule table gives titles to, and that table's key."""
_BY_LANGUAGE = ("reason", "measure_names")
"""Columns that the mart has twice, the English one with the ending ``_en``."""
_WIDTHS: Mapping[str, float] = {
    **{"contacted_at": 13, "outcome": 10, "measure_code": 10, "cost": 10, "note": 30},
    **{"reason": 60, "msisdn": 13.5, "subscriber_id": 14, "plan_name": 20, "district": 12},
    **{"risk_level": 8, "value_tier": 8, "measure_codes": 18, "measure_names": 24, "warning_clauses": 30},
}
_WRAPPED = ("reason", "measure_names")
"""Sentences: what to say and to offer is read whole."""

MASKED_PHONE = (
    "case when length(msisdn) > 8 then left(msisdn, 3) || '****' || right(msisdn, 4)"
    " when msisdn is not null then '****' end"
)
FILE_ORDER = "sort_order nulls last, district_code, subscriber_id"
"""The order of a list's rows: what is worth doing first."""


@dataclass(frozen=True)
class ListSource:
    """A mart of listed subscribers: which rows are exported and why the others are not.

    ``to_fill_in`` are the columns that come back filled in; whoever works from such a list sees whole phone numbers.
    """

    exported: str
    withheld_because: str
    to_fill_in: tuple[str, ...] = ()


SOURCES: Mapping[str, ListSource] = {
    "mart_work_lists": ListSource("not is_holdout", "'holdout'"),
    "mart_work_orders": ListSource("is_planned", "suppressed_because", work_returns.FILL_INS),
}


def list_fields(export: Export, model: Model, language: str) -> tuple[Field, ...]:
    """A list's columns in the order of the output contract, its own evidence before the reason.

    Raises :class:`InvalidCatalog` when the exposure names a column that the model does not have.
    """
    evidence = [name for name in export.meta.get("evidence", ()) if name not in {*CSV_START, *_WORTH}]
    names = (*CSV_START, *evidence, *_WORTH)
    unknown = [name for name in names if name not in model.columns]
    if unknown:
        raise InvalidCatalog(f"exposure {export.name}: {model.name} has no column {', '.join(unknown)}")
    to_fill_in = (_field_to_fill_in(name, language) for name in SOURCES[model.name].to_fill_in)
    return (*(_field(model, name, language) for name in names), *to_fill_in)


def mart_of(export: Export) -> str:
    """The mart that holds a list's rows; raises :class:`InvalidCatalog` when the exposure is on none."""
    for name in export.depends_on:
        if name in SOURCES:
            return name
    raise InvalidCatalog(f"exposure {export.name}: a list depends on one of {', '.join(SOURCES)}")


def source_of(export: Export) -> ListSource:
    """What is exported of the mart that holds a list's rows."""
    return SOURCES[mart_of(export)]


def screen_order(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The columns as a workbook shows them: those of the first screen, those to be filled in, the rest."""
    by_name = {field.name: field for field in fields}
    first = [by_name[name] for name in FIRST_SCREEN]
    to_fill_in = [field for field in fields if field.input]
    return (*first, *to_fill_in, *(field for field in fields if field not in (*first, *to_fill_in)))


def _field_to_fill_in(name: str, language: str) -> Field:
    """A column of the work order that comes back; its words are those by which the returned book is read."""
    kinds = {"contacted_at": Kind.DATE, "cost": Kind.MONEY}
    choices = {
        "outcome": tuple(text(f"work_returns.outcome.{code}", language) for code in work_returns.outcomes()),
        "measure_code": tuple(row["measure_code"] for row in seed("measures")),
    }
    told = Input(
        prompt=text(f"lists.prompt_{name}", language),
        refusal=text(f"lists.refusal_{name}", language),
        choices=choices.get(name, ()),
    )
    return Field(name, text(f"work_returns.{name}", language), kinds.get(name, Kind.TEXT), _WIDTHS[name], told)


def _field(model: Model, name: str, language: str) -> Field:
    column = model.columns[name]
    kind = _kind(name, column.data_type)
    heading = column.headings[language]
    width = max(_WIDTHS.get(name, 11), _display_width(heading) / 2 + 4)
    return Field(name, heading, kind, width, is_wrapped=name in _WRAPPED)


def _display_width(heading: str) -> int:
    """Columns that a heading takes: a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in heading)


def _kind(name: str, data_type: str) -> Kind:
    kind = data_type.lower()
    if name.endswith(("_rate", "_share", "_probability")):
        return Kind.PERCENT
    if name.endswith("_amount"):
        return Kind.MONEY
    if kind == "date":
        return Kind.DATE
    if kind.startswith(("int", "bigint", "smallint")):
        return Kind.COUNT
    return Kind.NUMBER if kind.startswith(("decimal", "double", "float")) else Kind.TEXT


def shown(name: str, language: str, export: Export, month: str) -> str:
    """SQL for what the office reads in a column: words for codes, in its language, by the titles of ``month``."""
    fixed = {"list_type": literal(str(export.titles[language]))}
    if not source_of(export).to_fill_in:
        fixed["msisdn"] = MASKED_PHONE
    return fixed[name] if name in fixed else worded(name, language, month)


def worded(name: str, language: str, month: str) -> str:
    """SQL for a column with words for its codes and in ``language``, by the titles of ``month``."""
    if name in _BY_LANGUAGE:
        return quoted(name if language == "zh" else f"{name}_en")
    words = _words(name, language, month)
    return _in_words(name, words, language) if words else quoted(name)


def _words(name: str, language: str, month: str) -> Mapping[str, str]:
    """What the codes of a column are called; empty for a column without codes."""
    if name in _NAMED_BY_SEED:
        table, key = _NAMED_BY_SEED[name]
        return {row[key]: row[language] for row in seed(table) if holds_in(row, month)}
    topic = "clause" if name == "warning_clauses" else name
    return {code: text(f"lists.{topic}.{code}", language) for code in _CODES.get(name, ())}


def _in_words(name: str, words: Mapping[str, str], language: str) -> str:
    """SQL for the words of a column's codes, of which several may be joined by a plus; an unknown code stays."""
    pairs = ", ".join(f"{literal(code)}: {literal(word)}" for code, word in words.items())
    codes = f"string_split(nullif({quoted(name)}, ''), '+')"
    named = f"list_transform({codes}, lambda code: coalesce(map {{{pairs}}}[code], code))"
    return f"array_to_string({named}, {literal(text('exports.separator', language))})"
