"""The branch report: it says what the marts say, in the order of the argument, without personal data."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from tests.commandline import Branch

pytestmark = pytest.mark.slow

MONTH = "2011-03"
CHAPTERS = (
    *("trend", "years", "structure", "plans", "spend"),
    *("groups", "channels", "causes", "satisfaction", "value", "measures"),
)


class Page(HTMLParser):
    """Ids, links, sentences and notes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.notes: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given.get("href")))
        if tag == "li" and str(given.get("id", "")).startswith("note-"):
            self.notes.append("")
            self._inside = "note"

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.notes[-1] += data


@pytest.fixture(scope="module")
def folder(published: Branch) -> Path:
    return published.current[MONTH]


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "network" / "report.html").read_text(encoding="utf-8")


def per_cent(value: float) -> str:
    return f"{(Decimal(str(value)) * 100).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"


def test_the_chapters_stand_in_the_order_of_the_argument(html: str) -> None:
    chapters = [
        identifier.removeprefix("chapter-") for identifier in Page(html).ids if identifier.startswith("chapter-")
    ]
    assert tuple(chapters) == CHAPTERS


def test_every_statement_has_a_note_with_its_mart_month_and_definition(html: str, folder: Path) -> None:
    page = Page(html)
    statements = html.count('<p class="sentence">')
    assert statements >= 8
    assert len(page.notes) == statements
    published = {path.stem for path in folder.glob("*/*.parquet")}
    for note in page.notes:
        mart, month, definition = (part.strip() for part in note.split("·", 2))
        assert mart in published
        assert month == MONTH
        assert len(definition) > 10


def test_no_identifier_is_used_twice_and_every_link_has_its_target(html: str) -> None:
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


def test_the_first_sentence_has_the_figures_of_the_trend(html: str, published: Branch) -> None:
    ((churned, rate, ratio),) = published.rows(
        "select churned_count, churn_rate_opening, churn_to_new_ratio from"
        f" {published.series('mart_churn_trend')} where month = '{MONTH}' and scope_type = 'network'"
    )
    first, second = re.findall(r'<p class="sentence">(.*?)<sup>', html)[:2]
    assert str(churned) in first
    assert per_cent(rate) in first
    assert per_cent(ratio) in second


def test_the_page_needs_nothing_from_elsewhere_and_holds_no_phone_number(html: str) -> None:
    assert "<script" not in html
    assert not re.search(r"(src|href)=\"https?:", html)
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", html)


def test_the_workbook_has_the_findings_first_the_notes_last_and_a_sheet_for_every_table(
    folder: Path, html: str
) -> None:
    book = openpyxl.load_workbook(folder / "network" / "report.xlsx")
    assert book.sheetnames[-1] == "Notes"
    told = [str(row[1].value) for row in book.worksheets[0].iter_rows()]
    sentences = re.findall(r'<p class="sentence">(.*?)<sup>', html)
    assert [text.replace("&#39;", "'").replace("&amp;", "&") for text in sentences] == told[1:]
    assert len(book.sheetnames) == 2 + html.count('id="section-')
