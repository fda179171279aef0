"""The audit log: one way to add to it."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest

from dagster_project.portal.address import client_address
from dagster_project.portal.models import Account, AuditEntry, Copy
from dagster_project.portal.publications import Publication

Action = AuditEntry.Action


def record(
    request: HttpRequest,
    action: AuditEntry.Action,
    *,
    publication: Publication | None = None,
    path: str = "",
    rows: int | None = None,
    copy: Copy | None = None,
    username: str = "",
    **facts: object,
) -> AuditEntry:
    """Write down what the request does; when this returns, the entry is stored.

    ``username`` is what was tried at sign-in. ``facts`` hold no personal data of subscribers.
    """
    user = getattr(request, "user", None)
    account = user if isinstance(user, Account) else None
    return AuditEntry.objects.create(
        account=account,
        username=account.username if account else username[:150],
        role=account.role if account else "",
        address=client_address(request) or "",
        action=action,
        month=publication.month if publication else "",
        publication_id=publication.publication_id if publication else "",
        path=path,
        rows=rows,
        copy=copy,
        detail=_detail(facts),
    )


def record_at_console(action: AuditEntry.Action, **facts: object) -> AuditEntry:
    """Write down what somebody did at the machine itself, whom the site does not know."""
    return AuditEntry.objects.create(action=action, detail=_detail({"at": "console", **facts}))


def _detail(facts: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.items())[:400]
