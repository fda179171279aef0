"""Spikes, dealers, hoarded lines and schools of the demo operator, against its truth files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operators import DEMO
from tests.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

LAST = DEMO.month_names[-1]


def codes(demo: World, sql: str) -> set[object]:
    return {next(iter(row.values())) for row in demo.query(sql)}


def test_the_hoarding_dealers_are_suspicious_and_nobody_else(demo: World, demo_truth: Path) -> None:
    dealers = codes(demo, f"select channel_code from '{demo_truth}/dealers.parquet' where is_hoarding")
    months = f"retention.mart_churn_by_channel where month = '{LAST}'"
    assert codes(demo, f"select channel_code from {months} and is_suspicious") == dealers
    assert codes(demo, f"select channel_code from {months} and is_assessment_spike") == dealers
    assert codes(demo, "select channel_code from retention.mart_churn_by_channel where is_suspicious") == dealers


def test_nine_in_ten_hoarded_lines_are_found_and_hardly_another_is_suspected(demo: World, demo_truth: Path) -> None:
    hoarded = codes(
        demo, f"select subscriber_id from '{demo_truth}/subscribers.parquet' where is_hoarded and is_countable"
    )
    seen = f"""intermediate.int_hoarding_suspicions where month = '{LAST}' and call_count is not null
        and subscriber_id in (select subscriber_id from '{demo_truth}/subscribers.parquet')"""
    judged = codes(demo, f"select subscriber_id from {seen}")
    suspected = codes(demo, f"select subscriber_id from {seen} and is_suspicious")
    assert len(suspected & hoarded) >= 0.9 * len(judged & hoarded)
    assert len(suspected & hoarded) >= 0.9 * len(suspected)


def test_spikes_are_the_planted_ones_and_the_dealers_assessment_and_no_step_of_the_curve(
    demo: World, demo_truth: Path
) -> None:
    after_assessment = codes(
        demo, f"select assessment_months + 1 from '{demo_truth}/dealers.parquet' where is_hoarding"
    )
    bump = codes(
        demo, f"select cast(key as int) from '{demo_truth}/effects.parquet' where effect = 'tenure_bump_factor'"
    )
    hazards = "select tenure_month from retention.mart_churn_hazard"
    assert codes(demo, f"{hazards} where is_dealer_effect") == after_assessment
    assert codes(demo, f"{hazards} where is_spike") == bump, "in no month another one"
    for month in DEMO.month_names[11:]:
        assert codes(demo, f"{hazards} where is_spike and month = '{month}'") == bump, month


def test_schools_lose_pupils_in_june_without_an_alert(demo: World, demo_truth: Path) -> None:
    pupils = demo.query(
        f"select count(*) as lost from '{demo_truth}/subscribers.parquet' where kind = 'graduation' and is_countable"
        " and churn_month = '2011-06'"
    )
    rows = demo.query(
        "select group_id, graduated_count, churned_rank, is_alert from retention.mart_churn_by_group"
        " where month = '2011-06' and group_id in ('G0001', 'G0002') order by group_id"
    )
    assert [(row["churned_rank"], row["is_alert"]) for row in rows] == [(1, False), (2, False)]
    assert sum(row["graduated_count"] for row in rows) >= pupils[0]["lost"]


def test_channels_and_tenure_months_add_up_to_the_branch(demo: World, demo_truth: Path) -> None:
    trend = demo.query(
        "select month, new_count, churned_count, closing_count from retention.mart_churn_trend"
        " where scope_type = 'network' order by month"
    )
    channels = demo.query(
        "select month, cast(sum(new_count) as bigint) as new_count,"
        " cast(sum(churned_count) as bigint) as churned_count, cast(sum(closing_count) as bigint) as closing_count"
        " from retention.mart_churn_by_channel group by month order by month"
    )
    assert channels == trend
    (hazard,) = demo.query(
        "select window_months, cast(sum(churned_count) as bigint) as churned_count from retention.mart_churn_hazard"
        f" where month = '{LAST}' group by window_months"
    )
    assert hazard == {"window_months": 12, "churned_count": sum(row["churned_count"] for row in trend[-12:])}
