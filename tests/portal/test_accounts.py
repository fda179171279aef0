"""Accounts: lock-out, what is written down, sessions, the second factor, and the administration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django.fixtures import Settings as SiteSettings

from dagster_project.portal import accounts
from dagster_project.portal.models import Account, AuditEntry
from dagster_project.settings import PortalSettings
from tests.portal.conftest import PASSWORD

pytestmark = pytest.mark.django_db
_HERE, _ELSEWHERE = "10.1.1.7", "10.1.1.8"
_NEW = "Anyue-lemon-2012"


def _sign_in(client: Client, name: str, password: str, address: str = _HERE, **headers: str) -> int:
    form = {"username": name, "password": password}
    return client.post("/sign-in/", form, REMOTE_ADDR=address, headers=headers).status_code


def _entries() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "username", "detail"))


def test_five_wrong_passwords_lock_a_name_at_an_address_and_nobody_else(people: dict[str, Account]) -> None:
    assert [_sign_in(Client(), "yanjiang", "wrong") for _ in range(6)] == [200, 200, 200, 200, 429, 429]
    assert _sign_in(Client(), "yanjiang", PASSWORD) == 429
    assert _sign_in(Client(), "yanjiang", PASSWORD, _ELSEWHERE) == 302
    assert _sign_in(Client(), "anyue", PASSWORD) == 302


def test_the_lock_ends_after_an_hour(people: dict[str, Account]) -> None:
    for _ in range(5):
        _sign_in(Client(), "yanjiang", "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=61))
    assert _sign_in(Client(), "yanjiang", PASSWORD) == 302


def test_another_forwarded_address_each_time_does_not_escape_the_lock(people: dict[str, Account]) -> None:
    statuses = [
        _sign_in(Client(), "yanjiang", "wrong", **{"X-Forwarded-For": f"10.9.9.{i}", "X-Real-IP": f"10.9.9.{i}"})
        for i in range(5)
    ]
    assert statuses[-1] == 429


@pytest.mark.parametrize(("language", "advice"), [("zh-hans", "分公司管理员"), ("en", "administrator")])
def test_who_is_locked_out_reads_what_to_do(people: dict[str, Account], language: str, advice: str) -> None:
    client = Client()
    client.post("/language/", {"language": language})
    for _ in range(4):
        _sign_in(client, "yanjiang", "wrong")
    answer = client.post("/sign-in/", {"username": "yanjiang", "password": "wrong"}, REMOTE_ADDR=_HERE)
    assert answer.status_code == 429
    assert advice in answer.content.decode()


def test_unknown_names_lock_like_known_ones(people: dict[str, Account]) -> None:
    assert [_sign_in(Client(), "nobody", "wrong") for _ in range(5)] == [200, 200, 200, 200, 429]
    assert _sign_in(Client(), "nobody else", "wrong") == 200


def test_what_is_typed_as_a_name_and_is_none_is_kept_nowhere(people: dict[str, Account]) -> None:
    typed = "Ziyang-tea-2011-typed-too-early"
    for _ in range(5):
        _sign_in(Client(), typed, "x")
    kept = [*AccessAttempt.objects.values_list(), *AuditEntry.objects.values_list()]
    assert len(kept) == 6  # one attempt with its count, four failures, one lock
    assert typed not in str(kept)


def test_signing_in_and_out_is_written_down_with_who_and_from_where(people: dict[str, Account]) -> None:
    client = Client()
    _sign_in(client, "yanjiang", "wrong")
    _sign_in(client, "yanjiang", PASSWORD)
    client.post("/sign-out/", REMOTE_ADDR=_HERE)
    assert [(action, name) for action, name, _ in _entries()] == [
        ("sign_in_failed", "yanjiang"),
        ("signed_in", "yanjiang"),
        ("signed_out", "yanjiang"),
    ]
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {_HERE}


def test_the_browser_forgets_the_site_when_somebody_signs_out(signed_in: Callable[[str], Client]) -> None:
    answer = signed_in("district").post("/sign-out/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Location"] == "/sign-in/"


@pytest.mark.parametrize("address", ["/", "/password/", "/second-factor/", "/nothing/"])
def test_browsers_keep_no_page(signed_in: Callable[[str], Client], address: str) -> None:
    assert "no-store" in signed_in("district").get(address).headers["Cache-Control"]


def test_a_new_password_is_not_the_old_one(signed_in: Callable[[str], Client]) -> None:
    form = {"old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD}
    answer = signed_in("district").post("/password/", form)
    assert answer.status_code == 200
    assert "新密码不能与原密码相同" in answer.content.decode()


def test_a_session_gets_a_new_name_at_sign_in_and_ends_with_the_browser(people: dict[str, Account]) -> None:
    client = Client()
    client.cookies["sessionid"] = planted = "0123456789abcdefghijklmnopqrstuv"
    _sign_in(client, "yanjiang", PASSWORD)
    cookie = client.cookies["sessionid"]
    assert cookie.value != planted
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["max-age"]
    assert not cookie["expires"]


def test_a_session_lasts_as_long_as_its_setting_says(people: dict[str, Account], settings: SiteSettings) -> None:
    client = Client()
    _sign_in(client, "yanjiang", PASSWORD)
    left = Session.objects.get().expire_date - timezone.now()
    assert timedelta(hours=7, minutes=59) < left <= timedelta(hours=PortalSettings().session_hours)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/").status_code == 302


def test_a_new_password_ends_all_other_sessions(signed_in: Callable[[str], Client]) -> None:
    stolen, own = signed_in("district"), signed_in("district")
    own.post("/password/", {"old_password": PASSWORD, "new_password1": _NEW, "new_password2": _NEW})
    assert own.get("/password/").status_code == 200
    assert stolen.get("/").headers["Location"] == "/sign-in/?next=/"


def test_a_closed_account_is_out_at_once(signed_in: Callable[[str], Client], people: dict[str, Account]) -> None:
    client = signed_in("district")
    Account.objects.filter(pk=people["district"].pk).update(is_active=False)
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"
    assert _sign_in(Client(), "yanjiang", PASSWORD) == 200


def _code(device: TOTPDevice, steps: int = 0) -> str:
    return f"{totp(device.bin_key, drift=steps):06d}"


def _device(account: Account) -> TOTPDevice:
    return TOTPDevice.objects.create(user=account, name="totp", confirmed=True)


def test_a_second_factor_is_added_with_a_code_and_asked_for_from_then_on(people: dict[str, Account]) -> None:
    first = Client()
    _sign_in(first, "yanjiang", PASSWORD)
    page = first.get("/second-factor/").content.decode()
    device = TOTPDevice.objects.get()
    assert "<svg" in page
    assert "style=" not in page
    assert first.get("/password/").status_code == 200
    assert first.post("/second-factor/", {"code": _code(device)}).status_code == 302
    assert first.get("/password/").status_code == 200

    second = Client()
    _sign_in(second, "yanjiang", PASSWORD)
    for address in ("/", "/password/"):
        assert second.get(address).headers["Location"] == "/second-factor/"
    assert second.post("/second-factor/", {"code": _code(device)}).status_code == 200, "a code is taken once"
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert second.post("/second-factor/", {"code": _code(device, steps=1)}).status_code == 302
    assert second.get("/password/").status_code == 200
    assert [(action, detail) for action, _, detail in _entries()] == [
        ("signed_in", "second_factor=none"),
        ("second_factor_added", ""),
        ("signed_in", "second_factor=asked"),
        ("sign_in_failed", "second_factor=refused"),
        ("signed_in", "second_factor=passed"),
    ]


def test_codes_cannot_be_tried_one_after_the_other(people: dict[str, Account]) -> None:
    device = _device(people["district"])
    client = Client()
    _sign_in(client, "yanjiang", PASSWORD)
    wrong = f"{(int(_code(device)) + 500_000) % 1_000_000:06d}"
    client.post("/second-factor/", {"code": wrong})
    answer = client.post("/second-factor/", {"code": _code(device)})
    assert answer.status_code == 200
    assert "秒后再试" in answer.content.decode()


def test_the_code_of_somebody_else_is_no_good(people: dict[str, Account]) -> None:
    _device(people["district"])
    other = _device(people["other_district"])
    client = Client()
    _sign_in(client, "yanjiang", PASSWORD)
    assert client.post("/second-factor/", {"code": _code(other)}).status_code == 200
    assert client.get("/").headers["Location"] == "/second-factor/"


def test_where_it_is_demanded_nothing_is_reached_without_a_second_factor(
    people: dict[str, Account], settings: SiteSettings
) -> None:
    settings.PORTAL = PortalSettings(requires_second_factor=True)
    client = Client()
    _sign_in(client, "yanjiang", PASSWORD)
    for address in ("/", "/password/"):
        assert client.get(address).headers["Location"] == "/second-factor/"


@pytest.fixture
def administrator(people: dict[str, Account]) -> Client:
    chief = accounts.add("chief", PASSWORD, role="branch", is_administrator=True)
    chief.must_change_password = False
    chief.save()
    client = Client()
    client.force_login(chief, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _account_form(**changed: str) -> dict[str, str]:
    districts = {
        "districts-TOTAL_FORMS": "1",
        "districts-INITIAL_FORMS": "0",
        "districts-0-district_code": "D03",
    }
    person = {"username": "lezhi", "role": "district", "password1": _NEW, "password2": _NEW}
    return {**person, **districts, **changed}


def test_an_administrator_opens_an_account_whose_password_must_be_changed(administrator: Client) -> None:
    assert administrator.post("/admin/portal/account/add/", _account_form()).status_code == 302
    opened = Account.objects.get(username="lezhi")
    assert (opened.role, opened.district_codes, opened.must_change_password) == ("district", {"D03"}, True)
    assert not opened.is_staff
    assert ("account_changed", "chief", "changed=lezhi fields=opened") in _entries()


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"districts-0-district_code": ""}, "该角色至少需要一个区县"),
        ({"role": "branch"}, "请不要填写区县"),
        ({"role": "manager"}, "须填写客户经理名称"),
        ({"account_manager": "雁江一号"}, "只有客户经理角色可以填写"),
    ],
)
def test_the_administration_opens_no_account_that_its_role_contradicts(
    administrator: Client, changed: dict[str, str], remedy: str
) -> None:
    answer = administrator.post("/admin/portal/account/add/", _account_form(**changed))
    assert remedy in answer.content.decode()
    assert not Account.objects.filter(username="lezhi").exists()


def test_a_password_that_an_administrator_gives_must_be_changed_and_is_written_down(
    administrator: Client, people: dict[str, Account]
) -> None:
    address = f"/admin/portal/account/{people['district'].pk}/password/"
    assert administrator.post(address, {"password1": _NEW, "password2": _NEW}).status_code == 302
    changed = Account.objects.get(pk=people["district"].pk)
    assert changed.check_password(_NEW)
    assert changed.must_change_password
    assert _entries()[-1] == ("account_changed", "chief", "changed=yanjiang fields=password")


def test_an_administrator_takes_a_lost_device_and_a_lock_away(
    administrator: Client, people: dict[str, Account]
) -> None:
    _device(people["district"])
    for _ in range(5):
        _sign_in(Client(), "yanjiang", "wrong")
    chosen = {"_selected_action": str(people["district"].pk)}
    for action in ("remove_second_factor", "unlock"):
        assert administrator.post("/admin/portal/account/", {"action": action, **chosen}).status_code == 302
    client = Client()
    assert _sign_in(client, "yanjiang", PASSWORD) == 302
    assert client.get("/password/").status_code == 200
    details = [detail for action, _, detail in _entries() if action == "account_changed"]
    assert details == ["changed=yanjiang fields=second_factor", "changed=yanjiang fields=lock"]


def test_a_change_is_written_down_by_its_fields_and_not_by_its_values(
    administrator: Client, people: dict[str, Account]
) -> None:
    manager = people["manager"]
    form = {
        **_account_form(username="manager", role="manager", account_manager="雁江二号", is_active="on"),
        "districts-INITIAL_FORMS": "1",
        "districts-0-id": str(manager.districts.get().pk),
        "districts-0-account": str(manager.pk),
        "districts-0-district_code": "D01",
        "sees_phone_numbers": "on",
    }
    assert administrator.post(f"/admin/portal/account/{manager.pk}/change/", form).status_code == 302
    assert _entries()[-1] == ("account_changed", "chief", "changed=manager fields=account_manager")


def test_administrators_do_not_shut_themselves_out(administrator: Client) -> None:
    chief = Account.objects.get(username="chief")
    form = {"username": "chief", "role": "branch", "districts-TOTAL_FORMS": "0", "districts-INITIAL_FORMS": "0"}
    answer = administrator.post(f"/admin/portal/account/{chief.pk}/change/", form)
    assert "不能停用自己的账号" in answer.content.decode()
    chief.refresh_from_db()
    assert chief.is_staff
    assert chief.is_active
