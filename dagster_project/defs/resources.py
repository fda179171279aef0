"""What assets are given: the settings, and dbt."""

from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from dagster_project.lib import dbt
from dagster_project.settings import DBT_PROJECT_DIR, Settings


@dg.definitions
def resources() -> dg.Definitions:
    """The resources of every job."""
    settings = Settings.from_environment()
    return dg.Definitions(
        resources={
            "settings": settings,
            "dbt": DbtCliResource(
                project_dir=str(DBT_PROJECT_DIR),
                profiles_dir=str(DBT_PROJECT_DIR),
                target=settings.warehouse,
                dbt_executable=str(dbt.executable()),
            ),
        }
    )


def manifest() -> Path:
    """The parsed dbt project of the warehouse in force."""
    return dbt.manifest_path(Settings.from_environment().warehouse)
