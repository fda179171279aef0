"""Searching and exporting the audit log: what was asked for, all of it, and nothing else."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from dagster_project.portal.audit_search import SearchForm, search
from dagster_project.portal.models import AuditEntry

pytestmark = pytest.mark.django_db

_OFFICE = dt.timezone(dt.timedelta(hours=8))


def entry(**facts: object) -> AuditEntry:
    return AuditEntry.objects.create(**{"action": "signed_in", "username": "somebody", **facts})


@pytest.fixture
def entries(db: None) -> dict[str, AuditEntry]:
    """One entry that only the search for its name finds."""
    return {
        "username": entry(username="安岳-lemon"),
        "action": entry(action="locked_out"),
        "month": entry(month="2011-10"),
        "path": entry(path="districts/D02/work_order.xlsx", rows=24),
        "address": entry(address="10.1.2.3"),
        "day": entry(at=dt.datetime(2011, 11, 5, 23, 59, 59, tzinfo=_OFFICE)),
    }


def exported(client: Client, **asked: object) -> list[dict[str, str]]:
    content = b"".join(client.get("/audit/export/", asked).streaming_content)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines()))


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"username": "安岳-lemon"}, "username"),
        ({"action": "locked_out"}, "action"),
        ({"month": "2011-10"}, "month"),
        ({"path": "D02/work_order"}, "path"),
        ({"address": "10.1.2.3"}, "address"),
        ({"since": "2011-11-05", "until": "2011-11-05"}, "day"),
    ],
)
def test_each_field_finds_the_entry_that_it_asks_for(
    signed_in: Callable[[str], Client], entries: dict[str, AuditEntry], asked: dict[str, str], name: str
) -> None:
    page = signed_in("auditor").get("/audit/", asked).content.decode()
    assert page.count('<th scope="row">') == 1
    assert f"{timezone.localtime(entries[name].at):%Y-%m-%d %H:%M:%S}" in page
    assert "共 1 条记录" in page


def test_fields_narrow_each_other(signed_in: Callable[[str], Client], entries: dict[str, AuditEntry]) -> None:
    page = signed_in("auditor").get("/audit/", {"month": "2011-10", "action": "locked_out"}).content.decode()
    assert "没有符合条件的记录" in page


def test_a_day_is_the_offices_own(signed_in: Callable[[str], Client], entries: dict[str, AuditEntry]) -> None:
    client = signed_in("auditor")
    before_midnight_elsewhere = {"since": "2011-11-06", "until": "2011-11-06"}
    assert "没有符合条件的记录" in client.get("/audit/", before_midnight_elsewhere).content.decode()


def test_fifty_a_page_the_newest_first_and_the_question_is_kept(signed_in: Callable[[str], Client]) -> None:
    for number in range(120):
        entry(username="busy", path=f"file-{number:03}")
        entry(username="other")
    client = signed_in("auditor")
    seen, address = [], "/audit/?username=busy&action=signed_in"
    while address:
        page = client.get(address).content.decode()
        seen.append(re.findall(r"<summary>\s*(file-\d+)", page))
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        address = "/audit/" + onward.group(1).replace("&amp;", "&") if onward else ""
    assert [len(names) for names in seen] == [50, 50, 20]
    assert [name for names in seen for name in names] == [f"file-{number:03}" for number in reversed(range(120))]
    assert client.get("/audit/?username=busy&page=99999999999999999999").status_code == 200


def test_an_entry_opens_to_all_its_facts(signed_in: Callable[[str], Client]) -> None:
    facts = {
        **{"username": "yanjiang", "role": "district", "address": "10.9.8.7", "action": "downloaded"},
        **{"month": "2011-10", "publication_id": "abc123def456", "path": "districts/D01/warning.csv", "rows": 4321},
        "detail": "format=csv",
    }
    entry(**facts)
    page = signed_in("auditor").get("/audit/?username=yanjiang").content.decode()
    told = page.split("<dl")[1].split("</dl>")[0]
    shown = {**facts, "role": "区县", "action": "下载"}
    assert all(f"<dd>{value}</dd>" in told for value in shown.values())


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ({"since": "yesterday"}, "请按 2011-11-05 的格式填写日期"),
        ({"since": "0001-01-01"}, "请按 2011-11-05 的格式填写日期"),
        ({"until": "9999-12-31"}, "请按 2011-11-05 的格式填写日期"),
        ({"month": "October"}, "请按 2011-10 的格式填写月份"),
        ({"since": "2011-11-05", "until": "2011-11-04"}, "结束日期早于开始日期"),
        ({"action": "flown"}, "flown"),
        ({"username": "a\x00b"}, "username_error"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_and_answers_nothing(
    signed_in: Callable[[str], Client], asked: dict[str, str], remedy: str
) -> None:
    entry()
    client = signed_in("auditor")
    answer = client.get("/audit/", asked)
    assert remedy in answer.content.decode()
    assert '<th scope="row">' not in answer.content.decode()
    assert client.get("/audit/export/", asked).status_code == 400
    assert not AuditEntry.objects.filter(action="audit_exported").exists()


def test_the_export_holds_what_was_found_and_nothing_that_runs(
    signed_in: Callable[[str], Client], entries: dict[str, AuditEntry]
) -> None:
    entry(username='=HYPERLINK("http://x")', detail="-1+1", path="a,b", action="sign_in_failed")
    client = signed_in("auditor")
    (line,) = exported(client, action="sign_in_failed")
    assert (line["账号"], line["说明"], line["文件"]) == ('\'=HYPERLINK("http://x")', "'-1+1", "a,b")
    assert line["操作"] == "登录失败"
    everything = exported(client)
    assert len(everything) == len(entries) + 2
    assert everything[0]["操作"] == "导出审计记录"


def test_an_export_is_written_down_before_its_first_byte(
    signed_in: Callable[[str], Client], entries: dict[str, AuditEntry]
) -> None:
    answer = signed_in("auditor").get("/audit/export/", {"month": "2011-10", "path": ""})
    written = AuditEntry.objects.get(action="audit_exported")
    assert (written.username, written.rows, written.detail) == ("auditor", 1, "filters=month: 2011-10")
    assert len(b"".join(answer.streaming_content).splitlines()) == 2


def test_an_export_is_read_from_the_database_in_parts(
    signed_in: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_project.portal.audit_search._CHUNK", 10)
    AuditEntry.objects.bulk_create(AuditEntry(action="signed_in", username=f"u{n}") for n in range(35))
    parts = [part.decode() for part in signed_in("auditor").get("/audit/export/").streaming_content]
    assert [part.count("\n") for part in parts] == [1, 10, 10, 10, 5]
    assert [line.split(",")[1] for part in parts[1:] for line in part.splitlines()] == [
        f"u{n}" for n in range(34, -1, -1)
    ]


def test_the_log_is_for_the_branch_and_the_auditor_and_only_read(signed_in: Callable[[str], Client]) -> None:
    for path in ("/audit/", "/audit/export/"):
        answers = {name: signed_in(name).get(path).status_code for name in ("branch", "auditor", "district", "manager")}
        assert answers == {"branch": 200, "auditor": 200, "district": 404, "manager": 404}
        assert signed_in("auditor").post(path).status_code == 405


@pytest.mark.parametrize("name", ["username", "action", "month", "address"])
def test_a_search_by_one_field_reads_its_index_in_order(name: str) -> None:
    plan = AuditEntry.objects.filter(**{name: "2011-10"}).order_by("-pk")[:50].explain()
    index = f"audit_by_{'person' if name == 'username' else name}"
    assert index in plan
    if connection.vendor == "sqlite":
        assert "TEMP B-TREE" not in plan


def test_days_are_read_in_the_order_of_their_index() -> None:
    form = SearchForm({"since": "2000-01-01", "until": "2030-12-31"})
    assert form.is_valid()
    plan = search(form)[:50].explain()
    if connection.vendor == "sqlite":
        assert "portal_auditentry_at" in plan
        assert "TEMP B-TREE" not in plan
