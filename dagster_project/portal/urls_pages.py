"""The home page, and what an office sees of a month."""

from __future__ import annotations

from django.urls import path

from dagster_project.portal.views import pages

urlpatterns = [
    path("", pages.home, name="home"),
]
