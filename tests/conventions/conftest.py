"""The dbt project, compiled once for all conventions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.compiled import compiled_once


@pytest.fixture(scope="session")
def manifest_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project compiled for DuckDB; both warehouses share its SQL but for dispatched macros."""
    return compiled_once(tmp_path_factory)


@pytest.fixture(scope="session")
def manifest(manifest_file: Path) -> Mapping[str, Any]:
    """The same, read."""
    content: Mapping[str, Any] = json.loads(manifest_file.read_text(encoding="utf-8"))
    return content
