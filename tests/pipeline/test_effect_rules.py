"""Effects of lists and pilots in the first month of a branch."""

from __future__ import annotations

import pytest

from tests.worlds import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One month of one subscriber."""
    world = World(tmp_path_factory.mktemp("effect"))
    world.add("crm_subscribers", "2011-06", [{"subscriber_id": "a"}])
    world.build("2011-06", "2011-06", select="+mart_retention_effect +mart_pilot")
    return world


def test_a_first_month_has_no_effect_and_a_pilot_without_anybody(branch: World) -> None:
    assert branch.query("select * from retention.mart_retention_effect") == []
    rows = branch.query(
        "select arm, enrolled_count, matured_count, effect, verdict from retention.mart_pilot order by arm"
    )
    empty = {"enrolled_count": 0, "matured_count": 0, "effect": None, "verdict": "too_early"}
    assert rows == [{"arm": "control", **empty}, {"arm": "treated", **empty}]
