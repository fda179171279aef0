"""The figures of a scorecard, read from the staged marts: nothing is computed here that a mart has not counted.

Marts give the rates of small cells too, for analysts. Pages and workbooks do not: where a row is ``is_small``, its
rates are emptied here, once, so that no plot, table, rank or sentence can show one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.lib import months
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.list_columns import SOURCES
from dagster_project.lib.exports.states import UNKNOWN_DISTRICT
from dagster_project.lib.exports.workbook import Kind

BRANCH = "all"
TREND_MONTHS = 36
SPARK_MONTHS = 13

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """A headline figure: how it is shown, which direction is good, where it comes from and what it needs."""

    key: str
    kind: Kind
    is_higher_better: bool
    source: str
    needs: str
    is_ranked: bool = True


MEASURES = (
    Measure("churn_rate", Kind.PERCENT, False, "mart_churn_trend", "crm_subscribers"),
    Measure("net_adds", Kind.COUNT, True, "mart_churn_trend", "crm_subscribers", is_ranked=False),
    Measure("billed_rate", Kind.PERCENT, True, "mart_lifecycle_cube", "billing_bills"),
    Measure("arpu", Kind.MONEY, True, "mart_lifecycle_cube", "billing_bills"),
    Measure("silent_rate", Kind.PERCENT, False, "fct_subscriber_months", "billing_usage"),
)


@dataclass(frozen=True)
class Figures:
    """What the cards of one month show; ``code`` is a district's, or :data:`BRANCH`.

    ``values`` holds a measure's value by (measure, code, month); ``medians`` the districts' median by
    (measure, month); ``ranks`` place and number of ranked districts by (measure, code), this month.
    """

    month: str
    values: Mapping[tuple[str, str, str], float]
    medians: Mapping[tuple[str, str], float]
    ranks: Mapping[tuple[str, str], tuple[int, int]]
    trend: Mapping[str, Sequence[Row]]
    tenure: Mapping[str, Sequence[Row]]
    stages: Mapping[str, Sequence[Row]]
    lists: Mapping[str, Mapping[str, Row]]
    list_quality: Mapping[str, Sequence[Row]]
    plans: Sequence[Row]
    plan_tenure: Sequence[Row]
    bands: Sequence[Row]
    quality: Sequence[Row]
    satisfaction: Mapping[str, Sequence[Row]]

    def this_month(self, code: str) -> Row | None:
        """The unit's row of the churn trend, or None when it has no subscribers."""
        return next((row for row in self.trend.get(code, ()) if row["month"] == self.month), None)


def load_figures(connection: duckdb.DuckDBPyConnection, edition: Edition) -> Figures:
    """Read the month's marts and, for the series, those of up to four years before."""
    _make_views(connection, edition)
    measured = read_rows(connection, "select * from measures order by all")
    return Figures(
        month=edition.month,
        values={(row["measure"], row["code"], row["month"]): row["value"] for row in measured},
        medians=_medians(connection),
        ranks=_ranks(connection, edition.month),
        trend=_by_code(read_rows(connection, "select * from trend order by code, month")),
        tenure=_by_code(_month_rows(connection, edition, "mart_churn_by_tenure", _TENURE)),
        stages=_by_code(_month_rows(connection, edition, "mart_lifecycle_cube", _STAGES)),
        lists=_lists(connection, edition),
        list_quality=_by_code(_month_rows(connection, edition, "mart_list_quality", _LIST_QUALITY)),
        plans=_month_rows(connection, edition, "mart_churn_by_plan", _PLANS),
        plan_tenure=_month_rows(connection, edition, "mart_churn_by_plan_tenure", _PLAN_TENURE),
        bands=_month_rows(connection, edition, "mart_churn_by_arpu_band", _BANDS),
        quality=_month_rows(connection, edition, "mart_delivery_quality", "select * from given order by data_set"),
        satisfaction=_by_code(_month_rows(connection, edition, "mart_satisfaction", _SATISFACTION)),
    )


def _without_small_rates(*rates: str) -> str:
    """SQL: all columns of a mart, those of ``rates`` empty in rows with too few cases (domain 3.0)."""
    emptied = ", ".join(f"case when not is_small then {rate} end as {rate}" for rate in rates)
    return f"* replace ({emptied})"


_HEADLINE_RATES = _without_small_rates("churn_rate_opening", "ci_low", "ci_high")
_EXPOSURE_RATES = _without_small_rates("churn_rate_exposure")
_WIDEST = "window_months = (select max(window_months) from given)"
_TENURE = f"""
    select case when scope_type = 'network' then 'all' else scope_code end as code, {_EXPOSURE_RATES}
    from given where scope_type in ('network', 'district') and {_WIDEST}
    order by code, tenure_bucket
"""
_STAGES = f"""
    select
        case when grouping(district_code) = 1 then 'all' else coalesce(district_code, '{UNKNOWN_DISTRICT}') end as code,
        lifecycle_stage,
        value_tier,
        sum(subscriber_count) as subscriber_count
    from given
    group by grouping sets ((district_code, lifecycle_stage, value_tier), (lifecycle_stage, value_tier))
    order by code, lifecycle_stage, value_tier
"""
_LIST_QUALITY = f"""
    select
        case when scope_type = 'network' then '{BRANCH}' else scope_code end as code,
        {_without_small_rates("hit_rate_holdout", "ci_low", "ci_high", "coverage_rate", "lift")[:-1]},
            case when not is_small_naive then hit_rate_naive end as hit_rate_naive)
    from given
    order by code, lift desc nulls last, list_type
"""
_PLANS = f"select {_EXPOSURE_RATES} from given where {_WIDEST} and churned_rank <= 10 order by churned_rank"
_PLAN_TENURE = f"select {_EXPOSURE_RATES} from given where {_WIDEST} order by plan_code, tenure_bucket"
_BANDS = f"""
    select * from given where {_WIDEST} and churned_share is not null
    order by coalesce(try_cast(split_part(rtrim(arpu_band, '+'), '-', 1) as int), 0), arpu_band
"""
_SATISFACTION_RATES = {
    "is_small": ("mean_score", "dissatisfied_share", "ci_low", "ci_high"),
    "is_due_small": ("followed_up_share", "followed_up_low", "followed_up_high"),
    "is_outcome_small": ("resolved_share", "resolved_low", "resolved_high"),
    "is_comparison_small": (
        *("churned_share_followed_up", "churned_low_followed_up", "churned_high_followed_up"),
        *("churned_share_not_followed_up", "churned_low_not_followed_up", "churned_high_not_followed_up"),
        *("churned_difference", "churned_difference_low", "churned_difference_high"),
    ),
}
"""Rates of satisfaction by the flag of their own base."""
_SATISFACTION_SHOWN = ", ".join(
    f"case when not {flag} then {rate} end as {rate}" for flag, rates in _SATISFACTION_RATES.items() for rate in rates
)
_SATISFACTION = f"""
    select
        case when scope_type = 'network' then '{BRANCH}' else scope_code end as code,
        * replace ({_SATISFACTION_SHOWN})
    from given
    order by code, dissatisfied_count desc nulls last, topic
"""

_TREND = f"""
    create temp table trend as
    select case when scope_type = 'network' then '{BRANCH}' else scope_code end as code, {_HEADLINE_RATES}
    from read_parquet(?, union_by_name = true)
    where scope_type in ('network', 'district')
"""
_MEASURES = f"""
    create temp table measures as
    with

    bases as (
        select
            month,
            case when grouping(district_code) = 1 then '{BRANCH}' else coalesce(district_code, '{UNKNOWN_DISTRICT}') end
                as code,
            sum(billed_count) / nullif(sum(subscriber_count), 0) as billed_rate,
            sum(billed_revenue_amount) / nullif(sum(billed_count), 0) as arpu
        from read_parquet($cubes, union_by_name = true)
        group by grouping sets ((month, district_code), (month))
    ),

    silences as (
        select
            month,
            case when grouping(district_code) = 1 then '{BRANCH}' else coalesce(district_code, '{UNKNOWN_DISTRICT}') end
                as code,
            count(*) filter (where is_silent) / nullif(count(is_silent), 0) as silent_rate
        from read_parquet($facts, union_by_name = true)
        where is_on_net_close
        group by grouping sets ((month, district_code), (month))
    ),

    wide as (
        select
            trend.month,
            trend.code,
            trend.churn_rate_opening as churn_rate,
            cast(trend.closing_count - trend.opening_count as double) as net_adds,
            case when not trend.is_small then bases.billed_rate end as billed_rate,
            case when not trend.is_small then cast(bases.arpu as double) end as arpu,
            case when not trend.is_small then silences.silent_rate end as silent_rate
        from trend
        left join bases on trend.month = bases.month and trend.code = bases.code
        left join silences on trend.month = silences.month and trend.code = silences.code
    )

    unpivot wide on churn_rate, net_adds, billed_rate, arpu, silent_rate into name measure value value
"""


def _make_views(connection: duckdb.DuckDBPyConnection, edition: Edition) -> None:
    earliest = months.shift(edition.month, 1 - TREND_MONTHS - 12)
    recent = months.between(months.shift(edition.month, -12), edition.month)
    connection.execute(_TREND, [_paths(edition, "mart_churn_trend", months.between(earliest, edition.month))])
    cubes = _paths(edition, "mart_lifecycle_cube", recent)
    facts = _paths(edition, "fct_subscriber_months", recent)
    connection.execute(_MEASURES, {"cubes": cubes, "facts": facts})


def _paths(edition: Edition, name: str, wanted: Sequence[str]) -> list[str]:
    return [str(path) for path in edition.series(name, wanted)]


def _medians(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    found = connection.execute(
        "select measure, month, median(value) from measures where code <> ? group by measure, month", [BRANCH]
    )
    return {(measure, month): value for measure, month, value in found.fetchall()}


def _ranks(connection: duckdb.DuckDBPyConnection, month: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Places from the best; districts with too few cases have no value and no place."""
    ranks: dict[tuple[str, str], tuple[int, int]] = {}
    for measure in MEASURES:
        if not measure.is_ranked:
            continue
        direction = "desc" if measure.is_higher_better else "asc"
        found = connection.execute(
            f"select code, rank() over (order by value {direction}), count(*) over () from measures"
            " where measure = ? and month = ? and code <> ?",
            [measure.key, month, BRANCH],
        )
        ranks |= {(measure.key, code): (place, count) for code, place, count in found.fetchall()}
    return ranks


def _lists(connection: duckdb.DuckDBPyConnection, edition: Edition) -> dict[str, dict[str, Row]]:
    """Rows of every list that go out, and what those subscribers pay a month, by unit and list type."""
    going_out = " union all ".join(
        f"select district_code, list_type, arpu3_amount from read_parquet(?) where {source.exported}"
        for source in SOURCES.values()
    )
    rows = read_rows(
        connection,
        f"""
        select
            case when grouping(district_code) = 1 then '{BRANCH}' else coalesce(district_code, '{UNKNOWN_DISTRICT}') end
                as code,
            list_type,
            count(*) as row_count,
            sum(arpu3_amount) as monthly_amount
        from ({going_out})
        group by grouping sets ((district_code, list_type), (list_type))
        """,
        [str(edition.mart(name)) for name in SOURCES],
    )
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["code"], {})[row["list_type"]] = row
    return found


def _month_rows(connection: duckdb.DuckDBPyConnection, edition: Edition, name: str, query: str) -> list[Row]:
    path: Path = edition.mart(name)
    return read_rows(connection, f"with given as (select * from read_parquet(?)) {query}", [str(path)])


def _by_code(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["code"], []).append(row)
    return found


def read_rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """Rows of a query as mappings from column to value."""
    result = connection.execute(query, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
