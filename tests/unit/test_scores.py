"""Scores in words and workbooks: what has no score says why, and only the branch is shown signs of gaming."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import openpyxl
import pytest

from dagster_project.lib import rules
from dagster_project.lib.exports.card import ScoreBlock
from dagster_project.lib.exports.comparison import write_comparison
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.score_sections import ScoreView, block, score_card, spread_sentence
from dagster_project.lib.exports.scorecards import write_scorecards
from dagster_project.lib.exports.scores import Scores, UnitScore, UnknownKpi, load_scores
from dagster_project.lib.exports.states import Unit
from dagster_project.lib.wording import topic
from tests.editions import catalog, settings, stage_month
from tests.scores import scorecard, stage_rows

MONTH = "2011-10"
SIGN_WORDS = ("数据疑点", "疑点")


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    staged = Edition(settings(tmp_path_factory.mktemp("scores")), catalog(), MONTH, "aaaaaaaaaaaa")
    stage_month(staged, without=("crm_exit_surveys",))
    write_scorecards(staged, staged.catalog.export("scorecard"))
    write_comparison(staged, staged.catalog.export("comparison"))
    return staged


@pytest.fixture(scope="module")
def scores(edition: Edition) -> Scores:
    with duckdb.connect() as connection:
        return load_scores(connection, edition)


@pytest.fixture(scope="module")
def view(scores: Scores) -> ScoreView:
    return ScoreView(scores, "zh", ("crm_exit_surveys",))


def changed(unit: UnitScore, kpi: str, facts: Mapping[str, object]) -> UnitScore:
    """The unit with other figures in one KPI."""
    return UnitScore(unit.unit_type, [{**row, **facts} if row["kpi_code"] == kpi else row for row in unit.rows])


def overall(unit: UnitScore, facts: Mapping[str, object]) -> UnitScore:
    """The unit with other figures in its total and place."""
    return UnitScore(unit.unit_type, [{**row, **facts} for row in unit.rows])


def district(scores: Scores, code: str) -> UnitScore:
    unit = scores.unit("district", code)
    assert unit is not None
    return unit


def hint(made: ScoreBlock, kpi: str) -> str:
    return next(line.hint for line in made.lines if line.code == kpi)


def facts(made: ScoreBlock, kpi: str) -> dict[str, str]:
    line = next(line for line in made.lines if line.code == kpi)
    return {fact.name: fact.words for fact in line.facts}


@pytest.mark.parametrize(
    ("state", "count", "words"),
    [
        ("not_delivered", 0, "缺少账单、缴费数据"),
        ("too_early", 0, "结果未到期，要等 1 个月"),
        ("no_cases", 0, "本月没有此类用户"),
        ("too_few", 29, "用户太少（29 户）"),
    ],
)
def test_a_kpi_without_a_score_says_why_and_where_its_weight_went(
    scores: Scores, view: ScoreView, state: str, count: int, words: str
) -> None:
    unit = changed(district(scores, "D01"), "arrears_recovered", {"state": state, "case_count": count})
    made = block(view, unit, "own")
    assert hint(made, "arrears_recovered") == f"未计分：{words}；权重 5.0 分给其他指标"
    assert f"欠费三十天回收率（{words}）" in made.sentences[1]
    assert "权重共 22.0" in made.sentences[1]


def test_the_missing_data_set_of_several_is_named_alone(scores: Scores, view: ScoreView) -> None:
    unit = changed(district(scores, "D01"), "arrears_recovered", {"state": "not_delivered"})
    made = block(replace(view, missing=("billing_payments",)), unit, "own")
    assert hint(made, "arrears_recovered").startswith("未计分：缺少缴费数据")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"events_to_next_point": 3}, "再少 3 户离网，总分可增加 1 分"),
        ({"events_to_next_point": 1234}, "再少 1,234 户离网，总分可增加 1 分"),
        ({"events_to_next_point": None, "score": 100.0}, "已达目标，本项满分"),
        ({"events_to_next_point": None, "score": 40.0}, "单靠本项增加不了 1 分"),
    ],
)
def test_what_would_gain_a_point_is_said_in_the_verb_of_the_kpi(
    scores: Scores, view: ScoreView, given: Mapping[str, object], words: str
) -> None:
    assert hint(block(view, changed(district(scores, "D01"), "net_churn", given), "own"), "net_churn") == words


def test_every_kpi_of_the_rules_has_a_verb_for_what_would_gain_a_point() -> None:
    codes = {row["kpi_code"] for row in rules.seed("scorecard_kpis")}
    for code in codes:
        wording = topic("scores")[f"gain_{code}"]
        assert all("{count}" in wording[language] for language in ("zh", "en")), code


@pytest.mark.parametrize(
    ("source", "words"), [("own_history", "前 7 个月"), ("branch", "全网水平"), ("fixed", "统一规定")]
)
def test_a_target_says_where_it_comes_from(scores: Scores, view: ScoreView, source: str, words: str) -> None:
    unit = changed(district(scores, "D01"), "net_churn", {"target_source": source, "history_month_count": 7})
    assert words in facts(block(view, unit, "own"), "net_churn")["目标"]


def test_a_difference_is_told_in_points_with_its_sign_and_none_when_it_rounds_to_nothing(
    scores: Scores, view: ScoreView
) -> None:
    given = {"kpi_difference": -0.00001, "kpi_difference_low": -0.0025, "kpi_difference_high": 0.00125}
    unit = changed(district(scores, "D01"), "net_churn", {**given, "is_kpi_distinguishable": False})
    assert facts(block(view, unit, "own"), "net_churn")["与全网比"] == (
        "按同样的用户结构相差 0.00 个百分点（-0.25 至 +0.13）；与其他区县无显著差异"
    )


@pytest.mark.parametrize(
    ("given", "verdict", "place"),
    [
        ({"is_distinguishable": False, "rank": 2, "rank_low": 2, "rank_high": 5}, "与其他区县无显著差异。", "2–5"),
        ({"is_distinguishable": True, "total_score": 90.0, "rank_low": 1, "rank_high": 1}, "明显好于区县中位数。", "1"),
        ({"is_distinguishable": True, "total_score": 9.0, "rank_low": 4, "rank_high": 4}, "明显差于区县中位数。", "4"),
        ({"total_score": 90.0, "rank": None}, "本月不参加排名。", "—"),
    ],
)
def test_a_unit_is_above_below_or_not_distinguishable_in_words(
    scores: Scores, view: ScoreView, given: Mapping[str, object], verdict: str, place: str
) -> None:
    made = block(view, overall(district(scores, "D01"), given), "own")
    assert made.sentences[0] == verdict
    assert made.short_place == place


def test_a_place_that_is_shared_is_told_with_the_places_that_it_can_be(scores: Scores, view: ScoreView) -> None:
    given = {"rank": 2, "rank_low": 2, "rank_high": 5, "ranked_count": 13}
    assert block(view, overall(district(scores, "D01"), given), "own").place == (
        "第 2–5 位之间，分不出先后（共 13 个）"
    )


def test_a_unit_without_subscribers_has_neither_total_nor_place(edition: Edition, view: ScoreView) -> None:
    unit = district(view.scores, "D09")
    made = block(view, unit, "own")
    assert (made.total, made.interval, made.short_place) == ("—", "—", "—")
    assert made.sentences[0] == "本月不参加排名。"
    assert made.sentences[1] == "没有可以计分的指标，不计总分；原因见各项。"
    assert not [line.hint for line in made.lines if "分给其他指标" in line.hint]


def test_figures_of_a_kpi_without_a_score_are_not_read_from_its_mart(scores: Scores) -> None:
    row = district(scores, "D01").kpi("list_effect")
    assert row is not None and row["state"] == "too_early"
    assert (row["value"], row["score"], row["points"]) == (None, None, None)


def test_a_district_that_the_mart_does_not_know_is_told_so(view: ScoreView) -> None:
    card = score_card(view, Unit("D77", "新区"))
    assert card.own is None
    assert card.note.endswith("本单位本月没有考核得分。")
    assert [group.blocks for group in card.groups] == [[], []]
    assert card.groups[0].note.startswith("本月没有计分的客户经理。")


def test_units_are_counted_by_how_they_stand(scores: Scores, view: ScoreView) -> None:
    assert spread_sentence(view, "district", scores.units["district"]) == (
        "5 个区县：1 个明显好于中位数，1 个明显差于中位数，2 个无显著差异，1 个不参加排名。"
    )


def test_a_kpi_that_the_rules_do_not_name_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path), catalog(), MONTH, "aaaaaaaaaaaa")
    stage_month(edition)
    rows = scorecard(MONTH, "district", [])
    stage_rows(edition, "mart_district_scorecard", [*rows, {"unit_code": "D01", "kpi_code": "luck", "weight": 1.0}])
    with pytest.raises(UnknownKpi, match="luck"):
        write_scorecards(edition, edition.catalog.export("scorecard"))


def test_a_scorecard_mart_that_is_not_there_stops_the_pages(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path), catalog(), MONTH, "aaaaaaaaaaaa")
    stage_month(edition)
    edition.mart("mart_manager_scorecard").unlink()
    with pytest.raises(duckdb.IOException, match="mart_manager_scorecard"):
        write_scorecards(edition, edition.catalog.export("scorecard"))


def texts(book: Path) -> str:
    """Everything that a workbook says."""
    with zipfile.ZipFile(book) as archive:
        return "".join(archive.read(name).decode("utf-8") for name in archive.namelist() if name.endswith(".xml"))


def test_signs_of_gaming_are_in_the_branchs_files_and_in_no_districts(edition: Edition) -> None:
    network = edition.folder / "network"
    names = [row["zh"] for row in rules.seed("gaming_signs")]
    assert all(name in (network / "comparison.html").read_text(encoding="utf-8") for name in names)
    assert all(name in texts(network / "comparison.xlsx") for name in names)
    files = [path for path in (edition.folder / "districts").rglob("*") if path.suffix in (".html", ".xlsx")]
    assert len(files) == 2 * len({path.parent for path in files})
    for path in files:
        said = path.read_text(encoding="utf-8") if path.suffix == ".html" else texts(path)
        assert not [word for word in (*names, *SIGN_WORDS, "comparison") if word in said], path.parent.name


def test_a_district_is_shown_its_own_managers_and_dealers_only(edition: Edition) -> None:
    page = (edition.folder / "districts" / "D02" / "scorecard.html").read_text(encoding="utf-8")
    assert "经理甲" in page and "校园直销" in page
    assert "经理001" not in page and "雁江合作厅" not in page and "全网电子渠道" not in page


def test_the_workbook_has_the_scores_of_the_page_with_charts(edition: Edition, scores: Scores) -> None:
    book = openpyxl.load_workbook(edition.folder / "districts" / "D01" / "scorecard.xlsx")
    own = book["得分"]
    rows = district(scores, "D01").rows
    assert [cell.value for cell in own["B"][2 : 2 + len(rows)]] == [
        "—" if row["score"] is None else pytest.approx(row["score"]) for row in rows
    ]
    assert own["A3"].value == "净离网率"
    managers = book["客户经理"]
    units = scores.of_district("manager", "D01")
    assert [cell.value for cell in managers["A"][2 : 2 + len(units)]] == [unit.name for unit in units]
    assert [cell.value for cell in managers["B"][2 : 2 + len(units)]] == pytest.approx(
        [unit.total["total_score"] for unit in units]
    )
    assert {"各区县得分", "客户经理各项", "渠道", "渠道各项"} < set(book.sheetnames)
    assert all(book[name]._charts for name in ("得分", "各区县得分", "客户经理", "渠道"))


def test_the_comparisons_workbook_has_every_unit_and_is_the_same_bytes_twice(edition: Edition, scores: Scores) -> None:
    path = edition.folder / "network" / "comparison.xlsx"
    before = path.read_bytes()
    write_comparison(edition, edition.catalog.export("comparison"))
    assert path.read_bytes() == before
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[-1] == "说明"
    for sheet, unit_type in (("区县", "district"), ("客户经理", "manager"), ("渠道", "dealer")):
        units = scores.units[unit_type]
        assert [cell.value for cell in book[sheet]["A"][2 : 2 + len(units)]] == [unit.name for unit in units]
        assert book[sheet]._charts
    assert [cell.value for cell in book["发现的疑点"]["A"][2:4]] == ["简阳", "经理001"]
