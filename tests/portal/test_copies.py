"""Marked copies: what is in them, read back by other readers, and who can fetch them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from pytest_django.fixtures import Settings as SiteSettings
from python_calamine import load_workbook as load_by_calamine

from dagster_project.lib.wording import text
from dagster_project.lib.work_returns import read_return
from dagster_project.portal import audit, copies
from dagster_project.portal.copies import plates
from dagster_project.portal.copies.books import workbook
from dagster_project.portal.copies.codes import number
from dagster_project.portal.copies.layout import Cut
from dagster_project.portal.models import Account, AuditEntry, Copy
from dagster_project.portal.publications import find
from tests.portal.many_sheets import write_list_of_two_sheets
from tests.portal.published import CORRECTED, phone, subscriber

pytestmark = pytest.mark.django_db

SignedIn = Callable[[str], Client]
MONTH = "2011-10"
CODE = re.compile(r"X[0-9A-Z]+-[0-9A-Z]{5}-[0-9A-Z]{5}")
PHONE = re.compile(rb"1[3-9]\d{9}")
ORDERED = [index for index in range(23, 143) if index % 5 != 4]
"""Subscribers of D01 with a work order in the corrected month, of which four of five have one."""
OWN = [index for index in ORDERED if index % 2 == 0]
"""Those of the first of two account managers."""


def ask(client: Client, unit: str = "D01", list_type: str = "work_order", kind: str = "xlsx") -> Any:
    address = reverse("copies", args=[MONTH, CORRECTED, unit, list_type])
    return client.post(address, {"format": kind})


def fetched(client: Client, unit: str = "D01", list_type: str = "work_order", kind: str = "xlsx") -> bytes:
    answer = ask(client, unit, list_type, kind)
    assert answer.status_code == 303
    content = client.get(f"{answer.headers['Location']}file/").getvalue()
    copy = Copy.objects.latest("pk")
    assert (len(content), hashlib.sha256(content).hexdigest()) == (copy.bytes, copy.sha256)
    return bytes(content)


def signed(account: Account) -> Client:
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return client


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def cells(content: bytes) -> Sequence[Sequence[Any]]:
    return [[cell.value for cell in row] for row in opened(content).worksheets[0].iter_rows()]


def lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def source(unit: str, name: str) -> Path:
    publication = find(MONTH, CORRECTED)
    assert publication
    return publication.folder / "districts" / unit / name


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_workbook_names_its_owner_in_title_print_and_properties(signed_in: SignedIn) -> None:
    content = fetched(signed_in("district"))
    copy = Copy.objects.get()
    book = opened(content)
    sheet = book.worksheets[0]
    made_at = copy.made_at.astimezone(dt.timezone(dt.timedelta(hours=8)))
    mark = f"专供 yanjiang · {made_at:%Y-%m-%d %H:%M} · 副本号 {number(copy)}"
    assert sheet["A1"].value == f"雁江 · 客户经理工单 · 2011-10 · 96 户 · 版本 {CORRECTED} · {mark}"
    assert sheet.oddHeader.left.text == mark
    assert sheet.oddFooter.center.text == mark
    assert (sheet.oddFooter.left.text, sheet.oddFooter.right.text) == ("&A", "&P / &N")
    assert book.properties.description == mark
    assert {each.name: each.value for each in book.custom_doc_props.props} == {
        "RetentionCopy": number(copy),
        "RetentionAccount": "yanjiang",
    }


def test_every_row_of_a_workbook_has_a_code_that_leads_back_to_it(signed_in: SignedIn) -> None:
    rows = cells(fetched(signed_in("district")))
    copy = Copy.objects.get()
    assert rows[1][-1] == "追踪码"
    codes = [str(row[-1]) for row in rows[2:]]
    assert len(set(codes)) == len(ORDERED)
    assert all(CODE.fullmatch(code) for code in codes)
    assert [copies.trace(code) for code in codes] == [(copy, row) for row in range(1, len(codes) + 1)]


def test_codes_of_other_copies_lead_to_these(signed_in: SignedIn) -> None:
    first, second = signed_in("district"), signed_in("branch")
    one, other = (lines(fetched(client, kind="csv")) for client in (first, second))
    assert {row["追踪码"] for row in one}.isdisjoint(row["追踪码"] for row in other)
    traced = copies.trace(other[4]["追踪码"])
    assert traced
    assert (traced[0].account.username, traced[1]) == ("branch", 5)


@pytest.mark.parametrize(
    "damage", ["", "X", "X1-", "X1-00000-00000", "XZZZZZZZZZZZZZ-00000-00000", "=1+1", "X1-ÄÖÜ12-34567"]
)
def test_what_the_site_never_made_is_no_code(damage: str, signed_in: SignedIn) -> None:
    fetched(signed_in("district"), kind="csv")
    assert copies.trace(damage) is None


def test_a_code_may_be_copied_carelessly(signed_in: SignedIn) -> None:
    code = lines(fetched(signed_in("district"), kind="csv"))[0]["追踪码"]
    careless = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert copies.trace(careless) == copies.trace(code) is not None


def test_a_copy_has_all_that_was_published_and_a_column_more(signed_in: SignedIn) -> None:
    content = fetched(signed_in("district"))
    published = source("D01", "work_order.xlsx").read_bytes()
    plain, marked = cells(published), cells(content)
    assert [row[:-1] for row in marked[1:]] == plain[1:]
    before, after = unpacked(published), unpacked(content)
    rewritten = {"[Content_Types].xml", "_rels/.rels", "docProps/core.xml", "xl/sharedStrings.xml", "xl/workbook.xml"}
    same = before.keys() - rewritten - {"xl/worksheets/sheet1.xml"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    rows = [re.findall(rb"<row r=.*?</row>", part["xl/worksheets/sheet1.xml"])[2:] for part in (before, after)]
    assert all(new.startswith(old.removesuffix(b"</row>")) for old, new in zip(*rows, strict=True))


def test_both_readers_see_the_same_and_the_texts_that_cells_share_are_counted(signed_in: SignedIn) -> None:
    content = fetched(signed_in("district"))
    by_calamine = load_by_calamine(io.BytesIO(content)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    assert [row[-1] for row in by_calamine[1:]] == [row[-1] for row in cells(content)[1:]]
    parts = unpacked(content)
    strings = parts["xl/sharedStrings.xml"]
    uses = sum(part.count(b' t="s"') for name, part in parts.items() if name.startswith("xl/worksheets/"))
    stated = re.search(rb'count="(\d+)" uniqueCount="(\d+)"', strings)
    assert stated
    assert [int(count) for count in stated.groups()] == [uses, strings.count(b"<si>")]


def test_a_protected_copy_keeps_what_is_to_be_filled_in_and_locks_its_codes(signed_in: SignedIn) -> None:
    sheet = opened(fetched(signed_in("district"))).worksheets[0]
    assert sheet.protection.sheet
    letter = sheet.cell(2, sheet.max_column).column_letter
    assert sheet[f"{letter}3"].protection.locked
    assert not sheet["K3"].protection.locked
    assert sheet.auto_filter.ref == f"A2:{letter}98"
    checked = {str(each.sqref) for each in sheet.data_validations.dataValidation}
    assert checked == {"J3:J98", "K3:K98", "L3:L98", "M3:M98", "N3:N98"}
    assert sheet.print_title_rows == "$1:$2"


def test_a_filled_copy_comes_back(signed_in: SignedIn, tmp_path: Path) -> None:
    book = opened(fetched(signed_in("manager")))
    sheet = book.worksheets[0]
    # the made-up branch calls this column otherwise than the dbt project does
    sheet["O2"] = text("work_returns.list_month", "zh")
    sheet["J3"], sheet["K3"], sheet["M3"] = dt.date(2011, 11, 9), "接受", 12.5
    book.save(tmp_path / "filled.xlsx")
    found = read_return(tmp_path / "filled.xlsx", "2011-11")
    assert found.problems == ()
    assert [(each.subscriber_id, each.outcome) for each in found.contacts] == [(subscriber("D01", OWN[0]), "accepted")]


def test_phone_numbers_are_whole_only_for_who_may_see_them(
    signed_in: SignedIn, open_account: Callable[..., Account]
) -> None:
    whole = cells(fetched(signed_in("district")))
    assert [row[1] for row in whole[2:]] == [phone("D01", index) for index in ORDERED]
    client = Client()
    client.force_login(
        open_account("trainee", "district", districts=["D01"]), backend="django.contrib.auth.backends.ModelBackend"
    )
    for kind in ("xlsx", "csv"):
        content = fetched(client, kind=kind)
        parts = unpacked(content).values() if kind == "xlsx" else [content]
        assert not [part for part in parts if PHONE.search(part)]
    shown = [row["手机号码"] for row in lines(content)]
    assert shown == [f"{phone('D01', index)[:3]}****{phone('D01', index)[-4:]}" for index in ORDERED]
    assert not Copy.objects.filter(account__username="trainee", has_phone_numbers=True).exists()


def test_a_manager_gets_their_own_rows_and_no_trace_of_others(signed_in: SignedIn) -> None:
    content = fetched(signed_in("manager"))
    rows = cells(content)
    assert [row[17] for row in rows[2:]] == [subscriber("D01", index) for index in OWN]
    assert {row[0] for row in rows[2:]} == {"雁江一号"}
    assert str(rows[0][0]).startswith(
        f"雁江 · 雁江一号 · 客户经理工单 · 2011-10 · {len(OWN)} 户 · 版本 {CORRECTED} · 专供 manager"
    )
    last = len(OWN) + 2
    for name, part in unpacked(content).items():
        found = part.decode()
        assert "雁江二号" not in found, name
        assert not re.search(r"[$A-Z]98\b|>96</t>", found), name
        assert not [index for index in set(ORDERED) - set(OWN) if subscriber("D01", index) in found], name
    sheet = opened(content).worksheets[0]
    assert sheet.auto_filter.ref.endswith(str(last))
    assert sheet.print_area.endswith(f"$N${last}")
    assert sheet.dimensions.endswith(str(last))
    assert {str(each.sqref) for each in sheet.data_validations.dataValidation} >= {f"J3:J{last}"}
    notes = {row[0].value: row[1].value for row in opened(content).worksheets[-1].iter_rows()}
    assert notes["户数"] == str(len(OWN))


def test_a_managers_csv_has_their_own_rows(signed_in: SignedIn) -> None:
    rows = lines(fetched(signed_in("manager"), kind="csv"))
    assert [row["用户编号"] for row in rows] == [subscriber("D01", index) for index in OWN]
    assert Copy.objects.get().rows == len(OWN)


def test_a_manager_without_rows_gets_a_book_that_says_so(open_account: Callable[..., Account]) -> None:
    content = fetched(signed(open_account("idle", "manager", districts=["D01"], account_manager="雁江三号")))
    rows = cells(content)
    assert [row[0] for row in rows[1:]] == ["客户经理", "本月无此类用户"]
    assert not opened(content).worksheets[0].data_validations.dataValidation
    assert "· 0 户 ·" in str(rows[0][0])


def test_an_empty_list_is_marked_too(signed_in: SignedIn) -> None:
    rows = cells(fetched(signed_in("branch"), unit="D04"))
    assert "专供 branch" in str(rows[0][0])
    assert [row[0] for row in rows[2:]] == ["本月无此类用户"]
    assert lines(fetched(signed_in("branch"), unit="D04", kind="csv")) == []


def test_a_csv_has_a_code_and_its_owner_in_every_row_and_else_what_was_published(signed_in: SignedIn) -> None:
    content = fetched(signed_in("district"), list_type="warning", kind="csv")
    published = source("D01", "warning.csv").read_bytes().splitlines()
    for old, new in zip(published, content.splitlines(), strict=True):
        assert new.startswith(old + b",")
    assert all(
        CODE.fullmatch(row["追踪码"]) and row["本份专供"].startswith("专供 yanjiang · ") for row in lines(content)
    )


def test_a_line_break_in_a_csv_field_ends_no_row(signed_in: SignedIn, site: SiteSettings, tmp_path: Path) -> None:
    def broken(content: bytes) -> bytes:
        return content.replace("话费优惠".encode(), '"话费\n""优惠"""'.encode())

    alter(site, tmp_path, "work_order.csv", broken)
    rows = lines(fetched(signed_in("district"), kind="csv"))
    assert len(rows) == len(ORDERED)
    assert {row["建议措施"] for row in rows} == {'话费\n"优惠"'}
    assert all(CODE.fullmatch(row["追踪码"]) for row in rows)


def alter(
    site: SiteSettings, tmp_path: Path, name: str, change: Callable[[bytes], bytes], *, is_told: bool = True
) -> None:
    """Put a publication with a changed list in the place of the published one; its manifest knows, if it is told."""
    published = site.RETENTION.published
    own = tmp_path / "own"
    shutil.copytree(published, own)
    published.unlink()
    own.rename(published)
    path = source("D01", name)
    path.write_bytes(change(path.read_bytes()))
    if is_told:
        manifest = path.parents[2] / "manifest.json"
        content = json.loads(manifest.read_text())
        entry = content["files"][f"districts/D01/{name}"]
        entry |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        manifest.write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["work_order.xlsx", "work_order.csv"])
@pytest.mark.parametrize("is_told", [False, True])
def test_of_a_damaged_list_no_copy_is_made(
    signed_in: SignedIn, site: SiteSettings, tmp_path: Path, name: str, is_told: bool
) -> None:
    site.RETENTION = site.RETENTION.__class__(home=tmp_path / "home", landing=tmp_path)
    alter(site, tmp_path, name, lambda content: b"damaged" + content[300:], is_told=is_told)
    answer = ask(signed_in("district"), kind=name.rpartition(".")[2])
    assert answer.status_code == 409
    assert "缺失" in answer.content.decode()
    assert nothing_is_left(site)


def test_of_a_list_that_is_gone_no_copy_is_made(signed_in: SignedIn, site: SiteSettings, tmp_path: Path) -> None:
    alter(site, tmp_path, "work_order.xlsx", bytes)
    source("D01", "work_order.xlsx").unlink()
    assert ask(signed_in("district")).status_code == 409
    assert nothing_is_left(site)


def nothing_is_left(site: SiteSettings) -> bool:
    files = [path for path in (site.RETENTION.portal / "copies").rglob("*") if path.is_file() and path.name != "lock"]
    return not files and not Copy.objects.exists() and not AuditEntry.objects.exists()


def test_an_interrupted_making_leaves_nothing_behind(
    signed_in: SignedIn, site: SiteSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plates, "_tail", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(signed_in("district"))
    assert nothing_is_left(site)


def test_a_copy_that_cannot_be_written_down_is_not_kept(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, site: SiteSettings
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise DatabaseError("disk full")

    client = signed_in("district")
    monkeypatch.setattr(audit, "record", refused)
    client.raise_request_exception = False
    assert ask(client, kind="csv").status_code == 500
    assert nothing_is_left(site)


@pytest.mark.parametrize(("owner", "sizes"), [(None, [3, 2]), ("甲", [2, 1]), ("乙", [1, 1]), ("丙", [0, 0])])
def test_a_book_of_several_sheets_is_marked_throughout(
    tmp_path: Path, people: dict[str, Account], owner: str | None, sizes: list[int]
) -> None:
    source_book = write_list_of_two_sheets(tmp_path / "warning.xlsx")
    cut, copy = Cut(owner=owner), Copy(pk=7, account=people["district"], rows=sum(sizes))
    with (tmp_path / "plate").open("w+b") as file:
        plates.make_plate(source_book, file, cut, 5, "zh")
        book = opened(b"".join(workbook(file, plates.read_plate(file), copy, cut, "zh")))
    *sheets, notes = book.worksheets
    codes = [cell.value for sheet in sheets for cell in sheet[sheet.cell(2, sheet.max_column).column_letter][2:]]
    assert [
        sum(CODE.fullmatch(str(row[-1].value)) is not None for row in sheet.iter_rows()) for sheet in sheets
    ] == sizes
    assert len(set(filter(None, codes))) == sum(sizes)
    own = f" · {owner}" if owner else ""
    for index, sheet in enumerate(sheets, start=1):
        title = f"雁江{own} · 离网预警 · 2011-10 · {sum(sizes)} 户 · 版本 v ({index}/2) · 专供 yanjiang"
        assert str(sheet["A1"].value).startswith(title)
    assert notes["B1"].value == str(sum(sizes))


def test_files_are_only_for_the_sites_own_user(signed_in: SignedIn, site: SiteSettings) -> None:
    fetched(signed_in("district"))
    modes = {path.is_dir(): path.stat().st_mode & 0o777 for path in (site.RETENTION.portal / "copies").rglob("*")}
    assert modes == {True: 0o700, False: 0o600}


def test_the_same_copy_is_given_again_while_it_can_be_fetched(signed_in: SignedIn) -> None:
    client = signed_in("district")
    first, again = ask(client), ask(client)
    assert first.headers["Location"] == again.headers["Location"]
    assert ask(client, kind="csv").headers["Location"] != first.headers["Location"]
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["copy_made", "copy_made"]


def test_a_copy_has_the_same_bytes_whenever_it_is_made(signed_in: SignedIn, site: SiteSettings) -> None:
    content = fetched(signed_in("district"))
    copy = Copy.objects.get()
    plate_file = next(path for path in (site.RETENTION.portal / "copies" / "plates").iterdir())
    with plate_file.open("rb") as file:
        assert b"".join(workbook(file, plates.read_plate(file), copy, Cut(), "zh")) == content


def test_an_old_copy_goes_and_its_record_stays(signed_in: SignedIn, site: SiteSettings) -> None:
    client = signed_in("district")
    address = ask(client).headers["Location"]
    hours = site.PORTAL.copy_hours
    copy = Copy.objects.get()
    Copy.objects.update(made_at=copy.made_at - dt.timedelta(hours=hours))
    old = time.time() - hours * 3600 - 60
    for path in (site.RETENTION.portal / "copies").rglob("*"):
        os.utime(path, (old, old))
    assert client.get(f"{address}file/").status_code == 404
    assert "已不能下载" in client.get(address).content.decode()
    assert copies.prune() == 2
    assert ask(client).headers["Location"] != address
    assert Copy.objects.count() == 2


@pytest.mark.parametrize("change", ["phones", "district", "manager", "role"])
def test_a_copy_goes_with_the_right_to_see_it(signed_in: SignedIn, people: dict[str, Account], change: str) -> None:
    name = "manager" if change == "manager" else "district"
    client, account = signed_in(name), people[name]
    address = ask(client).headers["Location"]
    if change == "phones":
        account.sees_phone_numbers = False
    elif change == "manager":
        account.account_manager = "雁江二号"
    elif change == "role":
        account.role = "auditor"
    else:
        account.districts.update(district_code="D02")
    account.save()
    assert client.get(f"{address}file/").status_code == 404


@pytest.mark.parametrize("name", ["branch", "other_district", "manager", "auditor"])
def test_nobody_else_fetches_a_copy(signed_in: SignedIn, name: str) -> None:
    address = ask(signed_in("district")).headers["Location"]
    other = signed_in(name)
    guessed = "/copies/00000000-0000-4000-8000-000000000000/"
    for each in (address, f"{address}file/", guessed, f"{guessed}file/"):
        assert other.get(each).status_code == 404
    assert Client().get(f"{address}file/").headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize(
    ("name", "unit", "list_type", "kind"),
    [
        ("other_district", "D01", "warning", "xlsx"),
        ("district", "network", "warning", "xlsx"),
        ("manager", "D01", "warning", "xlsx"),
        ("auditor", "D01", "warning", "xlsx"),
        ("district", "D01", "scorecard", "xlsx"),
        ("district", "D01", "../D02/warning", "csv"),
        ("district", "D01", "warning", "html"),
        ("district", "D01", "warning", ""),
    ],
)
def test_no_copy_is_made_of_what_one_may_not_see(
    signed_in: SignedIn, name: str, unit: str, list_type: str, kind: str
) -> None:
    address = f"/publications/{MONTH}/{CORRECTED}/units/{unit}/lists/{list_type}/copies/"
    assert signed_in(name).post(address, {"format": kind}).status_code == 404
    assert not Copy.objects.exists()


def test_the_page_of_a_copy_says_whose_it_is_and_begins_the_download_once(signed_in: SignedIn) -> None:
    client = signed_in("district")
    address = ask(client).headers["Location"]
    page = client.get(address).content.decode()
    assert f'<meta http-equiv="refresh" content="0; url={address}file/">' in page
    assert "yanjiang" in page
    assert "填好后原样交回" in page
    assert 'http-equiv="refresh"' not in client.get(address).content.decode()
    assert ask(client, list_type="warning").status_code == 303
    listed = client.get("/copies/").content.decode()
    assert listed.count("可下载至") == 2
    assert "雁江" in listed


def test_the_auditor_traces_a_code_and_the_question_is_written_down(signed_in: SignedIn) -> None:
    code = lines(fetched(signed_in("district"), kind="csv"))[6]["追踪码"]
    auditor = signed_in("auditor")
    page = auditor.post("/audit/trace/", {"code": code}).content.decode()
    assert "yanjiang" in page
    assert "第 7 行" in page
    assert "没有这个追踪码" in auditor.post("/audit/trace/", {"code": "X1-00000-00000"}).content.decode()
    traced = AuditEntry.objects.filter(action="code_traced").order_by("pk")
    assert [(entry.copy, entry.detail) for entry in traced] == [
        (Copy.objects.get(), "found=yes row=7"),
        (None, "found=no row=None"),
    ]
    assert signed_in("district").get("/audit/trace/").status_code == 404
