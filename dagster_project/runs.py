"""Runs from the command line: the same job, on the same Dagster instance, as from the UI."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dagster as dg
import sqlalchemy

from dagster_project.lib import deliveries
from dagster_project.lib.deliveries import LedgerEntry
from dagster_project.lib.exclusive import sole_writer
from dagster_project.lib.exports.edition import current
from dagster_project.lib.planning import RunPlan, plan
from dagster_project.settings import Settings

JOB = "month_close"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_POLL_SECONDS = 2
_REASON_LINES = 6
_DBT_ERRORS = "Errors parsed from dbt logs:"

Progress = Callable[[str, int, int], None]
"""Called with the step being worked on, steps done and steps in all."""


@dataclass(frozen=True)
class RunResult:
    """What a command did: months published, the delivery that was refused, the step that failed."""

    plan: RunPlan
    published: tuple[str, ...]
    refused: LedgerEntry | None = None
    error: str | None = None

    @property
    def exit_status(self) -> int:
        """0 done, 2 nothing delivered, 3 refused, 1 anything else."""
        if self.refused:
            return 3
        if self.error:
            return 1
        return 2 if self.plan.undelivered and not self.published and not self.plan.up_to_date else 0


@cache
def load_job() -> dg.JobDefinition:
    """The job with all that it imports: seconds of every run, which a caller may have to spare before."""
    from dagster_project.definitions import defs  # noqa: PLC0415
    from dagster_project.lib import gx_duckdb  # noqa: PLC0415

    gx_duckdb.load()
    return defs().resolve_job_def(JOB)


def run_months(settings: Settings, requested: Sequence[str], progress: Progress, *, force: bool) -> RunResult:
    """Bring the requested months and those that rest on them up to date.

    When a delivery in the middle is refused, the months before it are still published.
    """
    with sole_writer(settings):
        first_plan = plan(settings, requested, force=force)
        if not first_plan.range:
            return RunResult(first_plan, ())
        error = _execute(settings, first_plan.range, progress)
        if error is None:
            return RunResult(first_plan, _published(settings, first_plan.range))
        refused = _first_refused(settings, first_plan.range)
        before = tuple(month for month in first_plan.range if refused and month < refused.month)
        if not refused or not before or _execute(settings, before, progress) is not None:
            return RunResult(first_plan, (), refused, error)
        return RunResult(first_plan, _published(settings, before), refused, error)


def _execute(settings: Settings, range_: Sequence[str], progress: Progress) -> str | None:
    """Run the job over the months; None when it succeeded, else which steps failed and why."""
    job = load_job()
    run_id = str(uuid.uuid4())
    tags = {"dagster/asset_partition_range_start": range_[0], "dagster/asset_partition_range_end": range_[-1]}
    with (
        _instance(settings) as instance,
        _reported(instance, run_id, len(job.graph.nodes), progress),
        _tools_told_to(settings.home / "logs" / f"{run_id}.log"),
    ):
        result = job.execute_in_process(
            instance=instance, tags=tags, run_config=_QUIET, raise_on_error=False, run_id=run_id
        )
    return _what_went_wrong(result)


def _what_went_wrong(result: dg.ExecuteInProcessResult) -> str | None:
    """None when every step did its work: Dagster also calls a run a success when steps were skipped."""
    failures = [event for event in result.all_events if event.is_step_failure]
    if failures or not result.success:
        return "; ".join(f"{event.step_key}: {_reason(event)}" for event in failures) or "the run failed"
    skipped = [event.step_key for event in result.all_events if event.event_type_value == "STEP_SKIPPED"]
    return f"steps were skipped: {', '.join(map(str, skipped))}" if skipped else None


def _reason(event: dg.DagsterEvent) -> str:
    """The innermost error in a few lines; of dbt's, the part that says what failed."""
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    said = error.message.partition(_DBT_ERRORS)[2] or error.message if error else ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " ".join(lines[:_REASON_LINES]) or "no reason given"


@contextmanager
def _instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The home's instance, or one that forgets the run."""
    if settings.event_log == "none":
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance
    else:
        with _event_log(settings), dg.DagsterInstance.get() as instance:
            yield instance


@contextmanager
def _event_log(settings: Settings) -> Iterator[None]:
    """Dagster commits every event on its own; a quick log does not wait for the disk each time."""
    if settings.event_log == "durable":
        yield
        return
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _do_not_sync)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", _do_not_sync)


def _do_not_sync(connection: object, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = off")


@contextmanager
def _tools_told_to(log: Path) -> Iterator[None]:
    """What dbt prints goes to a file, so that the terminal keeps the progress and the result."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file, redirect_stdout(file):
        yield


@contextmanager
def _reported(instance: dg.DagsterInstance, run_id: str, steps: int, progress: Progress) -> Iterator[None]:
    """Report the run's steps while the block executes it."""
    done = threading.Event()
    reporter = threading.Thread(target=_report, args=(instance, run_id, steps, progress, done), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def _report(instance: dg.DagsterInstance, run_id: str, steps: int, progress: Progress, done: threading.Event) -> None:
    ended = {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SKIPPED}
    step, finished, cursor = "", 0, None
    while not done.wait(_POLL_SECONDS):
        # only what is new since the last look: a long run's log is long
        new = instance.get_records_for_run(run_id, cursor, of_type={dg.DagsterEventType.STEP_START, *ended})
        cursor = new.cursor
        for event in (record.event_log_entry.dagster_event for record in new.records):
            if event and event.event_type in ended:
                finished += 1
            elif event:
                step = event.step_key or step
        progress(step, finished, steps)


def _published(settings: Settings, range_: Sequence[str]) -> tuple[str, ...]:
    published = current(settings)
    return tuple(month for month in range_ if month in published)


def _first_refused(settings: Settings, range_: Sequence[str]) -> LedgerEntry | None:
    for month in range_:
        try:
            delivery = deliveries.find(settings, month)
        except deliveries.DeliveryMissing:
            continue
        entries = {entry.delivery_id: entry for entry in deliveries.entries(settings, month)}
        entry = entries.get(delivery.delivery_id)
        if entry and entry.state == "refused":
            return entry
    return None
