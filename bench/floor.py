"""The least that such a month can cost: a bare DuckDB job without checks, history or workbooks."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from dagster_project.lib import raw
from dagster_project.settings import Settings

_DATA_SETS = ("crm_subscribers", "billing_bills", "billing_usage")
_GROUPINGS = (
    "district_code",
    "plan_code",
    "brand",
    "network",
    "payment_type",
    "district_code, plan_code",
    "plan_code, status",
)


def run_floor(settings: Settings, month: str) -> float:
    """Seconds to read three CSV files, write Parquet, join, group seven ways and write two lists a district.

    The CSV files are made from the month's raw data beforehand, outside the measured time.
    """
    folder = settings.scratch / "floor"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": settings.threads}) as connection:
        for name in _DATA_SETS:
            source = raw.path(settings, name, month)
            connection.execute(f"copy (from read_parquet('{source}')) to '{folder / name}.csv' (header)")
        started = time.perf_counter()
        _job(connection, folder)
        return time.perf_counter() - started


def _job(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for name in _DATA_SETS:
        connection.execute(f"copy (from read_csv('{folder / name}.csv')) to '{folder / name}.parquet' (format parquet)")
        connection.execute(f"create view {name} as from read_parquet('{folder / name}.parquet')")
    connection.execute(
        """
        create table months as
        select s.*, b.total_fee, u.mou_out, u.mou_in, u.data_mb
        from crm_subscribers as s left join billing_bills as b using (subscriber_id)
        left join billing_usage as u using (subscriber_id)
        """
    )
    for number, grouping in enumerate(_GROUPINGS):
        connection.execute(
            f"create table mart_{number} as select {grouping}, count(*) as subscribers, sum(total_fee) as revenue,"
            f" count(*) filter (status in ('cancelled', 'disconnected', 'ported_out')) as churned"
            f" from months group by {grouping}"
        )
    for district in connection.execute("select distinct district_code from months").fetchall():
        for name, rule in (("silent", "mou_out + mou_in + data_mb = 0"), ("non_billed", "coalesce(total_fee, 0) = 0")):
            connection.execute(
                f"copy (select subscriber_id, plan_code, total_fee from months where district_code = ? and {rule})"
                f" to '{folder}/{district[0]}-{name}.csv' (header)",
                [district[0]],
            )
