"""What every suite has in common."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from dagster_project.lib import contract, expectations, failing_rows
from dagster_project.settings import SUITES_DIR

_OF_FIGURES = {
    "expect_table_row_count_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_unique_value_count_to_be_between",
}


def _content(data_set: str) -> dict[str, Any]:
    return json.loads((SUITES_DIR / f"{data_set}.json").read_text(encoding="utf-8"))


def test_every_data_set_has_a_suite_and_every_suite_a_data_set() -> None:
    assert set(expectations.suite_names()) == set(contract.DATA_SETS)


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_a_suite_is_named_for_its_data_set_and_every_check_for_what_it_says(data_set: str) -> None:
    assert _content(data_set)["name"] == data_set
    counted = Counter(spec.id for spec in expectations.expectations_of(data_set))
    assert max(counted.values()) == 1
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name) for name in counted)


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_every_expectation_says_in_two_languages_what_is_true(data_set: str) -> None:
    for spec in expectations.expectations_of(data_set):
        assert spec.severity in ("blocking", "warning")
        assert re.search(r"[\u4e00-\u9fff]", spec.zh)
        assert spec.en.isascii() and " " in spec.en


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_every_required_data_set_and_every_key_is_guarded(data_set: str) -> None:
    entries = expectations.suite(data_set)
    blocking = {entry.type for entry in entries if entry.meta["severity"] == "blocking"}
    assert "expect_compound_columns_to_be_unique" in blocking
    assert ("expect_table_row_count_to_be_between" in blocking) is contract.DATA_SETS[data_set].required


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_expectations_read_columns_of_the_contract_only(data_set: str) -> None:
    columns = {column.name for column in contract.DATA_SETS[data_set].columns}
    for entry in expectations.suite(data_set):
        assert set(entry.columns) <= columns, entry.id


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_failing_rows_of_every_expectation_of_rows_can_be_listed(data_set: str) -> None:
    for entry in expectations.suite(data_set):
        assert failing_rows.is_of_rows(entry.type) is (entry.type not in _OF_FIGURES), entry.id


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_an_expectation_treats_missing_values_and_months_as_the_listing_of_failing_rows_does(data_set: str) -> None:
    for entry in expectations.suite(data_set):
        if entry.type == "expect_compound_columns_to_be_unique":
            assert entry.kwargs["ignore_row_if"] == "any_value_is_missing"
            assert "delivery_month" in entry.kwargs["column_list"]
        if "column_pair" in entry.type:
            assert entry.kwargs["ignore_row_if"] == "either_value_is_missing"
        if entry.type == "expect_table_row_count_to_be_between":
            assert entry.kwargs == {"min_value": 1}


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_a_free_query_looks_at_no_other_month_than_the_rows_own(data_set: str) -> None:
    for entry in expectations.suite(data_set):
        query = str(entry.kwargs.get("unexpected_rows_query", ""))
        assert query.count("{batch}") <= 1, entry.id
        windows = re.findall(r"over \(([^)]*)\)", query)
        assert all(window.startswith("partition by delivery_month") for window in windows), entry.id


@pytest.mark.parametrize("data_set", contract.DATA_SETS)
def test_great_expectations_reads_the_file_as_its_own(data_set: str) -> None:
    import great_expectations as gx

    content = _content(data_set)
    suite = gx.ExpectationSuite(**content)
    assert [expectation.meta["id"] for expectation in suite.expectations] == [
        entry.id for entry in expectations.suite(data_set)
    ]
