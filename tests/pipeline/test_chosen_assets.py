"""Assets that somebody chooses in Dagster's UI instead of running the job."""

import json

import duckdb
import pytest

from tests.commandline import Branch

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def contents(branch: Branch) -> dict[str, list[tuple]]:
    """Every row of every fact, dimension and mart."""
    with duckdb.connect(str(branch.settings.duckdb_file), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('core', 'retention')"
        ).fetchall()
        return {name: connection.execute(f"from {name} order by all").fetchall() for (name,) in tables}


def test_a_mart_chosen_alone_is_built_from_its_own_month_and_no_other_table_changes(branch):
    before = contents(branch)
    said = branch.materialize("2011-02", "retention/mart_churn_trend")
    assert said.exit_status == 0, said.words
    assert json.loads(said.out) == [["retention/mart_churn_trend", "2011-02"]]
    assert contents(branch) == before
    assert {row[0] for row in before["retention.mart_churn_trend"]} == {"2011-01", "2011-02", "2011-03"}


def test_what_has_no_months_is_not_materialized_alone_and_says_what_to_choose(branch):
    before = contents(branch)
    said = branch.materialize("", "rules/thresholds", "intermediate/int_churn_events_dated")
    assert said.exit_status == 1
    assert "No month was chosen" in said.words
    assert contents(branch) == before
