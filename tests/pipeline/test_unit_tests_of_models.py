"""Every branch of every rule, as the unit tests that stand beside the models tell them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dagster_project.lib import raw
from dagster_project.settings import DBT_PROJECT_DIR, Settings
from tests.worlds import run_dbt


@pytest.mark.slow
def test_every_unit_test_of_dbt_passes(tmp_path: Path) -> None:
    """dbt reads the columns of what a unit test is given from tables, which hold nothing here."""
    settings = Settings(home=tmp_path / "home", landing=tmp_path / "landing")
    raw.ensure_tables(settings)
    run_dbt(settings, ["--no-write-json", "build", "--empty", "--resource-type", "seed", "--resource-type", "model"])
    done = run_dbt(settings, ["--no-write-json", "test", "--select", "test_type:unit"])
    passed = re.search(r"PASS=(\d+) WARN=0 ERROR=0 SKIP=0", done.stdout)
    assert passed is not None
    hooks = 1
    assert int(passed[1]) == _unit_tests() + hooks


def _unit_tests() -> int:
    documents = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in (DBT_PROJECT_DIR / "models").rglob("*.yml")
    ]
    return sum(len(document.get("unit_tests", ())) for document in documents)
