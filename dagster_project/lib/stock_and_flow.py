"""Who was on the network, who came, who left: counted from snapshots alone, before a month is accepted.

The definitions are those of the subscriber-month fact (docs/metrics.md; domain 3.2, 3.3, 3.7), but the
SQL is not: what the marts publish is checked by counting in another way, before the marts exist.
Opening and closing are counted from their snapshots, the flows from the two snapshots joined;
so the identity fails when a subscriber is counted twice or lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.lib import months, raw
from dagster_project.settings import Settings

SCOPES: Mapping[str, str] = {
    "network": "'all'",
    "district": "district_code",
    "brand": "brand",
    "network_type": "network",
    "payment_type": "payment_type",
}
"""Scope types and the snapshot column that tells a subscriber's scope."""

_CARRIED_MONTHS = 3
"""How many months back the last row of a quarantined subscriber is looked for."""

_TERMINAL = "('cancelled', 'disconnected', 'ported_out')"
_UNKNOWN = "(unknown)"

_ROWS = f"""
    select
        subscriber_id,
        coalesce(is_countable, true) as is_counted,
        status in {_TERMINAL} as is_terminal,
        status_date,
        join_date,
        coalesce(district_code, '{_UNKNOWN}') as district_code,
        coalesce(brand, '{_UNKNOWN}') as brand,
        coalesce(network, '{_UNKNOWN}') as network,
        coalesce(payment_type, '{_UNKNOWN}') as payment_type
"""

_CARRIED = """
    select history.* exclude (delivery_month)
    from history
    join quarantined on quarantined.subscriber_id = history.subscriber_id and quarantined.delivery_month = $month
    where history.delivery_month < $month
        and history.delivery_month >= $earliest
        and not history.is_terminal
        and not exists (
            select 1 from history as later
            where later.subscriber_id = history.subscriber_id
                and later.delivery_month > history.delivery_month and later.delivery_month <= $month
        )
        and (
            select count(distinct gap.delivery_month) from quarantined as gap
            where gap.subscriber_id = history.subscriber_id
                and gap.delivery_month > history.delivery_month and gap.delivery_month <= $month
        ) = (
            (left($month, 4)::int - left(history.delivery_month, 4)::int) * 12
            + right($month, 2)::int - right(history.delivery_month, 2)::int
        )
"""

_STANDING = """
    create temp table standing as
    with joined as (
        select
            coalesce(present.subscriber_id, earlier.subscriber_id) as subscriber_id,
            present.subscriber_id is not null as is_present,
            coalesce(present.is_counted, false) as is_counted,
            coalesce(present.is_terminal, false) as is_terminal,
            coalesce(present.join_date >= $first_day, false) as is_joined,
            present.status_date is null as is_undated,
            coalesce(present.status_date >= $first_day, false) as is_dated_in_month,
            coalesce(earlier.is_terminal, false) as has_left_before,
            coalesce(not earlier.is_terminal, false) as was_on_net,
            coalesce(earlier.is_counted and not earlier.is_terminal, false) as was_counted,
            {scopes}
        from earlier
        full outer join present on present.subscriber_id = earlier.subscriber_id
    ),

    taking_part as (
        select
            *,
            is_counted and (
                not is_terminal or was_on_net or is_joined or is_dated_in_month
                or (is_undated and not has_left_before)
            ) as takes_part
        from joined
    )

    select
        *,
        $is_first as is_first,
        was_counted or ($is_first and takes_part and not is_joined) as is_open,
        takes_part and was_on_net and not was_counted as is_counted_anew,
        was_counted and is_present and not is_counted as is_counted_no_more
    from taking_part
"""


@dataclass(frozen=True)
class Balance:
    """One scope's stock and flow in a month; ``new`` joined in the month, ``back`` joined earlier."""

    opening: int = 0
    new: int = 0
    back: int = 0
    moved_in: int = 0
    churned: int = 0
    moved_out: int = 0
    closing: int = 0


def load(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    month: str,
    *,
    snapshot: Path,
    previous: str | None,
    quarantined: Path | None,
) -> None:
    """Make the tables ``earlier``, ``present`` and ``standing`` from a candidate snapshot and accepted ones.

    ``previous`` is the calendar month before, None when it was not accepted: then the opening base is
    who took part and joined earlier.
    """
    window = months.between(months.shift(month, -_CARRIED_MONTHS - 1), months.shift(month, -1))
    _load_quarantined(connection, settings, window, month, quarantined)
    _load_rows(connection, "present", snapshot)
    before = raw.path(settings, "crm_subscribers", previous) if previous else None
    _load_rows(connection, "earlier", before)
    _load_history(connection, settings, window, month)
    _load_carried(connection, "present", month)
    _load_carried(connection, "earlier", previous)
    connection.execute(
        _STANDING.format(scopes=_scope_columns()), {"first_day": months.first_day(month), "is_first": previous is None}
    )


def balances(connection: duckdb.DuckDBPyConnection, scope_type: str) -> dict[str, Balance]:
    """The stock and flow of every scope of a type, by scope code; needs :func:`load`."""
    rows = connection.execute(f"select * from ({_balance(scope_type)}) order by code").fetchall()
    return {code: Balance(*counts) for code, *counts in rows}


def uneven(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Scopes whose opening and flows do not give their closing, as ``type code``; needs :func:`load`."""
    rows = [
        (scope_type, code)
        for scope_type in SCOPES
        for (code,) in connection.execute(f"""
            select code from ({_balance(scope_type)})
            where opening + new + back + moved_in - churned - moved_out <> closing
            order by code
        """).fetchall()
    ]
    return tuple(f"{scope_type} {code}" for scope_type, code in rows)


def _balance(scope_type: str) -> str:
    stock = f"select {SCOPES[scope_type]} as code from {{}} where is_counted and not is_terminal"
    return f"""
        with flows as (
            select
                {scope_type}_open as was,
                {scope_type}_now as now,
                count(*) filter (takes_part and not is_open and not is_counted_anew and is_joined) as new,
                count(*) filter (takes_part and not is_open and not is_counted_anew and not is_joined) as back,
                count(*) filter (is_counted_anew) as counted_in,
                count(*) filter (is_counted_no_more) as counted_out,
                count(*) filter (is_open and takes_part and {scope_type}_open <> {scope_type}_now) as moved,
                count(*) filter (is_open and not is_present) as absent,
                count(*) filter (takes_part and is_terminal) as terminated
            from standing
            group by was, now
        ),

        opening as (
            {stock.format("earlier")}
            union all
            select {scope_type}_open from standing where is_first and is_open
        ),

        counted as (
            select
                now as code, 0 as opening, new, back, counted_in + moved as moved_in,
                terminated as churned, 0 as moved_out, 0 as closing
            from flows
            union all
            select was, 0, 0, 0, 0, absent, counted_out + moved, 0 from flows
            union all
            select code, count(*), 0, 0, 0, 0, 0, 0 from opening group by code
            union all
            select code, 0, 0, 0, 0, 0, 0, count(*) from ({stock.format("present")}) group by code
        )

        select
            code,
            sum(opening)::bigint as opening, sum(new)::bigint as new, sum(back)::bigint as back,
            sum(moved_in)::bigint as moved_in, sum(churned)::bigint as churned,
            sum(moved_out)::bigint as moved_out, sum(closing)::bigint as closing
        from counted
        group by code
        having sum(opening + new + back + moved_in + churned + moved_out + closing) > 0
    """


def _scope_columns() -> str:
    return ", ".join(
        f"coalesce({_of('earlier', column)}, {_of('present', column)}) as {scope_type}_open,"
        f" coalesce({_of('present', column)}, {_of('earlier', column)}) as {scope_type}_now"
        for scope_type, column in SCOPES.items()
    )


def _of(table: str, column: str) -> str:
    return column if column.startswith("'") else f"{table}.{column}"


def _load_rows(connection: duckdb.DuckDBPyConnection, table: str, path: Path | None) -> None:
    if path is None:
        connection.execute(f"create temp table {table} as select * from present limit 0")
        return
    connection.execute(
        f"create temp table {table} as {_ROWS} from read_parquet(?, hive_partitioning = false)", [str(path)]
    )


def _load_quarantined(
    connection: duckdb.DuckDBPyConnection, settings: Settings, window: tuple[str, ...], month: str, newest: Path | None
) -> None:
    connection.execute("create temp table quarantined (delivery_month varchar, subscriber_id varchar)")
    select = (
        "select distinct ?, subscriber_id from read_parquet(?, hive_partitioning = false)"
        " where subscriber_id is not null"
    )
    files = {earlier: raw.path(settings, "quarantined_subscribers", earlier) for earlier in window}
    if newest is not None:
        files[month] = newest
    for of_month, path in files.items():
        if path.is_file():
            connection.execute(f"insert into quarantined {select}", [of_month, str(path)])


def _load_history(
    connection: duckdb.DuckDBPyConnection, settings: Settings, window: tuple[str, ...], month: str
) -> None:
    """Rows of earlier months of the subscribers who are in quarantine: few, whatever the branch's size."""
    connection.execute("create temp table history as select ''::varchar as delivery_month, * from present limit 0")
    files = [(earlier, raw.path(settings, "crm_subscribers", earlier)) for earlier in window]
    for of_month, path in files:
        if path.is_file():
            connection.execute(
                f"insert into history select ?, * from ({_ROWS} from read_parquet(?, hive_partitioning = false)"
                " where subscriber_id in (select subscriber_id from quarantined))",
                [of_month, str(path)],
            )
    connection.execute(
        "insert into history select ?, * from present where subscriber_id in (select subscriber_id from quarantined)",
        [month],
    )


def _load_carried(connection: duckdb.DuckDBPyConnection, stock: str, month: str | None) -> None:
    if month is not None:
        earliest = months.shift(month, -_CARRIED_MONTHS)
        connection.execute(f"insert into {stock} {_CARRIED}", {"month": month, "earliest": earliest})
