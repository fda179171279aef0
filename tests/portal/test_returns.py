"""Work orders that come back through the site: what is taken, from whom, into which delivery, and how it is undone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import logging
import shutil
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.conf import settings as site_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings as SiteSettings

from dagster_project.lib import deliveries, ingestion, work_returns
from dagster_project.lib.work_returns.packages import MOST_MEGABYTES
from dagster_project.portal import returns as work
from dagster_project.portal.models import Account, AuditEntry, ReturnedContact, ReturnedWorkbook
from tests.portal.filled import FIRST_ROW, GOOD, filled, order_path
from tests.portal.published import CORRECTED, SUPERSEDED, phone, subscriber

pytestmark = pytest.mark.django_db

NEXT = "2011-11"
SECRET = "13912345678 <b>李某某</b>"
SignedIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def quick_passwords(settings: SiteSettings) -> None:
    """Accounts are opened in no time: no test here is about how hard a password is to guess."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def order(published_home: Path) -> Callable[..., bytes]:
    """A published workbook, filled in."""

    def made(unit: str, *lines: Mapping[str, object], **options: Any) -> bytes:
        place = {name: options.pop(name) for name in ("month", "publication") if name in options}
        return filled(order_path(published_home, unit, **place), lines, **options)

    return made


def upload(client: Client, content: bytes, name: str = "雁江 13912345678.xlsx") -> ReturnedWorkbook:
    """Hand a workbook in; what was stored of it."""
    answer = client.post("/returns/", {"workbook": SimpleUploadedFile(name, content)})
    assert answer.status_code == 303, answer.content.decode()
    return ReturnedWorkbook.objects.get(pk=answer.headers["Location"].split("/")[2])


def accept(client: Client, workbook: ReturnedWorkbook) -> str:
    """Accept a workbook; the page that follows."""
    return client.post(f"/returns/{workbook.pk}/accept/", follow=True).content.decode()


def undo(client: Client, workbook: ReturnedWorkbook) -> str:
    return client.post(f"/returns/{workbook.pk}/undo/", follow=True).content.decode()


def page(client: Client, workbook: ReturnedWorkbook, language: str = "zh") -> str:
    client.cookies["django_language"] = {"zh": "zh-hans", "en": "en"}[language]
    return client.get(f"/returns/{workbook.pk}/").content.decode()


def landed() -> Path:
    return site_settings.RETENTION.landing / NEXT / work_returns.FILE_NAME


def delivered() -> list[dict[str, str]]:
    if not landed().exists():
        return []
    return list(csv.DictReader(io.StringIO(landed().read_text(encoding="utf-8"), newline="")))


def subscribers() -> list[str]:
    return [row["subscriber_id"] for row in delivered()]


def codes(workbook: ReturnedWorkbook) -> list[tuple[int | None, str]]:
    return [(problem["row"], problem["code"]) for problem in workbook.problems]


def good_rows(workbook: ReturnedWorkbook) -> list[int]:
    return list(workbook.contacts.values_list("row", flat=True))


# From a work order to a delivery


def test_a_filled_work_order_is_checked_accepted_and_taken_in_with_the_next_delivery(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    office = signed_in("district")
    lines = [{**GOOD, "采用措施": "PS001", "成本(元)": 3.5, "备注": SECRET}, {**GOOD, "接触结果": "未接通"}]
    workbook = upload(office, order("D01", *lines))
    assert (workbook.state, workbook.delivery_month, workbook.problems) == ("checked", NEXT, [])
    assert delivered() == []
    assert "已接受 2 条接触，将随 2011-11 的数据交付" in accept(office, workbook)
    assert [(row["subscriber_id"], row["list_month"], row["list_type"], row["outcome"]) for row in delivered()] == [
        (subscriber("D01", 23), "2011-10", "warning", "accepted"),
        (subscriber("D01", 25), "2011-10", "warning", "unreached"),
    ]
    own = site_settings.RETENTION
    report = ingestion.ingest(own, deliveries.find(own, NEXT), "crm_contacts")
    assert (report.loaded_count, report.quarantined_count, report.refusals) == (2, 0, ())


def test_what_is_handed_in_is_written_down_with_its_counts(
    signed_in: SignedIn, order: Callable[..., bytes], people: dict[str, Account]
) -> None:
    office = signed_in("district")
    workbook = upload(office, order("D01", GOOD, {**GOOD, "接触结果": "也许"}))
    accept(office, workbook)
    undo(office, workbook)
    entries = AuditEntry.objects.order_by("pk").values_list("action", "username", "rows", "detail")
    detail = f"workbook={workbook.pk} delivery=2011-11 problems=1"
    assert [*entries] == [
        (action, people["district"].username, 1, detail)
        for action in ("return_checked", "return_accepted", "return_undone")
    ]


def test_a_copys_code_column_and_a_managers_part_of_the_list_are_read_like_the_whole(
    signed_in: SignedIn, order: Callable[..., bytes], published_home: Path, tmp_path: Path
) -> None:
    book = openpyxl.load_workbook(order_path(published_home, "D01"))
    sheet = book.worksheets[0]
    for row in range(sheet.max_row, FIRST_ROW - 1, -1):
        if sheet.cell(row, 1).value != "雁江一号":
            sheet.delete_rows(row)
    book.save(tmp_path / "part.xlsx")
    workbook = upload(signed_in("manager"), filled(tmp_path / "part.xlsx", [GOOD, GOOD], extra="追溯码"))
    assert (workbook.problems, good_rows(workbook)) == ([], [3, 4])


def test_good_rows_are_accepted_though_others_are_wrong_and_the_mended_workbook_adds_the_rest(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    office = signed_in("district")
    first = upload(office, order("D01", GOOD, {**GOOD, "接触结果": "也许"}))
    told = page(office, first)
    assert "接受 1 条" in told
    assert "另有 1 行有误" in told
    assert "请填写：接受、拒绝、未接通。" in told
    assert "Write one of these: accepted, declined, unreached." in page(office, first, "en")
    accept(office, first)
    second = upload(office, order("D01", GOOD, {**GOOD, "接触结果": "拒绝"}))
    assert second.problems == []
    accept(office, second)
    assert [row["outcome"] for row in delivered()] == ["accepted", "declined"]


# Whose orders


@pytest.mark.parametrize(
    ("who", "good"),
    [("branch", [3, 4, 5]), ("district", [3, 4]), ("manager", [3]), ("other_district", [5])],
)
def test_an_account_hands_in_its_own_orders_only(
    signed_in: SignedIn, order: Callable[..., bytes], published_home: Path, who: str, good: list[int]
) -> None:
    sheet = openpyxl.load_workbook(order_path(published_home, "network")).worksheets[0]
    names = [cell.value for cell in sheet[2]]
    rows = list(sheet.iter_rows(min_row=FIRST_ROW, values_only=True))
    place = {name: names.index(name) for name in ("客户经理", "区县", "用户编号")}
    wanted = [("雁江一号", "雁江"), ("雁江二号", "雁江"), ("安岳一号", "安岳")]
    keys = [next(row for row in rows if (row[place["客户经理"]], row[place["区县"]]) == one) for one in wanted]
    lines = [{**GOOD, **{name: key[at] for name, at in place.items()}} for key in keys]
    workbook = upload(signed_in(who), order("network", *lines))
    assert good_rows(workbook) == good
    assert codes(workbook) == [(row, "not_your_order") for row in (3, 4, 5) if row not in good]


def test_an_order_of_somebody_else_is_told_like_one_that_does_not_exist(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    foreign = {**GOOD, "用户编号": subscriber("D02", 23), "客户经理": "安岳一号"}
    unknown = {**GOOD, "用户编号": "D02-99999", "客户经理": "安岳一号"}
    workbook = upload(signed_in("district"), order("D01", foreign, unknown))
    first, second = workbook.problems
    assert {**first, "row": 0} == {**second, "row": 0}
    assert first["code"] == "not_your_order"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"名单月份": "2011-07"}, "not_your_order"),
        ({"名单月份": "2011-11"}, "not_your_order"),
        ({"名单月份": "2011-12"}, "later_month"),
        ({"名单月份": "0001-01"}, "unknown_list"),
        ({"用户编号": subscriber("D02", 23)}, "not_your_order"),
        ({"用户编号": subscriber("D01", 24)}, "not_your_order"),
        ({"用户编号": "' or 1=1 --"}, "not_your_order"),
        ({"主要名单": "沉默"}, "not_your_order"),
        ({"客户经理": "雁江二号"}, "other_manager"),
        ({"区县": "安岳"}, None),
        ({"客户经理": None}, None),
    ],
)
def test_what_names_an_order_must_be_as_it_was_handed_out(
    signed_in: SignedIn,
    order: Callable[..., bytes],
    people: dict[str, Account],
    changed: dict[str, object],
    code: str | None,
) -> None:
    """Number 24 is held back by capacity. The district is no part of a contact, and tells nothing here either."""
    mine = {**GOOD, "用户编号": subscriber("D01", 26), "客户经理": "雁江一号"}
    workbook = upload(signed_in("district"), order("D01", {**mine, **changed}))
    assert [problem["code"] for problem in workbook.problems][:1] == ([code] if code else [])
    assert [contact.district_code for contact in workbook.contacts.all()] == ([] if code else ["D01"])


def test_an_order_of_a_superseded_version_counts(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    workbook = upload(signed_in("district"), order("D01", GOOD, publication=SUPERSEDED))
    only = workbook.contacts.get()
    assert only.content["subscriber_id"] == subscriber("D01", 20)
    assert workbook.problems == []


def test_others_returns_are_not_found_and_the_branch_sees_all_with_their_district(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    workbook = upload(signed_in("district"), order("D01", GOOD))
    for who in ("other_district", "manager", "auditor"):
        client = signed_in(who)
        assert client.get(f"/returns/{workbook.pk}/").status_code == 404
        assert client.post(f"/returns/{workbook.pk}/accept/").status_code == 404
        assert client.post(f"/returns/{workbook.pk}/undo/").status_code == 404
        assert client.get("/returns/").status_code == (404 if who == "auditor" else 200)
        assert f"#{workbook.pk}" not in client.get("/returns/").content.decode()
    branch = signed_in("branch")
    overview = branch.get("/returns/").content.decode()
    assert f"#{workbook.pk}" in overview
    assert "雁江" in overview
    accept(branch, workbook)
    assert subscribers() == [subscriber("D01", 23)]


@pytest.mark.parametrize("key", ["0", "999999999999999999999999", "1"])
def test_a_return_that_does_not_exist_is_not_found(signed_in: SignedIn, key: str) -> None:
    client = signed_in("branch")
    assert client.get(f"/returns/{key}/").status_code == 404
    assert client.post(f"/returns/{key}/accept/").status_code == 404


@pytest.mark.parametrize("address", ["/returns/{}/accept/", "/returns/{}/undo/"])
def test_a_decision_is_made_by_posting_with_the_token_only(
    people: dict[str, Account], signed_in: SignedIn, order: Callable[..., bytes], address: str
) -> None:
    workbook = upload(signed_in("district"), order("D01", GOOD))
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["district"], backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(address.format(workbook.pk)).status_code == 405
    assert client.post(address.format(workbook.pk)).status_code == 403
    assert client.post("/returns/", {"workbook": SimpleUploadedFile("a.xlsx", b"PK")}).status_code == 403


# Accepting and undoing


def test_undoing_leaves_the_delivery_as_if_nothing_had_been_accepted(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    office, other = signed_in("district"), signed_in("other_district")
    first = upload(office, order("D01", GOOD))
    accept(office, first)
    before = landed().read_bytes()
    second = upload(other, order("D02", GOOD, GOOD))
    accept(other, second)
    assert "已撤回 2 条接触，没有交付" in undo(other, second)
    assert landed().read_bytes() == before
    undo(office, first)
    assert not landed().parent.exists()


def test_what_another_accepted_return_holds_too_stays(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    office, branch = signed_in("district"), signed_in("branch")
    first, second = upload(office, order("D01", GOOD, GOOD)), upload(branch, order("D01", GOOD))
    assert second.problems == []
    accept(office, first)
    accept(branch, second)
    assert len(delivered()) == 2
    undo(office, first)
    assert subscribers() == [subscriber("D01", 23)]
    undo(branch, second)
    assert delivered() == []


def test_accepting_or_undoing_twice_is_doing_it_once(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    office = signed_in("district")
    workbook = upload(office, order("D01", GOOD))
    undo(office, workbook)
    accept(office, workbook)
    accept(office, workbook)
    assert len(delivered()) == 1
    undo(office, workbook)
    undo(office, workbook)
    assert delivered() == []
    counts = {action: AuditEntry.objects.filter(action=action).count() for action in work.audit.Action.values}
    assert (counts["return_accepted"], counts["return_undone"]) == (1, 1)


def test_what_was_undone_can_be_accepted_again(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    office = signed_in("district")
    workbook = upload(office, order("D01", GOOD))
    accept(office, workbook)
    undo(office, workbook)
    assert "接受 1 条" in page(office, workbook)
    accept(office, workbook)
    assert len(delivered()) == 1


def test_a_return_that_says_otherwise_than_an_accepted_one_is_a_problem_until_that_is_undone(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    office = signed_in("district")
    first = upload(office, order("D01", GOOD))
    accept(office, first)
    changed = order("D01", {**GOOD, "接触结果": "拒绝"})
    second = upload(office, changed)
    assert codes(second) == [(3, "contradicted")]
    assert f"与已接受的 #{first.pk} 第 3 行" in page(office, second)
    undo(office, first)
    assert upload(office, changed).problems == []


def test_rows_that_became_wrong_since_the_check_are_told_and_nothing_is_accepted_unseen(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    office, branch = signed_in("district"), signed_in("branch")
    slow = upload(office, order("D01", GOOD, GOOD))
    accept(branch, upload(branch, order("D01", {**GOOD, "接触结果": "拒绝"})))
    told = accept(office, slow)
    assert "检查之后情况有变" in told
    slow.refresh_from_db()
    assert (slow.state, codes(slow), good_rows(slow)) == ("checked", [(3, "contradicted")], [4])
    accept(office, slow)
    assert [row["outcome"] for row in delivered()] == ["declined", "accepted"]


def test_an_office_that_lost_its_district_since_the_check_delivers_nothing(
    signed_in: SignedIn, order: Callable[..., bytes], people: dict[str, Account]
) -> None:
    office = signed_in("district")
    workbook = upload(office, order("D01", GOOD))
    people["district"].districts.update(district_code="D03")
    accept(office, workbook)
    workbook.refresh_from_db()
    assert codes(workbook) == [(3, "not_your_order")]
    assert delivered() == []


def test_contacts_that_the_operator_collected_are_neither_replaced_nor_taken_out(
    signed_in: SignedIn, order: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "own.xlsx").write_bytes(order("D01", GOOD, GOOD))
    collected = work_returns.read_return(tmp_path / "own.xlsx", NEXT)
    work_returns.deliver_contacts(collected.contacts, site_settings.RETENTION.landing, NEXT)
    before = landed().read_bytes()
    office = signed_in("district")
    workbook = upload(office, order("D01", GOOD, {**GOOD, "接触结果": "拒绝"}, GOOD))
    assert codes(workbook) == [(4, "delivered_otherwise"), (None, "left_out")]
    told = page(office, workbook)
    assert "有 1 条接触先前已经交付" in told
    assert "--month" not in told
    accept(office, workbook)
    assert len(delivered()) == 3
    undo(office, workbook)
    assert landed().read_bytes() == before


def test_a_file_that_somebody_altered_is_left_alone_and_the_office_is_told(
    signed_in: SignedIn, order: Callable[..., bytes]
) -> None:
    office = signed_in("district")
    first = upload(office, order("D01", GOOD))
    second = upload(office, order("D01", GOOD, GOOD))
    accept(office, first)
    landed().write_bytes(landed().read_bytes() + b"x")
    before = landed().read_bytes()
    assert "被改动过" in accept(office, second)
    assert "被改动过" in undo(office, first)
    assert landed().read_bytes() == before
    assert [*ReturnedWorkbook.objects.order_by("pk").values_list("state", flat=True)] == ["accepted", "checked"]


@pytest.fixture
def growing(site: SiteSettings, published_home: Path) -> Path:
    """The published folder as one that a test may add a month to."""
    published = site.RETENTION.published
    published.unlink()
    shutil.copytree(published_home / "published", published, copy_function=lambda a, b: Path(b).symlink_to(a))
    pointer = published / "current.json"
    content = pointer.read_text(encoding="utf-8")
    pointer.unlink()
    pointer.write_text(content, encoding="utf-8")
    return pointer


def publish_next(pointer: Path) -> None:
    content = pointer.read_text(encoding="utf-8")
    assert f'"2011-10": "2011-10/{CORRECTED}"' in content
    pointer.write_text(content.replace("{", f'{{"{NEXT}": "2011-10/{CORRECTED}",', 1), encoding="utf-8")


def test_once_the_month_is_published_nothing_is_accepted_or_undone_any_more(
    signed_in: SignedIn, order: Callable[..., bytes], growing: Path
) -> None:
    office = signed_in("district")
    done, late = upload(office, order("D01", GOOD)), upload(office, order("D01", GOOD, GOOD))
    accept(office, done)
    before = landed().read_bytes()
    publish_next(growing)
    assert "已经发布，不能再更改" in accept(office, late)
    assert "已经发布，不能再更改" in undo(office, done)
    assert landed().read_bytes() == before
    assert "1 条接触已随 2011-11 的数据交付" in page(office, done)
    assert "没有接受，没有交付" in page(office, late)
    assert "</button>" not in page(office, late).split('<h2 id="problems">')[0].split("<main")[1].split("<h2>")[0]
    again = upload(office, order("D01", GOOD, GOOD))
    assert (again.delivery_month, codes(again)) == ("2011-12", [(None, "left_out")])


def test_before_the_first_month_there_is_nothing_to_hand_in(
    signed_in: SignedIn, site: SiteSettings, order: Callable[..., bytes]
) -> None:
    content = order("D01", GOOD)
    site.RETENTION.published.unlink()
    office = signed_in("district")
    assert "还没有发布任何月份" in office.get("/returns/").content.decode()
    answer = office.post("/returns/", {"workbook": SimpleUploadedFile("a.xlsx", content)})
    assert (answer.status_code, ReturnedWorkbook.objects.count()) == (409, 0)


# Crashes and crowds


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.django_db(transaction=True)
def test_a_crash_before_the_database_knows_of_an_acceptance_leaves_it_to_be_accepted_again(
    signed_in: SignedIn, order: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = signed_in("district")
    workbook = upload(office, order("D01", GOOD))

    def written_and_dead(*arguments: Any) -> None:
        work_returns.deliver_contacts(*arguments)
        raise Crash

    with monkeypatch.context() as patched, pytest.raises(Crash):
        patched.setattr(work, "deliver_contacts", written_and_dead)
        accept(office, workbook)
    workbook.refresh_from_db()
    assert (workbook.state, len(delivered())) == ("checked", 1)
    assert not AuditEntry.objects.filter(action="return_accepted").exists()
    work.take_back_what_is_not_accepted()
    assert delivered() == []
    accept(office, workbook)
    undo(office, workbook)
    assert delivered() == []


@pytest.mark.django_db(transaction=True)
def test_a_crash_in_undoing_leaves_nothing_that_the_next_start_does_not_take_out(
    signed_in: SignedIn, order: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = signed_in("district")
    first = upload(office, order("D01", GOOD))
    accept(office, first)

    def dead(*arguments: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched, pytest.raises(Crash):
        patched.setattr(work, "withdraw_contacts", dead)
        undo(office, first)
    first.refresh_from_db()
    assert (first.state, len(delivered())) == ("undone", 1)
    work.take_back_what_is_not_accepted()
    assert delivered() == []


@pytest.mark.django_db(transaction=True)
def test_people_who_accept_and_undo_at_once_leave_the_file_as_the_database_says(
    signed_in: SignedIn, order: Callable[..., bytes], people: dict[str, Account], rf: Any
) -> None:
    offices = {"district": "D01", "other_district": "D02"}
    workbooks = [upload(signed_in(who), order(unit, GOOD, GOOD)) for who, unit in offices.items() for _ in range(2)]
    request = rf.post("/")
    request.user = people["branch"]
    failures: list[BaseException] = []

    def decide(workbook: ReturnedWorkbook, ends_accepted: bool) -> None:
        try:
            work.accept(request, workbook.pk)
            work.undo(request, workbook.pk)
            if ends_accepted:
                work.accept(request, workbook.pk)
        except BaseException as failure:  # noqa: BLE001  (a thread's failure is the test's)
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(each, each is workbooks[0])) for each in workbooks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    states = ReturnedWorkbook.objects.order_by("pk").values_list("state", flat=True)
    assert [*states] == ["accepted", "undone", "undone", "undone"]
    assert subscribers() == [subscriber("D01", 23), subscriber("D01", 25)]


# Hostile workbooks


def package(content: bytes, **added: bytes) -> bytes:
    """The workbook with parts added, by names in which ``__`` stands for a slash."""
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, part in added.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), part)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("a.xlsx", lambda good: package(good, xl__media__a_dot_bin=bytes(90 << 20)), "packed_too_tightly"),
        ("a.xlsx", lambda good: package(good, xl__vbaProject_dot_bin=b"x"), "macros"),
        ("a.xlsm", lambda good: good, "macros"),
        ("a.xlsx", lambda good: package(good, xl__externalLinks__a_dot_xml=b"<a/>"), "external_links"),
        ("a.xlsx", lambda good: b"\xd0\xcf\x11\xe0" + good, "encrypted"),
        ("a.xlsx", lambda good: b"x", "not_a_workbook"),
        ("a.csv", lambda good: b"a,b\n1,2\n", "not_a_workbook"),
        ("a.xlsx.exe", lambda good: good, "not_a_workbook"),
        ("../../a.x/../lsx", lambda good: good, "not_a_workbook"),
        ("a.\U0001f600", lambda good: good, "not_a_workbook"),
        ("a." + "x" * 300, lambda good: good, "not_a_workbook"),
        ("a.xlsx", lambda good: good[: len(good) // 2], "unreadable"),
        ("a.xlsx", lambda good: b"PK\x05\x06" + bytes(18), "unreadable"),
    ],
)
def test_a_workbook_that_is_none_or_a_trick_is_refused_and_told(
    signed_in: SignedIn, order: Callable[..., bytes], name: str, make: Callable[[bytes], bytes], code: str
) -> None:
    office = signed_in("district")
    workbook = upload(office, make(order("D01", GOOD)), name)
    assert (codes(workbook), workbook.contacts.count()) == ([(None, code)], 0)
    told = page(office, workbook)
    assert "没能读出接触" in told
    assert "</form>" in told
    assert accept(office, workbook).count("没有可以接受的接触") == 1
    assert delivered() == []


def test_headings_that_are_missing_are_told_by_name(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    office = signed_in("district")
    content = order("D01", {"接触结果": "结果"}, first=2)
    workbook = upload(office, content)
    assert codes(workbook) == [(2, "missing_heading")]
    assert "没能读出接触" in page(office, workbook)


def test_formulas_and_notes_in_markup_do_no_harm(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    office = signed_in("district")
    nasty = "<script>alert(1)</script>"
    lines = [{**GOOD, "用户编号": "=A1"}, {**GOOD, "接触结果": nasty}, {**GOOD, "备注": nasty}, {"备注": nasty}]
    workbook = upload(office, order("D01", *lines))
    assert codes(workbook) == [(3, "formula"), (4, "unknown_outcome"), (6, "missing_value"), (6, "missing_value")]
    assert good_rows(workbook) == [5]
    assert nasty not in page(office, workbook)


@pytest.mark.parametrize("files", [0, 2])
def test_no_file_or_two_files_are_asked_for_again(signed_in: SignedIn, order: Callable[..., bytes], files: int) -> None:
    content = order("D01", GOOD)
    both = [SimpleUploadedFile(f"{number}.xlsx", content) for number in range(files)]
    answer = signed_in("district").post("/returns/", {"workbook": both} if files else {})
    assert answer.status_code == 400
    assert "请选择一份工单" in answer.content.decode()
    assert not ReturnedWorkbook.objects.exists()


def test_an_empty_file_is_no_workbook(signed_in: SignedIn) -> None:
    assert codes(upload(signed_in("district"), b"")) == [(None, "not_a_workbook")]


def test_a_request_that_is_too_large_is_answered_in_words_and_not_read(
    signed_in: SignedIn, people: dict[str, Account]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["district"], backend="django.contrib.auth.backends.ModelBackend")
    token = client.get("/returns/").context["csrf_token"]
    large = SimpleUploadedFile("a.xlsx", bytes(30 << 20))
    answer = client.post("/returns/", {"csrfmiddlewaretoken": str(token), "workbook": large})
    assert answer.status_code == 413
    assert f"超过 {MOST_MEGABYTES} MB" in answer.content.decode()
    unread = answer.wsgi_request.META["wsgi.input"].read()
    assert len(unread) > 29 << 20
    assert not ReturnedWorkbook.objects.exists()


def test_a_request_holds_the_largest_workbook_that_is_read() -> None:
    assert MOST_MEGABYTES << 20 < site_settings.FILE_UPLOAD_MAX_MEMORY_SIZE < (MOST_MEGABYTES + 2) << 20


def test_of_very_many_problems_the_first_are_kept_and_the_others_counted(
    signed_in: SignedIn, order: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_PROBLEMS", 2)
    office = signed_in("district")
    workbook = upload(office, order("D01", *[{**GOOD, "接触结果": "也许"}] * 5))
    assert codes(workbook) == [(3, "unknown_outcome"), (4, "unknown_outcome"), (None, "more_problems")]
    assert "还有 3 处没有列出" in page(office, workbook)


# Personal data


def test_nothing_that_was_written_into_a_cell_and_no_file_name_is_kept_or_shown(
    signed_in: SignedIn, order: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    office, branch = signed_in("district"), signed_in("branch")
    caplog.set_level(logging.DEBUG)
    lines = [{**GOOD, "备注": SECRET}, {**GOOD, "接触结果": SECRET, "成本(元)": SECRET}, {**GOOD, "用户编号": SECRET}]
    workbook = upload(office, order("D01", *lines), f"{SECRET}.xlsx".replace("/", ""))
    accept(office, workbook)
    pages = [
        client.get(f"/returns/{part}").content.decode()
        for client in (office, branch)
        for part in ("", f"{workbook.pk}/")
    ]
    stored = [str(row) for model in (ReturnedWorkbook, ReturnedContact, AuditEntry) for row in model.objects.values()]
    for said in (*pages, *stored, caplog.text, landed().read_text(encoding="utf-8")):
        for secret in ("13912345678", "李某某", phone("D01", 23)):
            assert secret not in said
    for said in (*pages, caplog.text, *(str(row) for row in AuditEntry.objects.values())):
        assert subscriber("D01", 23) not in said
        assert "雁江一号" not in said
    assert not any(site_settings.RETENTION.scratch.iterdir())


def test_the_first_contact_is_as_the_mart_and_the_sheet_say(signed_in: SignedIn, order: Callable[..., bytes]) -> None:
    only = upload(signed_in("district"), order("D01", {**GOOD, "成本(元)": 3.5})).contacts.get()
    assert only.content == {
        "contact_id": work_returns.contact_id("2011-10", "warning", "D01-00023", dt.datetime(2011, 11, 9, 15, 30)),
        "subscriber_id": "D01-00023",
        "list_month": "2011-10",
        "list_type": "warning",
        "measure_code": None,
        "contacted_at": "2011-11-09T15:30:00",
        "outcome": "accepted",
        "cost": "3.50",
        "account_manager": "雁江二号",
    }
