"""Commands in processes of their own that need not import everything again.

The commands of a run load Dagster, Great Expectations and dbt, which takes longer than most tests' work. A server
process loads them once; every command is a fork of it, with its own environment, folder and output.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOADED = (
    "dagster_dbt",
    "dbt.cli.main",
    "dbt.adapters.duckdb.impl",
    "great_expectations",
    "dagster_project.cli",
    "dagster_project.runs",
)
_LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it wrote."""

    exit_status: int
    stdout: str
    stderr: str


def run_forked(
    command: Callable[[Sequence[str]], object], arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Ended:
    """Call ``command`` with ``arguments`` in a fork that sees only ``environment`` and stands in ``folder``.

    ``command`` ends by :class:`SystemExit`, as commands do, or returns for status 0. One that hangs is killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    with tempfile.TemporaryDirectory() as outputs:
        files = (Path(outputs) / "out", Path(outputs) / "err")
        process = context.Process(target=_work, args=(command, list(arguments), dict(environment), folder, files))
        process.start()
        process.join(_LONGEST_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        out, err = (file.read_text(encoding="utf-8", errors="replace") if file.exists() else "" for file in files)
    return Ended(process.exitcode if process.exitcode is not None else -1, out, err)


def _work(
    command: Callable[[Sequence[str]], object],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    files: tuple[Path, Path],
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    # the streams that the server has are its parent's: a command writes to its own
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    try:
        command(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
