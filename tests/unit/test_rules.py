"""Rule tables in words: what is in force in a month, since when, and how a row reads."""

from __future__ import annotations

import pytest

from dagster_project.lib import rules

BANDS = [
    {"arpu_band": "0", "above_amount": "-1", "up_to_amount": "0", "valid_from": "2000-01", "valid_to": "", "zh": "0元"},
    {
        "arpu_band": "0-30",
        "above_amount": "0",
        "up_to_amount": "30",
        "valid_from": "2000-01",
        "valid_to": "2011-09",
        "zh": "0-30元",
    },
    {
        "arpu_band": "0-35",
        "above_amount": "0",
        "up_to_amount": "35",
        "valid_from": "2011-10",
        "valid_to": "",
        "zh": "0-35元",
    },
]


@pytest.fixture
def bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "seed", lambda _: BANDS)


@pytest.mark.usefixtures("bands")
@pytest.mark.parametrize(
    ("month", "expected"),
    [("2011-08", ("2000-01", "2011-09")), ("2011-09", ("2000-01", "2011-09")), ("2011-10", ("2011-10", ""))],
)
def test_a_table_stands_between_its_changes(month: str, expected: tuple[str, str]) -> None:
    assert rules.state_of("arpu_bands", month) == expected


@pytest.mark.usefixtures("bands")
def test_a_rule_holds_in_its_last_month_and_its_successor_from_the_next() -> None:
    assert [rule.key for rule in rules.rules_of("arpu_bands", "2011-09")] == ["0", "0-30"]
    assert [rule.key for rule in rules.rules_of("arpu_bands", "2011-10")] == ["0", "0-35"]


@pytest.mark.usefixtures("bands")
def test_a_tables_sentence_has_its_validity_and_its_rows_in_force() -> None:
    assert rules.table_sentence("arpu_bands", "2011-09", "zh") == "消费分档（2000-01 至 2011-09）：0元、0-30元"
    assert rules.table_sentence("arpu_bands", "2011-10", "en") == "ARPU bands (since 2011-10): 0, 0-35"


def test_a_sentence_has_the_weights_of_its_rows() -> None:
    assert rules.table_sentence("swap_evidence", "2011-10", "zh").startswith(
        "换号证据及权重（2000-01 起）：同一证件（权重 0.95）、"
    )


@pytest.mark.usefixtures("bands")
def test_the_dictionary_has_the_edges_of_a_band() -> None:
    (_, band) = rules.rules_of("arpu_bands", "2011-10")
    assert rules.fact_words(band, "zh") == "高于 0，至 35"
    assert rules.fact_words(band, "en") == "above 0, up to 35"
    assert band.validity("en") == "since 2011-10"


def test_codes_are_called_by_their_names() -> None:
    caps = {rule.key: rule for rule in rules.rules_of("cost_caps", "2011-10")}
    assert (caps["high"].name("zh"), caps["high"].name("en")) == ("高端", "high")
    answers = {rule.key: rule for rule in rules.rules_of("exit_evidence", "2011-10")}
    assert answers["destination / rival_mobile"].facts("zh") == {"离网类别": "确认流向他网"}
    causes = {rule.key: rule for rule in rules.rules_of("causes", "2011-10")}
    assert causes["loopholes"].facts("zh")["原因组"] == "政策措施"
    assert causes["loopholes"].facts("en")["hard to control"] == "no"
