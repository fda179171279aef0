"""The marts of structure without optional data; the binomial tail against exact fractions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import comb, isclose

import pytest

from tests.worlds import World

pytestmark = pytest.mark.slow

MARTS = "+mart_churn_hazard +mart_churn_tenure_mean +mart_churn_by_group"
CURVE = {tenure: (400 + 3 * tenure, (tenure * 7) % 29) for tenure in range(1, 41)}
"""Lines at risk and leavers by tenure month: leavers far below, near and far above those beside them."""
CURVE |= {10: (1, 0), 20: (900, 900), 30: (5_000, 240), 31: (5_000, 250), 32: (5_000, 5)}


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One month without channels, groups, usage or payments."""
    world = World(tmp_path_factory.mktemp("structure"))
    cells = ", ".join(f"({tenure}, {lines}, {leavers})" for tenure, (lines, leavers) in CURVE.items())
    world.add_sql(
        "crm_subscribers",
        "2011-10",
        f"""
        with cells(tenure, lines, leavers) as (values {cells}),
        people as (select *, unnest(range(lines)) as place from cells)
        select 'L' || tenure || '-' || place as subscriber_id,
            cast(date '2011-10-01' - to_months(cast(tenure - 1 as int)) as date) as join_date,
            case when place < leavers then 'cancelled' else 'active' end as status,
            case when place < leavers then date '2011-10-20' end as status_date
        from people
        """,
    )
    world.build("2011-10", "2011-10", select=MARTS)
    return world


def tail(leavers: int, lines: int, hazard: Fraction) -> Fraction:
    """The chance of at least ``leavers`` among ``lines``, exactly."""
    counts = range(leavers, lines + 1) if 2 * leavers > lines else range(leavers)
    mass = sum(comb(lines, count) * hazard**count * (1 - hazard) ** (lines - count) for count in counts)
    return Fraction(mass) if 2 * leavers > lines else 1 - mass


def references() -> Iterator[tuple[int, Fraction]]:
    """What each tenure month is compared with: the highest median beside it or the second highest hazard."""
    large = {tenure: Fraction(left, lines) for tenure, (lines, left) in CURVE.items() if lines >= 100}
    for tenure in large:
        before = [large[other] for other in range(tenure - 3, tenure) if other in large]
        after = [large[other] for other in range(tenure + 1, tenure + 4) if other in large]
        if before and after:
            at_risk = sum(CURVE[other][0] for other in range(tenure - 3, tenure + 4) if other in large)
            least = Fraction(1, at_risk - CURVE[tenure][0])
            second = sorted(before + after)[-2]
            yield tenure, max(median(before), median(after), median(before + after), second, least)


def median(values: list[Fraction]) -> Fraction:
    """The middle one, or the mean of the two in the middle."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def test_the_binomial_tail_is_exact_to_nine_digits(branch: World) -> None:
    rows = {row["tenure_month"]: row for row in branch.query("select * from retention.mart_churn_hazard")}
    expected = dict(references())
    assert {tenure for tenure, row in rows.items() if row["p_value"] is not None} == set(expected)
    for tenure, reference in expected.items():
        lines, leavers = CURVE[tenure]
        row = rows[tenure]
        assert isclose(row["reference_hazard_rate"], reference, rel_tol=1e-12), tenure
        rounded = Fraction(row["reference_hazard_rate"]).limit_denominator(10**7)
        assert isclose(row["p_value"], tail(leavers, lines, rounded), abs_tol=1e-9), tenure


def test_survival_is_the_product_of_staying(branch: World) -> None:
    survival = Fraction(1)
    for row in branch.query("select * from retention.mart_churn_hazard order by tenure_month"):
        lines, leavers = CURVE[row["tenure_month"]]
        assert (row["at_risk_count"], row["churned_count"]) == (lines, leavers)
        survival *= 1 - Fraction(leavers, lines)
        assert isclose(row["survival_rate"], survival, abs_tol=1e-9)
    assert survival == 0, "everybody leaves in tenure month 20"


def test_measures_of_what_was_not_delivered_are_null(branch: World) -> None:
    (channel,) = branch.query("select * from retention.mart_churn_by_channel")
    assert channel["channel_code"] == "(unknown)"
    for column in ("second_topup_rate", "survival_to_assessment_rate", "suspicious_count", "is_suspicious"):
        assert channel[column] is None, column
    (groups,) = branch.query("select * from retention.mart_churn_by_group")
    assert (groups["group_id"], groups["member_count"], groups["churned_count"]) == ("all", None, None)
