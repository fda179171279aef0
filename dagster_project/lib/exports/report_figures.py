"""The figures of the branch report: the scorecard's, and those that only the branch is asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from dagster_project.lib import months
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.figures import TREND_MONTHS, Row, read_rows

_SCOPE = "scope_type = 'network'"
_MONTH_QUERIES: Mapping[str, str] = {
    "mart_churn_hazard": "select * from given where tenure_month <= 60 order by tenure_month",
    "mart_churn_by_group": "select * from given order by churned_rank nulls last, group_id",
    "mart_churn_by_channel": (
        "select * from given where new_count > 0"
        " order by is_suspicious desc nulls last, suspicious_share desc nulls last, new_count desc, channel_code"
    ),
    "mart_churn_class": f"select * from given where {_SCOPE} order by churned_count desc nulls last, churn_class",
    "mart_churn_cause": f"select * from given where {_SCOPE} order by reported_count desc nulls last, cause_code",
    "mart_churn_destination": (
        f"select * from given where {_SCOPE} order by reported_count desc nulls last, destination"
    ),
    "mart_churn_revision": f"select * from given where {_SCOPE} order by churn_month",
    "mart_revenue_bridge": f"select * from given where {_SCOPE}",
    "mart_base_flow": f"select * from given where {_SCOPE}",
    "mart_high_value_cohort": "select * from given where scope_type in ('network', 'district') order by all",
    "mart_lifecycle_transition": "select * from given order by from_stage, to_stage",
    "mart_retention_effect": "select * from given order by saves desc nulls last, list_type",
    "mart_pilot": "select * from given order by pilot_id, arm desc",
    "mart_churn_by_plan_tenure": (
        "select * from given where window_months = (select max(window_months) from given)"
        " order by plan_code, tenure_bucket"
    ),
}
_YEARS = """
    select
        substr(month, 1, 4) as year,
        count(*) as month_count,
        sum(churned_count) as churned_count,
        sum(new_count) as new_count,
        sum(churned_count) / count(*) as churned_count_mean,
        sum(churned_count) / nullif(sum(new_count), 0) as churn_to_new_ratio,
        sum(churned_count) / nullif(sum(opening_count), 0) as monthly_churn_rate
    from read_parquet(?, union_by_name = true)
    where scope_type = 'network'
    group by year
    order by year
"""
_TYPES = """
    select scope_type, scope_code, scope_name, opening_count, churned_count, closing_count,
        case when not is_small then churn_rate_opening end as churn_rate_opening,
        case when not is_small then ci_low end as ci_low, case when not is_small then ci_high end as ci_high
    from read_parquet(?)
    where scope_type in ('brand', 'network_type', 'payment_type')
    order by scope_type, churned_count desc, scope_code
"""


@dataclass(frozen=True)
class ReportFigures:
    """Rows of the month by mart, the calendar years of the trend, and the month by kind of line."""

    marts: Mapping[str, Sequence[Row]]
    years: Sequence[Row]
    types: Sequence[Row]

    def rows(self, mart: str) -> Sequence[Row]:
        """The month's rows of ``mart``, in the order in which the report shows them."""
        return self.marts[mart]

    def first(self, mart: str) -> Row:
        """The month's only row of ``mart``, or an empty one."""
        return next(iter(self.marts[mart]), {})


def load_report_figures(connection: duckdb.DuckDBPyConnection, edition: Edition) -> ReportFigures:
    """Read the staged marts of the month, and the trend of the years that it shows."""
    earliest = months.shift(edition.month, 1 - TREND_MONTHS)
    trend = [str(path) for path in edition.series("mart_churn_trend", months.between(earliest, edition.month))]
    return ReportFigures(
        marts={name: _rows_of(connection, edition, name, query) for name, query in _MONTH_QUERIES.items()},
        years=read_rows(connection, _YEARS, [trend]),
        types=read_rows(connection, _TYPES, [str(edition.mart("mart_churn_trend"))]),
    )


def _rows_of(connection: duckdb.DuckDBPyConnection, edition: Edition, name: str, query: str) -> list[Row]:
    parameters: list[Any] = [str(edition.mart(name))]
    return read_rows(connection, f"with given as (select * from read_parquet(?)) {query}", parameters)
