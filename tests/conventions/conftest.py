"""The dbt project, compiled once for all conventions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lib import raw
from dagster_project.settings import Settings
from tests.shared import made_once
from tests.worlds import run_dbt


@pytest.fixture(scope="session")
def manifest_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project compiled for DuckDB; both warehouses share its SQL but for dispatched macros."""
    home = made_once(tmp_path_factory, "conventions", _compile)
    return home / "scratch" / "dbt" / "duckdb" / "manifest.json"


def _compile(home: Path) -> None:
    settings = Settings(home=home, landing=home / "landing")
    raw.ensure_tables(settings)
    run_dbt(settings, ["compile", "--vars", "{from_month: '2011-09', to_month: '2011-10'}"])


@pytest.fixture(scope="session")
def manifest(manifest_file: Path) -> Mapping[str, Any]:
    """The same, read."""
    content: Mapping[str, Any] = json.loads(manifest_file.read_text(encoding="utf-8"))
    return content
