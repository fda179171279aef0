"""Which of the catalogue's languages a request is answered in."""

from __future__ import annotations

from django.utils import translation
from django.utils.functional import lazy

from dagster_project.lib.wording import text


def current_language() -> str:
    """``zh`` or ``en``, as the catalogue names languages."""
    return "en" if (translation.get_language() or "").startswith("en") else "zh"


def later(key: str) -> str:
    """The catalogue's text for ``<topic>.<key>``, in the language of whoever reads it then."""
    found: str = _later(key)  # type: ignore[no-untyped-call]
    return found


_later = lazy(lambda key: text(key, current_language()), str)
