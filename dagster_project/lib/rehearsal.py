"""What would happen to a delivery, found out without changing anything that counts."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from dagster_project.lib import admission, deliveries
from dagster_project.lib.admission import Admission
from dagster_project.settings import Settings


def rehearse(settings: Settings, month: str) -> Admission:
    """Read and validate the month's delivery against accepted data, in a folder that is thrown away.

    Raises :class:`deliveries.DeliveryMissing` when nothing was delivered.
    """
    delivery = deliveries.find(settings, month)
    with tempfile.TemporaryDirectory(prefix="retention-check-") as folder:
        home = Path(folder)
        for part in (settings.raw, settings.ledger):
            if part.is_dir():
                (home / part.name).symlink_to(part, target_is_directory=True)
        return admission.decide(dataclasses.replace(settings, home=home), delivery)
