"""``python -m bench.workbooks [--rows N]``: the lists of a month as workbooks, by this project and row by row.

Thirteen lists of thirty columns, as large beside each other as a branch's, each in one workbook. Both ways run in
processes of their own, in turns, with the same query before them; the smallest list's books are compared cell by cell.
Prints medians over the rounds in Markdown. Times are wall time; other work on the machine spoils them less in ratios.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import duckdb
from python_calamine import load_workbook
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from dagster_project.lib import engine
from dagster_project.lib.exports.csvfile import prepare_lines, write_csv
from dagster_project.lib.exports.style import make_formats
from dagster_project.lib.exports.workbook import Book, Field, Kind, Rows, prepare_print, prepare_rows, write_workbook
from dagster_project.settings import Settings

LIST_SHARES: Mapping[str, int] = {
    **{"mid_high": 40, "warning": 12, "silent": 10, "non_billed": 8, "expiring": 7, "churned": 5, "dormant": 5},
    **{"arrears": 4, "value_drop": 3, "new_care": 3, "points_expiry": 1, "hoarding": 1, "blacklist": 1},
}
"""The lists, and how many of a hundred rows are theirs."""
SMALLEST = "blacklist"

COLUMNS: Mapping[str, tuple[Kind, str]] = {
    "account_manager": (Kind.TEXT, "'客户经理' || (i * 7 % 180)"),
    "msisdn": (Kind.TEXT, "(13800000000 + i)::varchar"),
    "reason": (
        Kind.TEXT,
        "format('话费由 {:.2f} 元降到 {:.2f} 元; 通话由 {} 分钟降到 {} 分钟; 合约剩余 {} 个月',"
        " 50 + i % 9000 / 100, 10 + i % 4000 / 100, 200 + i % 700, i % 200, i % 7)",
    ),
    "risk_level": (Kind.TEXT, "['红色', '橙色', '黄色'][i % 3 + 1]"),
    "measure_codes": (Kind.TEXT, "['RM001+RS002', 'DM002', 'RM004+DS001+RS001'][i % 3 + 1]"),
    "care_cap_amount": (Kind.MONEY, "(i % 1500 / 100)::decimal(18,2)"),
    "retention_cap_amount": (Kind.MONEY, "(i % 12000 / 100)::decimal(18,2)"),
    "plan_name": (Kind.TEXT, "'全球通商旅套餐 ' || (i % 40 * 10 + 58) || ' 元'"),
    "value_tier": (Kind.TEXT, "['高端', '中端', '低端', '集团'][i % 4 + 1]"),
    "list_month": (Kind.TEXT, "'2011-10'"),
    "list_type": (Kind.TEXT, "'离网预警'"),
    "district": (Kind.TEXT, "['雁江', '安岳', '乐至', '简阳'][i % 4 + 1]"),
    "subscriber_id": (Kind.TEXT, "format('28{:010d}', i)"),
    "brand": (Kind.TEXT, "['全球通', '动感地带', '神州行'][i % 3 + 1]"),
    "lifecycle_stage": (Kind.TEXT, "['识别期', '成长期', '沉淀期', '预警期', '稳定期'][i % 5 + 1]"),
    "tenure_month": (Kind.COUNT, "(1 + i % 140)::int"),
    "arpu3_amount": (Kind.MONEY, "(50 + i % 9000 / 100)::decimal(18,2)"),
    "total_fee_amount": (Kind.MONEY, "(10 + i % 4000 / 100)::decimal(18,2)"),
    "mou": (Kind.NUMBER, "(i % 2000 / 10)::decimal(18,4)"),
    "warning_clauses": (Kind.TEXT, "['消费减少、通话减少', '合约将到期', '欠费'][i % 3 + 1]"),
    "fee_prior3_mean_amount": (Kind.MONEY, "(50 + i % 9000 / 100)::decimal(18,2)"),
    "fee_change_rate": (Kind.PERCENT, "-(i % 1000) / 1000"),
    "mou_prior3_mean": (Kind.NUMBER, "(200 + i % 700)::decimal(18,4)"),
    "mou_change_rate": (Kind.PERCENT, "case when i % 9 > 0 then (i % 700 - 500) / 1000 end"),
    "contract_end_on": (Kind.DATE, "case when i % 3 > 0 then date '2011-11-30' + (i % 400)::int end"),
    "months_to_contract_end": (Kind.COUNT, "case when i % 3 > 0 then (i % 14)::int end"),
    "last_activity_on": (Kind.DATE, "date '2011-10-31' - (i % 90)::int"),
    "arrears_amount": (Kind.MONEY, "case when i % 8 = 0 then (i % 5000 / 100)::decimal(18,2) end"),
    "churn_probability": (Kind.PERCENT, "(i * 37 % 1000) / 1000"),
    "expected_loss_amount": (Kind.MONEY, "(i * 53 % 90000 / 100)::decimal(18,2)"),
}
"""A column's kind, and SQL for its values in row i."""
FIELDS = tuple(
    Field(name, name, kind, 60 if name == "reason" else 12, is_wrapped=name == "reason")
    for name, (kind, _) in COLUMNS.items()
)


@dataclass
class Clock:
    """Seconds by part of the work, and of all processors together in the part called workbook."""

    seconds: dict[str, float] = field(default_factory=dict)
    processor_seconds: float = 0

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the block's time to ``part``."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.seconds[part] = self.seconds.get(part, 0) + time.perf_counter() - wall
        if part == "workbook":
            self.processor_seconds += time.process_time() - processor


@dataclass(frozen=True)
class Outcome:
    """One way, once: seconds by part, processor seconds of the workbooks, peak resident memory, size of the books."""

    seconds: Mapping[str, float]
    processor_seconds: float
    peak_mb: float
    books_mb: float


Way = Callable[[duckdb.DuckDBPyConnection, Clock, Path, str], None]


def by_this_project(connection: duckdb.DuckDBPyConnection, clock: Clock, folder: Path, list_type: str) -> None:
    """A list's workbook and CSV file, as the export of lists writes them."""
    made = Book(list_type, list_type, FIELDS, "", "说明", (("口径", "文字"),), first_screen=9)
    count = _count(connection)
    with clock.of("workbook"):
        styles = prepare_rows(connection, made, "list_rows", into="sheet_rows", keep=["number"])
        write_workbook(
            connection, folder / f"{list_type}.xlsx", made, Rows("sheet_rows", "number", count, styles=styles)
        )
    with clock.of("csv"):
        prepare_lines(connection, FIELDS, "list_rows", into="csv_rows", keep=["number"])
        write_csv(connection, folder / f"{list_type}.csv", FIELDS, Rows("csv_rows", "number", count))
    connection.execute("drop table sheet_rows")
    connection.execute("drop table csv_rows")


def row_by_row(connection: duckdb.DuckDBPyConnection, clock: Clock, folder: Path, list_type: str) -> None:
    """A list's workbook with the same cells and formats by XlsxWriter alone, which keeps one row in memory."""
    with clock.of("workbook"):
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        workbook = Workbook(str(folder / f"{list_type}.xlsx"), options)
        formats = make_formats(workbook)
        sheet = workbook.add_worksheet(list_type)
        sheet.freeze_panes(2, 2)
        sheet.autofilter(1, 0, _count(connection) + 1, len(FIELDS) - 1)
        prepare_print(sheet)
        for column, shown in enumerate(FIELDS):
            sheet.set_column(column, column, shown.width)
        sheet.write_string(0, 0, list_type, formats["title"])
        for column, shown in enumerate(FIELDS):
            sheet.write_string(1, column, shown.heading, formats["header"])
        named = ("wrapped" if shown.is_wrapped else shown.kind.value for shown in FIELDS)
        columns = [(_writer(sheet, shown.kind), formats[name]) for shown, name in zip(FIELDS, named, strict=True)]
        chosen = ", ".join(shown.name for shown in FIELDS)
        query = connection.execute(f"select {chosen} from list_rows order by number")
        row = 2
        while rows := query.fetchmany(8192):
            for values in rows:
                for column, ((write, shown_as), value) in enumerate(zip(columns, values, strict=True)):
                    if value is not None:
                        write(row, column, value, shown_as)
                row += 1
        workbook.close()


def _writer(sheet: Worksheet, kind: Kind) -> Callable[..., Any]:
    if kind is Kind.TEXT:
        return sheet.write_string
    return sheet.write_datetime if kind is Kind.DATE else sheet.write_number


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("select count(*) from list_rows").fetchone()
    return int(row[0]) if row else 0


WAYS: Mapping[str, Way] = {"this project": by_this_project, "XlsxWriter, row by row": row_by_row}


def make_source(target: Path, rows: int) -> None:
    """The rows of all lists as Parquet, as the mart of lists has them; the same every time."""
    bounds, bound = [], 0
    for name, share in LIST_SHARES.items():
        bound += share
        bounds.append(f"when hash(i) % 100 < {bound} then '{name}'")
    values = ", ".join(f"{sql} as {name}" for name, (_, sql) in COLUMNS.items())
    duckdb.execute("set enable_progress_bar = false")
    duckdb.execute(
        f"copy (select case {' '.join(bounds)} end as list, {values} from range({rows}) as t(i))"
        f" to '{target}' (format parquet)"
    )


def measure(way: str, source: Path, folder: Path, memory_limit: str) -> Outcome:
    """Write every list in ``folder``; meant for a process that does nothing else, because memory is the process's."""
    folder.mkdir()
    clock = Clock()
    settings = Settings(home=folder, landing=folder, memory_limit=memory_limit)
    with engine.connect(settings) as connection:
        connection.execute("set enable_progress_bar = false")
        for list_type in LIST_SHARES:
            with clock.of("query"):
                connection.execute(
                    "create or replace temp table list_rows as"
                    " select *, row_number() over (order by expected_loss_amount desc, subscriber_id) as number"
                    " from read_parquet(?) where list = ? order by number",
                    [str(source), list_type],
                )
            WAYS[way](connection, clock, folder, list_type)
    books = sum(path.stat().st_size for path in folder.glob("*.xlsx"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Outcome(clock.seconds, clock.processor_seconds, peak * 1024 / 1e6, books / 1e6)


def differing_cells(first: Path, second: Path) -> int:
    """In how many cells the first sheets of two workbooks differ, as a reader sees them; places count."""
    sheets = [load_workbook(str(path)).get_sheet_by_index(0).to_python() for path in (first, second)]
    if [len(row) for row in sheets[0]] != [len(row) for row in sheets[1]]:
        raise ValueError("the workbooks have sheets of other sizes")
    return sum(a != b for rows in zip(*sheets, strict=True) for a, b in zip(*rows, strict=True))


def _line(way: str, outcomes: Sequence[Outcome]) -> str:
    def median(value: Callable[[Outcome], float]) -> float:
        return statistics.median(value(outcome) for outcome in outcomes)

    parts = [f"{median(lambda o, p=part: o.seconds.get(p, 0)):.1f}" for part in ("query", "workbook", "csv")]
    others = [f"{median(lambda o: o.processor_seconds):.1f}", f"{max(o.peak_mb for o in outcomes):,.0f}"]
    return f"| {' | '.join([way, *parts, *others, f'{outcomes[0].books_mb:,.0f}'])} |"


def _ratio(outcomes: Mapping[str, Sequence[Outcome]], value: Callable[[Outcome], float]) -> float:
    """The median over the rounds of how many times as long row by row takes as this project."""
    ours, theirs = outcomes.values()
    return statistics.median(value(slow) / value(fast) for fast, slow in zip(ours, theirs, strict=True))


@click.command()
@click.option("--rows", type=int, default=500_000, show_default=True)
@click.option("--rounds", type=int, default=3, show_default=True)
@click.option("--memory-limit", default="512MB", show_default=True, help="DuckDB's part of the memory.")
def main(rows: int, rounds: int, memory_limit: str) -> None:
    """Both ways in turns, then the table."""
    outcomes: dict[str, list[Outcome]] = {way: [] for way in WAYS}
    spawned = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="retention-workbooks-") as temporary:
        home = Path(temporary)
        with ProcessPoolExecutor(1, mp_context=spawned, max_tasks_per_child=1) as pool:
            pool.submit(make_source, home / "source.parquet", rows).result()
            for number in range(rounds):
                folders = [home / f"{number}-{place}" for place in range(len(WAYS))]
                for way, folder in zip(WAYS, folders, strict=True):
                    made = pool.submit(measure, way, home / "source.parquet", folder, memory_limit)
                    outcomes[way].append(made.result())
        differing = differing_cells(*(folder / f"{SMALLEST}.xlsx" for folder in folders))
    print("| way | query s | workbook s | CSV s | workbook CPU s | peak MB | books MB |\n|---|--:|--:|--:|--:|--:|--:|")
    for way in WAYS:
        print(_line(way, outcomes[way]))
    wall = _ratio(outcomes, lambda outcome: outcome.seconds["workbook"])
    processor = _ratio(outcomes, lambda outcome: outcome.processor_seconds)
    whole = _ratio(outcomes, lambda outcome: sum(outcome.seconds.values()))
    print(f"\nRow by row takes {wall:.1f} times as long for the workbooks, {processor:.1f} times the processor time;")
    print(f"for query and workbooks {whole:.1f} times as long as this project for query, workbooks and CSV files.")
    print(f"{differing} cells of the smallest list differ.")


if __name__ == "__main__":
    main()
