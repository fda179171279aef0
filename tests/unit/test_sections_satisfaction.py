"""Satisfaction on the pages: what the mart says, in words that claim no more than its intervals do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.figures import load_figures
from dagster_project.lib.exports.headlines import View
from dagster_project.lib.exports.numbers import shown
from dagster_project.lib.exports.scorecards import make_card, render
from dagster_project.lib.exports.scores import load_scores
from dagster_project.lib.exports.sections_satisfaction import said_sentences, satisfaction_sections, since_sentences
from dagster_project.lib.exports.states import Unit
from dagster_project.lib.exports.workbook import Kind
from tests.editions import catalog, settings, stage_month

MONTH = "2011-10"


def edition_of(home: Path, language: str = "zh", without: Sequence[str] = ()) -> Edition:
    edition = Edition(settings(home, language), catalog(), MONTH, "aaaaaaaaaaaa", {})
    stage_month(edition, without=without)
    return edition


def view_of(edition: Edition, code: str, missing: tuple[str, ...] = ()) -> View:
    with duckdb.connect() as connection:
        return View(load_figures(connection, edition), code, edition.settings.language, missing)


@pytest.fixture(scope="module", params=["zh", "en"])
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Edition:
    return edition_of(tmp_path_factory.mktemp(f"satisfaction-{request.param}"), request.param)


def mart_row(edition: Edition, code: str, topic: str = "all") -> dict[str, object]:
    with duckdb.connect() as connection:
        found = connection.execute(
            "select * from read_parquet(?) where scope_code = ? and topic = ?",
            [str(edition.mart("mart_satisfaction")), code, topic],
        )
        names = [column[0] for column in found.description]
        return dict(zip(names, found.fetchone(), strict=True))


@pytest.mark.parametrize("code", ["all", "D01"])
def test_the_tables_of_the_page_equal_the_mart(staged: Edition, code: str) -> None:
    said, since = satisfaction_sections(view_of(staged, code))
    whole = mart_row(staged, code)
    names = ("answers_count", "mean_score", "complaints_count", "dissatisfied_count", "dissatisfied_share", "ci_low")
    names += ("ci_high", "due_count", "followed_up_count", "followed_up_share")
    assert list(said.table.rows[-1][1:]) == [whole[name] for name in names]
    network = mart_row(staged, code, "network")
    assert list(said.table.rows[0][1:]) == [network[name] for name in names]
    for row, side in zip(since.table.rows, ("followed_up", "not_followed_up"), strict=True):
        figures = (f"{side}_subscriber_count", f"{side}_churned_count", f"churned_share_{side}")
        figures += (f"churned_low_{side}", f"churned_high_{side}")
        figures += (f"answered_again_{side}_count", f"score_change_mean_{side}")
        assert list(row[1:]) == [whole[name] for name in figures]


def test_the_page_shows_every_figure_of_the_tables(staged: Edition) -> None:
    with duckdb.connect() as connection:
        figures, scores = load_figures(connection, staged), load_scores(connection, staged)
    html = render(make_card(staged, figures, scores, Unit("D01", "雁江"), ()))
    whole = mart_row(staged, "D01")
    for section in ("satisfaction", "satisfaction_since"):
        assert f'id="section-{section}"' in html
    for name in (
        "dissatisfied_share",
        "followed_up_share",
        "churned_share_followed_up",
        "churned_share_not_followed_up",
    ):
        assert shown(whole[name], Kind.PERCENT) in html, name
    assert shown(whole["score_change_mean_followed_up"], Kind.NUMBER) in html


def test_a_sentence_has_the_figures_of_the_mart(staged: Edition) -> None:
    whole = mart_row(staged, "all")
    told = " ".join(said_sentences(view_of(staged, "all")))
    for figure in (
        f"{whole['answers_count']:,}",
        f"{whole['dissatisfied_count']:,}",
        f"{whole['followed_up_count']:,}",
    ):
        assert figure in told
    assert shown(whole["followed_up_share"], Kind.PERCENT) in told


def test_a_difference_is_told_only_where_its_interval_leaves_zero_out(tmp_path: Path) -> None:
    edition = edition_of(tmp_path)
    view = view_of(edition, "all")
    scores, departures = since_sentences(view)[1:]
    assert "看不出差别" not in scores, "from 1.2 to 2.7"
    assert mart_row(edition, "all")["churned_difference_low"] < -0.05
    whole = next(row for row in view.figures.satisfaction["all"] if row["topic"] == "all")
    tied = {**whole, "churned_difference_high": 0.01, "score_change_difference_low": -0.1}
    turned = replace(view, figures=replace(view.figures, satisfaction={"all": [tied]}))
    assert "看不出差别" not in departures
    assert all("看不出差别" in sentence for sentence in since_sentences(turned)[1:])


def test_the_naive_comparison_is_called_one_wherever_it_stands(staged: Edition) -> None:
    _, since = satisfaction_sections(view_of(staged, "all"))
    assert ("自然对比" if staged.settings.language == "zh" else "naive comparison") in since.note


def test_too_few_cases_give_counts_without_rates_and_without_a_plot(staged: Edition) -> None:
    said, since = satisfaction_sections(view_of(staged, "D09"))
    assert not said.plot and not since.plot
    assert "%" not in "".join(said_sentences(view_of(staged, "D09")))
    assert all(row[3] is None for row in since.table.rows)


def test_what_was_not_delivered_is_said_and_shown_as_nothing(tmp_path: Path) -> None:
    edition = edition_of(tmp_path, without=("crm_surveys", "crm_complaints"))
    view = view_of(edition, "all", ("crm_surveys", "crm_complaints"))
    assert said_sentences(view) == ["缺少满意度调查、投诉数据，满意度未计算。"]
    assert since_sentences(view) == ["三个月前的满意度数据不齐，后续变化未计算。"]
    said, since = satisfaction_sections(view)
    assert not said.plot and not since.plot
    assert all(cell is None for row in (*said.table.rows, *since.table.rows) for cell in row[1:])


def test_no_sentence_has_an_unfilled_place(staged: Edition) -> None:
    for code in ("all", "D01", "D09", "nowhere"):
        view = view_of(staged, code)
        for sentence in (*said_sentences(view), *since_sentences(view)):
            assert sentence and not re.search(r"[{}]|None|nan", sentence), sentence
