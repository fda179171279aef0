"""Which of the catalogue's languages a request is answered in."""

from __future__ import annotations

from django.utils import translation


def current_language() -> str:
    """``zh`` or ``en``, as the catalogue names languages."""
    return "en" if (translation.get_language() or "").startswith("en") else "zh"
