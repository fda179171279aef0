"""Accounts in a browser: a second factor, being locked out, and the administration under the strict CSP."""

from __future__ import annotations

from base64 import b32decode
from collections.abc import Iterator

import pytest
from django_otp.oath import totp
from pytest_django.live_server_helper import LiveServer

from dagster_project.portal import accounts
from dagster_project.portal.models import Account
from tests.browsing import BROWSER, FLAGS
from tests.portal.conftest import PASSWORD

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
    pytest.mark.django_db(transaction=True),
]
_PHONE, _DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains of: what the CSP refused, scripts that failed."""
    return []


@pytest.fixture
def page(people: dict[str, Account], live_server: LiveServer, complaints: list[str]) -> Iterator[sync_api.Page]:
    chief = accounts.add("chief", PASSWORD, role="branch", is_administrator=True)
    chief.must_change_password = False
    chief.save()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        opened = browser.new_page(base_url=live_server.url, viewport=_PHONE, locale="zh-CN")
        opened.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()


def _is_complaint(said: sync_api.ConsoleMessage) -> bool:
    # Django's administration names no icon, so that the browser looks for one
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")


def _sign_in(page: sync_api.Page, name: str, password: str) -> None:
    page.goto("/sign-in/")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


def _code(page: sync_api.Page, steps: int) -> str:
    secret = page.locator(".secret").inner_text().replace(" ", "")
    return f"{totp(b32decode(secret + '=' * (-len(secret) % 8)), drift=steps):06d}"


def _require_good(page: sync_api.Page) -> None:
    found = axe.Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_second_factor_is_added_from_a_picture_and_opens_the_administration(
    page: sync_api.Page, complaints: list[str]
) -> None:
    page.goto("/sign-in/")
    _require_good(page)
    _sign_in(page, "chief", PASSWORD)
    page.goto("/second-factor/")
    _require_good(page)
    picture = page.get_by_role("img", name="绑定验证器的二维码").or_(page.locator("svg.qr"))
    assert picture.bounding_box()["width"] > 150
    assert page.locator("svg.qr path").evaluate("e => getComputedStyle(e).stroke") == "rgb(0, 0, 0)"
    code = _code(page, 0)
    page.get_by_label("验证码").fill(code)
    page.get_by_role("button", name="确认").click()
    assert "已启用" in page.get_by_role("status").inner_text()

    page.set_viewport_size(_DESK)
    page.goto("/admin/portal/account/add/")
    before = page.locator(".inline-related.dynamic-districts, tr.dynamic-districts").count()
    page.locator(".add-row a").click()
    assert page.locator("tr.dynamic-districts").count() == before + 1
    page.goto("/admin/portal/account/")
    page.get_by_role("link", name="yanjiang").click()
    assert page.locator("#id_username").input_value() == "yanjiang"
    assert complaints == []


def test_who_is_locked_out_reads_what_to_do_on_a_phone(page: sync_api.Page) -> None:
    for _ in range(5):
        _sign_in(page, "yanjiang", "wrong")
    assert "暂时锁定" in page.get_by_role("heading", level=1).inner_text()
    _require_good(page)
