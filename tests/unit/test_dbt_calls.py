"""How dbt is called, without a warehouse."""

import shutil
import socket
import sys
from importlib.metadata import version

import pytest

from dagster_project import offline_dbt
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


def test_what_was_parsed_before_is_handed_to_the_first_build_of_a_home_only(settings, tmp_path, monkeypatch):
    parsed = tmp_path / "target"
    parsed.mkdir()
    (parsed / "partial_parse.msgpack").write_bytes(b"prepared")
    monkeypatch.setattr(dbt, "target_dir", lambda _: parsed)
    dbt.begin_build(settings, "2011-01", ())
    own = dbt.run_target_dir(settings) / "partial_parse.msgpack"
    assert own.read_bytes() == b"prepared"
    own.write_bytes(b"of the last build")
    dbt.begin_build(settings, "2011-02", ACCEPTED)
    assert own.read_bytes() == b"of the last build"


def event(message):
    return {"info": {"msg": message}, "data": {"node_info": {"unique_id": "model.retention.mart_x"}}}


def test_the_rows_that_a_model_reports_are_read_by_month():
    assert dbt.rows_by_month(event("rows by month: 2011-01=12 2011-03=7")) == dbt.RowsByMonth(
        "model.retention.mart_x", {"2011-01": 12, "2011-03": 7}
    )
    assert dbt.rows_by_month(event("rows by month: ")) == dbt.RowsByMonth("model.retention.mart_x", {})
    assert dbt.rows_by_month(event("1 of 9 OK created rows by month: 3")) is None


def test_dbt_tells_its_version_without_asking_the_network(monkeypatch, capsys):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(sys, "argv", ["retention-dbt", "--version"])
    offline_dbt.main()
    assert capsys.readouterr().out.strip() == version("dbt-core")
    assert dbt.executable().name == "retention-dbt"
    assert dbt.executable().is_file()
