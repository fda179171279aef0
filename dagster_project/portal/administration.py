"""Django's administration as the site has it: for administrators, through the site's own sign-in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.views.decorators.http import require_http_methods, require_safe

from dagster_project.portal.language import later

_View = Callable[..., HttpResponseBase]
_ELSEWHERE = {"password_change_done", "view_on_site"}


class Administration(admin.AdminSite):
    """The administration; for anybody else who signed in it is not there."""

    site_url = "/"
    site_title = site_header = index_title = later("portal_accounts.administration_title")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Django's pages without those for which the site has its own."""
        found: Sequence[URLPattern | URLResolver] = super().get_urls()
        return [each for each in found if getattr(each, "name", None) not in _ELSEWHERE]

    def admin_view(self, view: _View, cacheable: bool = False) -> _View:  # type: ignore[override]
        """Guard a view: what is not for the reader is not found."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            self._require_administrator(request)
            return inner(request, *args, **kwargs)

        return update_wrapper(require_http_methods(["GET", "HEAD", "POST"])(guarded), view)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]
        """Lead to the site's own sign-in, and back."""
        return _sign_in(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]
        """End the session as everywhere else."""
        from dagster_project.portal.views.accounts import SignOut  # noqa: PLC0415  (models are not there before)

        return SignOut.as_view()(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]
        """Lead to the page on which everybody changes their password."""
        return redirect("password")

    def _require_administrator(self, request: HttpRequest) -> None:
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404


@require_safe
def _sign_in(request: HttpRequest) -> HttpResponseBase:
    if request.user.is_authenticated:
        return redirect("home")
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"), "sign-in")
