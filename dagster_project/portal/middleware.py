"""What holds for every page: first steps before anything else, and what browsers may do with an answer."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import translation
from django.utils.cache import patch_vary_headers

from dagster_project.portal.models import Account
from dagster_project.portal.second_factor import next_step

_Answers = Callable[[HttpRequest], HttpResponseBase]
_ALWAYS_OPEN = {"sign-out", "language", "health"}
_HEADERS = {
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    # offices share computers: nothing stays behind; files that are no pages say otherwise themselves
    "Cache-Control": "no-store",
}


def headers(get_response: _Answers) -> _Answers:
    """Middleware that says on every answer what browsers must not do with it, unless the answer says it itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def chosen_language(get_response: _Answers) -> _Answers:
    """Middleware that answers in the language that was chosen on the site, else in the branch's.

    What a browser asks for is not heard: an office PC that was set up in English is no reader of English.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        asked = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        with translation.override(asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
            response = get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        patch_vary_headers(response, ("Cookie",))
        return response

    return middleware


def first_steps(get_response: _Answers) -> _Answers:
    """Middleware that leads whoever has a first step before them to it, whatever was asked for."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_view = _step  # type: ignore[attr-defined]
    return middleware


def _step(request: HttpRequest, *_: object) -> HttpResponseBase | None:
    match = request.resolver_match
    if match is None or match.view_name in _ALWAYS_OPEN or not isinstance(request.user, Account):
        return None
    step = next_step(request, request.user)
    return redirect(step) if step and step != match.view_name else None
