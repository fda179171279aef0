"""The work order is read by the headings that it is written with."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_project.lib import work_returns
from dagster_project.lib.exports.catalog import read_catalog
from dagster_project.lib.wording import text


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", work_returns.KEYS)
def test_a_key_is_read_by_the_heading_that_it_is_written_with(name: str, language: str, manifest_file: Any) -> None:
    column = read_catalog(manifest_file).model("mart_work_orders").columns[name]
    assert column.headings[language] == text(f"work_returns.{name}", language)
