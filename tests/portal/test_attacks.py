"""Attempts to break the site: hostile addresses, methods, cookies, forms, hosts and headers, and random requests."""

from __future__ import annotations

from collections.abc import Callable
from string import printable
from urllib.parse import quote

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from dagster_project.portal import publications
from dagster_project.portal.models import Account, AuditEntry
from tests.portal.addresses import PEOPLE, Page, addresses, pages
from tests.portal.conftest import PASSWORD
from tests.portal.published import CORRECTED, MONTHS

pytestmark = pytest.mark.django_db
_EVIL = "evil.example"
_HOSTILE = (
    "../../../../etc/passwd",
    "..%2f..%2fcurrent.json",
    "%2e%2e%2f%2e%2e%2fcurrent.json",
    "%252e%252e%252fcurrent.json",
    "%2fetc%2fpasswd",
    "..%5c..%5ccurrent.json",
    "D01%00",
    "%00",
    "%0d%0aX-Evil:%201",
    "%ff%fe",
    "%E2%80%AE",
    "-1",
    "0",
    "9" * 40,
    "1'%20or%20'1'='1",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "{{7*7}}",
    "A" * 5000,
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _hostile(page: Page) -> list[str]:
    proper = {"month": MONTHS[-1], "publication_id": CORRECTED, "unit": "D01", "slug": "D01", "list_type": "warning"}
    return [
        page.address(**{**{name: proper.get(name, "D01") for name in page.arguments}, spoiled: value})
        for spoiled in page.arguments
        for value in _HOSTILE
    ]


def test_hostile_addresses_are_not_found(signed_in: Callable[[str], Client]) -> None:
    client = signed_in("branch")
    for address in [each for page in pages() for each in _hostile(page)] + [f"/{value}/" for value in _HOSTILE]:
        answer = client.get(address)
        assert answer.status_code in (302, 404, 405), address
        assert not answer.has_header("X-Evil")
        assert b"root:" not in answer.content


def test_only_declared_methods_are_answered(signed_in: Callable[[str], Client]) -> None:
    client = signed_in("branch")
    for name, _, address in addresses(signed_in):
        for method in ("put", "patch", "delete", "trace", "options"):
            assert getattr(client, method)(address).status_code == 405, (name, method)
    for address in ("/sign-in/", "/sign-out/", "/language/", "/health/"):
        assert client.put(address).status_code == 405


def test_forged_and_foreign_cookies_sign_nobody_in(people: dict[str, Account]) -> None:
    elsewhere = SessionStore()
    elsewhere["_auth_user_id"] = str(people["branch"].pk)
    elsewhere["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    elsewhere["_auth_user_hash"] = "0" * 64
    elsewhere.save()
    for cookie in (elsewhere.session_key or "", "0" * 32, "../../etc/passwd", "A" * 4000, "' or 1=1 --", "é"):
        client = Client()
        client.cookies["sessionid"] = cookie
        assert client.get("/").headers["Location"] == "/sign-in/?next=/"


def test_no_form_is_taken_without_the_token_of_its_page(
    people: dict[str, Account], signed_in: Callable[[str], Client]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["branch"], backend="django.contrib.auth.backends.ModelBackend")
    known = [address for _, _, address in addresses(signed_in)]
    before = AuditEntry.objects.count()
    for address in (*known, "/sign-in/", "/sign-out/", "/language/", "/admin/portal/account/add/"):
        assert client.post(address, {"csrfmiddlewaretoken": "A" * 64}).status_code == 403, address
    assert client.get("/password/").status_code == 200
    assert AuditEntry.objects.count() == before


def test_the_site_is_called_by_its_own_names_only(client: Client) -> None:
    for host in (_EVIL, f"localhost@{_EVIL}", "localhost:80:80", "", "127.0.0.1.evil.example"):
        answer = client.get("/sign-in/", headers={"Host": host})
        assert answer.status_code == 400, host
        assert _EVIL not in answer.content.decode()
    answer = client.get("/sign-in/", headers={"X-Forwarded-Host": _EVIL, "Forwarded": f"host={_EVIL}"})
    assert answer.status_code == 200
    assert _EVIL not in answer.content.decode()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "https://testserver@evil.example/",
        " https://evil.example/",
        "/\r\nSet-Cookie: a=b",
    ],
)
def test_nobody_is_led_to_another_site(people: dict[str, Account], target: str) -> None:
    client = Client()
    chosen = client.post("/language/", {"language": "en", "next": target})
    form = {"username": "yanjiang", "password": PASSWORD, "next": target}
    for answer in (chosen, client.post("/sign-in/", form)):
        assert answer.status_code == 302
        location = answer.headers["Location"]
        assert location == "/" or location.startswith("/%0D%0A")
        assert "a" not in answer.cookies


@pytest.mark.parametrize("address", ["/sign-in/", "/", "/nothing/", "/health/", "/static/portal/portal.css", "/admin/"])
def test_every_answer_tells_browsers_what_they_must_not_do(signed_in: Callable[[str], Client], address: str) -> None:
    answer = signed_in("branch").get(address)
    assert {name: answer.headers.get(name) for name in _HEADERS} == _HEADERS
    assert "geolocation=()" in answer.headers["Permissions-Policy"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_an_error_shows_nothing_of_the_site(
    people: dict[str, Account], monkeypatch: pytest.MonkeyPatch, signed_in: Callable[[str], Client]
) -> None:
    def fails() -> None:
        raise RuntimeError("13901000023")

    client = signed_in("branch")
    client.raise_request_exception = False
    monkeypatch.setattr(publications, "current", fails)
    answer = client.get("/")
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "系统出错" in page
    assert not [word for word in ("RuntimeError", "Traceback", "13901000023", "SECRET", "django") if word in page]


_TEXTS = st.one_of(
    st.sampled_from([*MONTHS, CORRECTED, "D01", "D02", "network", "warning", "work_order", "xlsx", "1", "-1", "0"]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    st.text(printable, max_size=30),
)
_FIELDS = ("q", "page", "month", "format", "next", "language", "code", "district", "from", "to", "account", "action")
_FORMS = st.dictionaries(st.sampled_from(_FIELDS), _TEXTS, max_size=4)
_SENT_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Range": st.sampled_from(["bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-0,1-1", f"bytes={10**40}-", "x"]),
        "If-Range": st.sampled_from(['"x"', "Sat, 29 Oct 1994 19:43:31 GMT", "\u00ff"]),
        "If-None-Match": st.sampled_from(["*", '"x"', "W/"]),
        "If-Modified-Since": st.sampled_from(["yesterday", "Sat, 29 Oct 1994 19:43:31 GMT", "9" * 30]),
        "Accept-Language": st.sampled_from(["en", "zh", "*", "xx;q=" + "9" * 50, "a" * 3000]),
        "Cookie": st.sampled_from(["django_language=zz", "messages=x", "csrftoken=" + "a" * 500]),
        "Content-Type": st.sampled_from(["text/html", "multipart/form-data", "application/json; charset=x"]),
        "X-Forwarded-For": st.sampled_from(["1.1.1.1", "x", ","]),
        "X-Request-ID": st.sampled_from(["x\u00ff", "a" * 200]),
    },
)


@pytest.mark.parametrize("who", PEOPLE)
def test_no_request_breaks_the_site(who: str, signed_in: Callable[[str], Client]) -> None:
    client = signed_in(who)
    client.raise_request_exception = False
    session = client.cookies["sessionid"].value
    everything = pages()

    @fuzzing(
        max_examples=60,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        page=st.sampled_from(everything),
        method=st.sampled_from(["get", "get", "post", "post", "head", "options", "put", "delete"]),
        places=st.lists(_TEXTS, min_size=6, max_size=6),
        form=_FORMS,
        headers=_SENT_HEADERS,
    )
    def attack(page: Page, method: str, places: list[str], form: dict[str, str], headers: dict[str, str]) -> None:
        client.cookies["sessionid"] = session
        filled = dict(zip(page.arguments, (quote(place, safe="/") for place in places), strict=False))
        answer = getattr(client, method)(page.address(**filled), form, headers=headers)
        assert answer.status_code < 500, (page.name, method, places, form, headers)

    attack()
