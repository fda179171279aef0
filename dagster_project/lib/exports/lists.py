"""Work lists as files: for every district and the branch, a workbook to work with and a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from dagster_project.lib import engine, work_returns
from dagster_project.lib.exports.catalog import Export, InvalidCatalog, Model
from dagster_project.lib.exports.csvfile import prepare_lines, write_csv
from dagster_project.lib.exports.edition import Edition, Written, WrittenFile, folder_name, record, written_file
from dagster_project.lib.exports.states import (
    NETWORK,
    UNKNOWN_DISTRICT,
    Unit,
    branch,
    data_set_title,
    districts,
    in_force,
    not_delivered,
)
from dagster_project.lib.exports.workbook import Book, Field, Input, Kind, Rows, prepare_rows, write_workbook
from dagster_project.lib.rules import seed
from dagster_project.lib.warehouse.base import literal, quoted
from dagster_project.lib.wording import text

_ABOUT = (
    *("list_month", "list_type", "district", "account_manager", "subscriber_id", "msisdn", "brand", "plan_name"),
    *("value_tier", "lifecycle_stage", "tenure_month", "arpu3_amount", "total_fee_amount", "mou"),
)
_WORTH = (
    *("reason", "risk_level", "churn_probability", "expected_loss_amount", "measure_codes", "measure_names"),
    *("care_cap_amount", "retention_cap_amount"),
)
_FIRST_SCREEN = (
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
_CLAUSES = (
    *("contract", "spend_drop", "frequency_drop", "mou_drop", "callees_drop", "ratio_rise", "forwarding"),
    *("complaints", "unanswered", "dissatisfied", "rival_hotline", "arrears"),
)
_WIDTHS: Mapping[str, float] = {
    **{"contacted_at": 13, "outcome": 10, "measure_code": 10, "cost": 10, "note": 30},
    **{"reason": 60, "msisdn": 13.5, "subscriber_id": 14, "plan_name": 20, "district": 12},
    **{"risk_level": 8, "value_tier": 8, "measure_codes": 18, "measure_names": 24, "warning_clauses": 30},
}

_NUMBERS = ("unit_code", "network_number", "district_number")


@dataclass(frozen=True)
class _Source:
    """A mart of listed subscribers: which rows are exported and why the others are not.

    ``to_fill_in`` are the columns that come back filled in; whoever works from such a list sees whole phone numbers.
    """

    exported: str
    withheld_because: str
    to_fill_in: tuple[str, ...] = ()


_SOURCES: Mapping[str, _Source] = {
    "mart_work_lists": _Source("not is_holdout", "'holdout'"),
    "mart_work_orders": _Source("is_planned", "suppressed_because", work_returns.FILL_INS),
}
_WITHHELD = ("holdout", "cool_down", "contact_limit", "over_capacity")


def write_list(edition: Edition, export: Export) -> Written:
    """Stage one list, per district and whole: ``<folder>/<list type>.xlsx`` and ``.csv``.

    Rows of the hold-out and suppressed work orders stay in the restricted marts and are withheld here. A district without rows
    gets an empty list that says so. Reads staged Parquet only.
    """
    list_type = str(export.meta["list_type"])
    fields = list_fields(export, edition.catalog.model(mart_of(export)), edition.settings.language)
    with engine.connect(edition.settings) as connection:
        _load(connection, edition, list_type, fields, export)
        counts, withheld = _counts(connection)
        missing = not_delivered(connection, edition)
        empty = empty_words(edition, export, missing)
        whole = branch(edition)
        blank = _book(edition, export, fields, unit=whole, rows=_rows_of(whole, {}), empty=empty)
        styles = prepare_rows(connection, blank, "list_rows", into="sheet_rows", keep=_NUMBERS)
        prepare_lines(connection, fields, "list_rows", into="csv_rows", keep=_NUMBERS)
        connection.execute("drop table list_rows")
        files: list[WrittenFile] = []
        district_rows: dict[str, int] = {}
        for unit in (*districts(connection, edition), whole):
            rows = replace(_rows_of(unit, counts), styles=styles)
            book = _book(edition, export, fields, unit=unit, rows=rows, empty=empty, withheld=withheld, missing=missing)
            files += _write_unit(connection, edition, list_type, unit=unit, book=book, rows=rows, fields=fields)
            if unit.code is not None:
                district_rows[unit.code] = rows.count
    is_available = not lacking(export, missing)
    return record(edition, Written(export.name, tuple(files), district_rows, missing, is_available))


def lacking(export: Export, missing: Sequence[str]) -> tuple[str, ...]:
    """Data sets that a list cannot do without and that were not delivered."""
    return tuple(name for name in export.meta.get("needs", ()) if name in missing)


def empty_words(edition: Edition, export: Export, missing: Sequence[str]) -> str:
    """What an empty list says: nobody, or why it is not known who."""
    language = edition.settings.language
    absent = [data_set_title(name, language) for name in lacking(export, missing)]
    if absent:
        return text("lists.not_available", language, data_sets=text("exports.separator", language).join(absent))
    return text("lists.no_rows", language)


def list_fields(export: Export, model: Model, language: str) -> tuple[Field, ...]:
    """A list's columns in the order of the output contract, its own evidence before the reason.

    Raises :class:`InvalidCatalog` when the exposure names a column that the model does not have.
    """
    evidence = [name for name in export.meta.get("evidence", ()) if name not in {*_ABOUT, *_WORTH}]
    names = (*_ABOUT, *evidence, *_WORTH)
    unknown = [name for name in names if name not in model.columns]
    if unknown:
        raise InvalidCatalog(f"exposure {export.name}: {model.name} has no column {', '.join(unknown)}")
    to_fill_in = (_field_to_fill_in(name, language) for name in _SOURCES[model.name].to_fill_in)
    return (*(_field(model, name, language) for name in names), *to_fill_in)


def mart_of(export: Export) -> str:
    """The mart that holds a list's rows; raises :class:`InvalidCatalog` when the exposure is on none."""
    for name in export.depends_on:
        if name in _SOURCES:
            return name
    raise InvalidCatalog(f"exposure {export.name}: a list depends on one of {', '.join(_SOURCES)}")


def screen_order(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The columns as a workbook shows them: what is needed first on the first screen, to be filled in, then the rest."""
    by_name = {field.name: field for field in fields}
    first = [by_name[name] for name in _FIRST_SCREEN]
    to_fill_in = [field for field in fields if field.input]
    return (*first, *to_fill_in, *(field for field in fields if field not in (*first, *to_fill_in)))


def _field_to_fill_in(name: str, language: str) -> Field:
    """A column of the work order that comes back; its words are those by which the returned book is read."""
    kinds = {"contacted_at": Kind.DATE, "cost": Kind.MONEY}
    choices = {
        "outcome": tuple(text(f"work_returns.outcome.{code}", language) for code in work_returns.OUTCOMES),
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
    return Field(name, heading, kind, width)


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


def _load(
    connection: duckdb.DuckDBPyConnection, edition: Edition, list_type: str, fields: Sequence[Field], export: Export
) -> None:
    """The list's rows as the office reads them, numbered for the branch and within each district."""
    language = edition.settings.language
    source = _SOURCES[mart_of(export)]
    rows = str(edition.mart(mart_of(export)))
    delivered = (field.name for field in fields if not field.input)
    chosen = ", ".join(f"{_shown(name, language, export)} as {quoted(name)}" for name in delivered)
    order = "sort_order nulls last, district_code, subscriber_id"
    connection.execute(
        f"""
        create temp table list_rows as
        select
            {chosen},
            coalesce(district_code, {literal(UNKNOWN_DISTRICT)}) as unit_code,
            row_number() over (order by {order}) as network_number,
            row_number() over (partition by coalesce(district_code, {literal(UNKNOWN_DISTRICT)}) order by {order})
                as district_number
        from read_parquet(?)
        where list_type = ? and {source.exported}
        order by network_number
        """,
        [rows, list_type],
    )
    connection.execute(
        f"create temp table withheld_rows as select {source.withheld_because} as reason, count(*) as row_count"
        f" from read_parquet(?) where list_type = ? and not ({source.exported}) group by all",
        [rows, list_type],
    )


def _shown(name: str, language: str, export: Export) -> str:
    """SQL for what the office reads in a column: words for codes, in its language."""
    if name == "list_type":
        return literal(str(export.titles[language]))
    if name == "msisdn" and not _SOURCES[mart_of(export)].to_fill_in:
        return "regexp_replace(msisdn, '^(.{3}).*(.{4})$', '\\1****\\2')"
    if name in _NAMED_BY_SEED:
        return _named_by_seed(name, language)
    if name in _BY_LANGUAGE:
        return quoted(name if language == "zh" else f"{name}_en")
    if name == "warning_clauses":
        return _clauses(language)
    codes = _CODES.get(name)
    if not codes:
        return quoted(name)
    cases = " ".join(f"when {literal(code)} then {literal(text(f'lists.{name}.{code}', language))}" for code in codes)
    return f"case {quoted(name)} {cases} else {quoted(name)} end"


def _named_by_seed(name: str, language: str) -> str:
    """SQL for the titles of codes that a rule table names; several codes are joined by a plus."""
    table, key = _NAMED_BY_SEED[name]
    words = ", ".join(f"{literal(row[key])}: {literal(row[language])}" for row in seed(table))
    parts = f"string_split(nullif({quoted(name)}, ''), '+')"
    named = f"list_transform({parts}, lambda code: coalesce(map {{{words}}}[code], code))"
    return f"array_to_string({named}, {literal(text('exports.separator', language))})"


def _clauses(language: str) -> str:
    """SQL for the signs that fired: their codes are joined by a plus."""
    words = ", ".join(f"{literal(code)}: {literal(text(f'lists.clause.{code}', language))}" for code in _CLAUSES)
    parts = "string_split(nullif(warning_clauses, ''), '+')"
    named = f"list_transform({parts}, lambda code: coalesce(map {{{words}}}[code], code))"
    return f"array_to_string({named}, {literal(text('exports.separator', language))})"


def _counts(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, int], dict[str, int]]:
    """Exported rows by unit, and withheld ones by reason."""
    counts = dict(connection.execute("select unit_code, count(*) from list_rows group by unit_code").fetchall())
    return counts, dict(connection.execute("select reason, row_count from withheld_rows").fetchall())


def _rows_of(unit: Unit, counts: Mapping[str, int]) -> Rows:
    if unit.code is None:
        return Rows("sheet_rows", "network_number", sum(counts.values()))
    return Rows("sheet_rows", "district_number", counts.get(unit.code, 0), "unit_code = ?", (unit.code,))


def _book(
    edition: Edition,
    export: Export,
    fields: Sequence[Field],
    *,
    unit: Unit,
    rows: Rows,
    empty: str,
    withheld: Mapping[str, int] | None = None,
    missing: Sequence[str] = (),
) -> Book:
    language = edition.settings.language
    facts = {
        "unit": unit.name,
        "title": export.titles[language],
        "month": edition.month,
        "rows": f"{rows.count:,}",
        "version": edition.publication_id,
    }
    return Book(
        title=text("lists.title_line", language, **facts),
        sheet=str(export.titles[language]),
        fields=screen_order(fields),
        empty=empty,
        notes_sheet=text("exports.notes_sheet", language),
        notes=_notes(edition, export, facts, withheld=withheld or {}, missing=missing),
        first_screen=len(_FIRST_SCREEN) + sum(1 for field in fields if field.input),
    )


def _notes(
    edition: Edition, export: Export, facts: Mapping[str, str], *, withheld: Mapping[str, int], missing: Sequence[str]
) -> list[tuple[str, str]]:
    language = edition.settings.language
    absent = [data_set_title(name, language) for name in missing]
    separator = text("exports.separator", language)
    values = {
        **facts,
        "definition": export.meta["definitions"][language],
        **{f"withheld_{reason}": f"{withheld.get(reason, 0):,}" for reason in _WITHHELD},
        "missing": separator.join(absent) or text("exports.nothing_missing", language),
        "thresholds": in_force(export, edition.month, language),
    }
    set_aside = [reason for reason in _WITHHELD if withheld.get(reason)]
    orders = _SOURCES[mart_of(export)].to_fill_in
    names = (
        *("title", "unit", "month", "rows", "definition", "thresholds", "version", "state", "missing"),
        *(set_aside or ("no_holdout",)),
        *(("fill_in", "columns") if orders else ("masked", "columns")),
        "use",
    )
    return [
        (text(f"lists.note_{name}_label", language), text(f"lists.note_{name}", language, **values)) for name in names
    ]


def _write_unit(
    connection: duckdb.DuckDBPyConnection,
    edition: Edition,
    list_type: str,
    *,
    unit: Unit,
    book: Book,
    rows: Rows,
    fields: Sequence[Field],
) -> list[WrittenFile]:
    folder = unit_folder(edition, unit)
    workbook, csv = folder / f"{list_type}.xlsx", folder / f"{list_type}.csv"
    write_workbook(connection, workbook, book, rows)
    write_csv(connection, csv, fields, replace(rows, relation="csv_rows"))
    return [written_file(edition, path, rows.count) for path in (workbook, csv)]


def unit_folder(edition: Edition, unit: Unit) -> Path:
    """The folder of a district or of the branch, made when it is not there."""
    parts = (NETWORK,) if unit.code is None else ("districts", folder_name(unit.code))
    folder = edition.folder.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
