"""Handing a work order in with a browser: what is wrong is told, the mended one is accepted and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings as SiteSettings
from pytest_django.live_server_helper import LiveServer

from tests.browsing import BROWSER, CONTRAST, FLAGS
from tests.portal.filled import GOOD, filled, order_path

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BROWSER is None, reason="no browser"),
]


@pytest.fixture(autouse=True)
def quick_passwords(settings: SiteSettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def page(live_server: LiveServer, signed_in: Callable[[str], Client]) -> Iterator[sync_api.Page]:
    """The returns of district D01, on a phone, in Chinese."""
    session = signed_in("district").cookies["sessionid"].value
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        opened = context.new_page()
        opened.goto(f"{live_server.url}/returns/")
        yield opened
        browser.close()


def assert_sound(page: sync_api.Page) -> None:
    """No serious finding of axe, no weak contrast, and nothing wider than the phone."""
    found = axe.Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_errors_are_told_the_mended_workbook_is_accepted_and_taken_back(
    page: sync_api.Page, published_home: Path, tmp_path: Path
) -> None:
    source = order_path(published_home, "D01")
    for name, outcome in (("bad", "也许"), ("mended", "拒绝")):
        (tmp_path / f"{name}.xlsx").write_bytes(filled(source, [GOOD, {**GOOD, "接触结果": outcome}]))
    assert_sound(page)
    page.set_input_files("#workbook", tmp_path / "bad.xlsx")
    page.get_by_role("button", name="上传并检查").click()
    row = page.locator("table.problems tbody tr")
    assert row.inner_text().split("\t")[:2] == ["4", "接触结果"]
    assert "请填写：接受、拒绝、未接通。" in row.inner_text()
    assert_sound(page)
    page.set_input_files("#workbook", tmp_path / "mended.xlsx")
    page.get_by_role("button", name="上传并检查").click()
    page.get_by_role("button", name="接受 2 条").click()
    assert "已接受 2 条接触" in page.locator(".verdict").inner_text()
    page.get_by_role("button", name="English").click()
    assert "Contacts accepted: 2." in page.locator(".verdict").inner_text()
    assert_sound(page)
    page.get_by_role("button", name="Take 2 back").click()
    assert "Contacts taken back: 2." in page.locator(".verdict").inner_text()
    page.get_by_role("link", name="All returned orders").click()
    assert page.locator("ul.returned li").count() == 2
