"""The command line as its users call it, and a home folder as they find it afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from dagster_project.cli import main, prepare
from dagster_project.lib import deliveries
from dagster_project.lib.dbt import run_target_dir
from dagster_project.lib.deliveries import LedgerEntry
from dagster_project.settings import PROJECT_ROOT, Settings
from tests.forked import run_forked
from tests.standing import standing


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    exit_status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Everything it said, with what a narrow terminal broke put together again."""
        return " ".join((self.out + self.err).split())


def _retention(arguments: Sequence[str]) -> None:
    main(list(arguments), prog_name="retention")


def _materialize(arguments: Sequence[str]) -> None:
    """Materialize assets of a month as Dagster's UI does, and say which were: a JSON list of keys with their months."""
    from dagster_project.definitions import defs

    month, *keys = arguments
    prepare(Settings.from_environment())
    chosen = [dg.AssetKey.from_user_string(key) for key in keys]
    job = defs().resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance, redirect_stdout(sys.stderr):
        result = job.execute_in_process(
            asset_selection=chosen, partition_key=month or None, instance=instance, raise_on_error=False
        )
    events = result.get_asset_materialization_events()
    made = [(event.asset_key.to_user_string(), event.partition) for event in events]
    print(json.dumps(sorted(made)))  # noqa: T201
    sys.exit(0 if result.success else 1)


@dataclass(frozen=True)
class Branch:
    """A home, the landing folder that feeds it, and the mapping that reads it."""

    home: Path
    landing: Path
    mapping: Path | None = None
    event_log: str = "none"
    """Storing Dagster's events takes as long as building the models."""

    @property
    def settings(self) -> Settings:
        """The settings that the command line has with this home, in English."""
        return Settings(home=self.home, landing=self.landing, mapping=self.mapping, language="en")

    def call(self, command: str, *arguments: str) -> Said:
        """``retention <command>`` with this home and landing, in a process of its own."""
        with standing(self.home, run_target_dir(self.settings)) as home:
            places = ["--home", str(home), "--landing", str(self.landing)]
            if self.mapping:
                places += ["--mapping", str(self.mapping)]
            ended = run_forked(_retention, [command, *arguments, *places], self._environment, PROJECT_ROOT)
        return Said(ended.exit_status, ended.stdout, ended.stderr)

    def materialize(self, month: str, *keys: str) -> Said:
        """Materialize the assets ``keys`` for a month (none when empty) as somebody does who chooses them in the UI."""
        with standing(self.home, run_target_dir(self.settings)) as home:
            places = {"RETENTION_HOME": str(home), "RETENTION_LANDING": str(self.landing)}
            ended = run_forked(_materialize, [month, *keys], {**self._environment, **places}, PROJECT_ROOT)
        return Said(ended.exit_status, ended.stdout, ended.stderr)

    @property
    def _environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith(("RETENTION_", "DBT_"))}
        return {**others, "RETENTION_LANGUAGE": "en", "RETENTION_EVENT_LOG": self.event_log}

    def run(self, first: str, last: str, *options: str) -> Said:
        """``retention run`` over a range."""
        return self.call("run", "--from", first, "--to", last, *options)

    def copy(self, folder: Path) -> Branch:
        """The same branch again, so that a test may change it."""
        shutil.copytree(self.landing, folder / "landing")
        shutil.copytree(self.home, folder / "home")
        return Branch(folder / "home", folder / "landing")

    @property
    def current(self) -> dict[str, Path]:
        """The folders that ``current.json`` names, by month."""
        pointer = self.home / "published" / "current.json"
        entries = json.loads(pointer.read_text(encoding="utf-8"))
        return {month: self.home / "published" / path for month, path in entries.items()}

    def manifest(self, month: str) -> dict[str, Any]:
        """The manifest of a month's current publication."""
        return manifest(self.current[month])

    def bytes_of(self, months: Iterable[str]) -> dict[str, dict[str, str]]:
        """The hash of every file of the months' current publications, as their manifests state them."""
        return {month: stated_hashes(self.current[month]) for month in months}

    def series(self, mart: str) -> str:
        """A mart over all published months, as a relation for DuckDB."""
        files = sorted(str(file) for folder in self.current.values() for file in folder.glob(f"*/{mart}.parquet"))
        return f"read_parquet({files})"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with duckdb.connect() as connection:
            return connection.execute(query).fetchall()

    def states(self, month: str) -> list[LedgerEntry]:
        """What the ledger has of a month, in the order of arrival."""
        return list(deliveries.entries(self.settings, month))


def manifest(publication: Path) -> dict[str, Any]:
    """The manifest of a published folder."""
    content: dict[str, Any] = json.loads((publication / "manifest.json").read_text(encoding="utf-8"))
    return content


def stated_hashes(publication: Path) -> dict[str, str]:
    """What a manifest says the bytes of every file are."""
    return {name: entry["sha256"] for name, entry in manifest(publication)["files"].items()}


def actual_hashes(folder: Path) -> dict[str, str]:
    """Every file below a folder and the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_whole(publication: Path) -> bool:
    """Whether a published folder holds exactly what its manifest states, byte for byte."""
    return {**actual_hashes(publication), "manifest.json": ""} == {**stated_hashes(publication), "manifest.json": ""}
