"""Signing in and out, the password, the language."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from dagster_project.portal.views import accounts

urlpatterns = [
    path("sign-in/", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("password/", accounts.password, name="password"),
    path("language/", accounts.language, name="language"),
]
