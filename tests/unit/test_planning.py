"""Which months a run works on. Publications are made up: a folder of the right name, and the pointer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from delivered import GOOD, Branch

from dagster_project.lib import deliveries
from dagster_project.lib.exports.edition import current
from dagster_project.lib.exports.identity import publication_ids
from dagster_project.lib.planning import is_up_to_date, plan

FIRST, SECOND, THIRD, FOURTH = "2011-10", "2011-11", "2011-12", "2012-01"
CORRECTED = {"billing_bills.csv": GOOD["billing_bills.csv"].replace("58.00", "59.00")}


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def accepted(branch: Branch) -> dict[str, str]:
    return {month: entry.delivery_id for month, entry in deliveries.accepted(branch.settings).items()}


def publish(branch: Branch, months: Iterable[str]) -> None:
    """Publish months as a run on top of what is published would, under the names that it would give."""
    published = {month: folder.name for month, folder in current(branch.settings).items()}
    names = published | publication_ids(branch.settings, list(months), accepted(branch), published)
    for month, name in names.items():
        (branch.settings.published / month / name).mkdir(parents=True, exist_ok=True)
    pointer = {month: f"{month}/{name}" for month, name in names.items()}
    (branch.settings.published / "current.json").write_text(json.dumps(pointer))


def deliver(branch: Branch, *months: str) -> None:
    for month in months:
        branch.accept(branch.deliver(month=month))


@pytest.fixture
def closed(branch: Branch) -> Branch:
    """Three months delivered, accepted and published."""
    deliver(branch, FIRST, SECOND, THIRD)
    publish(branch, (FIRST, SECOND, THIRD))
    return branch


def test_a_month_that_nobody_delivered_is_undelivered(branch: Branch) -> None:
    found = plan(branch.settings, [FIRST])
    assert (found.undelivered, found.up_to_date, found.range) == ((FIRST,), (), ())


def test_a_new_month_is_run_alone(closed: Branch) -> None:
    closed.deliver(month=FOURTH)
    found = plan(closed.settings, [FOURTH])
    assert (found.range, found.up_to_date, found.undelivered) == ((FOURTH,), (), ())


def test_published_months_with_the_same_inputs_are_left_alone(closed: Branch) -> None:
    found = plan(closed.settings, [FIRST, SECOND, THIRD])
    assert (found.range, found.up_to_date) == ((), (FIRST, SECOND, THIRD))


def test_force_runs_them_all_the_same(closed: Branch) -> None:
    found = plan(closed.settings, [SECOND], force=True)
    assert (found.range, found.up_to_date) == ((SECOND, THIRD), ())


def test_a_month_delivered_again_takes_the_published_ones_after_it_along(closed: Branch) -> None:
    closed.deliver(CORRECTED, month=SECOND)
    found = plan(closed.settings, [SECOND])
    assert found.range == (SECOND, THIRD)
    assert plan(closed.settings, [FIRST, SECOND, THIRD]).up_to_date == (FIRST, THIRD)


def test_published_months_before_a_corrected_one_stay_as_they_are(closed: Branch) -> None:
    closed.deliver(CORRECTED, month=THIRD)
    found = plan(closed.settings, [FIRST, SECOND, THIRD])
    assert (found.range, found.up_to_date) == ((THIRD,), (FIRST, SECOND))


def test_an_accepted_correction_makes_every_later_publication_stale(closed: Branch) -> None:
    closed.accept(closed.deliver(CORRECTED, month=FIRST))
    assert not any(is_up_to_date(closed.settings, month, accepted(closed)) for month in (FIRST, SECOND, THIRD))
    assert plan(closed.settings, [THIRD]).range == (THIRD,)


def test_a_month_that_comes_late_takes_the_published_ones_after_it_along(branch: Branch) -> None:
    deliver(branch, FIRST, THIRD)
    publish(branch, (FIRST, THIRD))
    branch.deliver(month=SECOND)
    found = plan(branch.settings, [SECOND])
    assert found.range == (SECOND, THIRD)


def test_a_month_without_delivery_inside_a_range_is_told_and_passed_over(branch: Branch) -> None:
    branch.deliver(month=FIRST)
    branch.deliver(month=THIRD)
    found = plan(branch.settings, [FIRST, SECOND, THIRD])
    assert found.undelivered == (SECOND,)
    assert (found.first, found.last) == (FIRST, THIRD)


def test_an_accepted_month_needs_its_files_no_longer(closed: Branch) -> None:
    for file in (closed.settings.landing / SECOND).iterdir():
        file.unlink()
    (closed.settings.landing / SECOND).rmdir()
    found = plan(closed.settings, [SECOND])
    assert (found.undelivered, found.up_to_date) == ((), (SECOND,))
    assert plan(closed.settings, [SECOND], force=True).range == (SECOND, THIRD)


def test_another_configuration_makes_every_publication_stale(closed: Branch) -> None:
    closed.changes["language"] = "zh"
    assert plan(closed.settings, [FIRST, SECOND, THIRD]).range == (FIRST, SECOND, THIRD)


def test_where_a_publication_is_stored_is_no_part_of_the_configuration(closed: Branch) -> None:
    closed.changes["threads"] = 7
    closed.changes["memory_limit"] = "1GB"
    assert plan(closed.settings, [FIRST, SECOND, THIRD]).range == ()


def test_a_later_delivery_leaves_earlier_publications_alone(closed: Branch) -> None:
    deliver(closed, FOURTH)
    assert plan(closed.settings, [FIRST, SECOND, THIRD]).range == ()
