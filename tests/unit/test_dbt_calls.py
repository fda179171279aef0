"""How dbt is called, without a warehouse."""

import shutil

import pytest

from dagster_project.lib import dbt
from dagster_project.lib.exports import identity
from dagster_project.settings import DBT_PROJECT_DIR, Settings

ACCEPTED = ("2011-01", "2011-02", "2011-03")


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path, landing=tmp_path / "landing")
    made.warehouse_dir.mkdir()
    return made


def test_a_build_names_its_months_and_leaves_unit_tests_out():
    command = dbt.build_arguments("2011-08", "2011-10")
    assert command[0] == "build"
    assert command[command.index("--event-time-start") + 1] == "2011-08-01"
    assert command[command.index("--event-time-end") + 1] == "2011-11-01", "dbt excludes the end"
    assert command[command.index("--exclude-resource-type") + 1] == "unit_test"


def test_a_complete_warehouse_is_built_on(settings):
    dbt.end_build(settings)
    settings.duckdb_file.touch()
    assert dbt.begin_build(settings, "2011-03", ACCEPTED) == "2011-03"
    assert settings.duckdb_file.exists()


def test_a_missing_warehouse_is_built_from_the_first_accepted_month(settings):
    assert dbt.begin_build(settings, "2011-03", ACCEPTED) == "2011-01"


def test_the_first_delivery_of_all_is_built_from_its_own_month(settings):
    assert dbt.begin_build(settings, "2011-03", ()) == "2011-03"


def test_a_warehouse_of_another_state_of_the_project_is_built_anew(settings, monkeypatch):
    dbt.end_build(settings)
    settings.duckdb_file.touch()
    monkeypatch.setattr(dbt, "project_fingerprint", lambda: "another")
    assert dbt.begin_build(settings, "2011-03", ACCEPTED) == "2011-01"
    assert not settings.duckdb_file.exists()


def test_a_build_that_failed_half_way_is_not_built_on(settings):
    dbt.end_build(settings)
    dbt.begin_build(settings, "2011-02", ACCEPTED)
    settings.duckdb_file.touch()
    assert dbt.begin_build(settings, "2011-02", ACCEPTED) == "2011-01"
    assert not settings.duckdb_file.exists()


def test_a_changed_rule_renames_the_publications_and_has_the_warehouse_built_anew(settings, tmp_path, monkeypatch):
    project = tmp_path / "dbt"
    shutil.copytree(DBT_PROJECT_DIR / "seeds", project / "seeds")
    monkeypatch.setattr(dbt, "DBT_PROJECT_DIR", project)
    monkeypatch.setattr(identity, "DBT_PROJECT_DIR", project)
    identity.configuration_id.cache_clear()
    before = identity.publication_id(settings, "2011-03", {"2011-03": "delivery"})
    dbt.end_build(settings)
    bands = project / "seeds" / "arpu_bands.csv"
    bands.write_text(bands.read_text(encoding="utf-8").replace("0-30,0,30,2000-01,,", "0-30,0,30,2000-01,2011-02,"))
    identity.configuration_id.cache_clear()
    assert identity.publication_id(settings, "2011-03", {"2011-03": "delivery"}) != before
    assert dbt.begin_build(settings, "2011-03", ACCEPTED) == "2011-01"
    identity.configuration_id.cache_clear()
