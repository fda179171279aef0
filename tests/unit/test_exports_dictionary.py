"""The data dictionary lists every published table and column."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest

from dagster_project.lib import rules
from dagster_project.lib.exports.dictionary import write_dictionary
from dagster_project.lib.exports.edition import Edition, stage
from tests.editions import catalog, settings


def test_every_published_table_and_column_is_described(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage(edition)
    export = edition.catalog.export("data_dictionary")
    written = write_dictionary(edition, export)
    workbook = openpyxl.load_workbook(edition.folder / "network" / "data_dictionary.xlsx")
    assert workbook.sheetnames == ["表", "字段", "阈值", "分档与规则", "说明"]
    described = {(row[0].value, row[1].value) for row in workbook["字段"].iter_rows(min_row=3)}
    models = [edition.catalog.model(name) for name in export.depends_on]
    assert described == {(model.name, column) for model in models for column in model.columns}
    access = {row[0].value: row[3].value for row in workbook["表"].iter_rows(min_row=3)}
    assert access["mart_work_lists"] == "受限(含个人信息)"
    assert access["mart_churn_trend"] == "公开"
    assert written.rows == len(described)


def test_the_dictionary_carries_no_time(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage(edition)
    write_dictionary(edition, edition.catalog.export("data_dictionary"))
    with zipfile.ZipFile(edition.folder / "network" / "data_dictionary.xlsx") as archive:
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_thresholds_and_rules_are_those_in_force_in_the_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "thresholds": [
            _threshold("small_cell_denominator", "100", "2000-01", "2011-09"),
            _threshold("small_cell_denominator", "50", "2011-10", ""),
            _threshold("outlier_score_limit", "3.5", "2000-01", "2011-10"),
        ],
        "value_tiers": [
            _tier("high", "高端", "1", "2000-01", "2011-09"),
            _tier("high", "高端", "2", "2011-10", ""),
            _tier("low", "低端", "-1", "2000-01", ""),
        ],
    }
    monkeypatch.setattr(rules, "seed", lambda name: rows.get(name, []))
    edition = Edition(settings(tmp_path), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage(edition)
    write_dictionary(edition, edition.catalog.export("data_dictionary"))
    workbook = openpyxl.load_workbook(edition.folder / "network" / "data_dictionary.xlsx")
    shown = [tuple(cell.value for cell in row[:5]) for row in workbook["阈值"].iter_rows(min_row=3)]
    assert shown == [
        ("outlier_score_limit", "异常得分界限", "3.5", "2000-01 至 2011-10", "domain 3.3"),
        ("small_cell_denominator", "小样本分母下限", "50", "2011-10 起", "domain 3.3"),
    ]
    ruled = [tuple(cell.value for cell in row) for row in workbook["分档与规则"].iter_rows(min_row=3)]
    assert [row[:7] for row in ruled] == [
        ("value_tiers", "价值等级", "high", "高端", "预警级别升降 2", "2011-10 起", "domain 3.10"),
        ("value_tiers", "价值等级", "low", "低端", "预警级别升降 -1", "2000-01 起", "domain 3.10"),
    ]


def _tier(key: str, name: str, step: str, valid_from: str, valid_to: str) -> dict[str, str]:
    periods = {"valid_from": valid_from, "valid_to": valid_to}
    return {"value_tier": key, "risk_step": step, **periods, "source": "domain 3.10", "zh": name}


def _threshold(key: str, value: str, valid_from: str, valid_to: str) -> dict[str, str]:
    periods = {"valid_from": valid_from, "valid_to": valid_to}
    return {"key": key, "value": value, **periods, "source": "domain 3.3", "note": "a note"}
