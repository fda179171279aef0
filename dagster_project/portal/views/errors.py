"""Pages for what cannot be answered; each says what happened and what to do, and nothing of how the site is made."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from dagster_project.lib.wording import text
from dagster_project.portal.language import current_language


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What is missing, or not for the reader: the same page for both."""
    return _page(request, "not_found", 404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that nobody may make."""
    return _page(request, "forbidden", 403)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was not sent from a page of this session."""
    return _page(request, "forged", 403)


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that is no proper one; of its sender nothing is believed."""
    return _bare("refused", 400)


def failed(request: HttpRequest) -> HttpResponse:
    """An error of the site's own; made without the database, which may be what failed."""
    return _bare("failed", 500)


def _page(request: HttpRequest, kind: str, status: int) -> HttpResponse:
    return render(request, "portal/error.html", _words(kind), status=status)


def _bare(kind: str, status: int) -> HttpResponse:
    return HttpResponse(render_to_string("portal/failure.html", _words(kind)), status=status)


def _words(kind: str) -> dict[str, str]:
    language = current_language()
    return {
        "title": text(f"portal_errors.{kind}", language),
        "advice": text(f"portal_errors.{kind}_advice", language),
        "language": language,
    }
