"""The dbt unit tests of lists' effects and of pilots."""

from __future__ import annotations

import pytest

from tests.worlds import World, run_dbt

pytestmark = pytest.mark.slow

UNIT_TESTED = (
    "int_subscribers_departed",
    "int_outcome_windows_delivered",
    "int_pilot_outcomes_followed",
    "fct_pilot_assignments",
    "mart_retention_effect",
    "mart_pilot",
)


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One month of one subscriber: the tables whose columns unit tests read are there."""
    world = World(tmp_path_factory.mktemp("effect"))
    world.add("crm_subscribers", "2011-06", [{"subscriber_id": "a"}])
    world.build("2011-06", "2011-06", select="+mart_retention_effect +mart_pilot")
    return world


def test_every_dbt_unit_test_of_effects_and_pilots_passes(branch: World) -> None:
    chosen = " ".join(f"{model},test_type:unit" for model in UNIT_TESTED)
    done = run_dbt(branch.settings, ["test", "--select", chosen])
    assert "PASS=15 WARN=0 ERROR=0 SKIP=0" in done.stdout, "fourteen unit tests and the project's hook"


def test_a_first_month_has_no_effect_and_a_pilot_without_anybody(branch: World) -> None:
    assert branch.query("select * from retention.mart_retention_effect") == []
    rows = branch.query(
        "select arm, enrolled_count, matured_count, effect, verdict from retention.mart_pilot order by arm"
    )
    empty = {"enrolled_count": 0, "matured_count": 0, "effect": None, "verdict": "too_early"}
    assert rows == [{"arm": "control", **empty}, {"arm": "treated", **empty}]
