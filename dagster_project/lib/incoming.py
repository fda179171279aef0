"""Where candidates of a delivery are: ``incoming/<month>/<delivery id>/<data set>.parquet`` and ``.json``."""

from __future__ import annotations

from pathlib import Path

from dagster_project.lib.deliveries import Delivery
from dagster_project.settings import Settings


def folder(settings: Settings, delivery: Delivery) -> Path:
    """The folder of a delivery's candidates."""
    return settings.incoming / delivery.month / delivery.delivery_id


def candidate_path(settings: Settings, delivery: Delivery, data_set_name: str) -> Path:
    """The Parquet file of what would be loaded; columns and types of the contract."""
    return folder(settings, delivery) / f"{data_set_name}.parquet"


def report_path(settings: Settings, delivery: Delivery, data_set_name: str) -> Path:
    """The report of how the candidate came about."""
    return folder(settings, delivery) / f"{data_set_name}.json"
