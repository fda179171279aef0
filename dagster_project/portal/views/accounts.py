"""Signing in and out, the password, the second factor, the language."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_POST
from django_otp.plugins.otp_totp.models import TOTPDevice

from dagster_project.lib.wording import text
from dagster_project.portal import audit, second_factor
from dagster_project.portal.language import current_language
from dagster_project.portal.models import Account
from dagster_project.portal.roles import Capability
from dagster_project.portal.visibility import account_of, takes

_CODE_LENGTH = 16


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class SignIn(LoginView):
    """The page on which somebody signs in."""

    template_name = "portal/sign_in.html"
    redirect_authenticated_user = True


@method_decorator(require_POST, name="dispatch")
class SignOut(LogoutView):
    """The end of a session; the browser forgets what it kept of the site."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """End the session and lead to the page on which somebody else may sign in."""
        response = super().post(request, *args, **kwargs)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """The answer to whoever gave too many wrong passwords: for how long, and whom to ask."""
    facts = {"failures": settings.AXES_FAILURE_LIMIT, "hours": settings.AXES_COOLOFF_TIME}
    return render(request, "portal/locked_out.html", facts, status=429)


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


@require_http_methods(["GET", "POST"])
@takes(Capability.OWN_ACCOUNT)
def second_factor_page(request: HttpRequest) -> HttpResponseBase:
    """Give a code, add the device that shows codes, or see that there is one."""
    account = account_of(request)
    device = second_factor.device_of(account)
    if device and second_factor.is_verified(request):
        return render(request, "portal/second_factor_on.html")
    return _ask_for_code(request, device) if device else _add_device(request, account)


def _ask_for_code(request: HttpRequest, device: TOTPDevice) -> HttpResponseBase:
    problem = ""
    if request.method == "POST":
        problem = _problem_of_code(request, device)
        if not problem:
            audit.record(request, audit.Action.SIGNED_IN, second_factor="passed")
            return redirect("home")
        audit.record(request, audit.Action.SIGN_IN_FAILED, second_factor="refused")
    return render(request, "portal/second_factor.html", {"problem": problem})


def _add_device(request: HttpRequest, account: Account) -> HttpResponseBase:
    device = second_factor.device_to_confirm(account)
    problem = ""
    if request.method == "POST":
        problem = _problem_of_code(request, device)
        if not problem:
            audit.record(request, audit.Action.SECOND_FACTOR_ADDED)
            return redirect("second-factor")
    title = text("portal_accounts.factor_picture", current_language())
    shown = {
        "problem": problem,
        "is_demanded": settings.PORTAL.requires_second_factor,
        # drawn here, of a secret made here
        "picture": mark_safe(second_factor.picture_of(device, title)),
        "secret": second_factor.secret_of(device),
    }
    return render(request, "portal/second_factor_add.html", shown)


def _problem_of_code(request: HttpRequest, device: TOTPDevice) -> str:
    """Why the code does not pass, in the reader's language; empty when it passed."""
    seconds = second_factor.seconds_to_wait(device)
    if seconds:
        return text("portal_accounts.factor_wait", current_language(), seconds=seconds)
    code = "".join(request.POST.get("code", "")[:_CODE_LENGTH].split())
    if second_factor.passes(request, device, code):
        return ""
    return text("portal_accounts.factor_wrong", current_language())


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
