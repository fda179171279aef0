"""Marked copies of published lists: each person gets their own, and a code in every row tells whose it was.

``plates`` prepares what the copies of a workbook have in common, ``books`` and ``lines`` mark a copy for its person,
``store`` keeps copies for a while, ``codes`` makes codes and traces them back. Why: docs/adr/0013-marked-copies.md.
"""

from __future__ import annotations

from dagster_project.portal.copies.codes import trace
from dagster_project.portal.copies.layout import UnusableSource
from dagster_project.portal.copies.store import NotAvailable, copy_for, file_of, offered, prune, until

__all__ = ["NotAvailable", "UnusableSource", "copy_for", "file_of", "offered", "prune", "trace", "until"]
