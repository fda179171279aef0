"""A list downloaded with a browser: the page begins the download, and the file carries its owner's mark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from openpyxl import load_workbook
from playwright.sync_api import Page, sync_playwright

from dagster_project.portal.models import Account, Copy
from tests.browsing import BROWSER, FLAGS
from tests.portal.published import CORRECTED

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """An empty page."""
    # playwright's loop runs in this thread, and Django takes that for asynchronous code
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        yield browser.new_page(accept_downloads=True, locale="zh-CN")
        browser.close()


def test_a_download_begins_by_itself_and_carries_its_owners_mark(
    page: Page, live_server: object, people: dict[str, Account], tmp_path: Path
) -> None:
    site = str(live_server)
    client = Client()
    client.force_login(people["district"], backend="django.contrib.auth.backends.ModelBackend")
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    page.goto(f"{site}/copies/")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
    address = f"{site}/publications/2011-10/{CORRECTED}/units/D01/lists/work_order/copies/"
    page.evaluate(_POSTED, [address, token])
    with page.expect_download() as begun:
        page.evaluate("document.querySelector('form#ask').submit()")
    assert begun.value.suggested_filename == "雁江_客户经理工单_2011-10_yanjiang.xlsx"
    begun.value.save_as(tmp_path / "list.xlsx")
    sheet = load_workbook(tmp_path / "list.xlsx").worksheets[0]
    assert " · 专供 yanjiang · " in str(sheet["A1"].value)
    assert str(sheet.oddHeader.left.text).startswith("专供 yanjiang · ")
    assert page.get_by_role("heading", level=1).inner_text() == "客户经理工单 · 雁江 · 2011-10"
    with page.expect_download() as again:
        page.get_by_role("link", name="下载文件").click()
    assert again.value.suggested_filename == begun.value.suggested_filename
    assert [entry.action for entry in Copy.objects.get().audit_entries.order_by("pk")] == [
        "copy_made",
        "downloaded",
        "downloaded",
    ]


_POSTED = """([address, token]) => {
  const form = document.createElement('form');
  Object.assign(form, {id: 'ask', method: 'post', action: address});
  for (const [name, value] of [['csrfmiddlewaretoken', token], ['format', 'xlsx']]) {
    form.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}));
  }
  document.body.append(form);
}"""
"""The form of a list's page, which is another part's."""
