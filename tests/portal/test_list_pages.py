"""A list on the screen: the published rows and no others, masked, found by search, and those of others never."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from tests.portal.published import CORRECTED, MONTHS, phone, subscriber

pytestmark = pytest.mark.django_db

BASE = f"/publications/{MONTHS[-1]}/{CORRECTED}"
COLUMNS = ("原因", "预警级别", "客户经理", "建议措施", "月度关怀上限", "挽留总上限", "套餐", "价值等级")
SHAPES = {"红色": "▲ 红色", "橙色": "◆ 橙色", "黄色": "● 黄色"}
SignedIn = Callable[[str], Client]
_ROW = re.compile(r"<tr>\s*<th scope=\"row\">(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def shown_rows(client: Client, address: str, query: str = "") -> list[tuple[str, ...]]:
    """Phone and id, then the other cells, of all pages."""
    found: list[tuple[str, ...]] = []
    for number in range(1, 99):
        page = client.get(f"{address}?page={number}{query}").content.decode()
        for row in _ROW.findall(page):
            head = re.search(r'class="phone">(.*?)<.*class="id">(.*?)<', row, re.DOTALL)
            assert head is not None
            cells = (html.unescape(_TAG.sub("", cell)).strip() for cell in _CELL.findall(row))
            found.append((*head.groups(), *cells))
        if 'rel="next"' not in page:
            return found
    raise AssertionError("the pages do not end")


def published_rows(home: Path, unit: str, list_type: str) -> list[tuple[str, ...]]:
    """The same cells of the published file; the phone masked by the rule of the lists."""
    path = home / "published" / MONTHS[-1] / CORRECTED / unit / f"{list_type}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        number = row["手机号码"]
        cells = [SHAPES.get(row[name], row[name]) or "—" for name in COLUMNS]
        found.append((f"{number[:3]}****{number[-4:]}", row["用户编号"], *cells))
    return found


@pytest.mark.parametrize("list_type", ["warning", "silent", "work_order"])
@pytest.mark.parametrize("code", ["D01", "D03", "D09"])
def test_the_pages_of_a_list_hold_the_rows_of_the_published_file_in_its_order(
    signed_in: SignedIn, published_home: Path, code: str, list_type: str
) -> None:
    published = published_rows(published_home, f"districts/{code}", list_type)
    assert published and shown_rows(signed_in("branch"), f"{BASE}/units/{code}/lists/{list_type}/") == published


def test_the_branch_has_the_rows_of_all_districts_and_says_whose_they_are(
    signed_in: SignedIn, published_home: Path
) -> None:
    shown = shown_rows(signed_in("branch"), f"{BASE}/units/network/lists/warning/")
    assert [row[:4] + row[5:] for row in shown] == published_rows(published_home, "network", "warning")
    assert {row[1][:3]: row[4] for row in shown} == {"D01": "雁江", "D02": "安岳", "D03": "乐至", "D09": "三户村"}


@pytest.mark.parametrize("person", ["branch", "district", "manager"])
def test_no_page_has_a_whole_phone_number(signed_in: SignedIn, person: str) -> None:
    client = signed_in(person)
    for number in ("1", "2"):
        page = client.get(f"{BASE}/units/D01/lists/work_order/?page={number}").content.decode()
        assert "139****" in page and not re.search(r"139\d{8}", page)


def test_an_account_manager_sees_the_own_rows_only(signed_in: SignedIn, published_home: Path) -> None:
    own = [row for row in published_rows(published_home, "districts/D01", "work_order") if row[4] == "雁江一号"]
    client = signed_in("manager")
    address = f"{BASE}/units/D01/lists/work_order/"
    assert shown_rows(client, address) == own and 0 < len(own) < 96
    assert f"<strong>{len(own)} 户</strong>" in client.get(address).content.decode()
    assert shown_rows(client, address, "&q=雁江二号") == []
    assert client.get(f"{BASE}/units/D01/lists/warning/").status_code == 404


def test_a_row_that_was_not_there_last_month_is_called_new(signed_in: SignedIn) -> None:
    client = signed_in("branch")
    address = f"{BASE}/units/D01/lists/warning/"
    pages = "".join(client.get(f"{address}?page={number}").content.decode() for number in (1, 2, 3))
    new = {re.search(r'class="id">(.*?)<', row)[1] for row in _ROW.findall(pages) if 'class="new"' in row}
    # in 2011-09 the district had numbers 10 to 129, in 2011-10 it has 23 to 142; every tenth is held out
    assert new == {subscriber("D01", index) for index in range(130, 143) if index % 10 != 9}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (subscriber("D01", 42), [42]),
        (subscriber("D01", 42).lower(), [42]),
        (phone("D01", 44), [44]),
        (f"{phone('D01', 44)[:3]}-{phone('D01', 44)[3:7]} {phone('D01', 44)[7:]}", [44]),
        (phone("D01", 45)[-4:], [45]),
        (phone("D01", 45)[:7], []),
        ("86.00 元降到", [60, 120]),
        ("雁江一号", [index for index in range(23, 143) if index % 2 == 0]),
        ("动感", [index for index in range(23, 143) if index % 2 == 1 and index % 10 != 9]),
        ("%", []),
        ("' or 1=1 --", []),
        ("\x00\x07", [index for index in range(23, 143) if index % 10 != 9]),
        ("x" * 5000, []),
    ],
)
def test_search_finds_by_subscriber_phone_manager_plan_and_reason(
    signed_in: SignedIn, words: str, found: list[int]
) -> None:
    from urllib.parse import quote

    rows = shown_rows(signed_in("district"), f"{BASE}/units/D01/lists/warning/", f"&q={quote(words)}")
    assert [row[1] for row in rows] == [subscriber("D01", index) for index in found]


def test_nobody_who_is_held_out_is_found(signed_in: SignedIn) -> None:
    page = signed_in("branch").get(f"{BASE}/units/D01/lists/warning/?q={subscriber('D01', 29)}").content.decode()
    assert "没有找到" in page and not _ROW.search(page)


@pytest.mark.parametrize(
    ("asked", "shown"), [("2", 2), ("999999999", 3), ("0", 1), ("-1", 1), ("1e3", 1), ("٣", 1), ("", 1), ("9" * 40, 1)]
)
def test_a_page_number_that_makes_no_sense_leads_to_a_page(signed_in: SignedIn, asked: str, shown: int) -> None:
    page = signed_in("district").get(f"{BASE}/units/D01/lists/warning/", {"page": asked}).content.decode()
    assert f"第 {shown} 页，共 3 页" in page


def test_a_list_is_read_in_english_too(signed_in: SignedIn) -> None:
    client = signed_in("district")
    client.post("/language/", {"language": "en", "next": "/"})
    page = client.get(f"{BASE}/units/D01/lists/warning/?q=fell from 63.00").content.decode()
    row = _ROW.search(page)
    assert row and all(
        words in row[0] for words in ("Fees fell from 63.00 to 21.00 yuan", "● yellow", "Fee discount", "low")
    )


@pytest.mark.parametrize("list_type", ["nothing", "Warning", "warning.csv", "..", "work_order%00"])
def test_a_list_that_is_not_there_is_not_found(signed_in: SignedIn, list_type: str) -> None:
    assert signed_in("branch").get(f"{BASE}/units/D01/lists/{list_type}/").status_code == 404


def test_copies_are_asked_for_where_the_site_makes_them(signed_in: SignedIn) -> None:
    address = f"{BASE}/units/D01/lists/work_order/"
    page = signed_in("district").get(address).content.decode()
    form = page[page.index(f'<form method="post" action="{address}copies/">') :]
    form = form[: form.index("</form>")]
    assert "csrfmiddlewaretoken" in form and form.count('name="format"') == 2
    assert 'value="xlsx">下载工单（Excel）' in form and 'value="csv"' in form
    assert '<a href="/returns/">' in page
