"""What is written down of signing in and out, and under which name a failed attempt counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from dagster_project.portal import audit, second_factor
from dagster_project.portal.models import Account

_NAME = "username"
_SALT = "portal.unknown-name"


def connect() -> None:
    """Have every sign-in, sign-out, failure and lock-out written down."""
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_failed)
    user_locked_out.connect(_locked_out)


def name_tried(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The name by which the lock-out counts an attempt: an account's own, else a keyed digest of what was typed.

    A password typed into the field of the name is thus kept nowhere, and an unknown name is locked like a known one.
    """
    typed = _typed(request, credentials)
    if _is_known(typed):
        return typed
    return f"?{salted_hmac(_SALT, typed, algorithm='sha256').hexdigest()[:40]}"


def _typed(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    return str((credentials or request.POST).get(_NAME) or "")


def _is_known(name: str) -> bool:
    return "\0" not in name and Account.objects.filter(username=name).exists()


def _known(name: str) -> str:
    """The name, if it is an account's; nothing for another, which may be a password in the wrong field."""
    return name if _is_known(name) else ""


def _signed_in(request: HttpRequest, user: Account, **_: object) -> None:
    # a session that was made outside of the site's own pages is nobody's sign-in
    if not hasattr(request, "user"):
        return
    is_asked = second_factor.device_of(user) is not None
    audit.record(request, audit.Action.SIGNED_IN, second_factor="asked" if is_asked else "none")


def _signed_out(request: HttpRequest, user: Account | None, **_: object) -> None:
    if user is not None and hasattr(request, "user"):
        audit.record(request, audit.Action.SIGNED_OUT)


def _failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    # who is locked out already has an entry of its own
    if request is not None and not getattr(request, "axes_locked_out", False):
        audit.record(request, audit.Action.SIGN_IN_FAILED, username=_known(_typed(request, credentials)))


def _locked_out(request: HttpRequest, username: str, **_: object) -> None:
    audit.record(request, audit.Action.LOCKED_OUT, username=_known(username))
