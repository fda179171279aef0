"""What a delivery goes through before its data count: reading, expectations, continuity, decision.

Nothing here touches accepted data until a delivery has passed everything; then all of it is
accepted together.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dagster_project.lib import continuity, contract, deliveries, expectations, ingestion, months, quarantine
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


def examine(
    settings: Settings, month_deliveries: Sequence[Delivery], data_set: str, run: Sequence[Delivery] = ()
) -> dict[str, Examination]:
    """Read one data set of each month's delivery into its candidate and validate the candidates, by month.

    Unchanged input gives the earlier finding again without repeating the work. Months are read side by
    side, and validated together, because judging many small candidates at once costs little more than one;
    but reference data one after the other, because a month without them takes those of the months before,
    be they accepted or of the same ``run`` (of which ``month_deliveries`` are in any case).
    """
    together = (*run, *month_deliveries)
    workers = 1 if contract.DATA_SETS[data_set].is_reference else max(1, min(settings.threads, len(month_deliveries)))
    own = settings.for_one_of(workers)
    in_order = sorted(month_deliveries, key=lambda delivery: delivery.month)
    with ThreadPoolExecutor(workers) as pool:
        read = pool.map(lambda delivery: ingestion.ingest(own, delivery, data_set, together), in_order)
        reports = {report.month: report for report in read}
    sound = [d for d in month_deliveries if reports[d.month].is_delivered and not reports[d.month].refusals]
    outcomes = _validate(settings, {d.month: ingestion.candidate_path(settings, d, data_set) for d in sound}, data_set)
    return {
        month: Examination(report, found, (*report.refusals, *_refusals(settings, found)))
        for month, report in reports.items()
        for found in [outcomes.get(month, ())]
    }


def decide(settings: Settings, delivery: Delivery, run: Sequence[Delivery] = ()) -> Admission:
    """Examine every data set and what holds between data sets and months; change no accepted data.

    With the deliveries of a ``run`` it is examined as if the earlier ones of them were accepted.
    """
    examinations = {name: examine(settings, [delivery], name, run)[delivery.month] for name in contract.DATA_SETS}
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


def refuse(settings: Settings, delivery: Delivery, run: Sequence[Delivery] = ()) -> None:
    """Put every reason why ``delivery`` cannot be accepted into the ledger, not just the first one found."""
    admission = decide(settings, delivery, run)
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
        quarantined_subscribers=quarantine.path(settings, delivery.month, delivery.delivery_id, "crm_subscribers"),
        snapshots_hold_leavers=delivery.mapping.snapshots_hold_leavers if delivery.mapping else True,
    )


def _validate(settings: Settings, candidates: Mapping[str, Path], data_set: str) -> dict[str, tuple[CheckOutcome, ...]]:
    """Outcomes by month; candidates that were validated before, by the same suite, are not validated again."""
    known = {month: _known_outcomes(path, data_set) for month, path in candidates.items()}
    new = {month: path for month, path in candidates.items() if known[month] is None}
    if new:
        for month, outcomes in expectations.validate_months(settings, data_set, new).items():
            _keep_outcomes(candidates[month], data_set, outcomes)
            known[month] = outcomes
    return {month: outcomes for month, outcomes in known.items() if outcomes is not None}


def _known_outcomes(candidate: Path, data_set: str) -> tuple[CheckOutcome, ...] | None:
    found = candidate.with_suffix(".checks.json")
    if not found.is_file():
        return None
    earlier = json.loads(found.read_text(encoding="utf-8"))
    if earlier["key"] != _key(candidate, data_set):
        return None
    return tuple(_outcome(entry) for entry in earlier["outcomes"])


def _keep_outcomes(candidate: Path, data_set: str, outcomes: tuple[CheckOutcome, ...]) -> None:
    content = {"key": _key(candidate, data_set), "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes]}
    candidate.with_suffix(".checks.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _key(candidate: Path, data_set: str) -> list[int]:
    """What tells that neither a candidate nor its suite was replaced since it was validated."""
    facts = (candidate.stat(), (SUITES_DIR / f"{data_set}.json").stat())
    return [number for fact in facts for number in (fact.st_size, fact.st_mtime_ns)]


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
