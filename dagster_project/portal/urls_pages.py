"""The home page, and what an office sees of a month."""

from __future__ import annotations

from django.urls import path

from dagster_project.portal.views import lists, pages, reference

_PUBLICATION = "publications/<str:month>/<str:publication_id>"

urlpatterns = [
    path("", pages.home, name="home"),
    path(f"{_PUBLICATION}/units/<str:unit_slug>/", pages.unit, name="unit"),
    path(f"{_PUBLICATION}/units/<str:unit_slug>/lists/<str:list_type>/", lists.listing, name="list"),
    path(f"{_PUBLICATION}/files/<path:file_path>", pages.file, name="file"),
    path("dictionary/", reference.dictionary, name="dictionary"),
    path("dictionary/file/", reference.dictionary_file, name="dictionary-file"),
    path("status/", reference.status, name="status"),
]
