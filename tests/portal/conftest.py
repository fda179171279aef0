"""A published branch, the site over it, and somebody of every role who signed in."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings as SiteSettings

from dagster_project.portal import accounts
from dagster_project.portal.models import Account, AuditEntry
from tests.editions import settings as settings_of
from tests.portal.published import publish_branch
from tests.shared import made_once

PASSWORD = "Ziyang-tea-2011"


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a branch with three published months; nobody writes into it."""
    return made_once(tmp_path_factory, "published_branch", publish_branch)


@pytest.fixture(autouse=True)
def site(settings: SiteSettings, published_home: Path, tmp_path: Path) -> SiteSettings:
    """The site over the published branch; what it keeps itself goes to the test's own folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "published").symlink_to(published_home / "published", target_is_directory=True)
    settings.RETENTION = settings_of(tmp_path / "home")
    # the rules of passwords are tested, not how long one takes to try
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings


@pytest.fixture(autouse=True)
def emptied_audit_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that commits, the log is emptied as no program of the site could, before the tables are."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None or not marker.kwargs.get("transaction"):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    if connection.vendor == "postgresql":
        # triggers sleep until the connection is closed, which the end of such a test does
        with connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
        return
    triggers = importlib.import_module("dagster_project.portal.migrations.0002_append_only")
    with connection.schema_editor() as editor:
        triggers._remove(None, editor)
    AuditEntry.objects.all()._raw_delete(connection.alias)
    with connection.schema_editor() as editor:
        triggers._add(None, editor)


@pytest.fixture
def open_account(db: None) -> Callable[..., Account]:
    """Opens accounts that have changed their first password."""

    def opened(username: str, role: str, **options: object) -> Account:
        account = accounts.add(username, PASSWORD, role=role, **options)
        account.must_change_password = False
        account.save()
        return account

    return opened


@pytest.fixture
def people(open_account: Callable[..., Account]) -> dict[str, Account]:
    """One account of every role; districts D01 and D02 have one each, and a manager is of D01."""
    return {
        "branch": open_account("branch", "branch", sees_phone_numbers=True),
        "district": open_account("yanjiang", "district", districts=["D01"], sees_phone_numbers=True),
        "other_district": open_account("anyue", "district", districts=["D02"]),
        "manager": open_account(
            "manager", "manager", districts=["D01"], account_manager="雁江一号", sees_phone_numbers=True
        ),
        "auditor": open_account("auditor", "auditor"),
    }


@pytest.fixture
def signed_in(people: dict[str, Account]) -> Callable[[str], Client]:
    """A client for one of :func:`people`."""

    def client_of(name: str) -> Client:
        client = Client()
        client.force_login(people[name], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return client_of
