"""Fetching a copy: whole, from where a download broke off, and with whatever else a request may ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import DatabaseError
from django.test import Client

from dagster_project.portal import audit
from dagster_project.portal.models import AuditEntry, Copy
from tests.portal.published import CORRECTED

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(signed_in: Callable[[str], Client]) -> Client:
    """Somebody of D01."""
    return signed_in("district")


@pytest.fixture
def address(office: Client) -> str:
    """Where a copy of the warning list is fetched."""
    posted = office.post(f"/publications/2011-10/{CORRECTED}/units/D01/lists/warning/copies/", {"format": "csv"})
    return f"{posted.headers['Location']}file/"


@pytest.fixture
def whole(office: Client, address: str) -> bytes:
    """The copy."""
    return bytes(office.get(address).getvalue())


def downloads() -> list[str]:
    return [entry.detail for entry in AuditEntry.objects.filter(action="downloaded").order_by("pk")]


def test_a_download_names_the_file_and_is_kept_by_nobody(office: Client, address: str) -> None:
    headers = office.get(address).headers
    copy = Copy.objects.get()
    assert headers["Content-Length"] == str(copy.bytes)
    assert headers["ETag"] == f'"{copy.sha256}"'
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    kind, name = headers["Content-Disposition"].split("; filename*=utf-8''")
    assert (kind, unquote(name)) == ("attachment", "雁江_离网预警_2011-10_yanjiang.csv")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=5-99999999999999999999999999999999", 5, None),
        ("bytes=-99999999999999999999999999999999", 0, None),
        ("Bytes= 10-19 ", 10, 20),
    ],
)
def test_one_range_is_sent(
    office: Client, address: str, whole: bytes, asked: str, start: int, stop: int | None
) -> None:
    answer = office.get(address, headers={"Range": asked})
    expected = whole[start:stop]
    assert answer.status_code == 206
    assert answer.getvalue() == expected
    first = start % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert answer.headers["Content-Length"] == str(len(expected))


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6",
        "bytes=0-,0-,0-,0-",
        "bytes=20-10",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=１-２",
        "lines=0-1",
        "bytes=1-2-3",
        "bytes",
        "bytes=" + ",".join(f"{n}-" for n in range(1000)),
    ],
)
def test_what_is_not_one_sound_range_gets_the_whole(office: Client, address: str, whole: bytes, asked: str) -> None:
    answer = office.get(address, headers={"Range": asked})
    assert (answer.status_code, answer.getvalue()) == (200, whole)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=" + "9" * 5000 + "-"])
def test_a_range_behind_the_end_is_refused_and_no_download(office: Client, address: str, asked: str) -> None:
    answer = office.get(address, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{Copy.objects.get().bytes}"
    assert downloads() == []


@pytest.mark.parametrize(("tag", "status"), [("own", 206), ('"other"', 200), ("Sat, 29 Oct 2011 19:43:31 GMT", 200)])
def test_a_download_goes_on_only_with_the_file_that_it_began_with(
    office: Client, address: str, tag: str, status: int
) -> None:
    held = f'"{Copy.objects.get().sha256}"' if tag == "own" else tag
    assert office.get(address, headers={"Range": "bytes=5-9", "If-Range": held}).status_code == status


def test_head_tells_of_the_file_and_is_no_download(office: Client, address: str) -> None:
    answer = office.head(address, headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(Copy.objects.get().bytes)
    assert downloads() == []


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_copy_is_only_fetched(office: Client, address: str, method: str) -> None:
    assert getattr(office, method)(address).status_code == 405


def test_a_download_is_written_down_before_its_first_byte(office: Client, address: str) -> None:
    office.get(address, headers={"Range": "bytes=10-19"})
    entry = AuditEntry.objects.get(action="downloaded")
    copy = Copy.objects.get()
    assert (entry.copy, entry.rows, entry.path) == (copy, copy.rows, "districts/D01/warning.csv")
    assert (entry.username, entry.address, entry.publication_id) == ("yanjiang", "127.0.0.1", CORRECTED)
    assert entry.detail == f"bytes=10-19 size={copy.bytes}"


def test_no_byte_is_sent_that_cannot_be_written_down(
    office: Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", refused)
    office.raise_request_exception = False
    answer = office.get(address)
    assert answer.status_code == 500
    assert "139" not in answer.content.decode()
