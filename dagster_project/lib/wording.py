"""Text for users, in Chinese and English, from one catalogue (``wording/<topic>.yml``).

A topic file maps a key to ``zh`` and ``en`` templates in :meth:`str.format` form.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("zh", "en")
_CATALOGUE = Path(__file__).parent / "wording"


class UnknownWording(KeyError):
    """A key that no topic file has."""


def text(key: str, language: str, **values: Any) -> str:
    """The catalogue's text for ``<topic>.<key>`` in ``language``, with ``values`` filled in."""
    subject, _, name = key.partition(".")
    try:
        template = topic(subject)[name][language]
    except KeyError:
        raise UnknownWording(f"no {language} text for {key!r} in {_CATALOGUE / (subject + '.yml')}") from None
    return template.format(**values) if values else template


@cache
def topic(name: str) -> dict[str, dict[str, str]]:
    """A whole topic file: texts by key and language."""
    found: dict[str, dict[str, str]] = yaml.safe_load((_CATALOGUE / f"{name}.yml").read_text(encoding="utf-8"))
    return found
