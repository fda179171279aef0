"""The branch's page: districts side by side, and how each handles its work orders, counted apart from the code."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings as SiteSettings

from dagster_project.portal.models import Account, AuditEntry, ReturnedContact, ReturnedWorkbook
from tests.editions import settings as settings_of
from tests.portal.published import CORRECTED, MONTHS, SUPERSEDED, subscriber

pytestmark = pytest.mark.django_db

MONTH = MONTHS[-1]
NAMES = {"D01": "雁江", "D02": "安岳", "D03": "乐至", "D04": "简阳", "D09": "三户村"}


@pytest.fixture
def published(published_home: Path) -> Path:
    """The folder of the version that holds."""
    return published_home / "published" / MONTH / CORRECTED


@pytest.fixture
def begin(published_home: Path) -> dt.datetime:
    """When the month's first version appeared."""
    manifest = published_home / "published" / MONTH / SUPERSEDED / "manifest.json"
    return dt.datetime.fromtimestamp(manifest.stat().st_mtime, dt.UTC)


def downloaded(account: Account, path: str, at: dt.datetime, version: str = CORRECTED, month: str = MONTH) -> None:
    AuditEntry.objects.create(
        account=account,
        username=account.username,
        role=account.role,
        action="downloaded",
        month=month,
        publication_id=version,
        path=path,
        at=at,
    )


def returned(account: Account, subscribers: list[str], at: dt.datetime, state: str = "accepted", **fact: str) -> None:
    workbook = ReturnedWorkbook.objects.create(
        account=account, received_at=at, sha256="0" * 64, bytes=1, delivery_month="2011-11", state=state
    )
    for row, name in enumerate(subscribers, start=4):
        content = {"list_month": MONTH, "list_type": "warning", "subscriber_id": name, **fact}
        ReturnedContact.objects.create(
            workbook=workbook, row=row, contact_id=f"W{row:016x}", district_code=name[:3], content=content
        )


def rows_of(page: str, caption: str) -> dict[str, list[str]]:
    """The cells of the table with that caption, by the heading of their row."""
    table = next(part for part in page.split("<table")[1:] if caption in part.split("</caption>")[0])
    body = table.split("<tbody>")[1].split("</tbody>")[0]
    found = {}
    for row in body.split("<tr")[1:]:
        cells = [
            " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        ]
        found[cells[0]] = cells[1:]
    return found


def orders(published: Path, code: str) -> list[dict[str, str]]:
    """The rows of a district's published work order."""
    content = (published / "districts" / code / "work_order.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(content.splitlines()))


def test_figures_scores_and_lists_are_those_of_the_districts_own_summaries(
    signed_in: Callable[[str], Client], published: Path
) -> None:
    page = signed_in("branch").get("/compare/").content.decode()
    figures, lists = rows_of(page, "主要指标"), rows_of(page, "名单的用户数")
    rows = {
        name: entry["district_rows"]
        for name, entry in json.loads((published / "manifest.json").read_text(encoding="utf-8"))["exports"].items()
    }
    for position, (code, name) in enumerate((code, name) for name in figures for code in NAMES if NAMES[code] == name):
        path = published / "districts" / code / "summary.json"
        own = json.loads(path.read_text(encoding="utf-8"))["languages"]["zh"]
        cells = figures[name]
        assert own["score"]["verdict" if own["score"]["total"] == "—" else "place"] in cells[0]
        for cell, headline in zip(cells[1:], own["headlines"], strict=True):
            assert cell.startswith(headline["shown"])
            assert all(change["words"] in cell for change in headline["changes"] if change["shape"])
        for line in own["lists"]:
            assert lists[line["title"]][position] == str(rows[f"list_{line['list_type']}"][code])
    assert set(figures) == set(NAMES.values())
    assert page.count('<svg class="spark"') >= 20


def test_districts_are_ordered_by_total_score_and_those_without_one_come_last(
    signed_in: Callable[[str], Client], published: Path
) -> None:
    page = signed_in("branch").get("/compare/").content.decode()
    totals = [cells[0].split()[0] for cells in rows_of(page, "主要指标").values()]
    scored = [float(total) for total in totals if total != "—"]
    assert scored == sorted(scored, reverse=True)
    assert totals[: len(scored)] == [str(total) for total in scored]


def test_discipline_counts_what_districts_fetched_and_what_came_back(
    signed_in: Callable[[str], Client], people: dict[str, Account], published: Path, begin: dt.datetime
) -> None:
    later = begin + dt.timedelta(days=2)
    downloaded(people["district"], "districts/D01/work_order.xlsx", later)
    downloaded(people["district"], "districts/D01/work_order.csv", later + dt.timedelta(days=4))
    downloaded(people["manager"], "districts/D01/work_order.xlsx", later + dt.timedelta(days=1))
    downloaded(people["other_district"], "districts/D02/work_order.xlsx", begin, version=SUPERSEDED)
    downloaded(people["branch"], "districts/D03/work_order.xlsx", later)
    downloaded(people["branch"], "network/work_order.xlsx", later)
    planned = [row["用户编号"] for row in orders(published, "D01")]
    returned(people["district"], [*planned[:12], subscriber("D01", 99_999)], begin + dt.timedelta(days=9))
    returned(people["manager"], planned[:3], begin + dt.timedelta(days=7))
    returned(people["district"], planned[:30], later, state="checked")
    returned(people["district"], planned[30:40], later, state="undone")
    returned(people["district"], planned[40:50], later, list_month=MONTHS[0])

    page = signed_in("branch").get("/compare/").content.decode()
    rows = rows_of(page, "工单：下载与回收")
    first = f"{timezone.localtime(later):%Y-%m-%d %H:%M}"
    share = f"{12 / len(planned):.2%}"
    assert rows["雁江"] == [
        *(str(len(planned)), "● 已下载", f"2 天后 {first}", "2"),
        *("12 另有 1 户不在现行工单里", share, "7 天后"),
    ]
    assert rows["安岳"][:4] == ["24", "◐ 只下载了旧版", f"发布当天 {timezone.localtime(begin):%Y-%m-%d %H:%M}", "1"]
    assert rows["乐至"] == ["6", "○ 未下载", "—", "0", "0", "0.00%", "—"]
    assert rows["简阳"] == ["0", "本月无工单", "—", "0", "0", "—", "—"]
    assert "乐至、三户村还没有下载 2011 年 10 月的工单（共 7 户）" in page
    assert "安岳手里还是旧版工单" in page
    whole = sum(len(orders(published, code)) for code in NAMES)
    assert f"2011 年 10 月共有工单 {whole} 户，已回收 12 户（{12 / whole:.2%}）" in page


def test_discipline_of_account_managers_adds_up_to_their_district(
    signed_in: Callable[[str], Client], people: dict[str, Account], published: Path, begin: dt.datetime
) -> None:
    rows = orders(published, "D01")
    back = rows[:20]
    returned(people["district"], [row["用户编号"] for row in back], begin + dt.timedelta(days=1))
    downloaded(people["manager"], "districts/D01/work_order.xlsx", begin)
    page = signed_in("branch").get("/compare/").content.decode()
    managers = rows_of(page, "<caption>雁江")
    for name, cells in managers.items():
        own = [row for row in rows if row["客户经理"] == name]
        assert cells[0] == str(len(own))
        assert cells[4] == str(sum(1 for row in back if row["客户经理"] == name))
    assert set(managers) == {row["客户经理"] for row in rows}
    assert (managers["雁江一号"][1], managers["雁江二号"][1]) == ("● 已下载", "○ 未下载")
    assert list(rows_of(page, "<caption>乐至")) == ["未指定客户经理"]


def test_whether_all_or_none_fetched_is_said_in_one_sentence(
    signed_in: Callable[[str], Client], people: dict[str, Account], begin: dt.datetime
) -> None:
    client = signed_in("branch")
    assert "还没有一个区县下载 2011 年 10 月的工单。" in client.get("/compare/").content.decode()
    for code in NAMES:
        downloaded(people["district"], f"districts/{code}/work_order.csv", begin)
    assert "各区县都已下载 2011 年 10 月的工单。" in client.get("/compare/").content.decode()


def test_an_earlier_month_is_shown_on_demand_and_an_unknown_one_is_not_found(
    signed_in: Callable[[str], Client],
) -> None:
    client = signed_in("branch")
    assert "2011 年 8 月各区县比较" in client.get("/compare/?month=2011-08").content.decode()
    for month in ("2011-07", "nonsense", "../2011-08", "\x00"):
        assert client.get("/compare/", {"month": month}).status_code == 404


def test_the_page_is_for_the_branch_alone(signed_in: Callable[[str], Client], client: Client) -> None:
    assert signed_in("branch").get("/compare/").status_code == 200
    for name in ("district", "other_district", "manager", "auditor"):
        assert signed_in(name).get("/compare/").status_code == 404
    assert client.get("/compare/").headers["Location"] == "/sign-in/?next=/compare/"


def test_no_phone_number_and_no_subscriber_is_on_the_page(
    signed_in: Callable[[str], Client], people: dict[str, Account], published: Path, begin: dt.datetime
) -> None:
    rows = orders(published, "D01")
    returned(people["district"], [row["用户编号"] for row in rows[:5]], begin)
    page = signed_in("branch").get("/compare/").content.decode()
    assert not any(row["用户编号"] in page or row["手机号码"] in page for row in rows)


@pytest.mark.parametrize("entry", [None, {"rows": None, "district_rows": dict.fromkeys(NAMES)}])
def test_a_month_without_work_orders_and_summaries_says_so(
    signed_in: Callable[[str], Client],
    published: Path,
    site: SiteSettings,
    tmp_path: Path,
    entry: dict[str, object] | None,
) -> None:
    home = tmp_path / "bare"
    folder = home / "published" / MONTH / CORRECTED
    folder.mkdir(parents=True)
    manifest = json.loads((published / "manifest.json").read_text(encoding="utf-8"))
    manifest["exports"].pop("list_work_order")
    if entry:
        manifest["exports"]["list_work_order"] = entry
    manifest["files"] = {path: file for path, file in manifest["files"].items() if not path.endswith("summary.json")}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (home / "published" / "current.json").write_text(json.dumps({MONTH: f"{MONTH}/{CORRECTED}"}), encoding="utf-8")
    site.RETENTION = settings_of(home)
    page = signed_in("branch").get("/compare/").content.decode()
    assert "缺少数据，本月没有算出工单。" in page
    assert "这个月发布时还没有摘要" in page
    assert "<table" not in page


def test_before_the_first_publication_the_page_says_so(signed_in: Callable[[str], Client], tmp_path: Path) -> None:
    (tmp_path / "home" / "published").unlink()
    assert "还没有发布任何月份的数据" in signed_in("branch").get("/compare/").content.decode()
