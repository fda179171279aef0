"""Settings: defaults, and clear words about values that cannot be used."""

from pathlib import Path

import pytest

from dagster_project.settings import InvalidSettings, Settings


def test_everything_has_a_default():
    settings = Settings.from_environment({})
    assert settings.home == Path("var").resolve()
    assert settings.landing == settings.home / "landing"
    assert (settings.warehouse, settings.language) == ("duckdb", "zh")
    assert (settings.quarantine_share_limit, settings.vanished_share_limit) == (0.01, 0.001)


def test_a_home_that_is_a_link_keeps_its_name(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    settings = Settings.from_environment({"RETENTION_HOME": str(tmp_path / "home")})
    assert settings.home == tmp_path / "home"


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("RETENTION_WAREHOUSE", "oracle", "duckdb, spark"),
        ("RETENTION_LANGUAGE", "fr", "zh, en"),
        ("RETENTION_QUARANTINE_SHARE_LIMIT", "1 %", "from 0 to 1"),
        ("RETENTION_VANISHED_SHARE_LIMIT", "2", "from 0 to 1"),
        ("RETENTION_THREADS", "0", "not a whole number from 1 on"),
        ("RETENTION_EVENT_LOG", "fast", "durable, quick, none"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_name_and_a_remedy(name, value, remedy):
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environment({name: value})
    assert name in str(refused.value)
    assert remedy in str(refused.value)


def test_child_processes_read_back_the_same_settings(tmp_path):
    settings = Settings(
        home=tmp_path,
        landing=tmp_path / "in",
        mapping=tmp_path / "map",
        language="en",
        quarantine_share_limit=0.02,
        memory_limit="2GB",
        threads=4,
        event_log="quick",
    )
    assert Settings.from_environment(settings.environment()) == settings


def test_telemetry_of_every_tool_is_off_for_child_processes(tmp_path):
    environment = Settings(home=tmp_path, landing=tmp_path).environment()
    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["GX_ANALYTICS_ENABLED"] == "false"


def test_several_workers_share_the_threads_and_none_goes_without(tmp_path):
    settings = Settings(home=tmp_path, landing=tmp_path, threads=4)
    assert settings.for_one_of(2).threads == 2
    assert settings.for_one_of(8).threads == 1
