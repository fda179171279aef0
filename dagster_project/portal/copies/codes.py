"""The code of a row: the copy's number, and what only the site can have computed of copy and row."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator

from django.utils.crypto import salted_hmac

from dagster_project.portal.models import Copy

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without the letters that are read for others: I, L, O and U."""
_MISREAD = str.maketrans("ILO", "110")
_SALT = "dagster_project.portal.copies"
_SIGNS = 10
"""Of a row's part: with half a million rows, two of one copy share it in one copy of ten thousand."""
_BYTES = 7
_GREATEST = (1 << 63) - 1
"""Number of a copy."""
_CODE = re.compile(rf"X([{_DIGITS}]{{1,13}})-?([{_DIGITS}]{{5}})-?([{_DIGITS}]{{5}})")


def number(copy: Copy) -> str:
    """The copy's number in base 32, as marks and codes have it."""
    value, digits = copy.pk, ""
    while value or not digits:
        value, digit = divmod(value, 32)
        digits = _DIGITS[digit] + digits
    return digits


def codes(copy: Copy) -> Iterator[str]:
    """The codes of a copy's rows without end, from row 1, such as ``X7K-4XQ2M-8RT0B``.

    They begin with a letter that no number begins with, so that spreadsheets take them for texts.
    """
    prefix, keyed = f"X{number(copy)}-", _keyed(copy)
    row = 0
    while True:
        row += 1
        signs = _signs(keyed, row)
        yield f"{prefix}{signs[:5]}-{signs[5:]}"


def trace(code: str) -> tuple[Copy, int] | None:
    """The copy and the row (from 1) that a code was made for; None for a code that the site never made.

    Blanks, small letters, and the letters I, L and O for the digits that they look like do no harm.
    """
    found = _CODE.fullmatch("".join(code.split()).upper().translate(_MISREAD))
    if found is None:
        return None
    copy = _numbered(found[1])
    if copy is None:
        return None
    keyed, signs = _keyed(copy), found[2] + found[3]
    row = next((row for row in range(1, copy.rows + 1) if _signs(keyed, row) == signs), None)
    return None if row is None else (copy, row)


def _numbered(digits: str) -> Copy | None:
    """The copy whose number the digits are; a number may be greater than any database has."""
    value = 0
    for digit in digits:
        value = value * 32 + _DIGITS.index(digit)
    return Copy.objects.filter(pk=min(value, _GREATEST)).select_related("account").first()


def _keyed(copy: Copy) -> hmac.HMAC:
    """The hash that rows are added to: deriving its key once saves most of a row's time."""
    return salted_hmac(_SALT, f"{copy.pk}:{copy.key}:", algorithm="sha256")


def _signs(keyed: hmac.HMAC, row: int) -> str:
    """A row's part of its code."""
    each = keyed.copy()
    each.update(b"%d" % row)
    value = int.from_bytes(each.digest()[:_BYTES])
    return "".join(_DIGITS[value >> shift & 31] for shift in range(0, 5 * _SIGNS, 5))
