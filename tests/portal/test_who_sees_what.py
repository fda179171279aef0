"""Who sees what: every page of the URL configuration, for every role, in its own district and in others."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from dagster_project.portal import accounts
from dagster_project.portal.visibility import CAPABILITY
from tests.portal.addresses import PEOPLE, PUBLIC, SAMPLES, addresses, ask, pages
from tests.portal.conftest import PASSWORD

pytestmark = pytest.mark.django_db
_ANSWERS = {200, 302, 303}
_ADMINISTRATION = (
    "/admin/",
    "/admin/login/",
    "/admin/logout/",
    "/admin/jsi18n/",
    "/admin/autocomplete/",
    "/admin/portal/",
    "/admin/portal/account/",
    "/admin/portal/account/add/",
    "/admin/portal/account/1/change/",
    "/admin/portal/account/1/password/",
    "/admin/portal/account/1/history/",
    "/admin/portal/account/1/delete/",
    "/admin/nothing/",
)


def test_every_page_is_known_here() -> None:
    unknown = {page.name for page in pages()} - PUBLIC - set(SAMPLES)
    assert not unknown, f"add a line for {sorted(unknown)} to SAMPLES in tests/portal/addresses.py"


def test_no_page_is_known_here_that_does_not_exist() -> None:
    assert set(SAMPLES) <= {page.name for page in pages()}


def test_every_page_says_what_it_takes_but_the_few_that_are_for_everybody() -> None:
    without = {page.name for page in pages() if getattr(page.view, CAPABILITY, None) is None}
    assert without == PUBLIC & {page.name for page in pages()}


@pytest.mark.parametrize("who", PEOPLE)
def test_exactly_the_allowed_pages_answer_and_all_others_say_the_same(
    who: str, signed_in: Callable[[str], Client]
) -> None:
    client = signed_in(who)
    wrong = []
    not_found = set()
    for name, sample, address in addresses(signed_in):
        answer = ask(client, sample, address)
        is_answered = answer.status_code in _ANSWERS
        if is_answered != (who in sample.seen_by) or not (is_answered or answer.status_code == 404):
            wrong.append((name, address, answer.status_code))
        if answer.status_code == 404:
            not_found.add(_as_it_reads(answer.content.decode(), address))
    assert not wrong
    assert len(not_found) <= 1


def test_strangers_are_led_to_sign_in_whether_a_page_is_there_or_not(
    client: Client, signed_in: Callable[[str], Client]
) -> None:
    answers = {
        address: ask(client, sample, address).headers.get("Location", "") for _, sample, address in addresses(signed_in)
    }
    assert answers
    assert {location.partition("?")[0] for location in answers.values()} == {"/sign-in/"}


@pytest.mark.parametrize("who", PEOPLE)
def test_the_administration_is_not_there_for_who_is_no_administrator(
    who: str, signed_in: Callable[[str], Client]
) -> None:
    client = signed_in(who)
    answers = {address: client.get(address).status_code for address in _ADMINISTRATION}
    assert set(answers.values()) <= {302, 404}
    assert {address for address, status in answers.items() if status == 302} == {"/admin/login/"}
    assert client.get("/admin/login/").headers["Location"] == "/"


def test_strangers_reach_no_page_of_the_administration(client: Client) -> None:
    for address in _ADMINISTRATION:
        answer = client.get(address)
        assert answer.status_code == 302
        assert (
            answer.headers["Location"].startswith(("/admin/login/?next=", "/sign-in/?next="))
            or address == "/admin/logout/"
        )


def test_an_administrator_finds_accounts_in_the_administration_and_nothing_else(client: Client) -> None:
    administrator = accounts.add("chief", PASSWORD, role="branch", is_administrator=True)
    administrator.must_change_password = False
    administrator.save()
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    listed = set(re.findall(r'href="/admin/([\w/]+)/add/"', client.get("/admin/").content.decode()))
    assert listed == {"portal/account"}
    assert client.get("/admin/portal/account/").status_code == 200


def _as_it_reads(page: str, address: str) -> str:
    # the token of its forms, the way back, and what the page before it had to say
    own = r'name="csrfmiddlewaretoken" value="\w+"|name="next" value="[^"]*"|<p class="message [^>]*>[^<]*</p>'
    return re.sub(own, "", page).replace(address, "")
