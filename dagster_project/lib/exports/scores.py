"""The scores of a month, read from the staged scorecard marts: nothing is computed here that a mart has not.

What a unit's KPI is called and means stands in the seed ``scorecard_kpis``, as it is in force in the month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from dagster_project.lib import rules
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.figures import Row, read_rows

MARTS: Mapping[str, str] = {
    "district": "mart_district_scorecard",
    "manager": "mart_manager_scorecard",
    "dealer": "mart_dealer_scorecard",
}
"""The scorecard mart of every type of unit, in the order in which pages show them."""
SIGNS = "mart_gaming_signs"
"""Signs that figures may have been gamed; pages of districts do not read it."""
SCORED = "scored"
_NOT_SHOWN = (
    *("value", "ci_low", "ci_high", "score", "score_low", "score_high", "points"),
    *("kpi_rank", "kpi_difference", "kpi_difference_low", "kpi_difference_high", "events_to_next_point"),
)
"""Columns that a page does not show of a KPI without a score: a figure of too few cases must not be read as one."""
_OF_A_TOTAL = ("total_score_low", "total_score_high")
"""Columns that say nothing where there is no total: its interval would be all that a score can be."""


@dataclass(frozen=True)
class Kpi:
    """What a KPI is called, what it means, and where its cases can be looked up.

    ``needs`` are the data sets that it is counted from, ``matures_months`` the months that must pass before it can be
    counted.
    """

    code: str
    names: Mapping[str, str]
    definitions: Mapping[str, str]
    is_higher_better: bool
    needs: tuple[str, ...]
    window_months: int
    matures_months: int
    mart: str


@dataclass(frozen=True)
class UnitScore:
    """A unit's month: its total with its place, and a row for every KPI in the order of the scorecard.

    The total and its place repeat in the mart on each of a unit's rows; here they are read off the first.
    """

    unit_type: str
    rows: Sequence[Row]

    @property
    def code(self) -> str:
        """The unit's code."""
        return str(self.rows[0]["unit_code"])

    @property
    def name(self) -> str:
        """What the unit is called; its code where nobody gave it a name."""
        return str(self.rows[0]["unit_name"] or self.code)

    @property
    def district_code(self) -> str | None:
        """The district that it belongs to; None for a dealer that sells everywhere."""
        code = self.rows[0]["district_code"]
        return None if code is None else str(code)

    @property
    def total(self) -> Row:
        """A row to read ``total_score``, ``rank`` and what goes with them from."""
        return self.rows[0]

    @property
    def is_ranked(self) -> bool:
        """It has a total and a place."""
        return self.total["total_score"] is not None and self.total["rank"] is not None

    def kpi(self, code: str) -> Row | None:
        """The unit's row of a KPI, or None where the scorecard of the month does not have it."""
        return next((row for row in self.rows if row["kpi_code"] == code), None)


@dataclass(frozen=True)
class Scores:
    """The scorecards of a month: units by type, the best first, and KPIs by type and code."""

    month: str
    units: Mapping[str, Sequence[UnitScore]]
    kpis: Mapping[str, Mapping[str, Kpi]]

    def unit(self, unit_type: str, code: str) -> UnitScore | None:
        """A unit's scores, or None where the mart does not know it."""
        return next((unit for unit in self.units[unit_type] if unit.code == code), None)

    def of_district(self, unit_type: str, code: str) -> tuple[UnitScore, ...]:
        """The managers or dealers of a district, the best first."""
        return tuple(unit for unit in self.units[unit_type] if unit.district_code == code)

    def kpi(self, unit_type: str, code: str) -> Kpi:
        """What a KPI is called and means; raises :class:`UnknownKpi` where the rules of the month do not know it."""
        if code not in self.kpis[unit_type]:
            raise UnknownKpi(f"{MARTS[unit_type]} has {code!r}, but scorecard_kpis has no such row in {self.month}")
        return self.kpis[unit_type][code]


@dataclass(frozen=True)
class Sign:
    """A sign that figures may have been gamed: what it is called, how it is counted, what to look at first."""

    code: str
    names: Mapping[str, str]
    definitions: Mapping[str, str]
    first_looks: Mapping[str, str]


class UnknownKpi(ValueError):
    """A KPI of a mart that the rule table does not name; the pages could not say what it is."""


def load_scores(connection: duckdb.DuckDBPyConnection, edition: Edition) -> Scores:
    """Read the three scorecard marts of the month."""
    return Scores(
        month=edition.month,
        units={unit_type: _units(connection, edition, unit_type) for unit_type in MARTS},
        kpis={unit_type: _kpis(unit_type, edition.month) for unit_type in MARTS},
    )


def _units(connection: duckdb.DuckDBPyConnection, edition: Edition, unit_type: str) -> tuple[UnitScore, ...]:
    """The best total first, those without one last; equal totals in the order of their codes."""
    emptied = ", ".join(
        [
            *(f"case when state = '{SCORED}' then {column} end as {column}" for column in _NOT_SHOWN),
            *(f"case when total_score is not null then {column} end as {column}" for column in _OF_A_TOTAL),
        ]
    )
    rows = read_rows(
        connection,
        f"""
        select * replace ({emptied}) from read_parquet(?)
        order by total_score desc nulls last, unit_code, kpi_sort_order, kpi_code
        """,
        [str(edition.mart(MARTS[unit_type]))],
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["unit_code"], []).append(row)
    return tuple(UnitScore(unit_type, of_unit) for of_unit in found.values())


def _kpis(unit_type: str, month: str) -> dict[str, Kpi]:
    rows = [row for row in rules.seed("scorecard_kpis") if rules.holds_in(row, month)]
    return {row["kpi_code"]: _kpi(row) for row in rows if row["unit_type"] == unit_type}


def _kpi(row: Mapping[str, str]) -> Kpi:
    return Kpi(
        code=row["kpi_code"],
        names={"zh": row["zh"], "en": row["en"]},
        definitions={"zh": row["definition_zh"], "en": row["definition_en"]},
        is_higher_better=row["is_higher_better"] == "true",
        needs=tuple(name for name in row["needs"].split("+") if name),
        window_months=int(row["window_months"]),
        matures_months=int(row["matures_months"] or 0),
        mart=row["mart"],
    )


def load_signs(connection: duckdb.DuckDBPyConnection, edition: Edition) -> tuple[tuple[Sign, ...], tuple[Row, ...]]:
    """The signs of gaming that the month's rules know, in their order, and what was found of each by unit.

    What stands out most comes first. For the branch only: a district is never shown them.
    """
    rows = [row for row in rules.seed("gaming_signs") if rules.holds_in(row, edition.month)]
    signs = tuple(_sign(row) for row in sorted(rows, key=lambda row: int(row["sort_order"])))
    found = read_rows(
        connection,
        "select * from read_parquet(?) order by is_raised desc, abs(z_score) desc nulls last, sign_code, unit_type,"
        " unit_code",
        [str(edition.mart(SIGNS))],
    )
    return signs, tuple(found)


def _sign(row: Mapping[str, str]) -> Sign:
    return Sign(
        code=row["sign_code"],
        names={"zh": row["zh"], "en": row["en"]},
        definitions={"zh": row["definition_zh"], "en": row["definition_en"]},
        first_looks={"zh": row["first_look_zh"], "en": row["first_look_en"]},
    )
