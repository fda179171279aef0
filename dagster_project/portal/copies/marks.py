"""What a copy says of itself: for whom it was made, when, and its number."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from dagster_project.lib.wording import text
from dagster_project.portal.copies.codes import number
from dagster_project.portal.models import Copy


@dataclass(frozen=True)
class Mark:
    """A copy's mark in the language of the lists; ``line`` holds all of it."""

    username: str
    number: str
    line: str
    code_heading: str
    person_heading: str


def mark_of(copy: Copy, language: str) -> Mark:
    """The mark of a copy; the same copy has the same mark whenever it is asked for."""
    username = copy.account.username
    made_at = f"{timezone.localtime(copy.made_at):%Y-%m-%d %H:%M}"
    facts = {"username": username, "made_at": made_at, "number": number(copy)}
    return Mark(
        username=username,
        number=facts["number"],
        line=text("portal_copies.mark", language, **facts),
        code_heading=text("portal_copies.code_heading", language),
        person_heading=text("portal_copies.person_heading", language),
    )
