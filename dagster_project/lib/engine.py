"""DuckDB connections that stay within the machine's limits and never reach for the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dagster_project.settings import Settings


@contextmanager
def connect(settings: Settings, database: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open ``database`` (in memory when omitted) for the length of the block.

    Rows keep the order in which they are read, because quarantine rows name their line.
    """
    settings.scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        str(database) if database else ":memory:",
        config={
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(settings.scratch / "duckdb"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        yield connection
    finally:
        connection.close()
