"""Every manipulation of the demo operator raises its own sign where it is planted; an honest operator raises none."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb, sqrt
from pathlib import Path

import pytest

from bench.gaming import measure
from dagster_project.synth.manipulations import MANIPULATIONS
from dagster_project.synth.world import OperatorPlan
from tests.compiled import CompiledProject

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

PLAN = OperatorPlan(subscribers=12_000, months=7, seed=1)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> CompiledProject:
    home = tmp_path_factory.mktemp("signs") / "home"
    return CompiledProject(home, PLAN.month_names[0], PLAN.month_names[-1], ["mart_gaming_signs"])


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_a_manipulation_raises_its_own_sign_in_its_own_district_and_months(
    project: CompiledProject, tmp_path: Path, name: str
) -> None:
    plan = replace(PLAN, manipulation=name)
    outcome = measure(project, plan, tmp_path)
    assert len(outcome.planted) == 2
    assert (outcome.missed, outcome.false) == (frozenset(), frozenset())
    assert project.failing_tests() == {}


@pytest.mark.parametrize("seed", [1, 2])
def test_an_honest_operator_raises_no_sign(project: CompiledProject, tmp_path: Path, seed: int) -> None:
    plan = replace(PLAN, seed=seed)
    outcome = measure(project, plan, tmp_path)
    assert outcome.judged_count > 200
    assert outcome.raised == frozenset()
    scores_follow_from_the_counts(project)


def scores_follow_from_the_counts(project: CompiledProject) -> None:
    """Scores, chances and limits of every row, computed again from the counts without SQL."""
    rows = project.rows("""
        select month, unit_type, sign_code, case_count, event_count, compared_case_count, compared_event_count,
            z_score, p_value, error_rate, is_small
        from retention.mart_gaming_signs inner join intermediate.int_gaming_cases
            using (month, unit_type, unit_code, sign_code, case_count, event_count)""")
    looked_at: dict[tuple[str, str, str], int] = {}
    for month, unit_type, sign, *_, is_small in rows:
        kind = (month, unit_type, sign)
        looked_at[kind] = looked_at.get(kind, 0) + (not is_small)
    for month, unit_type, sign, cases, events, other_cases, other_events, score, chance, limit, _ in rows:
        count = looked_at[month, unit_type, sign]
        assert limit == (pytest.approx(0.0001 / count) if count else None)
        assert score == pytest.approx(standard_errors(sign, cases, events, other_cases, other_events))
        expected = by_chance(sign, cases, events, other_cases, other_events)
        assert chance == (None if expected is None else pytest.approx(expected, abs=2e-9))


def standard_errors(sign: str, cases: int, events: int, other_cases: int, other_events: int) -> float | None:
    if sign == "other_causes":
        return (events / cases - 0.2) / sqrt(0.2 * 0.8 / cases)
    pooled = (events + other_events) / (cases + other_cases)
    if not other_cases or pooled in (0, 1):
        return None
    width = 1 / cases + 1 / other_cases
    return (events / cases - other_events / other_cases - width / 2) / sqrt(pooled * (1 - pooled) * width)


def by_chance(sign: str, cases: int, events: int, other_cases: int, other_events: int) -> float | None:
    if sign == "other_causes":
        return upper_tail(events, cases, Fraction(1, 5))
    if not other_cases:
        return None
    both = cases + other_cases
    if 2 * (events + other_events) <= both:
        return upper_tail(events, events + other_events, Fraction(cases, both))
    rest, other_rest = cases - events, other_cases - other_events
    return upper_tail(other_rest, rest + other_rest, Fraction(other_cases, both))


def upper_tail(successes: int, trials: int, chance: Fraction) -> float | None:
    """The exact chance of at least so many successes; none without a trial."""
    if not trials:
        return None
    hits, misses, of = chance.numerator, chance.denominator - chance.numerator, chance.denominator
    ways = sum(comb(trials, count) * hits**count * misses ** (trials - count) for count in range(successes, trials + 1))
    return float(Fraction(ways, of**trials))
