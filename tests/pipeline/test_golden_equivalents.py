"""A yearly rate and its monthly equivalent (domain.md part 4: G65), from a branch that loses 20 % in a year."""

from __future__ import annotations

import pytest

from dagster_project.lib import months
from tests.pipeline.printing import percent
from tests.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

BASE = 60
LEAVERS = 1
"""A month: twelve of sixty in a year, each replaced by a newcomer at once."""


def test_g65_20_percent_a_year_are_1_84_percent_a_month(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = World(tmp_path_factory.mktemp("year"))
    year = months.between("2010-01", "2010-12")
    for number, month in enumerate(year):
        stayers = [{"subscriber_id": f"S{place}"} for place in range(number + LEAVERS, BASE)]
        newcomers = [
            {"subscriber_id": f"N{place}", "join_date": f"{year[place]}-20"} for place in range(number + LEAVERS)
        ]
        leaver = {"subscriber_id": f"S{number}", "status": "cancelled", "status_date": f"{month}-10"}
        world.add("crm_subscribers", month, [*stayers, *newcomers, leaver])
    world.build(year[0], year[-1], select="+mart_churn_trend")
    (row,) = world.query("select * from retention.mart_churn_trend where month = '2010-12' and scope_type = 'network'")
    assert (row["ytd_month_count"], row["ytd_churned_count"], row["opening_count"]) == (12, 12, 60)
    assert percent(row["ytd_churn_rate"], 0) == "20%"
    assert percent(row["ytd_monthly_churn_rate_compound"]) == "1.84%"
    assert percent(row["ytd_monthly_churn_rate"]) == "1.67%", "the simple twelfth"
