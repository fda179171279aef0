"""One writer at a time: a lock that the operating system releases even when a process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock

from dagster_project.settings import Settings


@contextmanager
def sole_writer(settings: Settings) -> Iterator[None]:
    """Hold the home folder's write lock; wait for whoever has it. Nested use in one process is free."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.home / ".writer.lock", is_singleton=True):
        yield
