"""What account managers wrote into their work orders, read back as contacts of a delivery.

``packages`` judges a workbook and reads its first sheet, ``rows`` makes contacts of it, ``orders`` holds them against
the work orders that somebody may answer, ``delivery`` writes them into a landing folder.
"""

from __future__ import annotations

from dagster_project.lib.work_returns.contacts import (
    FILL_INS,
    KEYS,
    Contact,
    Problem,
    Return,
    contact_id,
    explained,
    outcomes,
    told,
)
from dagster_project.lib.work_returns.delivery import (
    FILE_NAME,
    AlteredFile,
    Collected,
    collect,
    deliver_contacts,
    is_all_of,
    remarks,
    withdraw_contacts,
)
from dagster_project.lib.work_returns.orders import OrderBook, OwnReturn, of_own_orders
from dagster_project.lib.work_returns.rows import read_return

__all__ = [
    "FILE_NAME",
    "FILL_INS",
    "KEYS",
    "AlteredFile",
    "Collected",
    "Contact",
    "OrderBook",
    "OwnReturn",
    "Problem",
    "Return",
    "collect",
    "contact_id",
    "deliver_contacts",
    "explained",
    "is_all_of",
    "of_own_orders",
    "outcomes",
    "read_return",
    "remarks",
    "told",
    "withdraw_contacts",
]
