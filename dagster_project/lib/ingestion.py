"""From delivered files to a candidate: every row typed by the contract, or in quarantine with its reason.

``incoming/<month>/<delivery id>/<data set>.parquet`` is what would be loaded, ``.json`` beside it is the
report. Nothing that others read changes before :func:`accept`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from dagster_project.lib import contract, deliveries, engine, quarantine, raw, reports, statements, values, wording
from dagster_project.lib.acceptance import accept, refuse
from dagster_project.lib.batches import Batch, read_batch
from dagster_project.lib.contract import DataSet, Kind
from dagster_project.lib.deliveries import Delivery
from dagster_project.lib.incoming import candidate_path, report_path
from dagster_project.lib.refusals import DeliveryRefused, Refusal, refusal
from dagster_project.lib.reports import DataSetReport, Example, FileReport
from dagster_project.lib.values import Check, Scope, literal, quoted
from dagster_project.settings import Settings

__all__ = [
    "DataSetReport",
    "DeliveryRefused",
    "Example",
    "FileReport",
    "Refusal",
    "accept",
    "candidate_path",
    "ingest",
    "refuse",
    "report_path",
]

_READING = "1"
"""Raise it when the meaning of what is read changes: earlier reports are then not reused."""

_PLACES = 5
_DUPLICATE = -2
_SNAPSHOT = "crm_subscribers"


def ingest(settings: Settings, delivery: Delivery, data_set_name: str, run: Sequence[Delivery] = ()) -> DataSetReport:
    """Read all parts of one data set of a delivery and write its candidate, quarantine and report.

    ``run`` has the deliveries that are to be accepted in the same run: what an earlier one of them holds as a
    candidate counts as if it were accepted. Never raises for bad input: what stands against the data set is in
    ``refusals``. The same delivery with the same earlier data, settings and contract is not read again.
    """
    data_set = contract.DATA_SETS[data_set_name]
    needed = {name: ingest(settings, delivery, name, run) for name in _looked_up(data_set)}
    known = reports.read(report_path(settings, delivery, data_set_name))
    before = _Before(settings, delivery.month, run)
    if (
        known
        and known.fingerprint == _fingerprint(before, delivery, data_set, needed, known)
        and _is_complete(settings, delivery, known)
    ):
        return known
    with _workplace(settings, delivery, data_set) as work, engine.connect(settings) as connection:
        report = _Job(settings, delivery, data_set, needed, before, connection).run(work)
    report = replace(report, fingerprint=_fingerprint(before, delivery, data_set, needed, report))
    reports.write(report, report_path(settings, delivery, data_set_name))
    return report


def _looked_up(data_set: DataSet) -> tuple[str, ...]:
    """The data sets whose values a data set's rows are checked against."""
    names = [str(c.references).partition(".")[0] for c in data_set.columns if c.references]
    if data_set.subscribers_must_be_known:
        names.append(_SNAPSHOT)
    return tuple(dict.fromkeys(name for name in names if name != data_set.name))


def _is_complete(settings: Settings, delivery: Delivery, report: DataSetReport) -> bool:
    if not report.is_delivered or report.refusals:
        return True
    kept_out = quarantine.path(settings, delivery.month, delivery.delivery_id, report.data_set)
    return candidate_path(settings, delivery, report.data_set).is_file() and kept_out.is_file()


def _fingerprint(
    before: _Before,
    delivery: Delivery,
    data_set: DataSet,
    needed: Mapping[str, DataSetReport],
    report: DataSetReport,
) -> str:
    """Everything that ``report`` rests on: of earlier months only what was really looked at."""
    settings = before.settings
    absent = [name for name, other in {**needed, data_set.name: report}.items() if not other.is_delivered]
    held = {name: before.holding(name) for name in absent}
    facts = (
        _READING,
        delivery.delivery_id,
        repr(data_set),
        (settings.language, settings.quarantine_share_limit, settings.msisdn_pattern),
        sorted((m, name) for m, (name, _) in _snapshots_before(settings, delivery.month).items())
        if report.looked_back
        else None,
        sorted((name, one.month, one.delivery_id) for name, one in held.items() if one),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _snapshots_before(settings: Settings, month: str) -> dict[str, tuple[str, Path]]:
    """Delivery and snapshot file of every earlier month: the accepted one, else the newest candidate.

    Candidates count because the months of one run are all read before any of them is accepted.
    """
    candidates = sorted(
        settings.incoming.glob(f"*/*/{_SNAPSHOT}.parquet"), key=lambda path: (path.stat().st_mtime_ns, str(path))
    )
    found = {path.parent.parent.name: (path.parent.name, path) for path in candidates}
    for accepted_month, entry in deliveries.accepted(settings).items():
        found[accepted_month] = (entry.delivery_id, raw.path(settings, _SNAPSHOT, accepted_month))
    return {m: (name, path) for m, (name, path) in found.items() if m < month and path.is_file()}


@dataclass(frozen=True)
class _Held:
    """Reference data of an earlier month: whose delivery, and the file."""

    month: str
    delivery_id: str
    path: Path


@dataclass(frozen=True)
class _Before:
    """What the months before ``month`` hold: as accepted, and of the same run as it will be."""

    settings: Settings
    month: str
    run: Sequence[Delivery]

    def holding(self, name: str) -> _Held | None:
        """The newest earlier month that holds a reference data set; None when no month does."""
        if not contract.DATA_SETS[name].is_reference:
            return None
        found = [one for one in self._files(name) if one.path.is_file()]
        return max(found, key=lambda one: one.month, default=None)

    def _files(self, name: str) -> Iterator[_Held]:
        earlier = {delivery.month: delivery for delivery in self.run if delivery.month < self.month}
        for month, entry in deliveries.accepted(self.settings).items():
            if month < self.month and month not in earlier:
                yield _Held(month, entry.delivery_id, raw.path(self.settings, name, month))
        for month, delivery in earlier.items():
            yield _Held(month, delivery.delivery_id, candidate_path(self.settings, delivery, name))


@contextmanager
def _workplace(settings: Settings, delivery: Delivery, data_set: DataSet) -> Iterator[Path]:
    folder = settings.scratch / "ingest" / f"{delivery.month}-{data_set.name}-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Job:
    """One data set of one delivery on its way; every step works on tables of one connection."""

    settings: Settings
    delivery: Delivery
    data_set: DataSet
    needed: Mapping[str, DataSetReport]
    before: _Before
    connection: duckdb.DuckDBPyConnection

    def run(self, work: Path) -> DataSetReport:
        """Read, type, check, write; the report has every refusal that was found."""
        values.define_readings(self.connection)
        batch = read_batch(self.connection, self.settings, self.delivery, self.data_set, work)
        stated = statements.refusals(self.settings, self.delivery, self.data_set.name)
        report = replace(
            DataSetReport(self.delivery.month, self.delivery.delivery_id, self.data_set.name, batch.is_delivered),
            files=batch.files,
            unknown_columns=batch.unknown_columns,
            delivered_columns=batch.columns,
            refusals=(*batch.refusals, *stated, *self._missing(batch)),
            warnings=self._warnings(batch),
        )
        if not batch.files or batch.refusals:
            return report
        return self._load(batch, report)

    def _missing(self, batch: Batch) -> Iterator[Refusal]:
        held = self.before.holding(self.data_set.name)
        if self.data_set.required and not batch.is_delivered and held is None:
            yield self._refusal("missing_data_set", month=self.delivery.month, title=self.data_set.title)

    def _warnings(self, batch: Batch) -> tuple[str, ...]:
        """What was not read: columns beside the contract and, told once with the snapshot, other files."""
        language = self.settings.language
        facts = {"data_set": self.data_set.name, "columns": ", ".join(batch.unknown_columns)}
        columns = (
            (wording.text("ingestion.warned_unknown_columns", language, **facts),) if batch.unknown_columns else ()
        )
        files = self.delivery.unknown_files if self.data_set.name == _SNAPSHOT else ()
        return (*columns, *(wording.text("ingestion.warned_unknown_file", language, file=file.name) for file in files))

    def _refusal(self, code: str, **facts: object) -> Refusal:
        return refusal(self.settings, code, self.data_set.name, **facts)  # type: ignore[arg-type]

    def _load(self, batch: Batch, report: DataSetReport) -> DataSetReport:
        scope = self._scope(batch)
        checks = values.checks_of(self.data_set, scope)
        query = values.typed_query(self.data_set, scope, checks)
        self.connection.execute(f"create temp table typed as {query}")
        report = replace(report, looked_back=self._look_back(checks))
        checks = (*checks, Check(self.data_set.key[0], "repeated_key", ""))
        self._settle_repeated_keys(len(checks) - 1)
        quarantine.collect(self.connection, self.settings, self.data_set, checks)
        self._write()
        return self._judge(batch, report)

    def _scope(self, batch: Batch) -> Scope:
        return Scope(
            month=self.delivery.month,
            msisdn_pattern=self.settings.msisdn_pattern,
            delivered=batch.columns,
            references=tuple(c.name for c in self.data_set.columns if c.references and self._know_codes(c.name)),
            knows_subscribers=self.data_set.subscribers_must_be_known and self._know_subscribers(),
            skips_other_months=batch.serves_many_months,
            in_fen=batch.in_fen,
        )

    def _know_codes(self, column: str) -> bool:
        """Create ``known_<column>``; False when the data set that it refers to is not known."""
        data_set, _, key = str(self.data_set.column(column).references).partition(".")
        report = self.needed[data_set]
        if report.is_delivered:
            path = candidate_path(self.settings, self.delivery, data_set)
            is_known = not report.refusals
        else:
            held = self.before.holding(data_set)
            path, is_known = held.path if held else Path(), held is not None
        if is_known:
            self.connection.execute(
                f"create temp table known_{column} as select {key} as code from read_parquet({literal(str(path))})"
            )
        return is_known

    def _know_subscribers(self) -> bool:
        """Subscribers of this delivery's snapshot; those in quarantine are known too."""
        report = self.needed[_SNAPSHOT]
        if not report.is_delivered or report.refusals:
            return False
        candidate = candidate_path(self.settings, self.delivery, _SNAPSHOT)
        kept_out = quarantine.path(self.settings, self.delivery.month, self.delivery.delivery_id, _SNAPSHOT)
        self.connection.execute(
            f"""
            create temp view known_subscribers as
            select subscriber_id from read_parquet({literal(str(candidate))})
            union all
            select subscriber_id from read_parquet({literal(str(kept_out))}) where subscriber_id is not null
            """
        )
        return True

    def _look_back(self, checks: tuple[Check, ...]) -> bool:
        """Who is not in this snapshot may have been in an earlier one; whether there was anyone to look up."""
        number = next((n for n, check in enumerate(checks) if check.code == "unknown_subscriber"), None)
        if number is None or not self._count(f"typed where problem = {number}"):
            return False
        snapshots = _snapshots_before(self.settings, self.delivery.month)
        if found := [literal(str(path)) for _, (_, path) in sorted(snapshots.items())]:
            self.connection.execute(
                f"""
                update typed set problem = null
                where problem = {number}
                    and subscriber_id in (select subscriber_id from read_parquet([{", ".join(found)}]))
                """
            )
        return True

    def _settle_repeated_keys(self, number: int) -> None:
        """Rows of one key that are alike load once; rows that differ are kept out, all of them."""
        keys = ", ".join(self.data_set.key)
        same_key = " and ".join(f"t.{name} is not distinct from k.{name}" for name in self.data_set.key)
        self.connection.execute(
            f"create temp table repeated as select {keys} from typed where problem is null"
            f" group by {keys} having count(*) > 1"
        )
        if not self._count("repeated"):
            return
        content = ", ".join(column.name for column in self.data_set.columns)
        self.connection.execute(
            f"""
            create temp table verdicts as
            with copies as (
                select t.* from typed as t inner join repeated as k on {same_key} where t.problem is null
            ),
            alike as (
                select *, row_number() over (partition by {content} order by row_no) as copy_number from copies
            ),
            contents as (
                select {keys}, count(*) as content_count from alike where copy_number = 1 group by {keys}
            )
            select t.row_no, case when k.content_count > 1 then {number} else {_DUPLICATE} end as verdict
            from alike as t inner join contents as k on {same_key}
            where k.content_count > 1 or t.copy_number > 1
            """
        )
        self.connection.execute("update typed set problem = v.verdict from verdicts as v where v.row_no = typed.row_no")

    def _write(self) -> None:
        columns = ", ".join(column.name for column in self.data_set.columns)
        candidate = candidate_path(self.settings, self.delivery, self.data_set.name)
        rows = f"select {columns} from typed where problem is null"
        kept_out = quarantine.path(self.settings, self.delivery.month, self.delivery.delivery_id, self.data_set.name)
        for target in (candidate, kept_out):
            target.parent.mkdir(parents=True, exist_ok=True)
        draft = candidate.with_name(f".{candidate.name}.{os.getpid()}")
        self.connection.execute(f"copy ({rows}) to {literal(str(draft))} (format parquet)")
        draft.replace(candidate)
        draft = kept_out.with_name(f".{kept_out.name}.{os.getpid()}")
        quarantine.write(self.connection, draft)
        draft.replace(kept_out)

    def _judge(self, batch: Batch, report: DataSetReport) -> DataSetReport:
        files = self._reconciled(batch)
        report = replace(
            report,
            files=files,
            loaded_count=sum(file.loaded for file in files),
            quarantined_count=sum(file.quarantined for file in files),
            duplicate_count=sum(file.duplicates for file in files),
            quarantined_by_reason=quarantine.by_reason(self.connection),
            quarantine_examples=quarantine.examples(self.connection),
            amounts=self._amounts(),
        )
        found = [*report.refusals, *self._share_refusals(report), *self._statement_refusals(batch, report)]
        return replace(report, refusals=tuple(found))

    def _reconciled(self, batch: Batch) -> tuple[FileReport, ...]:
        """Per file: rows read by the reader, against where every row went."""
        went = f"""
            select file_no, 'loaded', count(*) from typed where problem is null group by file_no
            union all
            select file_no, 'duplicates', count(*) from typed where problem = {_DUPLICATE} group by file_no
            union all
            select file_no, 'other_months', count(*) from typed where problem = -1 group by file_no
            union all
            select file_no, 'quarantined', count(*) from quarantined group by file_no
        """
        counts: dict[int, dict[str, int]] = {}
        for number, outcome, count in self.connection.execute(went).fetchall():
            counts.setdefault(number, {})[outcome] = count
        files = tuple(_with_counts(file, counts.get(number, {})) for number, file in enumerate(batch.files))
        self._assert_reconciled(files)
        return files

    def _assert_reconciled(self, files: tuple[FileReport, ...]) -> None:
        for file in files:
            outcome = file.loaded + file.quarantined + file.duplicates + file.other_months
            if file.rows_read != outcome:
                raise AssertionError(f"{file.name}: {file.rows_read} rows were read, {outcome} are accounted for")
        candidate = candidate_path(self.settings, self.delivery, self.data_set.name)
        written = self._count(f"read_parquet({literal(str(candidate))})")
        if written != sum(file.loaded for file in files):
            raise AssertionError(f"{self.data_set.name}: {written} rows were written")

    def _amounts(self) -> dict[str, Decimal]:
        summed = [c.name for c in self.data_set.columns if c.kind in (Kind.MONEY, Kind.NUMBER, Kind.COUNT)]
        if not summed:
            return {}
        sums = ", ".join(f"sum({name})" for name in summed)
        row = self.connection.execute(f"select {sums} from typed where problem is null").fetchone()
        assert row is not None
        return {name: Decimal(total) for name, total in zip(summed, row, strict=True) if total is not None}

    def _share_refusals(self, report: DataSetReport) -> Iterator[Refusal]:
        read, limit = report.rows_read, self.settings.quarantine_share_limit
        if read and report.quarantined_count > limit * read:
            first = report.quarantine_examples[:_PLACES]
            yield self._refusal(
                "too_many_quarantined",
                file=first[0].file,
                line=first[0].line,
                column=first[0].column,
                count=report.quarantined_count,
                share=f"{report.quarantined_count / read:.2%}",
                limit=f"{limit:.2%}",
                reasons=", ".join(f"{code} {count}" for code, count in report.quarantined_by_reason.items()),
                places=", ".join(f"{e.file}:{e.line or ''} {e.column or ''}".rstrip() for e in first),
            )
        elif self.data_set.required and report.loaded_count == 0:
            yield self._refusal("no_rows")

    def _statement_refusals(self, batch: Batch, report: DataSetReport) -> Iterator[Refusal]:
        for number, file in enumerate(report.files):
            for statement in statements.about(self.delivery, file.name):
                if statement.rows is not None and statement.rows != file.rows_read:
                    yield self._refusal("manifest_rows", file=file.name, actual=file.rows_read, stated=statement.rows)
                for name, stated in statement.totals.items():
                    yield from self._total_refusal(batch, number, file.name, name, stated)

    def _total_refusal(self, batch: Batch, number: int, file: str, name: str, stated: Decimal) -> Iterator[Refusal]:
        column = statements.summed_column(self.data_set, batch.columns, name)
        if column is None:
            yield self._refusal("manifest_totals", file=file, column=name, actual="?", stated=stated)
            return
        row = self.connection.execute(
            f"select coalesce(sum({quoted(column)}), 0) from typed where file_no = {number}"
        ).fetchone()
        actual = Decimal(row[0]) if row else Decimal(0)
        if abs(actual - stated) > Decimal("0.01"):
            yield self._refusal("manifest_totals", file=file, column=column, actual=actual, stated=stated)

    def _count(self, rows: str) -> int:
        found = self.connection.execute(f"select count(*) from {rows}").fetchone()
        assert found is not None
        return int(found[0])


def _with_counts(file: FileReport, counts: Mapping[str, int]) -> FileReport:
    return replace(
        file,
        loaded=counts.get("loaded", 0),
        quarantined=counts.get("quarantined", 0),
        duplicates=counts.get("duplicates", 0),
        other_months=counts.get("other_months", 0),
    )
