"""What the rest of the pipeline asks of a warehouse, whichever engine built it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

PARQUET_OPTIONS = "format parquet, compression zstd, row_group_size 122880"
"""One policy for every published Parquet file, so that the same rows give the same bytes."""


class MissingRelation(LookupError):
    """A table that the warehouse does not hold; its message says how to build it."""


class Warehouse(Protocol):
    """Reading access to the models that dbt built."""

    def export_month(
        self, relation: str, month: str, order_by: Sequence[str], columns: Sequence[str], target: Path
    ) -> int:
        """Write one month of ``relation`` (``schema.table``) to ``target`` as Parquet; return the rows.

        Rows are sorted by ``order_by``; the same rows give the same bytes.
        Raises :class:`MissingRelation` when the table was never built.
        """
        ...


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_relation(relation: str) -> str:
    """``schema.table`` as an SQL identifier."""
    return ".".join(quoted(part) for part in relation.split("."))


def literal(text: str) -> str:
    """``text`` as an SQL string, for the places where an engine takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
