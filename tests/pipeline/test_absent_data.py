"""Each optional data set taken away in turn: what it feeds is null or has no row, and the rest is whole."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dagster_project.lib import contract
from dagster_project.synth.world import OperatorPlan
from tests.operators import deliver
from tests.worlds import World

pytestmark = pytest.mark.slow

PLAN = OperatorPlan(subscribers=400, months=7)
FACT = "core.fct_subscriber_months"
NETWORK = "scope_type = 'network'"

FED: Mapping[str, Mapping[tuple[str, str], tuple[str, ...]]] = {
    "billing_usage": {
        (FACT, "is_on_net_close"): ("mou", "calls_out", "data_mb", "is_active", "is_silent", "silent_months"),
        ("retention.mart_churn_class", NETWORK): ("silent_count", "dormant_count"),
        ("retention.mart_base_flow", NETWORK): ("new_count", "returning_count", "dormant_count"),
        ("retention.mart_revenue_bridge", NETWORK): ("mou", "price_per_unit", "usage_effect_mom"),
    },
    "billing_payments": {(FACT, "is_on_net_close"): ("payment_amount", "payment_count")},
    "crm_complaints": {
        (FACT, "is_on_net_close"): ("complaint_count", "satisfaction_min_score"),
        ("retention.mart_satisfaction", NETWORK): ("complaints_count", "rated_complaints_count"),
    },
    "crm_contacts": {
        (FACT, "is_on_net_close"): ("unanswered_count",),
        ("retention.mart_retention_effect", "true"): ("reached_count", "spend_amount", "contaminated_count"),
        ("retention.mart_list_quality", NETWORK): ("missed_not_reached_count", "reached_left_count"),
        ("retention.mart_satisfaction", NETWORK): ("followed_up_count", "followed_up_share"),
    },
    "crm_surveys": {
        (FACT, "is_on_net_close"): ("survey_min_score",),
        ("retention.mart_satisfaction", NETWORK): ("answers_count", "mean_score", "answered_again_count"),
    },
    "crm_exit_surveys": {
        ("retention.mart_churn_cause", "true"): ("reported_count", "share"),
        ("retention.mart_churn_destination", "true"): ("reported_count", "share"),
        ("retention.mart_churn_class", f"{NETWORK} and churn_class = 'natural'"): ("churned_count",),
    },
}
"""Measures by where they stand: null in the month that lacks the data set, known in the month before."""

NEVER_DELIVERED: Mapping[str, Mapping[tuple[str, str], tuple[str, ...]]] = {
    "crm_channels": {("retention.mart_churn_by_channel", "true"): ("channel_name", "survival_to_assessment_rate")},
    "crm_groups": {("retention.mart_churn_by_group", "group_id <> 'all' and group_name <> group_id"): ("group_name",)},
    "finance_acquisition": {("retention.mart_work_lists", "value_tier in ('high', 'mid')"): ("retention_cap_amount",)},
    "billing_call_circle": {("core.fct_number_swaps", "true"): ("circle_share",)},
}
"""Reference data and what looks back many months are missed only when they never came."""

LACKING = dict(zip(FED, PLAN.month_names[1:], strict=True))


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Seven months; every month after the first lacks one data set, each another."""
    world = World(tmp_path_factory.mktemp("in_turn"))
    deliver(world, PLAN)
    for data_set, month in LACKING.items():
        world.withhold(data_set, month)
    world.build(PLAN.month_names[0], PLAN.month_names[-1])
    return world


@pytest.fixture(scope="module")
def never(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Seven months without any delivery of the data sets that are looked back on."""
    world = World(tmp_path_factory.mktemp("never"))
    deliver(world, PLAN)
    for data_set in NEVER_DELIVERED:
        for month in PLAN.month_names:
            world.withhold(data_set, month)
    world.build(PLAN.month_names[0], PLAN.month_names[-1])
    return world


def known(world: World, relation: str, column: str, where: str, month: str) -> int:
    """How many values there are."""
    (row,) = world.query(f"select count({column}) as n from {relation} where month = '{month}' and {where}")
    return int(row["n"])


@pytest.mark.parametrize("data_set", FED)
def test_a_month_without_a_data_set_has_no_measure_that_it_feeds(in_turn: World, data_set: str) -> None:
    month = LACKING[data_set]
    for (relation, where), columns in FED[data_set].items():
        for column in columns:
            assert known(in_turn, relation, column, where, month) == 0, (relation, column)


@pytest.mark.parametrize("data_set", FED)
def test_the_other_months_have_it(in_turn: World, data_set: str) -> None:
    others = [month for month in PLAN.month_names if month != LACKING[data_set]]
    for (relation, where), columns in FED[data_set].items():
        for column in columns:
            assert any(known(in_turn, relation, column, where, month) for month in others), (relation, column)


@pytest.mark.thorough
@pytest.mark.parametrize("data_set", NEVER_DELIVERED)
def test_what_never_came_leaves_what_it_feeds_null(never: World, in_turn: World, data_set: str) -> None:
    for (relation, where), columns in NEVER_DELIVERED[data_set].items():
        for column in columns:
            found = [known(never, relation, column, where, month) for month in PLAN.month_names]
            assert not any(found), (relation, column)
            assert any(known(in_turn, relation, column, where, month) for month in PLAN.month_names), (relation, column)


def test_churn_is_counted_without_any_of_them(in_turn: World, never: World) -> None:
    query = f"""
        select month, opening_count, new_count, churned_count, closing_count
        from retention.mart_churn_trend where {NETWORK} order by month
    """
    assert in_turn.query(query) == never.query(query)
    assert len(in_turn.query(query)) == len(PLAN.month_names)


def test_no_optional_data_set_is_forgotten_here() -> None:
    optional = {name for name, data_set in contract.DATA_SETS.items() if not data_set.required}
    assert optional - {*FED, *NEVER_DELIVERED} == {"crm_blacklist"}, "the blacklist feeds nothing yet"
