"""Identities of the marts hold in any branch, not only in the months that dbt's tests happen to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.compiled import CompiledProject
from tests.pipeline.identities import MARTS, RULES, Built, Rule, build
from tests.pipeline.random_worlds import FULL_WORLD, MENDED, MONTHS, WORLDS, RandomWorld

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> CompiledProject:
    return CompiledProject(tmp_path_factory.mktemp("compiled") / "home", MONTHS[0], MONTHS[-1], MARTS)


@pytest.mark.thorough
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(FULL_WORLD)
@example(MENDED[0])
@example(MENDED[1])
@example(MENDED[2])
@example(MENDED[3])
@given(world=WORLDS)
def test_every_identity_and_every_test_of_dbt_holds_in_any_world(project: CompiledProject, world: RandomWorld) -> None:
    built = build(project, world)
    broken = {check.__name__: rows[:3] for check in RULES if (rows := check(built))}
    assert broken == {}
    assert project.failing_tests() == {}


@pytest.fixture(scope="module")
def full(project: CompiledProject) -> Built:
    """A world in which everything occurs. Built after the random ones, in the same project."""
    return build(project, FULL_WORLD)


def test_every_test_of_dbt_holds_in_a_world_in_which_everything_occurs(full: Built) -> None:
    assert full.project.failing_tests() == {}


@pytest.fixture
def spoiled(full: Built) -> Iterator[Built]:
    """The same, to be changed: every change is taken back."""
    full.project.execute("begin")
    yield full
    full.project.execute("rollback")


OCCURRING = {
    "mart_churn_trend": (
        *("opening_count", "new_count", "reinstated_count", "appeared_count", "moved_in_count", "moved_out_count"),
        *("vanished_count", "same_month_churned_count", "passive_churned_count", "swap_count", "closing_count"),
    ),
    "mart_churn_revision": ("reinstated_count", "swap_count"),
    "mart_base_flow": ("new_count", "returning_count", "resurrecting_count", "dormant_count", "left_count"),
    "mart_churn_cause": ("reported_count", "late_reported_count"),
    "mart_churn_destination": ("reported_count", "late_reported_count"),
    "mart_churn_by_group": ("member_count", "churned_count"),
    "mart_high_value_cohort": ("cohort_count",),
    "mart_revenue_bridge": ("volume_effect_mom", "usage_effect_mom", "price_effect_mom"),
}


def test_every_flow_that_an_identity_is_about_occurs_in_the_full_world(full: Built) -> None:
    for mart, columns in OCCURRING.items():
        for column in columns:
            assert full.rows(f"select count(*) from {mart} where {column} <> 0")[0][0] > 0, (mart, column)


def kinds(full: Built, query: str) -> set[str]:
    return {row[0] for row in full.rows(query)}


def test_every_class_stage_and_tier_but_the_rarest_occurs_in_the_full_world(full: Built) -> None:
    classes = kinds(full, "select distinct churn_class from fct_churn")
    assert classes == kinds(full, "select churn_class from churn_classes")
    stages = kinds(full, "select distinct lifecycle_stage from fct_subscriber_months where is_on_net_close")
    assert stages == kinds(full, "select lifecycle_stage from lifecycle_stages")
    assert kinds(full, "select distinct value_tier from fct_subscriber_months where is_on_net_close") >= {"high", "low"}


SPOILING: Mapping[str, str] = {
    "opening_and_arrivals_less_losses_is_closing": "update mart_churn_trend set new_count = new_count + 1",
    "every_month_opens_in_every_scope_with_what_the_month_before_closed_with": (
        "delete from mart_churn_trend where month = '2011-01' and scope_type = 'district' and scope_code = 'D1'"
    ),
    "every_flow_of_every_scope_is_the_number_of_its_subscribers": (
        "update mart_churn_trend set moved_out_count = moved_out_count + 1 where scope_code = 'D2'"
    ),
    "who_is_on_the_network_who_vanished_and_who_opened_the_month_is_told_by_the_snapshots": (
        "update fct_subscriber_months set is_on_net_close = false where subscriber_id = 'S00-0' and month = '2011-02'"
    ),
    "every_line_came_and_went_in_one_way_at_most": (
        "update fct_subscriber_months set is_new = true where subscriber_id = 'S00-0' and month = '2011-02'"
    ),
    "churn_events_are_the_subscriber_months_that_churned": "delete from fct_churn where is_vanished",
    "every_rate_is_its_count_over_its_base_and_missing_without_one": (
        "update mart_churn_trend set churn_rate_closing = 0 where scope_type = 'brand'"
    ),
    "churn_classes_sum_to_all_who_left_in_every_scope": (
        "update mart_churn_class set churned_count = churned_count + 1 where churn_class = 'natural'"
    ),
    "every_class_of_every_scope_is_the_number_of_its_churn_events": (
        "update fct_churn set churn_class = 'natural' where churn_class = 'unknown'"
    ),
    "scopes_of_every_delivered_type_sum_to_the_network": (
        "delete from mart_base_flow where scope_type = 'payment_type' and scope_code = 'prepaid'"
    ),
    "a_scope_whose_column_was_not_delivered_has_no_rows": "delete from delivered where scope_type = 'brand'",
    "shares_sum_to_one_where_there_is_a_base_and_are_missing_where_there_is_none": (
        "update mart_churn_destination set answered_share = answered_share / 2"
    ),
    "tenure_plans_bands_and_channels_are_parts_of_the_same_leavers_and_stayers": (
        "delete from mart_churn_by_arpu_band where arpu_band = '(unknown)'"
    ),
    "three_months_are_the_sum_of_their_months_and_shown_when_all_three_were_delivered": (
        "delete from mart_churn_by_plan where window_months = 3 and plan_code = 'P1' and month = '2011-02'"
    ),
    "figures_of_the_year_and_half_year_so_far_are_the_sums_of_their_months": (
        "update mart_churn_trend set half_year_churned_count = churned_count"
    ),
    "hazards_count_every_leaver_of_their_window_once": "delete from mart_churn_hazard where tenure_month = 4",
    "groups_sum_to_all_groups_and_these_are_lines_with_a_group": (
        "update mart_churn_by_group set member_count = member_count + 1 where group_id = 'G1'"
    ),
    "causes_weigh_as_much_as_there_are_answers_and_what_is_left_is_unknown": (
        "update mart_churn_cause set reported_weight = reported_weight + 0.5 where cause_code = 'unknown'"
    ),
    "destinations_sum_to_the_answers": "delete from mart_churn_destination where destination = 'internal'",
    "volume_usage_and_price_are_the_change_of_revenue_to_the_fen": (
        "update mart_revenue_bridge set price_effect_mom = price_effect_mom + 0.01"
    ),
    "revenue_and_billed_users_are_those_of_the_subscribers": (
        "update mart_revenue_bridge set billed_count = billed_count + 1 where scope_code = '3G'"
    ),
    "everybody_on_the_network_has_one_known_stage_and_one_known_tier_and_nobody_else_has": (
        "update fct_subscriber_months set lifecycle_stage = 'mature' where lifecycle_stage = 'stable'"
    ),
    "the_lifecycle_cube_sums_to_the_base": (
        "update mart_lifecycle_cube set subscriber_count = subscriber_count + 1 where brand = 'B1'"
    ),
    "rows_of_the_transition_matrix_are_the_stages_before_and_columns_the_stages_now": (
        "update mart_lifecycle_transition set from_stage = 'sunk' where from_stage = 'warning'"
    ),
    "the_active_are_new_returning_or_resurrecting_and_return_lapse_or_leave": (
        "update mart_base_flow set left_count = left_count + 1, dormant_count = dormant_count - 1,"
        " active_before_count = active_before_count + 1, returning_count = returning_count + 1,"
        " resurrecting_count = resurrecting_count - 1"
    ),
    "every_month_is_revised_in_the_two_delivered_months_after_it_and_only_net_figures_change": (
        "delete from mart_churn_revision where version = 'T+65' and scope_type = 'brand'"
    ),
    "a_line_that_came_back_within_the_days_of_grace_is_taken_off_in_every_later_version": (
        "update mart_churn_revision set reinstated_count = 0 where version = 'T+65'"
    ),
    "a_cohort_is_who_joined_and_grows_by_those_who_come_back_only": (
        "update mart_cohort_retention set survivors_count = survivors_count + 1 where age_months = 2"
    ),
    "a_frozen_cohort_keeps_its_members_all_year_and_the_kept_are_on_the_network": (
        "update mart_high_value_cohort set cohort_count = cohort_count + 1 where month = '2011-02'"
    ),
}


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
def test_a_rule_sees_a_figure_that_is_off(spoiled: Built, check: Rule) -> None:
    assert check(spoiled) == []
    spoiled.project.execute(SPOILING[check.__name__])
    assert check(spoiled) != []
