"""An office's way through the pages in a browser: month, search, language, phone width, and nothing in the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from pytest_django.live_server_helper import LiveServer

from dagster_project.portal.models import Account
from tests.browsing import BROWSER, CONTRAST, FLAGS
from tests.portal.conftest import PASSWORD
from tests.portal.published import CORRECTED, MONTHS, SUPERSEDED, subscriber

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]

UNIT = f"/publications/{MONTHS[-1]}/{CORRECTED}/units/D01/"
OLD_UNIT = f"/publications/{MONTHS[-1]}/{SUPERSEDED}/units/D09/"
PAGES = (UNIT, OLD_UNIT, f"{UNIT}lists/warning/", "/dictionary/?sheet=1", "/status/", "/nowhere/")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
OPEN = "() => document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    # Playwright's loop runs in this thread, and Django would take it for one of its own
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: sync_api.Browser, live_server: LiveServer) -> Iterator[sync_api.Page]:
    context = browser.new_context(base_url=live_server.url, locale="zh-CN", viewport=DESKTOP)
    opened = context.new_page()
    refused: list[str] = []
    opened.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    yield opened
    context.close()
    assert refused == []


def sign_in(page: sync_api.Page, username: str) -> None:
    page.goto("/sign-in/")
    page.fill("#id_username", username)
    page.fill("#id_password", PASSWORD)
    page.click("main button")


def serious(page: sync_api.Page) -> list[tuple[str, list[str]]]:
    page.evaluate(OPEN)
    found = axe.Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_an_office_changes_month_opens_its_orders_searches_and_changes_language(
    page: sync_api.Page, open_account: Callable[..., Account]
) -> None:
    open_account("yanjiang", "district", districts=["D01"])
    sign_in(page, "yanjiang")
    assert page.inner_text("h1") == "雁江 · 2011 年 10 月"
    page.select_option("#month", "2011-08")
    page.click("form.choose button")
    assert page.inner_text("h1") == "雁江 · 2011 年 8 月"
    page.get_by_role("link", name="首页").click()
    page.click("a.primary")
    assert page.inner_text("h1") == "客户经理工单 · 雁江 · 2011 年 10 月"
    page.fill("#q", subscriber("D01", 42))
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")
    rows = page.locator("table.listed tbody tr")
    assert rows.count() == 1 and subscriber("D01", 42) in rows.first.inner_text()
    assert "话费由 44.00 元降到 21.00 元" in rows.first.inner_text()
    page.get_by_role("button", name="English").click()
    assert "Fees fell from 44.00 to 21.00 yuan" in page.locator("table.listed tbody tr").inner_text()
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize(
    ("language", "size", "addresses"),
    [
        ("中文", DESKTOP, (UNIT,)),
        ("English", PHONE, (f"{UNIT}lists/warning/",)),
        pytest.param("中文", PHONE, PAGES, marks=pytest.mark.thorough),
        pytest.param("English", DESKTOP, PAGES, marks=pytest.mark.thorough),
    ],
)
def test_pages_fit_the_screen_and_axe_finds_nothing_serious(
    page: sync_api.Page,
    open_account: Callable[..., Account],
    language: str,
    size: sync_api.ViewportSize,
    addresses: tuple[str, ...],
) -> None:
    open_account("both", "district", districts=["D01", "D09"])
    page.set_viewport_size(size)
    page.goto("/sign-in/")
    if language == "English":
        page.get_by_role("button", name=language).click()
    assert serious(page) == []
    sign_in(page, "both")
    for address in addresses:
        page.goto(address)
        assert serious(page) == [], address
        assert page.evaluate(CONTRAST) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], address


def test_a_published_scorecard_keeps_its_looks_and_its_links_lead_to_the_lists(
    page: sync_api.Page, open_account: Callable[..., Account]
) -> None:
    open_account("yanjiang", "district", districts=["D01"])
    sign_in(page, "yanjiang")
    page.get_by_role("link", name="打开维系月报").click()
    assert page.evaluate("getComputedStyle(document.querySelector('.headlines')).display") == "grid"
    page.click("ul.lists a[href='warning.xlsx']")
    assert page.inner_text("h1") == "离网预警 · 雁江 · 2011 年 10 月"
