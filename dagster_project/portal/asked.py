"""What a reader asks of a page in its query: words to search for, the number of a page. Nonsense asks for nothing."""

from __future__ import annotations

from django.http import HttpRequest

_LONGEST_WORDS = 80
_LONGEST_NUMBER = 9


def asked_words(request: HttpRequest) -> str:
    """The words to search for (``q``), without what cannot be seen; cut where nobody would type on."""
    given = request.GET.get("q", "")
    return "".join(character for character in given if character.isprintable()).strip()[:_LONGEST_WORDS]


def asked_page(request: HttpRequest) -> int:
    """The number of the page (``page``), from 1; what is no such number is the first page."""
    given = request.GET.get("page", "")
    is_number = given.isascii() and given.isdigit() and len(given) <= _LONGEST_NUMBER
    return max(1, int(given)) if is_number else 1
