"""What several unit tests start from."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory, of a test of its own."""
    with duckdb.connect() as opened:
        yield opened
