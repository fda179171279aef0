"""What a delivery goes through before its data count: reading, expectations, continuity, decision.

Nothing here touches accepted data until a delivery has passed everything; then all of it is
accepted together.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dagster_project.lib import continuity, contract, deliveries, expectations, ingestion, months
from dagster_project.lib.checks import CheckOutcome
from dagster_project.lib.deliveries import Delivery
from dagster_project.lib.ingestion import DataSetReport, DeliveryRefused, Refusal
from dagster_project.lib.wording import text
from dagster_project.settings import SUITES_DIR, Settings


@dataclass(frozen=True)
class Examination:
    """What reading and validating one data set of one delivery found."""

    report: DataSetReport
    outcomes: tuple[CheckOutcome, ...]
    refusals: tuple[Refusal, ...]
    """Why this data set stops the month; empty when it does not."""


@dataclass(frozen=True)
class Admission:
    """What a delivery as a whole was found to be; it is good when ``refusals`` is empty."""

    delivery: Delivery
    examinations: Mapping[str, Examination]
    outcomes: tuple[CheckOutcome, ...]
    """Of the checks across months and data sets; empty when a data set was refused before them."""
    refusals: tuple[Refusal, ...]

    @property
    def reports(self) -> dict[str, DataSetReport]:
        """The reading report of every data set."""
        return {name: examination.report for name, examination in self.examinations.items()}

    @property
    def warnings(self) -> tuple[CheckOutcome, ...]:
        """Checks that failed without stopping the month."""
        of_data_sets = (outcome for examination in self.examinations.values() for outcome in examination.outcomes)
        return tuple(
            outcome
            for outcome in (*of_data_sets, *self.outcomes)
            if not outcome.passed and outcome.severity == "warning"
        )


def examine(settings: Settings, delivery: Delivery, data_set: str) -> Examination:
    """Read one data set of ``delivery`` into its candidate and validate the candidate.

    Unchanged input gives the earlier finding again without repeating the work.
    """
    report = ingestion.ingest(settings, delivery, data_set)
    if report.refusals or not report.is_delivered:
        return Examination(report, (), report.refusals)
    candidate = ingestion.candidate_path(settings, delivery, data_set)
    outcomes = _validate_once(settings, delivery, data_set, candidate)
    return Examination(report, outcomes, _refusals(settings, outcomes))


def decide(settings: Settings, delivery: Delivery) -> Admission:
    """Examine every data set and what holds between data sets and months; change no accepted data."""
    examinations = {name: examine(settings, delivery, name) for name in contract.DATA_SETS}
    refusals = tuple(refusal for examination in examinations.values() for refusal in examination.refusals)
    if refusals:
        return Admission(delivery, examinations, (), refusals)
    outcomes = _check_continuity(settings, delivery, examinations)
    return Admission(delivery, examinations, outcomes, _refusals(settings, outcomes))


def admit(settings: Settings, delivery: Delivery) -> Admission:
    """Accept ``delivery`` as its month's data, or raise :class:`DeliveryRefused` and leave data alone.

    Either way the ledger says what became of it.
    """
    admission = decide(settings, delivery)
    if admission.refusals:
        ingestion.refuse(settings, delivery, admission.reports, admission.refusals)
        raise DeliveryRefused(admission.refusals)
    ingestion.accept(settings, delivery, admission.reports)
    return admission


def refuse(settings: Settings, delivery: Delivery) -> None:
    """Put every reason why ``delivery`` cannot be accepted into the ledger, not just the first one found."""
    admission = decide(settings, delivery)
    ingestion.refuse(settings, delivery, admission.reports, admission.refusals)


def _check_continuity(
    settings: Settings, delivery: Delivery, examinations: Mapping[str, Examination]
) -> tuple[CheckOutcome, ...]:
    def candidate(data_set: str) -> Path | None:
        is_delivered = examinations[data_set].report.is_delivered
        return ingestion.candidate_path(settings, delivery, data_set) if is_delivered else None

    previous = months.shift(delivery.month, -1)
    return continuity.check(
        settings,
        delivery.month,
        candidate,
        previous if previous in deliveries.accepted(settings) else None,
        quarantined_subscribers=ingestion.quarantined_subscribers_path(settings, delivery),
        snapshots_hold_leavers=ingestion.snapshots_hold_leavers(settings),
    )


def _validate_once(
    settings: Settings, delivery: Delivery, data_set: str, candidate: Path
) -> tuple[CheckOutcome, ...]:
    found = candidate.with_suffix(".checks.json")
    suite = (SUITES_DIR / f"{data_set}.json").stat()
    state = candidate.stat()
    key = [state.st_size, state.st_mtime_ns, suite.st_size, suite.st_mtime_ns]
    if found.is_file():
        earlier = json.loads(found.read_text(encoding="utf-8"))
        if earlier["key"] == key:
            return tuple(_outcome(entry) for entry in earlier["outcomes"])
    outcomes = expectations.validate(settings, data_set, candidate, delivery.month)
    content = {"key": key, "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes]}
    found.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return outcomes


def _outcome(entry: dict) -> CheckOutcome:
    return CheckOutcome(**{**entry, "failing_keys": tuple(entry["failing_keys"])})


def _refusals(settings: Settings, outcomes: tuple[CheckOutcome, ...]) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(
            data_set=outcome.data_set,
            file=None,
            line=None,
            column=None,
            reason_code=outcome.check_id,
            reason=outcome.sentence,
            remedy=text("admission.failed_check_remedy", settings.language, count=outcome.failing_count),
        )
        for outcome in outcomes
        if not outcome.passed and outcome.severity == "blocking"
    )
