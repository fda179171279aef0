"""A browser, and a new page in it for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browsing import BROWSER, FLAGS

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    opened = browser.new_page()
    yield opened
    opened.close()
