"""What the command line shows: progress, tables, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from dagster_project.lib import contract, deliveries
from dagster_project.lib.admission import Admission
from dagster_project.lib.exports.edition import current
from dagster_project.lib.exports.publication import read_manifest
from dagster_project.lib.ingestion import Refusal
from dagster_project.lib.planning import delivered_id, is_up_to_date
from dagster_project.lib.wording import text
from dagster_project.runs import RunResult
from dagster_project.settings import Settings
from dagster_project.synth.faults import Fault

if TYPE_CHECKING:
    from dagster_project.synth.manipulations import Manipulation

_SHOWN = 10

StepReport = Callable[[str, int, int], None]


def say(message: str) -> None:
    """One line on standard output, as it is."""
    Console().print(message, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(title: str) -> Iterator[StepReport]:
    """A bar on standard error; without a terminal, a line a step."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console, title)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(step: str, done: int, total: int) -> None:
            bar.update(task, description=f"{title}: {step}", completed=done, total=total)

        yield report


def _lines(console: Console, title: str) -> StepReport:
    last: list[str] = []

    def report(step: str, done: int, total: int) -> None:
        line = f"{title}: {step} ({done}/{total})"
        if not last or last[0] != line:
            console.print(line, markup=False, highlight=False)
            last[:] = [line]

    return report


def show_run(settings: Settings, result: RunResult) -> None:
    """What a run published and where, what it left alone, what stopped it and what to do."""
    language = settings.language
    for month in result.plan.up_to_date:
        say(text("console.up_to_date", language, month=month))
    for month in result.plan.undelivered:
        say(text("console.undelivered", language, month=month, landing=settings.landing))
    if result.published:
        _print(_publications(settings, result.published))
        say(text("console.published_at", language, folder=settings.published))
    if result.refused:
        say(text("console.refused", language, month=result.refused.month, delivery=result.refused.delivery_id))
        show_refusals([Refusal(**facts) for facts in result.refused.refusals], language)
    elif result.error:
        say(text("console.failed", language, error=result.error))


def show_refusals(refusals: Sequence[Refusal], language: str) -> None:
    """Why a delivery was refused and what to do, a few lines."""
    for refusal in refusals[:_SHOWN]:
        say(f"  {refusal.place} [{refusal.reason_code}] {refusal.reason} {refusal.remedy}")
    if len(refusals) > _SHOWN:
        say(text("console.more_refusals", language, count=len(refusals) - _SHOWN))


def show_admission(admission: Admission, language: str) -> None:
    """Reconciliation, quarantine and expectations of one delivery."""
    table = Table(title=text("console.check_title", language, month=admission.delivery.month))
    for heading in ("data_set", "files", "rows_read", "loaded", "quarantined", "duplicates", "reasons"):
        is_text = heading in {"data_set", "reasons"}
        table.add_column(text(f"console.{heading}", language), justify="left" if is_text else "right")
    for name, report in admission.reports.items():
        if not report.is_delivered:
            table.add_row(_title(name, language), text("console.not_delivered", language), *[""] * 5)
            continue
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(report.quarantined_by_reason.items()))
        counts = (
            len(report.files),
            report.rows_read,
            report.loaded_count,
            report.quarantined_count,
            report.duplicate_count,
        )
        table.add_row(_title(name, language), *(f"{count:,}" for count in counts), reasons)
    _print(table)
    _show_findings(admission, language)
    if admission.refusals:
        say(text("console.would_be_refused", language, month=admission.delivery.month))
        show_refusals(admission.refusals, language)
    else:
        say(text("console.would_be_accepted", language, month=admission.delivery.month))


def _show_findings(admission: Admission, language: str) -> None:
    """Where quarantined rows are, without their values, and what is warned of."""
    for report in admission.reports.values():
        for place in report.quarantine_examples[:_SHOWN]:
            say(f"  {place.file}:{place.line} {place.column or '-'} [{place.reason_code}]")
        for warning in report.warnings:
            say(f"  {text('console.warning', language)} {warning}")
    for outcome in admission.warnings:
        say(f"  {text('console.warning', language)} {outcome.data_set}: {outcome.sentence} ({outcome.failing_count:,})")


def show_status(settings: Settings) -> None:
    """Every known month: its deliveries and their state, the publication, and what is due."""
    language = settings.language
    accepted = {month: entry.delivery_id for month, entry in deliveries.accepted(settings).items()}
    published = current(settings)
    entries = deliveries.entries(settings)
    waiting = set(deliveries.delivered_months(settings))
    table = Table(title=text("console.status_title", language, home=settings.home))
    for heading in ("month", "delivery", "state", "files", "quarantined", "publication", "due"):
        table.add_column(text(f"console.{heading}", language))
    known = sorted({*(entry.month for entry in entries), *published, *waiting})
    for month in known:
        of_month: list[deliveries.LedgerEntry | None] = [entry for entry in entries if entry.month == month]
        of_month = of_month or [None]
        for entry in of_month:
            shown = published[month].name if month in published and entry and entry.state == "accepted" else ""
            due = _due(settings, month, entry, accepted, of_month)
            said = text(f"console.due_{due}", language) if due else ""
            table.add_row(month, *_entry_cells(entry, language), shown, said)
    _print(table)


def show_faults(faults: Mapping[str, Fault]) -> None:
    """Every named way to spoil a delivery and what the pipeline then does."""
    table = Table()
    for heading in ("fault", "outcome", "reason", ""):
        table.add_column(heading)
    for name, fault in faults.items():
        table.add_row(name, fault.outcome, fault.reason_code or "", fault.description)
    _print(table)


def show_manipulations(manipulations: Mapping[str, Manipulation]) -> None:
    """Every named way to game figures, and the unit that does."""
    table = Table()
    for heading in ("manipulation", "unit", ""):
        table.add_column(heading)
    for name, manipulation in manipulations.items():
        table.add_row(name, f"{manipulation.unit_type} {manipulation.unit_code}", manipulation.description)
    _print(table)


def _due(
    settings: Settings,
    month: str,
    entry: deliveries.LedgerEntry | None,
    accepted: dict[str, str],
    of_month: Sequence[deliveries.LedgerEntry | None],
) -> str | None:
    """What is to be done about a month, said once, on its newest line."""
    if entry is not of_month[-1]:
        return None
    if entry is None:
        return "new"
    if entry.state == "refused":
        return "blocked" if delivered_id(settings, month) in (None, entry.delivery_id) else "new"
    return None if is_up_to_date(settings, month, accepted) else "stale"


def _entry_cells(entry: deliveries.LedgerEntry | None, language: str) -> tuple[str, str, str, str]:
    if entry is None:
        return "", text("console.state_waiting", language), "", ""
    quarantined = sum(file.get("quarantined", 0) for file in entry.files)
    return entry.delivery_id, text(f"console.state_{entry.state}", language), str(len(entry.files)), f"{quarantined:,}"


def _publications(settings: Settings, published: Sequence[str]) -> Table:
    language = settings.language
    table = Table(title=text("console.published_title", language))
    for heading in ("month", "publication", "files", "rows", "folder"):
        is_count = heading in {"files", "rows"}
        table.add_column(text(f"console.{heading}", language), justify="right" if is_count else "left", overflow="fold")
    folders = current(settings)
    for month in published:
        files = read_manifest(folders[month])["files"]
        rows = sum(file["rows"] or 0 for file in files.values())
        table.add_row(month, folders[month].name, f"{len(files):,}", f"{rows:,}", str(folders[month]))
    return table


def _title(data_set: str, language: str) -> str:
    return f"{contract.DATA_SETS[data_set].title} {data_set}" if language == "zh" else data_set


def _print(table: Table) -> None:
    console = Console()
    if console.is_terminal:
        console.print(table)
    else:
        Console(width=160).print(table)
