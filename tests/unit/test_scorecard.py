"""Scorecards: every figure is its mart's, what is not known is said, and nothing personal is shown."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import openpyxl
import pytest

from dagster_project.lib import months
from dagster_project.lib.exports.card import Card
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.figures import load_figures
from dagster_project.lib.exports.headlines import View, bucket_name
from dagster_project.lib.exports.list_sections import list_sections
from dagster_project.lib.exports.numbers import change, month_name, people, rounded, shown
from dagster_project.lib.exports.scorecards import make_card, render, write_scorecards
from dagster_project.lib.exports.scores import load_scores
from dagster_project.lib.exports.states import Unit
from dagster_project.lib.exports.workbook import Kind
from tests.editions import catalog, settings, stage_month

LISTED = (
    {"list_type": "warning", "district_code": "D01", "arpu3_amount": 100, "msisdn": "13812345678"},
    {"list_type": "warning", "district_code": "D01", "arpu3_amount": 50},
    {"list_type": "warning", "district_code": "D01", "arpu3_amount": 50, "is_holdout": True},
)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """Fourteen months, the last of them with lists and without complaints or usage."""
    home = tmp_path_factory.mktemp("scorecards")
    history: dict[str, Path] = {}
    for month in months.between("2010-09", "2011-10"):
        edition = Edition(settings(home), catalog(), month, "aaaaaaaaaaaa", dict(history))
        is_last = month == "2011-10"
        stage_month(edition, LISTED if is_last else (), without=("crm_complaints", "billing_usage") if is_last else ())
        history[month] = edition.folder
    return edition


def card(edition: Edition, code: str | None, name: str) -> Card:
    with duckdb.connect() as connection:
        figures = load_figures(connection, edition)
        scores = load_scores(connection, edition)
    return make_card(edition, figures, scores, Unit(code, name), ("crm_complaints", "billing_usage"))


def value(edition: Edition, mart: str, column: str, where: str) -> float:
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {column} from read_parquet('{edition.mart(mart)}') where {where}"
        ).fetchone()[0]


def test_headlines_equal_their_marts(staged: Edition) -> None:
    shown_figures = {headline.key: headline for headline in card(staged, "D01", "雁江").headlines}
    district = "scope_type = 'district' and scope_code = 'D01'"
    assert shown_figures["churn_rate"].value == value(staged, "mart_churn_trend", "churn_rate_opening", district)
    flow = value(staged, "mart_churn_trend", "closing_count - opening_count", district)
    assert shown_figures["net_adds"].value == flow
    billed = value(staged, "mart_lifecycle_cube", "sum(billed_count) / sum(subscriber_count)", "district_code = 'D01'")
    assert shown_figures["billed_rate"].value == pytest.approx(billed)


def test_tables_equal_their_marts(staged: Edition) -> None:
    sections = {section.key: section for section in card(staged, None, "全网").sections}
    with duckdb.connect() as connection:
        mart = staged.mart("mart_churn_by_tenure")
        expected = connection.execute(
            "select tenure_bucket, churned_count, at_risk_count, churn_rate_exposure from read_parquet(?)"
            " where scope_type = 'network' and window_months = 3 order by tenure_bucket",
            [str(mart)],
        ).fetchall()
    rows = [tuple(row[:4]) for row in sections["tenure"].table.rows]
    assert rows == [(bucket_name(bucket), *rest) for bucket, *rest in expected]
    assert sum(row[6] for row in sections["stages"].table.rows) == value(
        staged, "mart_lifecycle_cube", "sum(subscriber_count)", "true"
    )


def test_the_trend_marks_the_events_of_its_months_and_says_what_the_signs_mean(staged: Edition) -> None:
    trend = next(section for section in card(staged, None, "全网").sections if section.key == "trend")
    assert trend.note.endswith("下方标记：▲ 竞争对手活动、○ 节假日。"), "no promotion, so no sign for one"
    assert trend.plot.count("▲") == 1, "the most telling sign of May"
    assert trend.plot.count("○") == 2, "two Octobers"
    assert "2011-05 劳动节、竞争对手促销" in trend.plot
    events = {row[0]: row[-1] for row in trend.table.rows}
    assert events["2011-05"] == "劳动节、竞争对手促销"
    assert events["2011-04"] == ""


def test_changes_are_of_the_exact_figures(staged: Edition) -> None:
    headline = card(staged, "D01", "雁江").headlines[0]
    now, before = headline.series[-1][1], headline.series[-2][1]
    assert now is not None
    assert before is not None
    assert f"{rounded(now - before, Kind.PERCENT):+}" in headline.changes[0].words
    assert headline.changes[0].tone == ("worse" if now > before else "better")


def test_a_district_is_ranked_from_the_lowest_rate_and_small_ones_are_not(staged: Edition) -> None:
    notes = [card(staged, code, code).headlines[0].notes[0] for code in ("D01", "D02", "D03", "D04")]
    places = [int(re.search(r"第 (\d) 位", note)[1]) for note in notes]
    rates = [card(staged, code, code).headlines[0].value for code in ("D01", "D02", "D03", "D04")]
    assert [sorted(rates).index(rate) + 1 for rate in rates] == places
    assert not any("位（" in note for note in card(staged, "D09", "三户村").headlines[0].notes)


def test_too_few_cases_are_a_dash_with_the_reason(staged: Edition) -> None:
    headline = card(staged, "D09", "三户村").headlines[0]
    assert (headline.shown, headline.value) == ("—", None)
    assert "用户太少" in headline.reason


SMALL_RATES = {"33.33%": 1 / 3, "63.83%": 30 / 47, "98.05%": 452 / 461}
"""Of a district with three subscribers, of a plan that 20 still have, of a plan's bucket in which nine remained."""


def test_marts_have_the_rates_of_small_cells_and_pages_print_none(staged: Edition) -> None:
    assert value(staged, "mart_churn_trend", "churn_rate_opening", "scope_code = 'D09'") == 1 / 3
    assert value(staged, "mart_churn_by_plan", "churn_rate_exposure", "is_small") == 30 / 47
    assert value(staged, "mart_churn_by_plan_tenure", "max(churn_rate_exposure)", "is_small") == 452 / 461
    for code, name in ((None, "全网"), ("D01", "雁江"), ("D09", "三户村")):
        page = render(card(staged, code, name))
        assert not [printed for printed in SMALL_RATES if printed in page], name


def test_a_small_districts_tables_and_plots_have_dashes(staged: Edition) -> None:
    sections = {section.key: section for section in card(staged, "D09", "三户村").sections}
    assert [row[1] > 0 for row in sections["tenure"].table.rows] == [True] * 7
    assert [row[3] for row in sections["tenure"].table.rows] == [None] * 7
    assert sections["tenure"].plot.count(">—</text>") == 7
    assert "own-bar" not in sections["tenure"].plot
    assert {tuple(row[5:8]) for row in sections["trend"].table.rows} == {(None, None, None)}
    assert sections["trend"].plot == ""
    assert "用户太少" in sections["trend"].note


def test_a_small_district_stands_last_without_rate_interval_or_verdict(staged: Edition) -> None:
    sections = {section.key: section for section in card(staged, "D01", "雁江").sections}
    last = sections["districts"].table.rows[-1]
    assert last[0] == "三户村"
    assert tuple(last[3:]) == (None, None, None, "用户太少")
    assert sections["districts"].plot.count(">—</text>") == 1
    assert "共 4 个" in card(staged, "D01", "雁江").headlines[0].notes[0]


def test_a_small_plan_and_a_small_bucket_of_a_plan_have_dashes(staged: Edition) -> None:
    sections = {section.key: section for section in card(staged, None, "全网").sections}
    assert [row[0] for row in sections["plans"].table.rows if row[3] is None] == ["试用卡"]
    buckets = {row[0]: row[1:] for row in sections["plan_tenure"].table.rows}
    assert set(buckets["试用卡"]) == {None}
    assert [rate is None for rate in buckets["贺岁卡"]] == [False, True, False, False, False, False, False]


def test_a_small_district_is_told_in_a_sentence_without_a_rate(staged: Edition) -> None:
    assert card(staged, "D09", "三户村").sentences == ("10 月离网 1 户；用户太少，不计算离网率。",)


def test_a_figure_without_its_data_says_which_data_is_missing(staged: Edition) -> None:
    silent = card(staged, "D01", "雁江").headlines[-1]
    assert silent.shown == "—"
    assert silent.reason == "缺少用量数据，未计算"


def test_lists_count_what_goes_out_and_say_when_there_is_nothing(staged: Edition) -> None:
    lines = {line.href: line for line in card(staged, "D01", "雁江").lists}
    assert (lines["warning.xlsx"].rows, lines["warning.xlsx"].worth) == (2, "月消费合计 150 元")
    nobody = {line.href: line for line in card(staged, "D04", "简阳").lists}
    assert nobody["warning.xlsx"].shown == "本月无此类用户"


def test_a_list_without_its_data_says_which_data_is_missing(staged: Edition) -> None:
    lines = {line.href: line for line in card(staged, "D01", "雁江").lists}
    assert lines["silent.xlsx"].shown == "缺少用量数据，清单未计算"


def test_the_tenure_sentence_names_the_bucket_that_loses_most(staged: Edition) -> None:
    sentences = card(staged, None, "全网").sentences
    assert sentences[0].startswith("10 月离网")
    assert "入网 4–6 个月的用户占离网的 36%" in sentences[1]


def test_a_page_has_no_personal_data_no_script_and_nothing_from_elsewhere(staged: Edition) -> None:
    page = render(card(staged, "D01", "雁江"))
    assert "13812345678" not in page
    assert "S00000" not in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert not re.search(r"url\(|@import", page)


QUALITY = (
    *("listed_count", "holdout_count", "hit_rate_holdout", "ci_low", "ci_high", "hit_rate_naive"),
    *("coverage_rate", "lift"),
)
MISSED = (
    *("left_count", "missed_not_eligible_count", "missed_not_listed_count", "missed_not_reached_count"),
    *("reached_left_count", "holdout_left_count"),
)


def of_lists(edition: Edition, columns: tuple[str, ...], scope: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(
            f"select list_type, list_month, {', '.join(columns)} from read_parquet(?)"
            " where scope_code = ? order by lift desc nulls last, list_type",
            [str(edition.mart("mart_list_quality")), scope],
        ).fetchall()


TITLES = {"warning": "离网预警", "silent": "沉默(未上网)"}


@pytest.mark.parametrize(("code", "name", "scope"), [(None, "全网", "all"), ("D01", "雁江", "D01")])
def test_what_lists_hit_and_missed_is_what_their_mart_says(
    staged: Edition, code: str | None, name: str, scope: str
) -> None:
    sections = {section.key: section for section in card(staged, code, name).sections}
    expected = [(TITLES[str(row[0])], *row[1:]) for row in of_lists(staged, QUALITY, scope)]
    assert [tuple(row[:-1]) for row in sections["list_hits"].table.rows] == expected
    assert {row[1] for row in expected} == {"2011-07"}
    assert {row[-1] for row in sections["list_hits"].table.rows} == {"已满三个月"}
    lost = [(TITLES[str(row[0])], *row[1:]) for row in of_lists(staged, MISSED, scope)]
    assert [tuple(row) for row in sections["list_missed"].table.rows] == lost
    assert all(row[2] == sum(row[3:]) for row in lost)


def test_the_naive_hit_rate_stands_beside_the_official_one_and_is_called_so(staged: Edition) -> None:
    section = next(section for section in card(staged, "D01", "雁江").sections if section.key == "list_hits")
    headings = [heading for heading, _ in section.table.columns]
    assert headings[4:8] == ["命中率(正式)", "区间下限", "区间上限", "命中率(未扣除维系影响)"]
    assert "不能用来评价清单" in section.note


def test_a_hit_rate_of_too_few_held_out_is_not_shown_and_nobody_held_out_is_said(staged: Edition) -> None:
    hits = {
        code: {
            row[0]: row
            for section in card(staged, code, code).sections
            if section.key == "list_hits"
            for row in section.table.rows
        }
        for code in ("D04", "D09")
    }
    few = hits["D04"]["沉默(未上网)"]
    assert few[2:4] == (620, 62)
    assert few[4:7] == (None, None, None)
    assert few[7] == pytest.approx(186 / 620), "the naive rate rests on more of them"
    assert few[8:] == (None, None, "对照组太少")
    nobody = hits["D09"]["离网预警"]
    assert nobody[2:] == (1, 0, *[None] * 6, "没有对照组")


def quality_notes(edition: Edition, code: str | None = None) -> set[str]:
    sections = card(edition, code, "").sections
    return {section.note for section in sections if section.key in ("list_hits", "list_missed")}


def test_before_lists_are_three_months_old_or_when_a_month_is_missing_it_is_said(tmp_path: Path) -> None:
    history: dict[str, Path] = {}
    for month in ("2011-01", "2011-02", "2011-05", "2011-06"):
        edition = stage_month(Edition(settings(tmp_path), catalog(), month, "aaaaaaaaaaaa", dict(history)))
        history[month] = edition.folder
        if month == "2011-02":
            assert quality_notes(edition) == {"还没有满三个月的清单，命中率和漏失暂不能算。"}
    assert quality_notes(edition) == {"缺少 2011 年 3 月、2011 年 4 月 的数据，三个月的结果不完整，未计算。"}


def test_who_was_reached_is_said_to_be_unknown_without_contacts(tmp_path: Path) -> None:
    history: dict[str, Path] = {}
    for month in months.between("2011-01", "2011-04"):
        edition = Edition(settings(tmp_path), catalog(), month, "aaaaaaaaaaaa", dict(history))
        stage_month(edition, without=("crm_contacts",))
        history[month] = edition.folder
    missed = next(section for section in card(edition, None, "全网").sections if section.key == "list_missed")
    assert missed.note.endswith("三个月的客户接触数据不齐，接通与否不明。")
    assert {row[5:7] for row in missed.table.rows} == {(None, None)}


def test_a_unit_that_was_not_there_three_months_ago_and_lists_without_control_groups_are_said(staged: Edition) -> None:
    assert quality_notes(staged, "D77") == {"2011 年 7 月底本单位没有在网用户，未计算。"}
    with duckdb.connect() as connection:
        figures = replace(load_figures(connection, staged), list_quality={})
    view = View(figures, "all", "zh", ())
    assert {section.note for section in list_sections(view, {})} == {"2011 年 7 月没有留对照组的清单，未计算。"}


def test_names_from_the_data_cannot_inject_markup(staged: Edition) -> None:
    page = render(card(staged, "D01", "<script>alert(1)</script>"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


class Outline(HTMLParser):
    """Collects what a screen reader needs."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_page_can_be_read_aloud(staged: Edition) -> None:
    outline = Outline()
    outline.feed(render(card(staged, None, "全网")))
    assert ("html", {"lang": "zh-CN"}) in outline.tags
    drawings = [attributes for tag, attributes in outline.tags if tag == "svg"]
    assert drawings
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawings)
    headers = [attributes for tag, attributes in outline.tags if tag == "th"]
    assert all(attributes.get("scope") in ("row", "col") for attributes in headers)


def test_files_are_the_same_bytes_twice_and_the_workbook_has_the_pages_numbers(staged: Edition) -> None:
    export = staged.catalog.export("scorecard")
    write_scorecards(staged, export)
    paths = sorted(path for kind in ("html", "xlsx") for path in staged.folder.rglob(f"scorecard.{kind}"))
    first = [path.read_bytes() for path in paths]
    written = write_scorecards(staged, export)
    assert [path.read_bytes() for path in paths] == first
    assert len(paths) == 12
    assert len(written.files) == 18
    for path in staged.folder.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as archive:
            assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    workbook = openpyxl.load_workbook(staged.folder / "network" / "scorecard.xlsx")
    assert workbook.sheetnames[-1] == "说明"
    overview = workbook["概览"]
    assert overview["B3"].value == card(staged, None, "全网").headlines[0].value
    tenure = workbook["入网多久的用户在离网"]
    rows = next(section for section in card(staged, None, "全网").sections if section.key == "tenure").table.rows
    assert [cell.value for cell in tenure["D"][2:9]] == pytest.approx([row[3] for row in rows])
    assert tenure._charts
    assert not _numbers(staged.folder) & set(SMALL_RATES.values())


def _numbers(folder: Path) -> set[float]:
    """All numbers in all scorecards' cells."""
    books = [openpyxl.load_workbook(path, read_only=True) for path in folder.rglob("scorecard.xlsx")]
    rows = (row for book in books for sheet in book for row in sheet.iter_rows(values_only=True))
    return {cell for row in rows for cell in row if isinstance(cell, float)}


def test_a_branch_in_its_first_month_has_a_scorecard(tmp_path: Path) -> None:
    edition = Edition(settings(tmp_path, "en"), catalog(), "2011-10", "aaaaaaaaaaaa")
    stage_month(edition)
    written = write_scorecards(edition, edition.catalog.export("scorecard"))
    assert "no figure for last month" in (edition.folder / written.files[0].path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("figure", "kind", "expected"),
    [
        (59188 / 1535376, Kind.PERCENT, "3.85%"),
        (59189 / 1535376, Kind.PERCENT, "3.86%"),
        (0.00125, Kind.PERCENT, "0.13%"),
        (1234567, Kind.COUNT, "1,234,567"),
        (2.5, Kind.COUNT, "3"),
        (None, Kind.PERCENT, "—"),
    ],
)
def test_figures_are_rounded_half_up(figure: float | None, kind: Kind, expected: str) -> None:
    assert shown(figure, kind) == expected


def test_figures_read_as_the_office_says_them() -> None:
    assert people(43_033, "zh") == "4.30 万户"
    assert people(9_999, "zh") == "9,999 户"
    assert change(0.0285, 0.0313, Kind.PERCENT, "zh") == ("-0.28 个百分点", -1)
    assert change(0.03, 0.030001, Kind.PERCENT, "zh") == ("0.00 个百分点", 0)
    assert month_name("2011-10", "zh", with_year=True) == "2011 年 10 月"
    assert month_name("2011-10", "en") == "October"
