"""The first rows of a Parquet file as a table for the UI, without personal data."""

from collections.abc import Collection
from pathlib import Path

import dagster as dg

from dagster_project.lib import contract, engine
from dagster_project.settings import Settings

_ROWS = 5
_MASK = "***"


def masked_preview(settings: Settings, data_set: str, path: Path) -> dg.MetadataValue:
    """The first rows of a data set's month; personal columns show only that there is a value."""
    personal = {column.name for column in contract.DATA_SETS[data_set].columns if column.is_personal}
    return preview(settings, path, personal)


def preview(settings: Settings, path: Path, personal: Collection[str]) -> dg.MetadataValue:
    """The first rows of ``path`` as a Markdown table, with the ``personal`` columns masked."""
    with engine.connect(settings) as connection:
        rows = connection.execute(f"select * from read_parquet(?) limit {_ROWS}", [str(path)])
        names = [column[0] for column in rows.description or ()]
        cells = [
            [_cell(name, value, personal) for name, value in zip(names, row, strict=True)] for row in rows.fetchall()
        ]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return dg.MetadataValue.md("\n".join([*lines, *("| " + " | ".join(row) + " |" for row in cells)]))


def _cell(name: str, value: object, personal: Collection[str]) -> str:
    if value is None:
        return ""
    return _MASK if name in personal else str(value).replace("|", "\\|").replace("\n", " ")
