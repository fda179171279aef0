"""Work lists as files: for every district and the branch, a workbook to work with and a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from dagster_project.lib import engine
from dagster_project.lib.exports.catalog import Export
from dagster_project.lib.exports.csvfile import prepare_lines, write_csv
from dagster_project.lib.exports.edition import Edition, Written, WrittenFile, folder_name, record, written_file
from dagster_project.lib.exports.list_columns import (
    FILE_ORDER,
    FIRST_SCREEN,
    list_fields,
    mart_of,
    screen_order,
    shown,
    source_of,
)
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
from dagster_project.lib.exports.workbook import Book, Field, Rows, prepare_rows, write_workbook
from dagster_project.lib.warehouse.base import literal, quoted
from dagster_project.lib.wording import text

_NUMBERS = ("unit_code", "network_number", "district_number")
_WITHHELD = ("holdout", "cool_down", "contact_limit", "over_capacity")
"""Why rows are not exported, in the order in which the last sheet says so."""


@dataclass(frozen=True)
class _Said:
    """What all books of a list say alike: the words for no rows, the rules in force, what is withheld or missing."""

    empty: str
    thresholds: str
    withheld: Mapping[str, int]
    missing: Sequence[str]


def write_list(edition: Edition, export: Export) -> Written:
    """Stage one list, per district and whole: ``<folder>/<list type>.xlsx`` and ``.csv``.

    Rows of the hold-out and suppressed work orders stay in the restricted marts and are withheld here. A district
    without rows gets an empty list that says so. Reads staged Parquet only.
    """
    list_type = str(export.meta["list_type"])
    fields = list_fields(export, edition.catalog.model(mart_of(export)), edition.settings.language)
    with engine.connect(edition.settings) as connection:
        _load(connection, edition, list_type, fields, export)
        counts, withheld = _counts(connection)
        missing = not_delivered(connection, edition)
        said = _Said(
            empty=empty_words(edition, export, missing),
            thresholds=in_force(export, edition.month, edition.settings.language),
            withheld=withheld,
            missing=missing,
        )
        whole = branch(edition)
        blank = _book(edition, export, fields, unit=whole, rows=_rows_of(whole, {}), said=said)
        styles = prepare_rows(connection, blank, "list_rows", into="sheet_rows", keep=_NUMBERS)
        prepare_lines(connection, fields, "list_rows", into="csv_rows", keep=_NUMBERS)
        connection.execute("drop table list_rows")
        files: list[WrittenFile] = []
        district_rows: dict[str, int] = {}
        for unit in (*districts(connection, edition), whole):
            rows = replace(_rows_of(unit, counts), styles=styles)
            book = _book(edition, export, fields, unit=unit, rows=rows, said=said)
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


def _load(
    connection: duckdb.DuckDBPyConnection, edition: Edition, list_type: str, fields: Sequence[Field], export: Export
) -> None:
    """The list's rows as the office reads them, numbered for the branch and within each district."""
    language = edition.settings.language
    source = source_of(export)
    rows = str(edition.mart(mart_of(export)))
    delivered = (field.name for field in fields if not field.input)
    chosen = ", ".join(f"{shown(name, language, export, edition.month)} as {quoted(name)}" for name in delivered)
    # numbered by few columns first: a window over whole rows would take them along, at thrice the time
    connection.execute(
        f"""
        create temp table list_rows as
        with numbered as (
            select
                subscriber_id as numbered_id,
                coalesce(district_code, {literal(UNKNOWN_DISTRICT)}) as unit_code,
                row_number() over (order by {FILE_ORDER}) as network_number,
                row_number() over (
                    partition by coalesce(district_code, {literal(UNKNOWN_DISTRICT)}) order by {FILE_ORDER}
                ) as district_number
            from read_parquet($rows)
            where list_type = $list_type and {source.exported}
        )
        select {chosen}, unit_code, network_number, district_number
        from read_parquet($rows)
        inner join numbered on subscriber_id = numbered_id
        where list_type = $list_type
        order by network_number
        """,
        {"rows": rows, "list_type": list_type},
    )
    connection.execute(
        f"create temp table withheld_rows as select {source.withheld_because} as reason, count(*) as row_count"
        f" from read_parquet(?) where list_type = ? and not ({source.exported}) group by all",
        [rows, list_type],
    )


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
    said: _Said,
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
        empty=said.empty,
        notes_sheet=text("exports.notes_sheet", language),
        notes=_notes(edition, export, facts, said),
        first_screen=len(FIRST_SCREEN) + sum(1 for field in fields if field.input),
    )


def _notes(edition: Edition, export: Export, facts: Mapping[str, str], said: _Said) -> list[tuple[str, str]]:
    language = edition.settings.language
    absent = [data_set_title(name, language) for name in said.missing]
    separator = text("exports.separator", language)
    values = {
        **facts,
        "definition": export.meta["definitions"][language],
        **{f"withheld_{reason}": f"{said.withheld.get(reason, 0):,}" for reason in _WITHHELD},
        "missing": separator.join(absent) or text("exports.nothing_missing", language),
        "thresholds": said.thresholds,
    }
    set_aside = [reason for reason in _WITHHELD if said.withheld.get(reason)]
    orders = source_of(export).to_fill_in
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
