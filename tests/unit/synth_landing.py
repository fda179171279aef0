"""Reads a generated landing for tests, with nothing but pandas and the standard library.

The forms are stated here again on purpose: a reader that asked the generator how it wrote would not
notice what it wrote wrongly.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from dagster_project.lib import contract

CSV_FORMS = {
    "crm_districts": ("utf-8", ","),
    "crm_plans": ("gb18030", ","),
    "crm_channels": ("utf-8-sig", ","),
    "crm_groups": ("utf-16", "\t"),
    "crm_subscribers": ("gb18030", ","),
    "billing_bills": ("utf-8", ","),
    "billing_usage": ("utf-8-sig", "\t"),
    "billing_payments": ("utf-8", "|"),
    "crm_complaints": ("gb18030", ";"),
    "crm_contacts": ("utf-8-sig", ","),
    "crm_exit_surveys": ("utf-8", ","),
    "crm_surveys": ("utf-16", "\t"),
    "crm_blacklist": ("gb18030", ","),
    "finance_acquisition": ("utf-8", ","),
}
TERMINAL = {"销号", "局拆", "携出"}


def parts(folder: Path, data_set: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.startswith(data_set))


def read_file(path: Path, data_set: str) -> pd.DataFrame:
    """One file as text, headed by the contract's names; empty fields are empty texts."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).astype(str)
    encoding, delimiter = CSV_FORMS[data_set]
    frame = pd.read_csv(path, sep=delimiter, encoding=encoding, dtype=str, keep_default_na=False)
    aliases = {column.alias: column.name for column in contract.DATA_SETS[data_set].columns}
    return frame.rename(columns=aliases)


def read(folder: Path, data_set: str) -> pd.DataFrame:
    """A month's data set, all parts together."""
    return pd.concat([read_file(path, data_set) for path in parts(folder, data_set)], ignore_index=True)


def month_folders(landing: Path) -> list[Path]:
    return sorted(path for path in landing.iterdir() if path.is_dir() and path.name[:2] == "20")


def hashes(folder: Path) -> dict[str, str]:
    """Every file below a folder and the hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def month_text(values: pd.Series) -> pd.Series:
    """2011-10, 201110 and 2011/10 as 2011-10."""
    digits = values.str.replace(r"\D", "", regex=True)
    return digits.str[:4] + "-" + digits.str[4:6]
