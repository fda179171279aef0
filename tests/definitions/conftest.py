"""The definitions as Dagster loads them."""

import os

import pytest

from dagster_project.lib import dbt
from dagster_project.settings import Settings


@pytest.fixture(scope="session")
def definitions(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    before = dict(os.environ)
    os.environ["RETENTION_HOME"] = str(home)
    settings = Settings.from_environment()
    dbt.prepare_manifest(settings)
    from dagster_project.definitions import defs

    yield defs()
    os.environ.clear()
    os.environ.update(before)
