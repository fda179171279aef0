"""Rows kept out of a month: where they stand, what is wrong, and the record itself.

``quarantine/<month>/<delivery id>/<data set>.parquet``, one row per record kept out: file, line, column,
value, reason_code, reason, subscriber_id (null when it cannot be read), record. Personal data stays in
these files; reports name places and codes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from dagster_project.lib import wording
from dagster_project.lib.contract import DataSet
from dagster_project.lib.reports import Example
from dagster_project.lib.values import Check, literal, quoted
from dagster_project.settings import Settings

EXAMPLES = 20
_DAMAGES = ("wrong_column_count", "broken_quote")


def path(settings: Settings, month: str, delivery_id: str, data_set: str) -> Path:
    """Where the quarantined rows of a data set are."""
    return settings.quarantine / month / delivery_id / f"{data_set}.parquet"


def collect(
    connection: duckdb.DuckDBPyConnection, settings: Settings, data_set: DataSet, checks: Sequence[Check]
) -> None:
    """Create the table ``quarantined`` from ``typed``, ``records``, ``damaged`` and ``files``."""
    _create_reasons(connection, settings, checks)
    has_subscriber = any(column.name == "subscriber_id" for column in data_set.columns)
    subscriber = "t.subscriber_id" if has_subscriber else "cast(null as varchar)"
    fields = ", ".join(f"{quoted(c.name)} := r.{c.name}" for c in data_set.columns)
    values = " ".join(f"when {index} then r.{check.column}" for index, check in enumerate(checks))
    connection.execute(
        f"""
        create or replace temp table quarantined as
        with kept_out as (
            select
                t.file_no, t.line, t.row_no, w.column_name, case t.problem {values} end as value,
                w.code as reason_code, w.reason, {subscriber} as subscriber_id,
                cast(to_json(struct_pack({fields})) as varchar) as record
            from typed as t
            inner join records as r on r.row_no = t.row_no
            inner join reasons as w on w.number = t.problem
            where t.problem >= 0
            union all
            select d.file_no, d.line, null, null, null, d.code, w.reason, null, d.record
            from damaged as d
            inner join reasons as w on w.code = d.code and w.number < 0
        )
        select
            k.file_no, k.row_no, f.name as file, k.line, k.column_name as "column",
            k.value, k.reason_code, k.reason, k.subscriber_id, k.record
        from kept_out as k
        inner join files as f on f.file_no = k.file_no
        order by k.file_no, k.line nulls last, k.row_no
        """
    )


def _create_reasons(connection: duckdb.DuckDBPyConnection, settings: Settings, checks: Sequence[Check]) -> None:
    listed = [(number, check.column, check.code) for number, check in enumerate(checks)]
    listed += [(-1 - number, "", code) for number, code in enumerate(_DAMAGES)]
    rows = ", ".join(
        f"({number}, {literal(column)}, {literal(code)}, {literal(reason_text(settings, code))})"
        for number, column, code in listed
    )
    connection.execute(
        f"create or replace temp table reasons as select * from (values {rows}) as w(number, column_name, code, reason)"
    )


def reason_text(settings: Settings, code: str) -> str:
    """A row's reason in the user's language."""
    return wording.text(f"ingestion.row_{code}", settings.language)


def write(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write ``quarantined`` to ``target``."""
    connection.execute(
        f"""
        copy (
            select file, line, "column", value, reason_code, reason, subscriber_id, record
            from quarantined order by file_no, line nulls last, row_no
        ) to {literal(str(target))} (format parquet)
        """
    )


def by_reason(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Quarantined rows by reason code, most frequent first."""
    rows = connection.execute(
        "select reason_code, count(*) from quarantined group by reason_code order by 2 desc, 1"
    ).fetchall()
    return {str(code): int(count) for code, count in rows}


def examples(connection: duckdb.DuckDBPyConnection) -> tuple[Example, ...]:
    """The first places, without values."""
    rows = connection.execute(
        'select file, line, "column", reason_code from quarantined'
        f" order by file_no, line nulls last, row_no limit {EXAMPLES}"
    ).fetchall()
    return tuple(Example(*row) for row in rows)
