"""The loop that the demo operator plants: who is dissatisfied is called back or not, and asked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dagster_project.lib import months
from dagster_project.synth import activity, world
from dagster_project.synth.lives import live

Row = Mapping[str, Any]
PLAN = world.OperatorPlan(subscribers=6000, months=7)


@pytest.fixture(scope="module")
def delivered() -> Mapping[str, list[Row]]:
    """Surveys and contacts of all months with the month in which they are delivered."""
    found: dict[str, list[Row]] = {"crm_surveys": [], "crm_contacts": []}
    for number, size in PLAN.blocks():
        block = live(PLAN, number, size)
        balances = activity.Balances.opening(block)
        for index, month in enumerate(PLAN.month_names):
            tables = activity.data_sets(activity.month_of(PLAN, block, index), balances)
            for name, rows in found.items():
                rows += [{**row, "month": month} for row in tables[name].to_pylist()]
    return found


def low(row: Row) -> bool:
    return int(row["score"]) <= world.DISSATISFIED_SCORE


def next_answers(delivered: Mapping[str, list[Row]]) -> list[tuple[Row, Row, bool]]:
    """A dissatisfied answer, the next month's answer on the topic, and whether somebody called between them."""
    surveys = delivered["crm_surveys"]
    calls = [row for row in delivered["crm_contacts"] if row["list_type"] == "call_back"]
    asked_again = [row for row in surveys if row["survey_id"].startswith("R")]
    pairs = []
    for again in asked_again:
        (before,) = (
            row
            for row in surveys
            if row["subscriber_id"] == again["subscriber_id"]
            and row["month"] == months.shift(again["month"], -1)
            and row["topic"] == again["topic"]
            and row["survey_id"].startswith("S")
        )
        between = [
            call
            for call in calls
            if call["subscriber_id"] == again["subscriber_id"]
            and before["answered_at"] < call["contacted_at"] < again["answered_at"]
        ]
        pairs.append((before, again, bool(between)))
    return pairs


def test_only_the_dissatisfied_of_the_month_before_are_asked_again(delivered: Mapping[str, list[Row]]) -> None:
    pairs = next_answers(delivered)
    assert all(low(before) for before, _, _ in pairs)
    dissatisfied = [row for row in delivered["crm_surveys"] if row["survey_id"].startswith("S") and low(row)]
    assert 0.4 < len(pairs) / sum(row["month"] != PLAN.month_names[-1] for row in dissatisfied) < 0.7


def test_a_score_gains_what_the_truth_says(delivered: Mapping[str, list[Row]]) -> None:
    for key, is_called in (("called_back", True), ("others", False)):
        gains = [
            again["score"] - before["score"] for before, again, called in next_answers(delivered) if called is is_called
        ]
        assert len(gains) > 25
        assert sum(gains) / len(gains) == pytest.approx(world.SCORE_GAIN[key], abs=0.6)


def test_nobody_is_called_back_too_late_or_without_having_been_dissatisfied(delivered: Mapping[str, list[Row]]) -> None:
    answers = {}
    for row in delivered["crm_surveys"]:
        answers.setdefault(row["subscriber_id"], []).append(row)
    for call in delivered["crm_contacts"]:
        if call["list_type"] == "call_back":
            days = [
                (call["contacted_at"].date() - row["answered_at"].date()).days
                for row in answers[call["subscriber_id"]]
                if low(row)
            ]
            assert any(2 <= day <= 12 for day in days), call


def test_identifiers_of_calls_and_answers_stay_unique(delivered: Mapping[str, list[Row]]) -> None:
    for name, key in (("crm_surveys", "survey_id"), ("crm_contacts", "contact_id")):
        names = pa.array([row[key] for row in delivered[name]])
        assert pc.count_distinct(names).as_py() == len(names)
