"""What an office reads: where it begins, its month, versions, published files, the dictionary, how far data reaches."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings as SiteSettings
from python_calamine import CalamineWorkbook

from dagster_project import portal
from dagster_project.lib.wording import text
from dagster_project.portal.models import Account
from tests.editions import settings as settings_of
from tests.portal.published import CORRECTED, MONTHS, SUPERSEDED, subscriber

pytestmark = pytest.mark.django_db

NEWEST = MONTHS[-1]
BASE = f"/publications/{NEWEST}/{CORRECTED}"
_SAID = re.compile(r"""{% say ["']([\w.]+)["']""")
SignedIn = Callable[[str], Client]
_SIZES = {"D01": 120, "D02": 30, "D03": 8, "D09": 2}
"""Warned subscribers by district, as the published branch has them; in 2011-09 from number 10, in 2011-10 from 23."""


def content(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


@pytest.mark.parametrize(
    ("person", "beginning"),
    [
        ("branch", f"{BASE}/units/network/"),
        ("district", f"{BASE}/units/D01/"),
        ("manager", f"{BASE}/units/D01/lists/work_order/"),
        ("auditor", "/audit/"),
    ],
)
def test_everybody_begins_with_what_is_theirs_in_the_newest_month(
    signed_in: SignedIn, person: str, beginning: str
) -> None:
    assert signed_in(person).get("/").headers["Location"] == beginning


@pytest.mark.parametrize(
    ("asked", "beginning"),
    [
        ("?month=2011-08&unit=D02", f"/publications/2011-08/{0:012x}/units/D02/"),
        ("?month=2011-09&unit=D02&list=warning", f"/publications/2011-09/{1:012x}/units/D02/lists/warning/"),
        ("?month=1999-01&unit=D77&list=nothing", f"{BASE}/units/network/"),
        ("?month=%00&unit=../D01&list=..", f"{BASE}/units/network/"),
    ],
)
def test_the_switch_leads_to_the_version_that_holds_and_nonsense_to_the_beginning(
    signed_in: SignedIn, asked: str, beginning: str
) -> None:
    assert signed_in("branch").get(f"/{asked}").headers["Location"] == beginning


def test_a_district_is_not_led_to_another_one(signed_in: SignedIn) -> None:
    assert signed_in("district").get("/?unit=D02").headers["Location"] == f"{BASE}/units/D01/"


def test_an_account_without_anything_in_the_month_is_told_so(open_account: Callable[..., Account]) -> None:
    client = Client()
    client.force_login(
        open_account("far", "district", districts=["D77"]), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert "2011 年 10 月没有属于您的区县或工单的数据" in content(client, "/")


def test_a_site_without_publications_says_so(signed_in: SignedIn, settings: SiteSettings, tmp_path: Path) -> None:
    settings.RETENTION = settings_of(tmp_path / "empty")
    client = signed_in("branch")
    for address in ("/", "/status/"):
        assert "还没有发布任何月份的数据" in content(client, address)
    assert "还没有发布数据字典" in content(client, "/dictionary/")
    assert client.get("/dictionary/file/").status_code == 404


def test_a_unit_page_says_what_its_summary_says(signed_in: SignedIn, published_home: Path) -> None:
    folder = published_home / "published" / NEWEST / CORRECTED / "districts" / "D02"
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["languages"]["zh"]
    page = content(signed_in("branch"), f"{BASE}/units/D02/")
    for headline in summary["headlines"]:
        assert headline["name"] in page and headline["shown"] in page and headline["spark"] in page
        assert all(change["words"] in page for change in headline["changes"])
    for sentence in summary["sentences"]:
        assert sentence in page
    for line in summary["lists"]:
        assert f">{line['title']}</a><strong>{line['shown']}</strong>" in page and line["worth"] in page
    assert summary["score"]["total"] in page and summary["score"]["place"] in page


@pytest.mark.parametrize("code", _SIZES)
def test_new_are_those_of_the_unit_who_were_not_on_its_list_last_month(signed_in: SignedIn, code: str) -> None:
    size = _SIZES[code]
    now = {subscriber(code, index) for index in range(23, 23 + size) if index % 10 != 9}
    before = {subscriber(code, index) for index in range(10, 10 + size) if index % 10 != 9}
    page = content(signed_in("branch"), f"{BASE}/units/{code}/")
    line = page[page.index("lists/warning/") :]
    assert f"比上月新增 {len(now - before)} 户" in line[: line.index("</li>")]


def test_the_first_month_has_no_list_to_compare_with(signed_in: SignedIn) -> None:
    page = content(signed_in("district"), f"/publications/2011-08/{0:012x}/units/D01/")
    assert "无上月清单可比" in page and "比上月新增" not in page


def test_a_unit_without_subscribers_has_words_and_no_orders_to_open(signed_in: SignedIn) -> None:
    page = content(signed_in("branch"), f"{BASE}/units/D04/")
    assert "本月没有需要处理的清单" in page and "打开工单" not in page
    assert "本月无此类用户" in content(signed_in("branch"), f"{BASE}/units/D04/lists/warning/")


def test_a_superseded_version_says_so_and_leads_to_the_one_that_holds(signed_in: SignedIn) -> None:
    client = signed_in("district")
    old = content(client, f"/publications/{NEWEST}/{SUPERSEDED}/units/D01/")
    assert "已被取代的旧版本" in old and f"/?month={NEWEST}&amp;unit=D01" in old
    assert client.get(f"/?month={NEWEST}&unit=D01").headers["Location"] == f"{BASE}/units/D01/"
    new = content(client, f"{BASE}/units/D01/")
    assert "已被取代的旧版本" not in new and f"/publications/{NEWEST}/{SUPERSEDED}/units/D01/" in new


def test_an_older_version_without_a_summary_leads_to_its_scorecard(
    signed_in: SignedIn, site: SiteSettings, published_home: Path, tmp_path: Path
) -> None:
    folder = _copied(published_home, tmp_path / "older", site)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = {path: entry for path, entry in manifest["files"].items() if not path.endswith("summary.json")}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    page = content(signed_in("district"), f"{BASE}/units/D01/")
    assert "没有摘要" in page and f"{BASE}/files/districts/D01/scorecard.html" in page
    assert ">离网预警</a><strong>108 户</strong>" in page


def test_a_list_that_was_not_computed_last_month_has_nobody_new(
    signed_in: SignedIn, site: SiteSettings, published_home: Path, tmp_path: Path
) -> None:
    folder = _copied(published_home, tmp_path / "older", site, month="2011-09", publication_id=f"{1:012x}")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["exports"]["list_silent"] = {"rows": None, "district_rows": {"D01": None}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    client = signed_in("branch")
    assert "无上月清单可比" in content(client, f"{BASE}/units/D01/lists/silent/")
    assert "比上月新增 12 户" in content(client, f"{BASE}/units/D01/lists/warning/")
    assert "缺少所需数据" in content(client, f"/publications/2011-09/{1:012x}/units/D01/lists/silent/")


@pytest.mark.parametrize(
    ("path", "is_page"),
    [("districts/D01/scorecard.html", True), ("districts/D01/scorecard.xlsx", False)],
)
def test_a_file_without_personal_data_is_handed_out_as_it_was_published(
    signed_in: SignedIn, published_home: Path, path: str, is_page: bool
) -> None:
    published = (published_home / "published" / NEWEST / CORRECTED / path).read_bytes()
    client = signed_in("district")
    answer = client.get(f"{BASE}/files/{path}")
    assert b"".join(answer.streaming_content) == published
    assert answer.headers["Content-Disposition"].startswith("inline" if is_page else "attachment")
    assert client.head(f"{BASE}/files/{path}").status_code == 200


def test_a_published_page_runs_no_script_and_loads_nothing(signed_in: SignedIn) -> None:
    answer = signed_in("branch").get(f"{BASE}/files/network/comparison.html")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert policy["style-src"] == "'unsafe-inline'" and "script-src" not in policy


@pytest.mark.parametrize("name", ["warning.xlsx", "warning.csv", "work_order.xlsx"])
def test_a_link_of_the_scorecard_to_a_list_leads_to_its_page(signed_in: SignedIn, name: str) -> None:
    answer = signed_in("district").get(f"{BASE}/files/districts/D01/{name}")
    assert answer.headers["Location"] == f"{BASE}/units/D01/lists/{name.partition('.')[0]}/"


@pytest.mark.parametrize(
    "path",
    [
        "districts/D02/scorecard.html",
        "districts/D01/summary.json",
        "network/comparison.html",
        "manifest.json",
        "marts/mart_churn_trend.parquet",
        "restricted/mart_work_lists.parquet",
        "districts/D01/../D02/scorecard.html",
        "districts/D01/%2e%2e/D02/scorecard.html",
        "/etc/passwd",
    ],
)
def test_a_district_gets_no_other_file(signed_in: SignedIn, path: str) -> None:
    assert signed_in("district").get(f"{BASE}/files/{path}").status_code == 404


@pytest.mark.parametrize("person", ["branch", "district", "manager", "auditor"])
def test_everybody_reads_and_downloads_the_dictionary(signed_in: SignedIn, published_home: Path, person: str) -> None:
    path = published_home / "published" / NEWEST / CORRECTED / "network" / "data_dictionary.xlsx"
    columns = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(1).to_python()[2:]
    client = signed_in(person)
    page = content(client, "/dictionary/?sheet=1")
    assert f"{len(columns)}</span>" in page and columns[0][1] in page and "第 1 页" in page
    assert b"".join(client.get("/dictionary/file/").streaming_content) == path.read_bytes()


def test_the_dictionary_is_searched_in_all_its_parts(signed_in: SignedIn, published_home: Path) -> None:
    path = published_home / "published" / NEWEST / CORRECTED / "network" / "data_dictionary.xlsx"
    book = CalamineWorkbook.from_path(str(path))
    page = content(signed_in("district"), "/dictionary/?q=Churn_Rate&page=999&sheet=77")
    for index, name in enumerate(book.sheet_names[:-1]):
        rows = book.get_sheet_by_index(index).to_python()[2:]
        count = sum(any("churn_rate" in cell.lower() for cell in row) for row in rows)
        assert f'{name}</span> <span class="note">{count}</span>' in page
    assert "没有找到“zzzz”" in content(signed_in("district"), "/dictionary/?q=zzzz")


def test_the_status_says_how_far_the_data_reaches_and_what_was_not_delivered(
    signed_in: SignedIn, site: SiteSettings, published_home: Path, tmp_path: Path
) -> None:
    client = signed_in("auditor")
    page = content(client, "/status/")
    assert "数据已更新至 2011-10" in page and "本月所需数据齐全" in page and "数据已晚" not in page
    folder = _copied(published_home, tmp_path / "older", site)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["not_available"] = ["billing_usage"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    long_ago = time.time() - 40 * 24 * 3600
    for path in folder.parent.parent.glob("*/*/manifest.json"):
        os.utime(path, (long_ago, long_ago))
    page = content(client, "/status/")
    assert "40 天前" in page and "数据已晚" in page and "本月缺少：" in page and "本月所需数据齐全" not in page


def test_errors_have_words_in_both_languages(signed_in: SignedIn) -> None:
    client = signed_in("district")
    missing, forbidden = client.get("/nowhere/"), client.get(f"{BASE}/units/D02/")
    assert (missing.status_code, forbidden.status_code) == (404, 404)
    assert all("没有找到该页面" in page.content.decode() for page in (missing, forbidden))
    client.post("/language/", {"language": "en", "next": "/"})
    assert "This page was not found" in client.get("/nowhere/").content.decode()
    strict = Client(enforce_csrf_checks=True)
    refused = strict.post("/language/", {"language": "en"})
    assert refused.status_code == 403 and "页面已失效" in refused.content.decode()


def test_a_fault_is_told_without_its_cause(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("district")
    client.raise_request_exception = False

    def broken(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr("dagster_project.portal.views.reference.published_at", broken)
    answer = client.get("/status/")
    assert answer.status_code == 500 and "系统出错" in answer.content.decode()
    assert "the cause" not in answer.content.decode()


def _copied(
    home: Path, target: Path, site: SiteSettings, *, month: str = NEWEST, publication_id: str = CORRECTED
) -> Path:
    """Let the site read a copy of the published branch, in which a test may change manifests; one folder of it."""
    for path in (home / "published").rglob("*"):
        inside = target / "published" / path.relative_to(home / "published")
        inside.parent.mkdir(parents=True, exist_ok=True)
        if path.name in ("manifest.json", "current.json"):
            inside.write_bytes(path.read_bytes())
        elif path.is_file():
            inside.hardlink_to(path)
    site.RETENTION = settings_of(target)
    return target / "published" / month / publication_id


def test_every_word_of_the_templates_is_in_the_catalogue_in_both_languages() -> None:
    templates = Path(portal.__file__).parent / "templates"
    said = {key for file in templates.rglob("*.html") for key in _SAID.findall(file.read_text(encoding="utf-8"))}
    for key in said:
        assert text(f"portal_{key}", "zh") and text(f"portal_{key}", "en"), key
    assert len(said) > 50
