"""Small worlds for tests: rows written as raw Parquet by the contract, built by the real dbt project."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from dbt.cli.main import cli

from dagster_project.lib import contract, months, raw
from dagster_project.lib.dbt import months_arguments
from dagster_project.settings import DBT_PROJECT_DIR, Settings
from tests.forked import Ended, run_forked
from tests.standing import point_to, standing

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "crm_subscribers": {
        "district_code": "D1",
        "plan_code": "P1",
        "join_date": "2009-01-15",
        "status": "active",
    },
    "crm_districts": {"district_name": "一区"},
    "crm_plans": {"plan_name": "套餐"},
    "crm_channels": {"channel_name": "渠道"},
    "crm_groups": {"group_name": "集团"},
}
"""What a row says unless the test says otherwise; a column in no row and without default is not delivered."""

JAVA_OF_SHORT_RUNS = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=400m -XX:+UseSerialGC"
"""Spark plans more than it computes here: the second compiler takes two fifths of the CPU time and saves none."""

SPARK_OF_SHORT_RUNS = {
    # a page of 64 MB is wiped for every sort and every aggregate, whatever they hold
    "spark.buffer.pageSize": "1m",
    # compiling a stage or planning it anew takes longer than its few rows
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # fails without compiled stages and without planning anew
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
    "spark.sql.ui.retainedExecutions": "1",
}
"""How Spark computes, not what: a third of the CPU time less."""


class BuildFailed(AssertionError):
    """dbt did not build the world; the message is its log."""


class World:
    """Deliveries of a made-up branch under ``home``, and the warehouse that dbt makes of them."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home.resolve(), landing=home / "landing", memory_limit="3GB")
        self._columns: dict[tuple[str, str], set[str]] = {}
        self._leavers_absent: set[str] = set()
        self._duckdb = duckdb.connect()

    def add(self, table: str, month: str, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        """Deliver ``rows`` of ``table`` in ``month``; the month column is filled in."""
        columns = raw.table_columns(table)
        complete = [{**_month_columns(table, month), **DEFAULTS.get(table, {}), **row} for row in rows]
        unknown = {name for row in complete for name in row} - set(columns)
        if unknown:
            raise KeyError(f"{table} has no columns {sorted(unknown)}")
        self._duckdb.execute(f"create or replace table given ({_definitions(columns)})")
        if complete:
            marks = ", ".join("?" * len(columns))
            values = [[row.get(name) for name in columns] for row in complete]
            self._duckdb.executemany(f"insert into given values ({marks})", values)
        self._write(table, month, "from given", {name for row in complete for name in row})

    def add_sql(self, table: str, month: str, select: str) -> None:
        """Deliver what ``select`` (DuckDB SQL) gives; other columns take their default or are not delivered."""
        columns = raw.table_columns(table)
        self._duckdb.execute(f"create or replace table chosen as {select}")
        given = {str(row[0]) for row in self._duckdb.execute("describe chosen").fetchall()}
        constants = {**DEFAULTS.get(table, {}), **_month_columns(table, month)}
        cells = ", ".join(
            f"cast({_cell(name, given, constants)} as {kind}) as {name}" for name, kind in columns.items()
        )
        self._write(table, month, f"select {cells} from chosen", (given | set(constants)) & set(columns))
        self._duckdb.execute("drop table chosen")

    def remove(self, month: str) -> None:
        """Take a whole month's delivery away."""
        for table in raw.tables():
            raw.remove(self.settings, table, month)
            self._columns.pop((table, month), None)

    def withhold(self, table: str, month: str) -> None:
        """Take one data set out of a month's delivery."""
        raw.remove(self.settings, table, month)
        self._columns.pop((table, month), None)

    def snapshots_hold_no_leavers(self, month: str) -> None:
        """State for ``month`` what a mapping can state: leavers are absent from the snapshot."""
        self._leavers_absent.add(month)

    def complete(self) -> None:
        """State what was delivered, so that raw data is whole for whoever reads it."""
        self._write_deliveries()
        raw.ensure_tables(self.settings)

    def build(
        self,
        from_month: str,
        to_month: str,
        select: str | None = None,
        warehouse: str = "duckdb",
        *,
        tests: bool = False,
        seeds: bool = True,
        tests_beside: str = "buildable",
        again: str | None = None,
    ) -> Ended:
        """Seed and run the models for the months, and test them if asked; raise :class:`BuildFailed` on a failure.

        Without ``seeds`` the rules are those that are in the warehouse, also when a test changed them there.
        ``tests_beside`` says which tests of selected models run, as dbt's indirect selection does. ``again`` names
        models whose last month is built a second time, by the same process: another one would start another Spark.
        """
        self.complete()
        chosen = [] if select is None else ["--select", select, "--indirect-selection", tests_beside]
        chosen += [] if tests else ["--exclude-resource-type", "test"]
        chosen += [] if seeds else ["--exclude-resource-type", "seed"]
        arguments = [
            *("--no-write-json", "build", "--exclude-resource-type", "unit_test", *chosen),
            *months_arguments(from_month, to_month),
        ]
        more = ["--no-write-json", "run", "--select", str(again), *months_arguments(to_month, to_month)]
        return run_dbt(self.settings, arguments, warehouse, [more] if again else [])

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query on the DuckDB warehouse."""
        point_to(self.settings.home)  # views on raw files know it by that name
        with duckdb.connect(str(self.settings.duckdb_file), read_only=True) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _write(self, table: str, month: str, select: str, delivered: set[str]) -> None:
        self.settings.scratch.mkdir(parents=True, exist_ok=True)
        new_file = self.settings.scratch / f"{table}-{month}.parquet"
        self._duckdb.execute(f"copy ({select}) to '{new_file}' (format parquet)")
        raw.replace(self.settings, table, month, new_file)
        if table in contract.DATA_SETS:
            self._columns[table, month] = delivered | set(contract.DATA_SETS[table].required_columns)

    def _write_deliveries(self) -> None:
        months = sorted({month for _, month in self._columns})
        if months:
            self._add_references(months[0])
        for month in months:
            self.add("deliveries", month, [self._delivery(name, month) for name in contract.DATA_SETS])
            columns = [
                {"data_set": name, "column_name": column}
                for name in contract.DATA_SETS
                for column in sorted(self._columns.get((name, month), ()))
            ]
            self.add("delivered_columns", month, columns)

    def _add_references(self, first_month: str) -> None:
        """Districts and plans for the codes in use, unless the test delivered its own."""
        known = {table for table, _ in self._columns}
        for table, key in (("crm_districts", "district_code"), ("crm_plans", "plan_code")):
            if table not in known:
                snapshots = self.settings.raw / "crm_subscribers" / "*" / "data.parquet"
                name = key.replace("code", "name")
                self.add_sql(
                    table, first_month, f"select distinct {key}, {key} as {name} from '{snapshots}' order by all"
                )

    def _delivery(self, data_set: str, month: str) -> dict[str, Any]:
        path = raw.path(self.settings, data_set, month)
        is_delivered = (data_set, month) in self._columns
        count = self._duckdb.execute(f"select count(*) from '{path}'").fetchall()[0][0] if is_delivered else 0
        return {
            "data_set": data_set,
            "is_delivered": is_delivered,
            "files": int(is_delivered),
            "lines_read": count,
            "loaded_count": count,
            "quarantined_count": 0,
            "duplicate_count": 0,
            "status": "accepted" if is_delivered else "not_delivered",
            "snapshots_hold_leavers": month not in self._leavers_absent,
        }


def run_dbt(
    settings: Settings, arguments: list[str], warehouse: str = "duckdb", more: Iterable[list[str]] = ()
) -> Ended:
    """Run dbt on the project for ``settings``; nothing is written outside its home.

    ``more`` are arguments of further commands that the same process runs in turn, until one fails.
    """
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    target = settings.scratch / "dbt" / warehouse
    target.mkdir(parents=True, exist_ok=True)
    with standing(settings.home, target) as home:
        commands = [json.dumps(_arguments(each, target)) for each in (arguments, *more)]
        ended = run_forked(_dbt, commands, _environment(settings, home, warehouse), target)
    if ended.exit_status != 0:
        raise BuildFailed(ended.stdout[-30_000:] + ended.stderr[-2000:])
    return ended


def _environment(settings: Settings, home: Path, warehouse: str) -> dict[str, str]:
    return {
        **os.environ,
        "RETENTION_HOME": str(home),
        "RETENTION_WAREHOUSE": warehouse,
        "RETENTION_MEMORY_LIMIT": settings.memory_limit,
        "RETENTION_SPARK_PARTITIONS": "1",
        "JDK_JAVA_OPTIONS": JAVA_OF_SHORT_RUNS,
        "PYSPARK_SUBMIT_ARGS": " ".join(
            [*(f"--conf {name}={value}" for name, value in SPARK_OF_SHORT_RUNS.items()), "pyspark-shell"]
        ),
        "DO_NOT_TRACK": "1",
    }


def _arguments(arguments: list[str], target: Path) -> list[str]:
    return [
        *("--no-use-colors", "--log-level-file", "none", *arguments),
        *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]


def _dbt(commands: Sequence[str]) -> None:
    for command in commands:
        try:
            cli(json.loads(command), prog_name="dbt")
        except SystemExit as ended:
            if ended.code:
                raise


def _month_columns(table: str, month: str) -> dict[str, str]:
    names = {"crm_subscribers": "snapshot_month", "billing_bills": "bill_month", "finance_acquisition": "month"}
    usage = ("billing_usage", "billing_call_circle")
    name = "usage_month" if table in usage else names.get(table)
    return {name: month} if name else {}


def _definitions(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _cell(name: str, given: set[str], constants: Mapping[str, Any]) -> str:
    if name in given:
        return name
    return f"'{constants[name]}'" if name in constants else "null"


def varied_world(home: Path) -> World:
    """Five months of 240 subscribers among whom every kind of flow, tier, stage, warning and list occurs."""
    world = World(home)
    months = (("2011-02", 0), ("2011-03", 0), ("2011-04", 1), ("2011-05", 2), ("2011-06", 3))
    for month, lag in months:
        world.add_sql("crm_subscribers", month, _VARIED_SNAPSHOT.format(lag=lag, month=month))
        world.add_sql("billing_bills", month, _VARIED_BILLS.format(lag=lag))
        world.add_sql("billing_usage", month, _VARIED_USAGE.format(lag=lag, month=month))
        world.add_sql("billing_payments", month, _VARIED_PAYMENTS.format(lag=lag, month=month))
        world.add_sql("billing_call_circle", month, _VARIED_CIRCLES)
        complaints = [
            {
                "complaint_id": f"{month}-{number}",
                "subscriber_id": f"S{number // 2 * 11:03d}",
                "created_at": f"{month}-05 10:00:00",
                "satisfaction": 1 + number % 5,
            }
            for number in range(20)
        ]
        world.add("crm_complaints", month, complaints)
        answers = [
            {
                "survey_id": f"{month}-{number}",
                "subscriber_id": f"S{number * 7:03d}",
                "answered_at": f"{month}-20 09:30:00",
                "score": number % 11,
            }
            for number in range(30)
        ]
        world.add("crm_surveys", month, answers)
        world.add("crm_exit_surveys", month, _varied_exit_answers(month, lag))
        world.add("crm_contacts", month, _varied_contacts(month))
        black = [{"customer_id": f"K{number}", "listed_at": "2011-01-05"} for number in (1, 1023, 1069)]
        world.add("crm_blacklist", month, black)
        world.add("quarantined_subscribers", month, [{"subscriber_id": "S007"}] if lag == 2 else [])
    groups = [{"group_id": "G0", "has_agreement": True}, {"group_id": "G1", "has_agreement": False}]
    world.add("crm_groups", "2011-02", groups)
    plans = [
        {"plan_code": f"P{number}", "monthly_rent": 0 if number == 3 else 10 * number, "on_sale": number in (1, 2)}
        | ({"price_per_minute": 0.2, "price_per_sms": 0.1, "price_per_mb": 0.05} if number != 4 else {})
        | ({"included_minutes": 150, "included_data_mb": 300} if number == 2 else {})
        for number in (*range(5), 9)
    ]
    world.add("crm_plans", "2011-02", plans)
    world.add("crm_channels", "2011-02", [{"channel_code": "C0", "channel_type": "agent", "commission_months": 6}])
    return world


def _varied_contacts(month: str) -> list[dict[str, Any]]:
    """Contacts with the lists of the month before, and with all who can be in a pilot, whatever their arm."""
    lists = ("warning", "expiring", "silent", "non_billed", "mid_high")
    care = [(number, "new_care") for number in range(3, 240, 29)]
    others = [(number * 4, lists[number % len(lists)]) for number in range(60)]
    return [
        {
            "contact_id": f"{month}-{place}",
            "subscriber_id": f"S{number:03d}",
            "list_month": months.shift(month, -1),
            "list_type": list_type,
            "contacted_at": f"{month}-06 15:00:00",
            "outcome": ("accepted", "declined")[place % 2],
            "cost": 1.25 * (place % 5),
        }
        for place, (number, list_type) in enumerate(care + others)
    ]


def _varied_exit_answers(month: str, lag: int) -> list[dict[str, Any]]:
    """Two thirds of everybody, of whom those count who left: in the month or, in the last one, in April too."""
    causes = ("price", "voice_quality", "other", "billing+handset", "relocation", "loopholes", "no known code", None)
    destinations = ("rival_mobile", "internal", None, "other")
    return [
        {
            "subscriber_id": f"S{number:03d}",
            "churn_month": churn_month,
            "cause_code": causes[number % len(causes)],
            "destination": destinations[number % len(destinations)],
        }
        for churn_month in ([month, "2011-04"] if lag == 3 else [month])
        for number in range(240)
        if number % 3 or churn_month != month
    ]


_VARIED_SNAPSHOT = """
select
    printf('S%03d', i) as subscriber_id,
    printf('138%08d', i) as msisdn,
    'K' || cast(
        case when i % 17 = 0 then i // 17 when i % 19 = 0 then i // 19 when i % 37 = 5 then i // 37 else 1000 + i end
        as varchar
    ) as customer_id,
    'I' || cast(
        case when i % 62 = 0 then i // 62 when i % 46 = 0 then i // 46 when i % 29 = 3 then 900 else 1000 + i end
        as varchar
    ) as imei_hash,
    'A' || cast(case when i % 31 = 0 then i // 31 when i % 23 = 0 then i // 23 else 1000 + i end as varchar)
        as pay_account,
    'D' || cast((i + case when i % 37 = 0 then {lag} else 0 end) % 3 as varchar) as district_code,
    case when i % 41 = 0 then null else 'B' || cast((i + case when i % 29 = 0 then {lag} else 0 end) % 2 as varchar) end
        as brand,
    case when i % 4 = 0 then '3G' else 'GSM' end as network,
    case i % 3 when 0 then 'prepaid' when 1 then 'postpaid' else 'quasi_prepaid' end as payment_type,
    'P' || cast(case when i % 17 = 0 or i % 31 = 0 or i % 12 = 7 then 9 else i % 5 end as varchar) as plan_code,
    case
        when i % 19 = 0 then cast('2011-06-07' as date)
        when i % 23 = 0 then cast('2011-05-11' as date)
        when i % 29 = 3 then cast('2011-01-20' as date)
        else cast('2007-02-03' as date) + cast(i * 6 as integer)
    end as join_date,
    case
        when i % 17 = 0 and {lag} = 2 then 'suspended_arrears'
        when i % 17 = 0 and {lag} = 3 then 'disconnected'
        when i % 31 = 0 and {lag} >= 1 then 'cancelled'
        when i % 43 = 0 and {lag} = 2 then 'ported_out'
        when i % 47 = 0 then 'suspended_voluntary'
        when i % 53 = 0 and {lag} = 3 then 'pre_cancelled'
        when i % 38 = 0 and {lag} = 3 then 'cancelled'
        else 'active'
    end as status,
    case
        when i % 17 = 0 and {lag} = 3 then cast('{month}-09' as date)
        when i % 31 = 0 and {lag} >= 1 then cast('2011-04-21' as date)
        when i % 38 = 0 and {lag} = 3 then cast('{month}-25' as date)
    end as status_date,
    case when i % 6 = 0 then cast('2011-06-30' as date) + cast(i as integer) end as contract_end,
    case when i % 8 = 0 then 600.00 end as contract_commitment,
    case when i % 8 = 0 then 600.00 - 150 * {lag} end as contract_remaining,
    case when i % 10 = 1 then 'G' || cast(i % 20 // 10 as varchar) end as group_id,
    case when i % 59 = 0 then 'V1' end as vpn_id,
    'C0' as channel_code,
    i % 61 = 0 as is_special,
    i % 14 = 0 as is_bank_debit,
    i % 67 <> 0 or {lag} = 1 as is_countable,
    i % 71 = 0 as is_do_not_contact,
    'M' || cast(i % 4 as varchar) as account_manager,
    case when i % 13 = 5 then 700 + 10 * i end as points_expiring,
    case when i % 13 = 5 then cast('{month}-20' as date) + cast(i % 90 as integer) end as points_expire_on
from range(240) as numbers(i)
where
    not (i % 19 = 0 and {lag} < 3)
    and not (i % 23 = 0 and {lag} < 2)
    and not (i % 83 = 1 and {lag} < 2)
    and not (i % 73 = 0 and {lag} = 3)
    and not (i % 79 = 0 and {lag} = 1)
    and not (i = 7 and {lag} = 2)
    and not (i % 31 = 0 and {lag} = 3 and i % 2 = 0)
"""

_VARIED_BILLS = """
select
    printf('S%03d', i) as subscriber_id,
    case
        when i % 20 = 1 then 400
        when i % 13 = 0 and {lag} = 3 then 0
        when i % 11 = 0 and {lag} = 3 then 4.37
        else round((i * 7919 % 30011) / 100.0, 2) + {lag} / 3.0
    end as total_fee,
    case when i % 12 = 0 then 12.5 * {lag} else 0 end as arrears
from range(240) as numbers(i)
where i % 9 <> 4
"""

_VARIED_USAGE = """
select
    printf('S%03d', i) as subscriber_id,
    case when i % 5 = 0 and {lag} = 3 then 3 else (i * 31 + {lag} * 7) % 400 + 0.25 end as mou_out,
    (i * 17 + {lag}) % 300 as mou_in,
    (i * 3 + {lag}) % 90 as calls_out,
    case when i % 7 = 0 and {lag} = 3 then 400 else (i * 5 + {lag}) % 80 end as calls_in,
    (i * 13 + {lag} * 11) % 40 as distinct_called,
    i % 9 as sms_out,
    (i * 7 + {lag}) % 600 as data_mb,
    case when i % 37 = 5 and {lag} = 3 then 1 + i % 4 else (i * 3 + {lag} * 5) % 31 end as active_days,
    case when i % 33 = 0 then {lag} else 0 end as forward_offnet_calls,
    case when i % 35 = 0 then {lag} else 0 end as rival_hotline_calls,
    cast('{month}-17' as date) as last_activity_date
from range(240) as numbers(i)
where i % 16 <> 3
"""

_VARIED_PAYMENTS = """
select
    '{month}-' || cast(i as varchar) || '-' || cast(j as varchar) as payment_id,
    printf('S%03d', i) as subscriber_id,
    cast('{month}-08 12:00:00' as timestamp) as paid_at,
    10 * (1 + (i + {lag}) % 7) as amount
from range(240) as numbers(i), range(3) as times(j)
where j < (i + {lag}) % 4
"""

_VARIED_CIRCLES = """
select
    printf('S%03d', i) as subscriber_id,
    'H' || cast(case when i % 17 = 0 then i // 17 when i % 19 = 0 then i // 19 else 1000 + i end * 10 + j as varchar)
        as contact_hash,
    1 + (i + j) % 7 as calls
from range(240) as numbers(i), range(6) as contacts(j)
where (i * 5 + j) % 11 <> 0
"""
