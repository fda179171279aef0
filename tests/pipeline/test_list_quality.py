"""What lists hit and miss (domain 3.14), counted a second time in Python from lists, subscriber months and contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lib import months
from dagster_project.synth.world import OperatorPlan
from tests.operators import deliver
from tests.worlds import World, varied_world

pytestmark = pytest.mark.slow

Row = Mapping[str, Any]

LISTS = {
    *("warning", "expiring", "silent", "non_billed", "mid_high", "dormant", "arrears", "value_drop"),
    *("points_expiry", "new_care", "plan_migration", "internal_swap"),
}
"""Lists with a hold-out of those who are still there; churned, hoarding and blacklist have none."""
SMALL = 100


@dataclass(frozen=True)
class Branch:
    """What the marts are counted from, as read from the warehouse."""

    lines: Mapping[tuple[str, str], Row]
    lists: list[Row]
    contacts: list[Row]
    mature: Mapping[str, str]
    """Months whose lists of three months before are judged, and these."""
    quality: list[Row]

    def on_net(self, month: str) -> dict[str, Row]:
        """Lines on the network at the close of a month by subscriber."""
        return {name: line for (at, name), line in self.lines.items() if at == month and line["is_on_net_close"]}

    def departed(self, month: str) -> set[str]:
        """Who churned in the three months that end in ``month`` and is not on the network then."""
        window = months.between(months.shift(month, -2), month)
        ended = {name for (at, name), line in self.lines.items() if at in window and line["is_churned"]}
        return ended - set(self.on_net(month))

    def reached(self, month: str) -> set[str]:
        """Who spoke to anybody, for any list of three months before."""
        return {
            contact["subscriber_id"]
            for contact in self.contacts
            if contact["list_month"] == self.mature[month] <= contact["month"] <= month
            and contact["outcome"] in ("accepted", "declined")
        }


def may_be_listed(line: Row, list_type: str) -> bool:
    """Whether the line may be called and, for warnings, has the four months without which it is not judged."""
    if line["status"] == "suspended_voluntary" or line["is_do_not_contact"]:
        return False
    return list_type != "warning" or line["history_months"] >= 4


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def wilson(successes: int, trials: int) -> tuple[float | None, float | None]:
    """The interval of 95 % as the two roots of (p - rate)^2 = z^2 rate (1 - rate) / trials."""
    if not trials:
        return None, None
    z2, p = 1.959963984540054**2, successes / trials
    a, b, c = 1 + z2 / trials, -(2 * p + z2 / trials), p * p
    root = sqrt(max(b * b - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def times(rate: float | None, base: float | None) -> float | None:
    return None if rate is None or not base else rate / base


def expected(branch: Branch, month: str, list_type: str, district: str | None) -> Row:
    """A row of the mart out of sets of subscribers."""
    list_month = branch.mature[month]
    on_net = {
        name: line for name, line in branch.on_net(list_month).items() if district in (None, line["district_code"])
    }
    left = set(on_net) & branch.departed(month)
    eligible = {name for name, line in on_net.items() if may_be_listed(line, list_type)}
    rows = {
        row["subscriber_id"]: row
        for row in branch.lists
        if (row["list_month"], row["list_type"]) == (list_month, list_type) and row["subscriber_id"] in eligible
    }
    listed = set(rows)
    withheld = {name for name, row in rows.items() if row["is_holdout"]}
    holdout = {name for name in withheld if not rows[name]["is_in_pilot"]}
    active = {name for name in on_net if on_net[name]["is_active"]}
    reached = branch.reached(month)
    base = share(len(eligible & left), len(eligible))
    base_active = share(len(eligible & active & left), len(eligible & active))
    hit, naive = share(len(holdout & left), len(holdout)), share(len(listed & left), len(listed))
    hit_active = share(len(holdout & active & left), len(holdout & active))
    low, high = wilson(len(holdout & left), len(holdout))
    low_naive, high_naive = wilson(len(listed & left), len(listed))
    low_active, high_active = wilson(len(holdout & active & left), len(holdout & active))
    estimate = None if hit is None else len(listed) * hit
    unlisted = len((eligible & left) - listed)
    return {
        "list_month": list_month,
        "eligible_count": len(eligible),
        "eligible_churned_count": len(eligible & left),
        "churn_rate_eligible": base,
        "listed_count": len(listed),
        "holdout_count": len(holdout),
        "holdout_churned_count": len(holdout & left),
        "hit_rate_holdout": hit,
        "ci_low": low,
        "ci_high": high,
        "lift": times(hit, base),
        "lift_low": times(low, base),
        "lift_high": times(high, base),
        "listed_churned_estimate": estimate,
        "coverage_rate": None if estimate is None else share(estimate, estimate + unlisted),
        "listed_churned_count": len(listed & left),
        "hit_rate_naive": naive,
        "ci_low_naive": low_naive,
        "ci_high_naive": high_naive,
        "lift_naive": times(naive, base),
        "coverage_rate_naive": share(len(listed & left), len(eligible & left)),
        "eligible_active_count": len(eligible & active),
        "eligible_churned_active_count": len(eligible & active & left),
        "churn_rate_eligible_active": base_active,
        "holdout_active_count": len(holdout & active),
        "holdout_churned_active_count": len(holdout & active & left),
        "hit_rate_holdout_active": hit_active,
        "ci_low_active": low_active,
        "ci_high_active": high_active,
        "lift_active": times(hit_active, base_active),
        "left_count": len(left),
        "missed_not_eligible_count": len(left - eligible),
        "missed_not_listed_count": unlisted,
        "missed_not_reached_count": len((listed & left) - withheld - reached),
        "reached_left_count": len((listed & left & reached) - withheld),
        "holdout_left_count": len(withheld & left),
        "is_small": len(holdout) < SMALL,
        "is_small_naive": len(listed) < SMALL,
        "is_small_active": len(holdout & active) < SMALL,
    }


def operator_world(home: Path) -> World:
    """Eight months of the demo operator: long enough for warnings, and not everybody can be reached."""
    made = World(home)
    deliver(made, OperatorPlan(subscribers=400, months=8))
    return made


@pytest.fixture(
    scope="module",
    params=[
        (varied_world, "2011-02", "2011-06"),
        pytest.param((operator_world, "2011-01", "2011-08"), marks=pytest.mark.thorough),
    ],
)
def branch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Branch:
    make, first, last = request.param
    world = make(tmp_path_factory.mktemp("quality"))
    world.build(first, last, select="+mart_list_quality")
    lines = world.query("""
        select month, subscriber_id, district_code, district_name, status, is_do_not_contact, history_months,
            is_active, is_on_net_close, is_churned
        from core.fct_subscriber_months
    """)
    delivered = months.between(first, last)
    return Branch(
        lines={(row["month"], row["subscriber_id"]): row for row in lines},
        lists=world.query(
            "select list_month, list_type, subscriber_id, is_holdout, is_in_pilot from retention.mart_work_lists"
        ),
        contacts=world.query("select month, list_month, subscriber_id, outcome from staging.stg_crm__contacts"),
        mature={month: before for before, month in zip(delivered, delivered[3:], strict=False)},
        quality=world.query("from retention.mart_list_quality"),
    )


def listed_types(branch: Branch, month: str) -> Iterator[str]:
    """Lists with a hold-out that name somebody who could be listed."""
    on_net = branch.on_net(branch.mature[month])
    for list_type in LISTS:
        if any(
            row["subscriber_id"] in on_net and may_be_listed(on_net[row["subscriber_id"]], list_type)
            for row in branch.lists
            if (row["list_month"], row["list_type"]) == (branch.mature[month], list_type)
        ):
            yield list_type


def test_every_list_that_names_somebody_has_the_branch_and_every_district_in_mature_months(branch):
    keys = [(row["month"], row["list_type"], row["scope_type"], row["scope_code"]) for row in branch.quality]
    assert len(keys) == len(set(keys))
    assert set(keys) == {
        (month, list_type, *scope)
        for month, list_month in branch.mature.items()
        for list_type in listed_types(branch, month)
        for scope in [
            ("network", "all"),
            *(("district", line["district_code"]) for line in branch.on_net(list_month).values()),
        ]
    }


def test_counts_and_rates_of_every_row_are_those_of_the_sets_of_subscribers(branch):
    for row in branch.quality:
        district = row["scope_code"] if row["scope_type"] == "district" else None
        for name, value in expected(branch, row["month"], row["list_type"], district).items():
            where = (row["month"], row["list_type"], row["scope_code"], name)
            assert row[name] == (pytest.approx(value, abs=1e-12) if isinstance(value, float) else value), where


def test_scopes_are_called_what_the_office_calls_them(branch):
    names = {line["district_code"]: line["district_name"] for line in branch.lines.values()}
    for row in branch.quality:
        assert row["scope_name"] == ("全网" if row["scope_type"] == "network" else names[row["scope_code"]])


def test_somebody_left_at_every_step_and_the_enrolled_of_a_pilot_are_on_a_list(branch):
    network = [row for row in branch.quality if row["scope_type"] == "network"]
    for name in ("missed_not_listed_count", "missed_not_reached_count", "reached_left_count", "holdout_left_count"):
        assert sum(row[name] for row in network) > 0, name
    assert any(row["is_in_pilot"] and row["is_holdout"] for row in branch.lists)
    if "2011-07" in branch.mature:
        assert {row["list_type"] for row in network} >= {"warning", "new_care"}
        assert sum(row["missed_not_eligible_count"] for row in network) > 0
