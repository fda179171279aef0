"""The second factor: a code that an app on somebody's phone shows, besides the password."""

from __future__ import annotations

from base64 import b32encode
from typing import Any, cast

import django_otp
import segno
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from dagster_project.portal.models import Account

_SCALE = 5


def device_of(account: Account) -> TOTPDevice | None:
    """The device that gives an account its codes; None when it has none that was confirmed."""
    return TOTPDevice.objects.filter(user=account, confirmed=True).order_by("pk").first()


def device_to_confirm(account: Account) -> TOTPDevice:
    """The device that an account is about to add, made at the first call."""
    waiting = TOTPDevice.objects.filter(user=account, confirmed=False).order_by("pk").first()
    return waiting or TOTPDevice.objects.create(user=account, confirmed=False, name="totp")


def is_verified(request: HttpRequest) -> bool:
    """Whether whoever signed in has shown a code in this session."""
    return bool(cast("Any", request.user).is_verified())


def next_step(request: HttpRequest, account: Account) -> str | None:
    """The page that an account must deal with before any other; None when nothing stands before it.

    The code comes before the new password: who knows a password alone must not be able to change it.
    """
    if is_verified(request):
        return "password" if account.must_change_password else None
    if device_of(account):
        return "second-factor"
    if account.must_change_password:
        return "password"
    return "second-factor" if settings.PORTAL.requires_second_factor else None


def seconds_to_wait(device: TOTPDevice) -> int:
    """How long a device takes no code, because wrong ones were given; 0 when it takes one."""
    is_allowed, facts = device.verify_is_allowed()
    if is_allowed or not facts:
        return 0
    until = facts.get("locked_until")
    seconds = int((until - timezone.now()).total_seconds()) if until else 0
    return max(1, seconds)


def passes(request: HttpRequest, device: TOTPDevice, code: str) -> bool:
    """Whether the code is right; the session is then verified, and gets a new name. A code is taken once."""
    found = django_otp.verify_token(request.user, device.persistent_id, code)
    if found is None:
        return False
    if not found.confirmed:
        found.confirmed = True
        found.save(update_fields=["confirmed"])
    django_otp.login(request, found)
    request.session.cycle_key()
    return True


def remove(account: Account) -> int:
    """Take an account's devices away, so that it can add another; the number of them."""
    return int(TOTPDevice.objects.filter(user=account).delete()[0])


def secret_of(device: TOTPDevice) -> str:
    """The secret as a person types it into an app: base 32, in groups of four."""
    text = b32encode(device.bin_key).decode("ascii").rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def picture_of(device: TOTPDevice, title: str) -> str:
    """The secret as a QR code, an SVG element without styles."""
    code = segno.make(device.config_url, error="m", micro=False)
    return code.svg_inline(scale=_SCALE, title=title, svgclass="qr", lineclass=None)
