"""Scores in a browser: every figure is its mart's, everything opens by keyboard, nothing keeps anybody out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.lib.exports.comparison import write_comparison
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.lists import write_list
from dagster_project.lib.exports.scorecards import write_scorecards
from tests.browsing import BROWSER, CONTRAST, OUTSIDE
from tests.editions import catalog, settings, stage_month

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")]

MONTH = "2011-10"
MANAGERS = 100
PAGES = ("districts/D01/scorecard", "districts/D09/scorecard", "network/scorecard", "network/comparison")
LARGEST_PAGE = 1_200_000
SCORECARDS = """
() => Object.fromEntries([...document.querySelectorAll('table.kpis')].map(table => [
  table.dataset.unit,
  Object.fromEntries([...table.querySelectorAll('tr.kpi')].map(row => [
    row.dataset.kpi,
    {cells: [...row.querySelectorAll('td')].map(cell => cell.textContent.trim()),
     hint: row.nextElementSibling.querySelector('summary').textContent,
     facts: Object.fromEntries([...row.nextElementSibling.querySelectorAll('dt')].map(
       term => [term.textContent, term.nextElementSibling.textContent]))},
  ])),
]))
"""
INDEX = """
() => Object.fromEntries([...document.querySelectorAll('table.index tbody tr')].map(row => [
  row.dataset.unit, [...row.querySelectorAll('th, td')].map(cell => cell.textContent.trim())]))
"""
TABLES = """
() => Object.fromEntries([...document.querySelectorAll('section.panel')].map(panel => [
  panel.getAttribute('aria-labelledby').replace('section-', ''),
  [...panel.querySelectorAll('tbody tr')].map(
    row => [...row.querySelectorAll('th, td')].map(cell => cell.textContent.trim()))]))
"""
DRAWN = """
() => Object.fromEntries([...document.querySelectorAll('section.panel')].map(panel => [
  panel.getAttribute('aria-labelledby').replace('section-', ''),
  [...panel.querySelectorAll('svg .figure')].map(text => text.textContent)]))
"""

OPEN = """
() => document.querySelectorAll('.units, .unit:first-of-type, .kpis .how:nth-of-type(2) details')
  .forEach(each => each.open = true)
"""
"""One of each kind of what is closed at first."""
IN_CHINESE = pytest.mark.parametrize("edition", ["zh"], indirect=True)
"""For what does not depend on the language."""

Unit = dict[str, Mapping[str, Any]]


@pytest.fixture(scope="module", params=["zh", "en"])
def edition(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Edition:
    home = tmp_path_factory.mktemp(f"scores-{request.param}")
    staged = Edition(settings(home, request.param), catalog(), MONTH, "aaaaaaaaaaaa")
    stage_month(staged, without=("crm_exit_surveys",), manager_count=MANAGERS if request.param == "zh" else 12)
    for export in staged.catalog.of_kind("list"):
        write_list(staged, export)
    write_scorecards(staged, staged.catalog.export("scorecard"))
    write_comparison(staged, staged.catalog.export("comparison"))
    return staged


def address(edition: Edition, page: str) -> str:
    return (edition.folder / f"{page}.html").as_uri()


def marts(edition: Edition, unit_type: str, where: str = "true") -> dict[str, Unit]:
    """Rows of a scorecard mart by unit and KPI, read without the code under test."""
    path = edition.folder / "marts" / f"mart_{unit_type}_scorecard.parquet"
    with duckdb.connect() as connection:
        result = connection.execute(f"select * from read_parquet('{path}') where {where}")
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    units: dict[str, Unit] = {}
    for row in rows:
        units.setdefault(row["unit_code"], {})[row["kpi_code"]] = row
    return units


def points(value: float | None) -> str:
    return "—" if value is None else f"{Decimal(str(value)).quantize(Decimal('0.1'), ROUND_HALF_UP)}"


def per_cent(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{(Decimal(str(value)) * 100).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"


def place(row: Mapping[str, Any]) -> str:
    if row["rank"] is None:
        return "—"
    return str(row["rank_low"]) if row["rank_low"] == row["rank_high"] else f"{row['rank_low']}–{row['rank_high']}"


def cells(row: Mapping[str, Any]) -> list[str]:
    """What the page has to show of a row: a dash for every figure of a KPI without a score, but for its target."""
    shown = row if row["state"] == "scored" else dict.fromkeys(row)
    weights = [points(shown[name]) for name in ("score", "effective_weight", "points")]
    return [per_cent(shown["value"]), per_cent(row["target"]), *weights]


def of_district(edition: Edition, code: str) -> dict[str, Unit]:
    own = f"district_code = '{code}'"
    return {
        f"{unit_type}/{name}": unit
        for unit_type in ("district", "manager", "dealer")
        for name, unit in marts(edition, unit_type, own).items()
    }


@IN_CHINESE
@pytest.mark.parametrize("code", ["D01", "D02", "D09"])
def test_every_score_of_a_district_its_managers_and_its_dealers_is_its_marts(
    page: sync_api.Page, edition: Edition, code: str
) -> None:
    page.goto(address(edition, f"districts/{code}/scorecard"))
    found = page.evaluate(SCORECARDS)
    expected = of_district(edition, code)
    assert set(found) == set(expected)
    for unit, kpis in expected.items():
        assert {kpi: line["cells"] for kpi, line in found[unit].items()} == {
            kpi: cells(row) for kpi, row in kpis.items()
        }, unit


@IN_CHINESE
def test_the_index_has_totals_places_and_intervals_of_the_mart_the_best_first(
    page: sync_api.Page, edition: Edition
) -> None:
    page.goto(address(edition, "districts/D01/scorecard"))
    found = page.evaluate(INDEX)
    units = {name: next(iter(unit.values())) for name, unit in of_district(edition, "D01").items() if "dis" not in name}
    assert len(units) == MANAGERS + 2
    for name, row in units.items():
        title, rank, total, interval, _ = found[name]
        assert (title, rank, total) == (row["unit_name"], place(row), points(row["total_score"]))
        assert [points(row["total_score_low"]), points(row["total_score_high"])] == interval.split()[::2]
    order = [units[name]["total_score"] for name in found if name.startswith("manager/")]
    assert order == sorted(order, reverse=True)


@IN_CHINESE
def test_every_score_opens_to_what_made_it(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "districts/D01/scorecard"))
    found = page.evaluate(SCORECARDS)
    for unit, kpis in of_district(edition, "D01").items():
        for kpi, row in kpis.items():
            facts = " ".join(found[unit][kpi]["facts"].values())
            assert f"mart_{unit.split('/')[0]}_scorecard" in facts and MONTH in facts, (unit, kpi)
            if row["state"] == "scored":
                counts = [f"{row[name]:,}" for name in ("case_count", "event_count")]
                shares = [per_cent(row[name]) for name in ("value", "ci_low", "ci_high", "target", "floor")]
                scores = [points(row[name]) for name in ("score", "score_low", "score_high", "weight", "points")]
                assert not [figure for figure in (*counts, *shares, *scores) if figure not in facts], (unit, kpi)


def test_what_would_gain_a_point_and_what_is_left_out_is_told_before_anything_is_opened(
    page: sync_api.Page, edition: Edition
) -> None:
    page.goto(address(edition, "districts/D01/scorecard"))
    found = page.evaluate(SCORECARDS)["district/D01"]
    rows = of_district(edition, "D01")["district/D01"]
    is_chinese = edition.settings.language == "zh"
    fewer = f"{rows['net_churn']['events_to_next_point']:,}"
    sentence = f"再少 {fewer} 户离网，总分可增加 1 分" if is_chinese else f"{fewer} fewer leavers would add 1 point"
    assert sentence in found["net_churn"]["hint"]
    assert ("要等 3 个月" if is_chinese else "need 3 months") in found["list_effect"]["hint"]
    assert ("缺少离网调查数据" if is_chinese else "no data on crm exit surveys") in found["reason_known"]["hint"]
    assert ("15.0" in found["list_effect"]["hint"]) and ("2.0" in found["reason_known"]["hint"])


def test_a_district_of_three_subscribers_gets_no_score_and_no_place(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "districts/D09/scorecard"))
    assert page.locator(".total-value").inner_text() == "—"
    figures = {cell for line in page.evaluate(SCORECARDS)["district/D09"].values() for cell in line["cells"]}
    assert figures == {"—"}
    none = {"zh": "本月不参加排名。", "en": "Not ranked this month."}
    assert none[edition.settings.language] in page.locator(".scores").inner_text()


def test_districts_that_do_not_really_differ_share_a_place_and_are_told_so(
    page: sync_api.Page, edition: Edition
) -> None:
    rows = {code: next(iter(unit.values())) for code, unit in marts(edition, "district").items()}
    tied = [code for code, row in rows.items() if row["total_score"] and not row["is_distinguishable"]]
    assert tied == ["D02", "D03"]
    page.goto(address(edition, "districts/D02/scorecard"))
    said = {"zh": "与其他区县无显著差异", "en": "Not distinguishable from the other districts"}
    assert said[edition.settings.language] in page.locator(".verdict").first.inner_text()
    panel = page.locator("section.panel[aria-labelledby=section-standing-district]")
    assert panel.locator("svg polyline.bracket").count() == 1
    assert panel.locator("svg circle").count() == len(tied)
    assert panel.locator("svg .figure.end").all_text_contents() == sorted(
        (points(row["total_score"]) for row in rows.values() if row["total_score"]), key=float, reverse=True
    )


@IN_CHINESE
def test_a_link_of_the_index_opens_the_scorecard_that_it_leads_to(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "districts/D01/scorecard"))
    scorecard = page.locator("table.kpis[data-unit='manager/M01001']")
    assert not scorecard.is_visible()
    page.locator("table.index a", has_text="经理001").first.click()
    assert scorecard.is_visible()


@IN_CHINESE
def test_scores_open_by_keyboard(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "districts/D01/scorecard"))
    summary = page.locator("table.kpis[data-unit='district/D01'] summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("table.kpis[data-unit='district/D01'] dl").first.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@IN_CHINESE
def test_a_district_with_a_hundred_managers_has_a_page_of_sensible_size(edition: Edition) -> None:
    assert (edition.folder / "districts" / "D01" / "scorecard.html").stat().st_size < LARGEST_PAGE


@IN_CHINESE
def test_the_comparison_has_every_districts_total_and_score_of_its_mart(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "network/comparison"))
    tables, drawn = page.evaluate(TABLES), page.evaluate(DRAWN)
    districts = marts(edition, "district")
    totals = {row[0]: row[1:5] for row in tables["standing-district"]}
    for unit in districts.values():
        row = next(iter(unit.values()))
        has_total = row["total_score"] is not None
        known = [points(row[f"total_score{end}"] if has_total else None) for end in ("", "_low", "_high")]
        assert totals[row["unit_name"]] == [*known, place(row)]
    scored = {kpi for unit in districts.values() for kpi, row in unit.items() if row["state"] == "scored"}
    assert {key for key in tables if key.startswith("kpi-")} == {f"kpi-{kpi}" for kpi in scored}
    for kpi in scored:
        rows = {unit[kpi]["unit_name"]: unit[kpi] for unit in districts.values()}
        for name, score, value, low, high, target, *_ in tables[f"kpi-{kpi}"]:
            row = rows[name] if rows[name]["state"] == "scored" else dict.fromkeys(rows[name])
            shares = [per_cent(row[column]) for column in ("value", "ci_low", "ci_high", "target")]
            assert [score, value, low, high, target] == [points(row["score"]), *shares], (kpi, name)
        assert sorted(drawn[f"kpi-{kpi}"]) == sorted(points(row["score"]) for row in rows.values())


@IN_CHINESE
def test_the_comparison_names_who_clearly_differs_and_counts_who_does_not(
    page: sync_api.Page, edition: Edition
) -> None:
    page.goto(address(edition, "network/comparison"))
    tables = page.evaluate(TABLES)
    for unit_type in ("manager", "dealer"):
        rows = [next(iter(unit.values())) for unit in marts(edition, unit_type).values()]
        expected: dict[str, set[tuple[str, str]]] = {"above": set(), "below": set(), "tied": set()}
        for row in rows:
            is_above = row["total_score"] and row["total_score"] > row["median_total_score"]
            key = ("above" if is_above else "below") if row["is_distinguishable"] else "tied"
            expected[key].add((row["unit_name"], points(row["total_score"])))
        found = {key: {(row[0], row[2]) for row in tables.get(f"{unit_type}-{key}", ())} for key in expected}
        assert found == expected


def test_signs_of_gaming_are_the_marts_and_only_the_branch_sees_them(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "network/comparison"))
    raised = page.evaluate(TABLES)["signs-raised"]
    assert [row[0] for row in raised] == ["简阳", "经理001"]
    assert raised[0][3:8] == [per_cent(310 / 900), "12.00%", "310", "900", "9.4"]
    judged = {row[0]: row[1:4] for row in page.evaluate(TABLES)["signs-looked_for"]}
    assert sorted(judged.values()) == [["0", "0", "0"]] * 3 + [["0", "0", "1"], ["1", "1", "0"], ["2", "1", "0"]]
    shown = "数据疑点" if edition.settings.language == "zh" else "Signs of gaming"
    assert shown in page.content()
    for file in (edition.folder / "districts").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert shown not in text and raised[0][2] not in text and "comparison.html" not in text, file.parent.name


@pytest.mark.parametrize("name", ["districts/D02/scorecard", *PAGES[1:]])
def test_axe_finds_nothing_serious(page: sync_api.Page, edition: Edition, name: str) -> None:
    page.goto(address(edition, name))
    page.evaluate(OPEN)
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (each["id"], each["impact"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways_no_label_leaves_its_plot_and_text_stands_out(
    page: sync_api.Page, edition: Edition, name: str
) -> None:
    page.goto(address(edition, name))
    page.evaluate(OPEN)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(CONTRAST) == []


@IN_CHINESE
@pytest.mark.parametrize("name", PAGES)
def test_the_page_asks_nobody_for_anything(page: sync_api.Page, edition: Edition, name: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address(edition, name))
    assert asked == [address(edition, name)]


@IN_CHINESE
def test_paper_has_the_index_and_leaves_out_what_is_closed(page: sync_api.Page, edition: Edition) -> None:
    page.goto(address(edition, "districts/D01/scorecard"))
    page.emulate_media(media="print")
    assert page.locator("table.index").first.is_visible()
    assert not page.locator("details.units").first.is_visible()
    assert page.locator("table.kpis[data-unit='district/D01'] summary").first.is_visible()
