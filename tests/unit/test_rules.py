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


def scorecard_rows(monkeypatch: pytest.MonkeyPatch, table: str, *changes: dict[str, str]) -> None:
    """Change rows of a scorecard's table: a change replaces the row with its key and validity, or is a new row."""
    seeds = {name: list(rules.seed(name)) for name in ("scorecard_kpis", "scorecard_weights", "scorecard_targets")}
    for change in changes:
        key = (*rules.RULE_TABLES[table], "valid_from")
        old = [row for row in seeds[table] if all(row[column] == change.get(column, row[column]) for column in key)]
        if len(old) == 1:
            seeds[table].remove(old[0])
        seeds[table].append({**(old or seeds[table])[0], **change})
    monkeypatch.setattr(rules, "seed", seeds.__getitem__)


SILENT = {"unit_type": "district", "kpi_code": "silent"}


def test_the_rules_of_scorecards_as_they_stand_are_sound() -> None:
    rules.require_sound_scorecards()


def test_weights_that_do_not_sum_to_100_are_refused_with_unit_month_sum_and_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = {**SILENT, "valid_to": "2011-06"}
    begun = {**SILENT, "weight": "4", "valid_from": "2011-07", "valid_to": ""}
    scorecard_rows(monkeypatch, "scorecard_weights", {**ended, "valid_from": "2000-01"}, begun)
    with pytest.raises(rules.InvalidRules) as refused:
        rules.require_sound_scorecards()
    assert str(refused.value) == (
        "seeds/scorecard_weights.csv: the weights of a district sum to 101 from 2011-07 on, not to 100;"
        " change them so that those in force in every month, none below 0, sum to 100"
    )


def test_a_weight_that_ends_without_a_successor_is_refused_from_the_month_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scorecard_rows(monkeypatch, "scorecard_weights", {**SILENT, "valid_from": "2000-01", "valid_to": "2011-12"})
    with pytest.raises(rules.InvalidRules, match="sum to 97 from 2012-01 on"):
        rules.require_sound_scorecards()


def test_a_negative_weight_is_refused_though_the_sum_is_100(monkeypatch: pytest.MonkeyPatch) -> None:
    billed = {"unit_type": "district", "kpi_code": "billed", "valid_from": "2000-01", "weight": "8"}
    scorecard_rows(monkeypatch, "scorecard_weights", {**SILENT, "valid_from": "2000-01", "weight": "-1"}, billed)
    with pytest.raises(rules.InvalidRules, match="none below 0"):
        rules.require_sound_scorecards()


def test_two_rows_that_hold_at_once_are_refused_with_the_month_to_end_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scorecard_rows(monkeypatch, "scorecard_kpis", {**SILENT, "valid_from": "2011-03"})
    with pytest.raises(rules.InvalidRules, match=r"district / silent hold in 2011-03; end the earlier .* in 2011-02"):
        rules.require_sound_scorecards()


@pytest.mark.parametrize("table", ["scorecard_weights", "scorecard_targets"])
def test_a_rule_for_an_indicator_that_nobody_has_is_refused(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    scorecard_rows(monkeypatch, table, {"unit_type": "dealer", "kpi_code": "smiles", "valid_from": "2000-01"})
    with pytest.raises(rules.InvalidRules, match=f"{table}.csv: the scorecard of a dealer has no indicator smiles"):
        rules.require_sound_scorecards()


def test_an_indicator_with_a_stated_target_needs_one_in_all_its_months(monkeypatch: pytest.MonkeyPatch) -> None:
    effect = {"unit_type": "district", "kpi_code": "list_effect", "valid_from": "2000-01", "valid_to": "2011-12"}
    scorecard_rows(monkeypatch, "scorecard_targets", effect)
    with pytest.raises(rules.InvalidRules, match="district / list_effect has no target for all in 2012-01"):
        rules.require_sound_scorecards()
