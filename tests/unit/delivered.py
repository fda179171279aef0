"""Small deliveries written to a landing folder, and what ingestion makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.lib import contract, deliveries, ingestion, quarantine, raw
from dagster_project.lib.ingestion import DataSetReport
from dagster_project.settings import Settings

MONTH = "2011-10"

GOOD = {
    "crm_districts.csv": "district_code,district_name\nD1,安岳\nD2,乐至\n",
    "crm_plans.csv": "plan_code,plan_name\nP1,全球通58\nP2,神州行\n",
    "crm_subscribers.csv": (
        "snapshot_month,subscriber_id,district_code,plan_code,join_date,status\n"
        "2011-10,U1,D1,P1,2010-01-05,active\n"
        "2011-10,U2,D2,P2,2011-10-09,active\n"
        "2011-10,U3,D1,P2,2009-03-01,cancelled\n"
    ),
    "billing_bills.csv": "subscriber_id,bill_month,total_fee\nU1,2011-10,58.00\nU2,2011-10,12.30\n",
}


@dataclass
class Branch:
    """A branch with a landing folder; every row may be quarantined unless a test says otherwise."""

    home: Path
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        facts = {"home": self.home, "landing": self.home / "landing", "quarantine_share_limit": 1.0, "language": "en"}
        return Settings(**(facts | self.changes))

    def deliver(self, files: dict[str, str | bytes | None] | None = None, month: str = MONTH) -> deliveries.Delivery:
        """Write good files, with ``files`` instead of or beside them; None leaves one out."""
        folder = self.settings.landing / month
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        good = {name: text.replace(MONTH, month) for name, text in GOOD.items()}
        for name, content in (good | (files or {})).items():
            if content is not None:
                (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return deliveries.find(self.settings, month)

    def ingest(self, delivery: deliveries.Delivery, data_set: str) -> DataSetReport:
        return ingestion.ingest(self.settings, delivery, data_set)

    def reports(self, delivery: deliveries.Delivery) -> dict[str, DataSetReport]:
        return {name: self.ingest(delivery, name) for name in contract.DATA_SETS}

    def accept(self, delivery: deliveries.Delivery) -> dict[str, DataSetReport]:
        reports = self.reports(delivery)
        ingestion.accept(self.settings, delivery, reports)
        return reports

    def loaded(self, delivery: deliveries.Delivery, data_set: str, columns: str = "*") -> list[tuple[Any, ...]]:
        path = ingestion.candidate_path(self.settings, delivery, data_set)
        return duckdb.sql(f"select {columns} from read_parquet('{path}')").fetchall()

    def quarantined(self, delivery: deliveries.Delivery, data_set: str) -> list[tuple[Any, ...]]:
        path = quarantine.path(self.settings, delivery.month, delivery.delivery_id, data_set)
        return duckdb.sql(f"""select file, line, "column", value, reason_code from read_parquet('{path}')""").fetchall()

    def raw(self, table: str, month: str = MONTH, columns: str = "*") -> list[tuple[Any, ...]]:
        path = raw.path(self.settings, table, month)
        return (
            duckdb.sql(f"select {columns} from read_parquet('{path}', hive_partitioning = false)").fetchall()
            if path.is_file()
            else []
        )


def codes(report: DataSetReport) -> list[str]:
    """The reason codes of a report's refusals."""
    return [refusal.reason_code for refusal in report.refusals]


def whole(report: DataSetReport) -> bool:
    """Whether every row that was read is accounted for, file by file."""
    return all(f.rows_read == f.loaded + f.quarantined + f.duplicates + f.other_months for f in report.files)
