"""Texts of the catalogue in templates: ``{% say "pages.greeting" name=… %}`` is the greeting of portal_pages.yml."""

from __future__ import annotations

from typing import Any

from django import template

from dagster_project.lib.wording import text
from dagster_project.portal.language import current_language

register = template.Library()


@register.simple_tag
def say(key: str, **values: Any) -> str:
    """The text for ``<topic>.<key>``, with ``values`` filled in."""
    return text(f"portal_{key}", current_language(), **values)


@register.simple_tag
def say_way(name: str) -> str:
    """What the navigation calls a page."""
    return text(f"portal_frame.way.{name}", current_language())
