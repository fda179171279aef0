"""Signing in: strangers are led to it, a given password is changed first, and the language is chosen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from dagster_project.portal import accounts
from dagster_project.portal.models import Account, AuditEntry
from tests.portal.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_stranger_is_led_to_sign_in_and_back(client: Client, people: dict[str, Account]) -> None:
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"
    answer = client.post("/sign-in/", {"username": "yanjiang", "password": PASSWORD, "next": "/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/", follow=True).status_code == 200


def test_a_password_that_was_given_is_changed_before_anything_else(client: Client) -> None:
    accounts.add("newcomer", PASSWORD, role="district", districts=["D01"])
    client.post("/sign-in/", {"username": "newcomer", "password": PASSWORD})
    assert client.get("/").headers["Location"] == "/password/"
    new = "Anyue-lemon-2012"
    changed = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/password/", changed).headers["Location"] == "/"
    assert client.get("/", follow=True).status_code == 200
    assert AuditEntry.objects.filter(action="password_changed", username="newcomer").count() == 1


@pytest.mark.parametrize(
    ("role", "options", "remedy"),
    [
        ("district", {}, "--district"),
        ("branch", {"districts": ["D01"]}, "leave --district out"),
        ("manager", {"districts": ["D01"]}, "--account-manager"),
    ],
)
def test_an_account_that_lacks_what_its_role_is_cut_by_is_not_opened(
    role: str, options: dict[str, object], remedy: str
) -> None:
    with pytest.raises(accounts.InvalidAccount, match=remedy):
        accounts.add("somebody", PASSWORD, role=role, **options)
    assert not Account.objects.exists()


def test_a_page_answers_in_the_chosen_language(client: Client) -> None:
    assert "登录" in client.get("/sign-in/").content.decode()
    client.post("/language/", {"language": "en", "next": "/sign-in/"})
    assert "Sign in" in client.get("/sign-in/").content.decode()


def test_the_language_switch_leads_to_no_other_site(client: Client) -> None:
    answer = client.post("/language/", {"language": "en", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_audit_entries_cannot_be_changed_not_even_in_the_database(signed_in: Callable[[str], Client]) -> None:
    from django.db import DatabaseError, connection, transaction

    AuditEntry.objects.create(action="signed_in", username="somebody")
    for statement in ("update portal_auditentry set username = 'nobody'", "delete from portal_auditentry"):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert AuditEntry.objects.get().username == "somebody"
