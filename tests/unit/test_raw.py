from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.lib import raw
from dagster_project.settings import Settings


def test_every_table_can_be_read_before_any_delivery(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, landing=tmp_path)
    raw.ensure_tables(settings)
    for table in raw.tables():
        pattern = settings.raw / table / "*" / "data.parquet"
        assert duckdb.sql(f"select count(*) from read_parquet('{pattern}')").fetchone() == (0,)


def test_a_month_is_replaced_and_removed_whole(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, landing=tmp_path)
    for content in ("old", "new"):
        (tmp_path / "draft").write_text(content)
        raw.replace(settings, "crm_plans", "2011-10", tmp_path / "draft")
    assert raw.path(settings, "crm_plans", "2011-10").read_text() == "new"
    raw.remove(settings, "crm_plans", "2011-10")
    raw.remove(settings, "crm_plans", "2011-10")
    assert not raw.path(settings, "crm_plans", "2011-10").parent.exists()
