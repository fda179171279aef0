"""The branch's pages in a browser: wide and narrow, in both languages, by keyboard, and as axe sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dagster_project.portal.models import Account, AuditEntry
from tests.browsing import BROWSER, CONTRAST, FLAGS
from tests.portal.conftest import PASSWORD

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BROWSER is None, reason="needs chromium"),
]

_WIDTHS = {"zh-CN": 1440, "en-US": 390}


@pytest.fixture
def pages(live_server: Any, people: dict[str, Account], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """A wide page in Chinese and a narrow one in English, on which the branch signed in."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        opened = []
        for locale, width in _WIDTHS.items():
            context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
            page = context.new_page()
            page.goto(f"{live_server.url}/sign-in/")
            page.fill("#id_username", "branch")
            page.fill("#id_password", PASSWORD)
            page.click("button.primary")
            if locale.startswith("en"):
                page.get_by_role("button", name="English").click()
            opened.append(page)
        yield opened
        browser.close()


def test_the_branchs_pages_read_well_at_both_widths_and_in_both_languages(live_server: Any, pages: list[Any]) -> None:
    for page, words in zip(pages, ("工单下载与回收", "Work orders fetched and returned"), strict=True):
        refused: list[str] = []
        page.on("console", lambda message, refused=refused: refused.append(message.text))
        for path in ("/compare/", "/history/2011-10/", "/audit/"):
            page.goto(f"{live_server.url}{path}")
            for folded in page.query_selector_all("details"):
                folded.evaluate("element => { element.open = true }")
            found = axe.Axe().run(page).response["violations"]
            assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == [], path
            assert page.evaluate(CONTRAST) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert refused == []
        page.goto(f"{live_server.url}/compare/")
        assert page.get_by_role("heading", name=words).is_visible()


def test_a_month_is_chosen_and_the_log_is_searched_by_keyboard(live_server: Any, pages: list[Any]) -> None:
    AuditEntry.objects.create(action="downloaded", username="yanjiang", path="districts/D01/warning.csv", rows=108)
    page = pages[0]
    page.goto(f"{live_server.url}/compare/")
    page.focus("#month")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare/?month=2011-09")
    assert "2011 年 9 月" in page.inner_text("h1")
    page.goto(f"{live_server.url}/audit/")
    page.fill("#id_username", "yanjiang")
    page.keyboard.press("Enter")
    page.wait_for_url("**username=yanjiang**")
    page.focus("summary")
    page.keyboard.press("Enter")
    assert "108" in page.inner_text("table dl")
    with page.expect_download() as download:
        page.click("text=导出 CSV")
    assert "districts/D01/warning.csv" in download.value.path().read_text(encoding="utf-8-sig")
