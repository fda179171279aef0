"""How dbt is called: one project, one profile, a range of months."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster_project.lib import months
from dagster_project.settings import DBT_PROJECT_DIR, Settings

_PROJECT_FILES = ("*.sql", "*.yml", "*.csv")
_PARSED = "partial_parse.msgpack"
_ROWS_BY_MONTH = "rows by month: "
_PROJECT_FOLDERS = ("models", "macros", "seeds", "tests")


class ManifestFailed(RuntimeError):
    """dbt could not read its project; the message is dbt's own."""


@dataclass(frozen=True)
class RowsByMonth:
    """Rows of each month of a run that a model has, by dbt's id of the model; months without rows are absent."""

    model: str
    rows: Mapping[str, int]


def rows_by_month(event: Mapping[str, Any]) -> RowsByMonth | None:
    """The counts that the macro ``report_rows_by_month`` logged, when this is such an event of dbt's log."""
    message = str(event["info"]["msg"])
    if not message.startswith(_ROWS_BY_MONTH):
        return None
    pairs = (each.partition("=") for each in message.removeprefix(_ROWS_BY_MONTH).split())
    return RowsByMonth(event["data"]["node_info"]["unique_id"], {month: int(rows) for month, _, rows in pairs})


def run_target_dir(settings: Settings) -> Path:
    """Where the runs of a home keep what they parse and compile; the next run parses only what changed since."""
    return settings.scratch / "dbt" / settings.warehouse


def target_dir(warehouse: str) -> Path:
    """Where dbt keeps what it derives from the project, one folder a warehouse."""
    return DBT_PROJECT_DIR / "target" / warehouse


def manifest_path(warehouse: str) -> Path:
    """The parsed project that Dagster's assets and the export catalogue are made from."""
    return target_dir(warehouse) / "manifest.json"


def executable() -> Path:
    """The dbt of this environment that asks nothing of the network, also when its folder is not on the search path."""
    return Path(sys.executable).with_name("retention-dbt")


def build_arguments(first: str, last: str) -> tuple[str, ...]:
    """The dbt command that rebuilds the months from ``first`` to ``last`` and tests them.

    Unit tests fix the rules, not a month's data, so they run with the test suite instead.
    """
    return ("build", *months_arguments(first, last), "--exclude-resource-type", "unit_test")


def months_arguments(first: str, last: str) -> tuple[str, ...]:
    """The months from ``first`` to ``last`` as dbt's own flags, whose end is excluded.

    Of variables of our own dbt would take every change as a reason to parse the whole project again.
    """
    return ("--event-time-start", f"{first}-01", "--event-time-end", f"{months.shift(last, 1)}-01")


def begin_build(settings: Settings, first: str, accepted: Collection[str]) -> str:
    """The month to build from so that ``first`` finds the earlier months that it looks back on.

    That is ``first`` itself, unless the warehouse is missing, was left half-built, or was built by another
    state of the dbt project: then it is removed and the build begins with the first accepted month.
    """
    stamp = _warehouse_stamp(settings)
    is_complete = stamp.is_file() and stamp.read_text(encoding="utf-8") == project_fingerprint()
    if not is_complete:
        shutil.rmtree(settings.warehouse_dir, ignore_errors=True)
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    _hand_over_what_was_parsed(settings)
    return first if is_complete else min([first, *accepted])


def end_build(settings: Settings) -> None:
    """Remember that the warehouse is complete, and by which state of the dbt project."""
    _warehouse_stamp(settings).write_text(project_fingerprint(), encoding="utf-8")


def _hand_over_what_was_parsed(settings: Settings) -> None:
    """Give a home's first build what ``prepare`` parsed; dbt takes it if it was parsed for this home."""
    parsed, wanted = target_dir(settings.warehouse) / _PARSED, run_target_dir(settings) / _PARSED
    if parsed.is_file() and not wanted.exists():
        wanted.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed, wanted)


def _warehouse_stamp(settings: Settings) -> Path:
    return settings.warehouse_dir / f"{settings.warehouse}.built-by"


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project if its files changed since the last time; raise :class:`ManifestFailed`."""
    manifest = manifest_path(settings.warehouse)
    stamp = manifest.with_name("manifest.sha256")
    fingerprint = project_fingerprint()
    if manifest.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == fingerprint:
        return manifest
    _run(settings, ["parse"])
    stamp.write_text(fingerprint, encoding="utf-8")
    return manifest


def project_fingerprint() -> str:
    """A hash of every file that decides what the dbt project does."""
    digest = hashlib.sha256()
    for file in project_files():
        digest.update(file.relative_to(DBT_PROJECT_DIR).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def project_files() -> tuple[Path, ...]:
    """Every source file of the dbt project, in a fixed order."""
    folders = [DBT_PROJECT_DIR / folder for folder in _PROJECT_FOLDERS]
    found = {file for folder in folders for pattern in _PROJECT_FILES for file in folder.rglob(pattern)}
    return tuple(sorted({*found, *DBT_PROJECT_DIR.glob("*.yml")}))


def _run(settings: Settings, arguments: Sequence[str]) -> None:
    command = [
        str(executable()),
        "--quiet",
        *arguments,
        "--project-dir",
        str(DBT_PROJECT_DIR),
        "--profiles-dir",
        str(DBT_PROJECT_DIR),
        "--target",
        settings.warehouse,
        "--target-path",
        str(target_dir(settings.warehouse)),
        "--log-path",
        str(settings.scratch / "dbt-logs"),
    ]
    done = subprocess.run(
        command, env={**os.environ, **settings.environment()}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ManifestFailed(f"dbt could not read {DBT_PROJECT_DIR}:\n{done.stdout}{done.stderr}")
