"""Does a delivery follow from the months before, and do its data sets agree with each other?

Checked on candidates, before anything is accepted, against the accepted raw data of earlier months.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.lib import contract, engine, failing_rows, months, raw, stock_and_flow
from dagster_project.lib.checks import BLOCKING, SHOWN_KEYS, WARNING, CheckOutcome, ExpectationSpec
from dagster_project.lib.wording import text
from dagster_project.settings import Settings

VOLUME_TOLERANCE = 0.30
"""Rows or a total further from the earlier months' median than this share of it are reported."""
VOLUME_MONTHS = 6
"""How many accepted months the median is of, at most."""
SMALL_VOLUME = 200
"""With a smaller median of rows only a data set without any row is reported: chance moves the rest."""
COVERAGE_TOLERANCE = 0.05
"""How far the share of subscribers without a bill or usage row may rise from one month to the next."""

_SUMS: Mapping[str, tuple[str, ...]] = {
    "billing_bills": ("total_fee",),
    "billing_usage": ("mou_out", "mou_in", "data_mb"),
    "billing_payments": ("amount",),
}
"""Columns whose totals are compared, beside the rows of every data set."""

_COVERAGE = {"bills_cover_the_subscribers": "billing_bills", "usage_covers_the_subscribers": "billing_usage"}
_REFERENCES = {
    "channel_codes_are_known": ("channel_code", "crm_channels"),
    "group_codes_are_known": ("group_id", "crm_groups"),
}
_SNAPSHOT = "crm_subscribers"
_VOLUME = "volume_is_near_earlier_months"

Candidate = Callable[[str], Path | None]
"""From a data set's name to its candidate; None when the delivery does not hold it."""


def check_specs() -> tuple[ExpectationSpec, ...]:
    """The checks as they are declared, in the order of :func:`check`'s outcomes."""
    severities = {
        "opening_plus_flows_is_closing": BLOCKING,
        "few_subscribers_vanished": BLOCKING,
        "no_subscriber_vanished": WARNING,
        "the_month_before_was_delivered": WARNING,
        **dict.fromkeys(_REFERENCES, WARNING),
        **dict.fromkeys(_COVERAGE, WARNING),
        "billed_subscribers_are_in_the_snapshot": WARNING,
    }
    named = [
        ExpectationSpec(name, severity, text(f"checks.{name}", "zh"), text(f"checks.{name}", "en"))
        for name, severity in severities.items()
    ]
    return (*named, *(_volume_spec(data_set) for data_set in contract.DATA_SETS.values()))


def check(
    settings: Settings,
    month: str,
    candidate: Candidate,
    previous: str | None,
    *,
    quarantined_subscribers: Path | None = None,
    snapshots_hold_leavers: bool = True,
) -> tuple[CheckOutcome, ...]:
    """Check a delivery against the months before: one outcome per spec of :func:`check_specs`.

    ``previous`` is the calendar month before, None when it is not accepted. ``quarantined_subscribers`` is a
    Parquet file of the ``subscriber_id`` whose snapshot rows were refused: they have not vanished.
    When ``snapshots_hold_leavers`` is false, absence is how subscribers leave. A check that says
    nothing about this delivery passes with ``is_applicable`` 0.
    """
    delivery = _Delivery(settings, month, candidate, previous, snapshots_hold_leavers)
    quarantined = quarantined_subscribers if quarantined_subscribers and quarantined_subscribers.is_file() else None
    with engine.connect(settings) as connection:
        connection.execute("set preserve_insertion_order = false")
        findings = [
            *_of_subscribers(connection, delivery, quarantined),
            _month_before(delivery),
            *(_references(connection, delivery, name) for name in _REFERENCES),
            *(_coverage(connection, delivery, name) for name in _COVERAGE),
            _billed_but_absent(connection, delivery),
            *(_volume(connection, delivery, name) for name in contract.DATA_SETS),
        ]
    return tuple(_outcome(delivery, finding, spec) for finding, spec in zip(findings, check_specs(), strict=True))


@dataclass(frozen=True)
class _Delivery:
    settings: Settings
    month: str
    candidate: Candidate
    previous: str | None
    snapshots_hold_leavers: bool

    def accepted(self, data_set: str) -> list[Path]:
        """The files of accepted earlier months that hold the data set, newest first."""
        found = (raw.path(self.settings, data_set, month) for month in self.accepted_months)
        return [path for path in found if path.is_file()]

    @property
    def accepted_months(self) -> list[str]:
        """Accepted months before this one, newest first."""
        folders = (self.settings.raw / "deliveries").glob("delivery_month=*")
        found = (folder.name.partition("=")[2] for folder in folders if (folder / "data.parquet").is_file())
        return sorted((month for month in found if month != raw.NO_MONTH and month < self.month), reverse=True)


@dataclass(frozen=True)
class _Finding:
    passed: bool
    observed: Mapping[str, int | float] = field(default_factory=dict)
    failing_count: int = 0
    failing_keys: Sequence[str] = ()
    is_applicable: bool = True
    data_set: str = _SNAPSHOT


_SAYS_NOTHING = _Finding(passed=True, is_applicable=False)


def _outcome(delivery: _Delivery, finding: _Finding, spec: ExpectationSpec) -> CheckOutcome:
    return CheckOutcome(
        check_id=spec.id,
        data_set=finding.data_set,
        month=delivery.month,
        passed=finding.passed,
        severity=spec.severity,
        sentence=spec.zh if delivery.settings.language == "zh" else spec.en,
        observed={**finding.observed, "is_applicable": int(finding.is_applicable)},
        failing_count=finding.failing_count,
        failing_keys=failing_rows.masked(delivery.settings, finding.failing_keys[:SHOWN_KEYS]),
    )


def _volume_spec(data_set: contract.DataSet) -> ExpectationSpec:
    return ExpectationSpec(
        f"{data_set.name}_{_VOLUME}",
        WARNING,
        text(f"checks.{_VOLUME}", "zh", title=data_set.title),
        text(f"checks.{_VOLUME}", "en", title=data_set.name),
    )


def _of_subscribers(
    connection: duckdb.DuckDBPyConnection, delivery: _Delivery, quarantined: Path | None
) -> Iterator[_Finding]:
    snapshot = delivery.candidate(_SNAPSHOT)
    if snapshot is None:
        yield from (_SAYS_NOTHING, _SAYS_NOTHING, _SAYS_NOTHING)
        return
    stock_and_flow.load(
        connection,
        delivery.settings,
        delivery.month,
        snapshot=snapshot,
        previous=delivery.previous,
        quarantined=quarantined,
    )
    yield _identity(connection)
    yield from _vanished(connection, delivery)


def _identity(connection: duckdb.DuckDBPyConnection) -> _Finding:
    uneven = stock_and_flow.uneven(connection)
    whole = stock_and_flow.balances(connection, "network").get("all", stock_and_flow.Balance())
    return _Finding(not uneven, vars(whole), len(uneven), uneven)


def _vanished(connection: duckdb.DuckDBPyConnection, delivery: _Delivery) -> Iterator[_Finding]:
    condition = """
        from standing
        where is_open and not is_present and subscriber_id not in (
            select subscriber_id from quarantined where delivery_month = ?
        )
    """
    (count,) = connection.execute(f"select count(*) {condition}", [delivery.month]).fetchall()[0]
    (opening,) = connection.execute("select count(*) from standing where is_open").fetchall()[0]
    keys = _first_values(connection, f"select subscriber_id {condition}", [delivery.month])
    share = count / opening if opening else 0.0
    observed = {"opening": opening, "vanished": count, "vanished_share": round(share, 6)}
    if not delivery.snapshots_hold_leavers:
        yield from (_Finding(passed=True, observed=observed, is_applicable=False) for _ in range(2))
        return
    limit = delivery.settings.vanished_share_limit
    yield _Finding(share <= limit, {**observed, "limit": limit}, count, keys if share > limit else ())
    yield _Finding(count == 0, observed, count, keys)


def _month_before(delivery: _Delivery) -> _Finding:
    earlier = delivery.accepted_months
    missing = months.distance(earlier[0], delivery.month) - 1 if earlier else 0
    between = months.between(months.shift(delivery.month, -missing), months.shift(delivery.month, -1))
    return _Finding(missing == 0, {"missing_months": missing}, missing, between, is_applicable=bool(earlier))


def _references(connection: duckdb.DuckDBPyConnection, delivery: _Delivery, name: str) -> _Finding:
    column, data_set = _REFERENCES[name]
    snapshot = delivery.candidate(_SNAPSHOT)
    reference = delivery.candidate(data_set) or next(iter(delivery.accepted(data_set)), None)
    if snapshot is None or reference is None:
        return _SAYS_NOTHING
    rows = connection.execute(
        f"""
        select {column}, count(*) from read_parquet(?, hive_partitioning = false)
        where {column} is not null
            and {column} not in (
                select {column} from read_parquet(?, hive_partitioning = false) where {column} is not null
            )
        group by {column}
        order by {column}
        """,
        [str(snapshot), str(reference)],
    ).fetchall()
    count = sum(subscribers for _, subscribers in rows)
    return _Finding(not rows, {"unknown_codes": len(rows), "subscribers": count}, count, [code for code, _ in rows])


def _coverage(connection: duckdb.DuckDBPyConnection, delivery: _Delivery, name: str) -> _Finding:
    data_set = _COVERAGE[name]
    rows = delivery.candidate(data_set)
    if delivery.previous is None or rows is None or delivery.candidate(_SNAPSHOT) is None:
        return _SAYS_NOTHING
    earlier_rows = raw.path(delivery.settings, data_set, delivery.previous)
    if not earlier_rows.is_file():
        return _SAYS_NOTHING
    missing, share = _uncovered(connection, "present", rows)
    _, earlier_share = _uncovered(connection, "earlier", earlier_rows)
    return _Finding(
        share <= earlier_share + COVERAGE_TOLERANCE,
        {"without": missing, "share": round(share, 6), "share_month_before": round(earlier_share, 6)},
        missing,
        data_set=data_set,
    )


def _uncovered(connection: duckdb.DuckDBPyConnection, stock: str, rows: Path) -> tuple[int, float]:
    missing, on_net = connection.execute(
        f"""
        select count(*) filter (subscriber_id not in (
            select subscriber_id from read_parquet(?, hive_partitioning = false) where subscriber_id is not null
        )), count(*)
        from {stock}
        where is_counted and not is_terminal
        """,
        [str(rows)],
    ).fetchall()[0]
    return missing, missing / on_net if on_net else 0.0


def _billed_but_absent(connection: duckdb.DuckDBPyConnection, delivery: _Delivery) -> _Finding:
    bills = delivery.candidate("billing_bills")
    is_comparable = delivery.previous is not None and delivery.snapshots_hold_leavers
    if bills is None or delivery.candidate(_SNAPSHOT) is None or not is_comparable:
        return _SAYS_NOTHING
    select = """
        select distinct subscriber_id from read_parquet(?, hive_partitioning = false)
        where subscriber_id in (select subscriber_id from standing where was_on_net and not is_present)
    """
    (count,) = connection.execute(f"select count(*) from ({select})", [str(bills)]).fetchall()[0]
    keys = _first_values(connection, select, [str(bills)])
    return _Finding(count == 0, {"subscribers": count}, count, keys, data_set="billing_bills")


def _volume(connection: duckdb.DuckDBPyConnection, delivery: _Delivery, data_set: str) -> _Finding:
    compared = 1 if contract.DATA_SETS[data_set].is_standing else VOLUME_MONTHS
    earlier = [_measure(connection, data_set, path) for path in delivery.accepted(data_set)[:compared]]
    if not earlier:
        return _Finding(passed=True, is_applicable=False, data_set=data_set)
    path = delivery.candidate(data_set)
    measured = _measure(connection, data_set, path) if path else {}
    names = [name for name in ("rows", *_SUMS.get(data_set, ())) if any(name in month for month in earlier)]
    usual = {name: statistics.median(month[name] for month in earlier if name in month) for name in names}
    now = {name: measured.get(name, 0.0) for name in names}
    far = [name for name in usual if _is_far(name, now, usual)]
    observed = {name: _figure(value) for name, value in now.items()}
    observed |= {f"usual_{name}": _figure(value) for name, value in usual.items()}
    return _Finding(not far, observed, len(far), far, data_set=data_set)


def _measure(connection: duckdb.DuckDBPyConnection, data_set: str, path: Path) -> dict[str, float]:
    """Rows and totals; a column that was not delivered has no total."""
    columns = _SUMS.get(data_set, ())
    sums = "".join(f", sum({column})::double" for column in columns)
    row = connection.execute(
        f"select count(*)::double{sums} from read_parquet(?, hive_partitioning = false)", [str(path)]
    ).fetchall()[0]
    return {name: value for name, value in zip(("rows", *columns), row, strict=True) if value is not None}


def _is_far(name: str, now: Mapping[str, float], usual: Mapping[str, float]) -> bool:
    if usual["rows"] < SMALL_VOLUME:
        return name == "rows" and not now["rows"] and bool(usual["rows"])
    return abs(now[name] - usual[name]) > VOLUME_TOLERANCE * abs(usual[name])


def _figure(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 2)


def _first_values(connection: duckdb.DuckDBPyConnection, select: str, parameters: Iterable[str]) -> list[str]:
    rows = connection.execute(f"select * from ({select}) as failing order by 1 limit {SHOWN_KEYS}", list(parameters))
    return [str(value) for (value,) in rows.fetchall()]
