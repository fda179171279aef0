"""Signing in and out, the password, the second factor, the language; the administration of accounts; health."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from dagster_project.portal.views import accounts
from dagster_project.portal.views.health import health

urlpatterns = [
    path("sign-in/", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out/", accounts.SignOut.as_view(), name="sign-out"),
    path("password/", accounts.password, name="password"),
    path("second-factor/", accounts.second_factor_page, name="second-factor"),
    path("language/", accounts.language, name="language"),
    path("health/", health, name="health"),
    path("admin/", admin.site.urls),
]
