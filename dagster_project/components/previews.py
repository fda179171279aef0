"""The first rows of a Parquet file as a table for the UI, without personal data."""

from collections.abc import Collection
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from dagster_project.lib import contract

_ROWS = 5
_MASK = "***"


def masked_preview(data_set: str, path: Path) -> dg.MetadataValue:
    """The first rows of a data set's month; personal columns show only that there is a value."""
    personal = {column.name for column in contract.DATA_SETS[data_set].columns if column.is_personal}
    return preview(path, personal)


def preview(path: Path, personal: Collection[str]) -> dg.MetadataValue:
    """The first rows of ``path`` as a Markdown table, with the ``personal`` columns masked."""
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        first = next(file.iter_batches(batch_size=_ROWS), None)
    cells = [[_cell(name, row[name], personal) for name in names] for row in (first.to_pylist() if first else ())]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return dg.MetadataValue.md("\n".join([*lines, *("| " + " | ".join(row) + " |" for row in cells)]))


def _cell(name: str, value: object, personal: Collection[str]) -> str:
    if value is None:
        return ""
    return _MASK if name in personal else str(value).replace("|", "\\|").replace("\n", " ")
