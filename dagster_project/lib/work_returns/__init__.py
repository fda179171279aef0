"""What account managers wrote into their work orders, read back as contacts of a delivery.

``packages`` judges a workbook and reads its first sheet, ``rows`` makes contacts of it, ``delivery`` writes them into a
landing folder.
"""

from __future__ import annotations

from dagster_project.lib.work_returns.contacts import (
    FILL_INS,
    KEYS,
    Contact,
    Problem,
    Return,
    contact_id,
    outcomes,
    told,
)
from dagster_project.lib.work_returns.delivery import (
    FILE_NAME,
    AlteredFile,
    Collected,
    collect,
    deliver_contacts,
    remarks,
)
from dagster_project.lib.work_returns.rows import read_return

__all__ = [
    "FILE_NAME",
    "FILL_INS",
    "KEYS",
    "AlteredFile",
    "Collected",
    "Contact",
    "Problem",
    "Return",
    "collect",
    "contact_id",
    "deliver_contacts",
    "outcomes",
    "read_return",
    "remarks",
    "told",
]
