"""What every page shows around itself: who signed in, where they may go, and which language the page is in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from dagster_project.portal.language import current_language
from dagster_project.portal.models import Account
from dagster_project.portal.roles import Capability

_WAYS = (
    ("home", Capability.OWN_ACCOUNT),
    ("own-copies", Capability.LISTS),
    ("returns", Capability.RETURNS),
    ("compare", Capability.COMPARE),
    ("history", Capability.HISTORY),
    ("audit", Capability.AUDIT),
    ("dictionary", Capability.STATUS),
    ("status", Capability.STATUS),
)
"""The pages that the navigation leads to, and what each takes."""


def navigation(request: HttpRequest) -> dict[str, Any]:
    """The names of the pages that the reader may go to, and the language."""
    user = getattr(request, "user", None)
    ways = [name for name, capability in _WAYS if isinstance(user, Account) and user.may(capability)]
    return {"ways": ways, "language": current_language()}
