"""The start of the site: two servers that start at once change the tables one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from filelock import FileLock

_LOCK_NUMBER = 20110131
"""What the site calls its lock in PostgreSQL; any number that nothing else there uses."""


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold what nobody else holds at the same time: on this machine, and on PostgreSQL on every machine."""
    with FileLock(folder / "start.lock"):
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", [_LOCK_NUMBER])
            try:
                yield
            finally:
                cursor.execute("select pg_advisory_unlock(%s)", [_LOCK_NUMBER])
