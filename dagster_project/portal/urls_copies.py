"""Marked copies of lists: making, fetching and tracing them."""

from __future__ import annotations

from django.urls import path

from dagster_project.portal.views import copies

_LIST = "publications/<str:month>/<str:publication_id>/units/<str:unit>/lists/<str:list_type>/"

urlpatterns = [
    path(f"{_LIST}copies/", copies.copies, name="copies"),
    path("copies/", copies.own_copies, name="own-copies"),
    path("copies/<uuid:key>/", copies.copy, name="copy"),
    path("copies/<uuid:key>/file/", copies.copy_file, name="copy-file"),
    path("audit/trace/", copies.trace, name="audit-trace"),
]
