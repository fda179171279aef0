"""Lists: each district gets its own rows, the control group stays out, and the words are the office's."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from dagster_project.lib.exports.catalog import InvalidCatalog
from dagster_project.lib.exports.edition import Edition, Written
from dagster_project.lib.exports.list_columns import list_fields
from dagster_project.lib.exports.lists import write_list
from tests.editions import DISTRICTS, catalog, list_export, settings, stage_month

ROWS = (
    {"district_code": "D02", "sort_order": 2, "reason": "话费下降", "reason_en": "spend falls", "risk_level": "orange"},
    {
        "district_code": "D01",
        "sort_order": 1,
        "reason": "合约到期",
        "reason_en": "contract ends",
        "risk_level": "red",
        "fee_change_rate": -0.5,
        "contract_end_on": "2011-12-31",
        "total_fee_amount": 21,
        "tenure_month": 7,
    },
    {"district_code": "D01", "sort_order": 3, "is_holdout": True, "msisdn": "13900000009"},
    {"district_code": "D01", "sort_order": 4, "warning_clauses": "contract+spend_drop", "value_tier": "high"},
    {"district_code": None, "district": None, "sort_order": 5},
)


def written(home: Path, language: str = "zh", without: Sequence[str] = ()) -> tuple[Edition, Written]:
    edition = Edition(settings(home, language), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage_month(edition, ROWS, without=without)
    return edition, write_list(edition, edition.catalog.export("list_warning"))


def csv_rows(edition: Edition, folder: str) -> list[dict[str, str]]:
    with (edition.folder / folder / "warning.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def cells(edition: Edition, path: str) -> list[list[object]]:
    sheet = openpyxl.load_workbook(edition.folder / path).worksheets[0]
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_districts_get_their_own_rows_and_the_branch_gets_all(tmp_path: Path) -> None:
    edition, result = written(tmp_path)
    assert [row["用户编号"] for row in csv_rows(edition, "districts/D01")] == ["S000001", "S000003"]
    assert [row["用户编号"] for row in csv_rows(edition, "districts/D02")] == ["S000000"]
    assert [row["用户编号"] for row in csv_rows(edition, "network")] == ["S000001", "S000000", "S000003", "S000004"]
    assert result.district_rows == {"(unknown)": 1, "D01": 2, "D02": 1, "D03": 0, "D04": 0, "D09": 0}
    assert result.rows == 4


def test_the_control_group_is_withheld_everywhere_and_its_size_is_told(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    for path in edition.folder.rglob("warning.csv"):
        assert "13900000009" not in path.read_text(encoding="utf-8")
    notes = openpyxl.load_workbook(edition.folder / "network" / "warning.xlsx")["说明"]
    told = {row[0].value: row[1].value for row in notes.iter_rows()}
    assert told["对照组"].startswith("全网有 1 户随机留作对照组")
    assert told["版本"] == "aaaaaaaaaaaa"
    assert told["户数"] == "4"


def test_workbook_and_csv_hold_the_same_rows(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    title, header, *rows = cells(edition, "network/warning.xlsx")
    assert title[0] == "全网 · 离网预警 · 2011-10 · 4 户 · 版本 aaaaaaaaaaaa"
    place = header.index("用户编号")
    assert [row[place] for row in rows] == [row["用户编号"] for row in csv_rows(edition, "network")]
    assert sorted(str(name) for name in header) == sorted(csv_rows(edition, "network")[0])


def test_what_is_needed_first_is_on_the_first_screen(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    header = cells(edition, "network/warning.xlsx")[1]
    assert header[:4] == ["客户经理", "手机号码", "原因", "预警级别"]


def test_every_column_of_a_workbook_has_the_format_of_its_kind(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    sheet = openpyxl.load_workbook(edition.folder / "network" / "warning.xlsx").worksheets[0]
    expected = {
        "手机号码": "@",
        "话费变化": "0.00%",
        "合约到期日": "yyyy-mm-dd",
        "本月话费": "#,##0.00",
        "入网月数": "#,##0",
    }
    found = {sheet.cell(2, cell.column).value: cell.number_format for cell in sheet[3] if cell.value is not None}
    assert {name: found[name] for name in expected} == expected


def test_codes_become_words(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    first, _, third, _ = csv_rows(edition, "network")
    assert (first["预警级别"], first["原因"]) == ("红色", "合约到期")
    assert (third["价值等级"], third["预警迹象"]) == ("高端", "合约将到期、消费减少")


def test_english_can_be_chosen(tmp_path: Path) -> None:
    edition, _ = written(tmp_path, "en")
    first = csv_rows(edition, "network")[0]
    assert (first["Risk level"], first["Reason"], first["List type"]) == ("red", "contract ends", "Warning list")
    assert cells(edition, "districts/D03/warning.xlsx")[2][0] == "No such customers this month"


def test_a_district_without_rows_gets_a_list_that_says_so(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    assert cells(edition, "districts/D09/warning.xlsx")[2][0] == "本月无此类用户"
    assert csv_rows(edition, "districts/D09") == []


def test_data_that_was_not_delivered_is_named(tmp_path: Path) -> None:
    edition, result = written(tmp_path, without=("crm_complaints",))
    assert result.not_available == ("crm_complaints",)
    notes = openpyxl.load_workbook(edition.folder / "districts" / "D01" / "warning.xlsx")["说明"]
    assert any("投诉" in str(row[1].value) for row in notes.iter_rows() if row[0].value == "未提供的数据")


def test_a_list_whose_data_was_not_delivered_is_not_an_empty_list(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage_month(edition, ROWS, without=("billing_usage",))
    result = write_list(edition, edition.catalog.export("list_silent"))
    assert not result.is_available
    assert "清单未计算" in str(cells(edition, "districts/D01/silent.xlsx")[2][0])
    assert write_list(edition, edition.catalog.export("list_warning")).is_available


def test_every_district_of_the_month_has_a_folder(tmp_path: Path) -> None:
    edition, _ = written(tmp_path)
    folders = {path.name for path in (edition.folder / "districts").iterdir()}
    assert set(DISTRICTS) < folders


def test_evidence_that_the_mart_does_not_have_is_an_error() -> None:
    with pytest.raises(InvalidCatalog, match="has no column shoe_size"):
        list_fields(list_export("silent", "沉默", ("shoe_size",)), catalog().model("mart_work_lists"), "zh")


def test_the_same_month_gives_the_same_bytes(tmp_path: Path) -> None:
    first, _ = written(tmp_path / "first")
    second, _ = written(tmp_path / "second")
    for path in sorted(first.folder.rglob("warning.*")):
        assert path.read_bytes() == (second.folder / path.relative_to(first.folder)).read_bytes()
