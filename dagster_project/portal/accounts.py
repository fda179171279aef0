"""Opening accounts: what a role needs is there, and nothing that contradicts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from dagster_project.portal.models import Account, AccountDistrict
from dagster_project.portal.roles import Role


class InvalidAccount(ValueError):
    """An account that cannot be opened; the message says why and what to do."""


def add(
    username: str,
    password: str,
    *,
    role: str,
    districts: Sequence[str] = (),
    account_manager: str = "",
    sees_phone_numbers: bool = False,
    is_administrator: bool = False,
) -> Account:
    """Open an account whose password must be changed at the first sign-in; raises :class:`InvalidAccount`."""
    require_sound(role, districts, account_manager)
    try:
        UnicodeUsernameValidator()(username)
        with transaction.atomic():
            account = Account.objects.create_user(
                username,
                password=password,
                role=role,
                account_manager=account_manager,
                sees_phone_numbers=sees_phone_numbers,
                is_staff=is_administrator,
                is_superuser=is_administrator,
            )
            AccountDistrict.objects.bulk_create(
                AccountDistrict(account=account, district_code=code) for code in dict.fromkeys(districts)
            )
    except ValidationError as error:
        raise InvalidAccount(f"user name {username!r}: {' '.join(error.messages)}") from error
    except IntegrityError as error:
        raise InvalidAccount(f"there is an account {username!r} already; choose another name") from error
    return account


def require_sound(role: str, districts: Sequence[str], account_manager: str) -> None:
    """Raise :class:`InvalidAccount` when a role lacks what it is cut by, or has what it is not cut by."""
    fault = fault_of(role, districts, account_manager)
    if fault:
        raise InvalidAccount(_REMEDIES[fault].format(role=role))


def fault_of(role: str, districts: Sequence[str], account_manager: str) -> str | None:
    """What is wrong with an account of that role, by a name; None when nothing is."""
    if role in (Role.DISTRICT, Role.MANAGER) and not districts:
        return "needs_district"
    if role in (Role.BRANCH, Role.AUDITOR) and districts:
        return "no_district"
    if role == Role.MANAGER and not account_manager:
        return "needs_manager"
    if role != Role.MANAGER and account_manager:
        return "no_manager"
    return None


_REMEDIES: Mapping[str, str] = {
    "needs_district": "role {role} needs --district, the code of at least one district",
    "no_district": "role {role} is for no single district; leave --district out",
    "needs_manager": "--account-manager is for the role manager, which needs it",
    "no_manager": "--account-manager is for the role manager, not for {role}",
}
