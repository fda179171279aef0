"""The data dictionary lists every published table and column."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl

from dagster_project.lib.exports.dictionary import write_dictionary
from dagster_project.lib.exports.edition import Edition, stage
from tests.editions import catalog, settings


def test_every_published_table_and_column_is_described(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage(edition)
    export = edition.catalog.export("data_dictionary")
    written = write_dictionary(edition, export)
    workbook = openpyxl.load_workbook(edition.folder / "network" / "data_dictionary.xlsx")
    assert workbook.sheetnames == ["表", "字段", "说明"]
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
