"""Where pages lead: addresses of units, lists and files, and what a reader asked for on the way."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from dagster_project.portal.publications import Publication, Unit


def unit_address(publication: Publication, unit: Unit) -> str:
    """The page of a unit's month."""
    return reverse("unit", args=[publication.month, publication.publication_id, unit.slug])


def list_address(publication: Publication, unit: Unit, list_type: str) -> str:
    """The page of a list."""
    return reverse("list", args=[publication.month, publication.publication_id, unit.slug, list_type])


def file_address(publication: Publication, file_path: str) -> str:
    """A published file, by its path in the manifest."""
    return reverse("file", args=[publication.month, publication.publication_id, file_path])


def kept(**values: str) -> str:
    """What a reader asked for, to be kept in a query that goes on from page to page; empty when it is nothing."""
    return "".join(f"&{urlencode({name: value})}" for name, value in values.items() if value)
