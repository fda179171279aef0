"""What a publication can say about itself: its districts, what was not delivered, which rules decided it."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dagster_project.lib import contract, rules
from dagster_project.lib.exports.catalog import Export
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.wording import text

NETWORK = "network"
UNKNOWN_DISTRICT = "(unknown)"


@dataclass(frozen=True)
class Unit:
    """A district, or the whole branch (``code`` is None)."""

    code: str | None
    name: str


def districts(connection: duckdb.DuckDBPyConnection, edition: Edition) -> tuple[Unit, ...]:
    """Every district that the month knows, by code: of the churn trend, and of the lists."""
    rows = connection.execute(
        """
        select district_code, min(district) from (
            select scope_code as district_code, scope_name as district
            from read_parquet(?) where scope_type = 'district'
            union all
            select coalesce(district_code, ?), district from read_parquet(?)
        ) group by district_code order by district_code
        """,
        [str(edition.mart("mart_churn_trend")), UNKNOWN_DISTRICT, str(edition.mart("mart_work_lists"))],
    ).fetchall()
    return tuple(Unit(code, _district_name(edition, code, name)) for code, name in rows)


def branch(edition: Edition) -> Unit:
    """The whole branch as a unit."""
    return Unit(None, text("exports.branch", edition.settings.language))


def name_of(edition: Edition, unit: Unit) -> str:
    """What the edition's language calls a unit: the data names districts, the catalogue the branch and the unknown."""
    return branch(edition).name if unit.code is None else _district_name(edition, unit.code, unit.name)


def not_delivered(connection: duckdb.DuckDBPyConnection, edition: Edition) -> tuple[str, ...]:
    """Names of the data sets that the month's delivery lacks, in the order of the contract."""
    rows = connection.execute(
        "select data_set from read_parquet(?) where coalesce(files, 0) = 0",
        [str(edition.mart("mart_delivery_quality"))],
    ).fetchall()
    missing = {name for (name,) in rows}
    return tuple(name for name in contract.DATA_SETS if name in missing)


def in_force(export: Export, month: str, language: str) -> str:
    """The thresholds and rule tables that an exposure names as deciding it, as they hold in ``month``.

    It names them in ``config.meta.thresholds`` and ``config.meta.rules``.
    """
    found = rules.named(export.meta.get("thresholds", ()), month)
    sentences = [threshold.sentence(language) for threshold in found]
    sentences += [rules.table_sentence(table, month, language) for table in export.meta.get("rules", ())]
    return text("exports.threshold_separator", language).join(sentences) or text("exports.thresholds_none", language)


def data_set_title(name: str, language: str) -> str:
    """What a data set is called in ``language``."""
    return contract.DATA_SETS[name].title if language == "zh" else name.replace("_", " ")


def _district_name(edition: Edition, code: str, name: str | None) -> str:
    if code == UNKNOWN_DISTRICT:
        return text("exports.unknown_district", edition.settings.language)
    return name or code
