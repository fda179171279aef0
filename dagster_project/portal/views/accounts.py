"""Signing in, changing the password, choosing the language."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from dagster_project.portal import audit
from dagster_project.portal.roles import Capability
from dagster_project.portal.visibility import account_of, takes


class SignIn(LoginView):
    """The page on which somebody signs in."""

    template_name = "portal/sign_in.html"
    redirect_authenticated_user = True


@require_http_methods(["GET", "POST"])
@takes(Capability.OWN_ACCOUNT)
def password(request: HttpRequest) -> HttpResponseBase:
    """Change one's own password; who was given one must, before anything else."""
    account = account_of(request)
    form = PasswordChangeForm(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        account.must_change_password = False
        form.save()
        update_session_auth_hash(request, account)
        audit.record(request, audit.Action.PASSWORD_CHANGED)
        return redirect("home")
    return render(request, "portal/password.html", {"form": form, "is_first": account.must_change_password})


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Answer in another language from now on, and go back to the page that asked for it."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=365 * 24 * 3600,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
