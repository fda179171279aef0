"""The scorecard's page in a browser: on a desk, on a phone and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.lib import months
from dagster_project.lib.exports.edition import Edition
from dagster_project.lib.exports.lists import write_list
from dagster_project.lib.exports.scorecards import write_scorecards
from tests.browsing import BROWSER, CONTRAST, OUTSIDE
from tests.editions import catalog, settings, stage_month

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")]

UNITS = ("network", "districts/D01", "districts/D09")


@pytest.fixture(scope="module", params=["zh", "en"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp(f"pages-{request.param}")
    history: dict[str, Path] = {}
    rows = [{"district_code": "D01", "arpu3_amount": 88}] * 3
    for month in months.between("2010-10", "2011-10"):
        edition = Edition(settings(home, request.param), catalog(), month, "aaaaaaaaaaaa", dict(history))
        stage_month(edition, rows, without=("crm_complaints",))
        history[month] = edition.folder
    for export in edition.catalog.of_kind("list"):
        write_list(edition, export)
    write_scorecards(edition, edition.catalog.export("scorecard"))
    return edition.folder


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("width", [1440, 800, 390])
def test_nothing_scrolls_sideways_but_tables(page: sync_api.Page, folder: Path, unit: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((folder / unit / "scorecard.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("unit", UNITS)
def test_the_page_asks_nobody_for_anything_and_reports_no_error(page: sync_api.Page, folder: Path, unit: str) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.goto((folder / unit / "scorecard.html").as_uri())
    assert asked == [(folder / unit / "scorecard.html").as_uri()]
    assert errors == []


@pytest.mark.parametrize("unit", UNITS)
def test_text_stands_out_from_its_ground(page: sync_api.Page, folder: Path, unit: str) -> None:
    page.goto((folder / unit / "scorecard.html").as_uri())
    assert page.evaluate(CONTRAST) == []


def test_the_first_screen_of_a_desk_answers_how_what_and_why(page: sync_api.Page, folder: Path) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto((folder / "districts" / "D01" / "scorecard.html").as_uri())
    tops = [page.locator(f"#{name}").bounding_box()["y"] for name in ("how", "what", "why")]
    assert tops[0] < tops[1] <= tops[2] < 900


def test_every_list_can_be_opened_from_the_page(page: sync_api.Page, folder: Path) -> None:
    page.goto((folder / "districts" / "D01" / "scorecard.html").as_uri())
    links = page.eval_on_selector_all(".lists a", "links => links.map(link => link.getAttribute('href'))")
    assert links
    assert all((folder / "districts" / "D01" / link).is_file() for link in links)


def test_no_label_leaves_its_plot(page: sync_api.Page, folder: Path) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto((folder / "network" / "scorecard.html").as_uri())
    assert page.evaluate(OUTSIDE) == []


def test_paper_gets_plain_pages_with_links_spelled_out(page: sync_api.Page, folder: Path) -> None:
    page.goto((folder / "districts" / "D01" / "scorecard.html").as_uri())
    page.emulate_media(media="print")
    shown = page.evaluate("getComputedStyle(document.querySelector('.lists a'), '::after').content")
    assert "href" in shown or ".xlsx" in shown
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_every_table_fits_on_paper(page: sync_api.Page, folder: Path) -> None:
    """A4 without its margins is 186 mm wide, at 96 dots an inch."""
    page.set_viewport_size({"width": 703, "height": 1000})
    page.emulate_media(media="print")
    page.goto((folder / "network" / "scorecard.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    widths = page.eval_on_selector_all("table", "tables => tables.map(table => table.scrollWidth)")
    assert widths
    assert max(widths) <= 703
