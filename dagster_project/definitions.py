"""The code location: load everything under ``defs``."""

import dagster as dg

from dagster_project.settings import PROJECT_ROOT, Settings


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions, with the environment of child processes set to the same settings."""
    Settings.from_environment().export()
    return dg.load_from_defs_folder(project_root=PROJECT_ROOT)
