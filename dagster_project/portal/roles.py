"""Who may do what: roles, and what each of them may do. What a role may see is cut further by district (visibility)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from django.db.models import TextChoices


class Role(TextChoices):
    """What somebody is to the site."""

    BRANCH = "branch", "分公司 / branch"
    DISTRICT = "district", "区县 / district"
    MANAGER = "manager", "客户经理 / account manager"
    AUDITOR = "auditor", "审计 / auditor"


class Capability(Enum):
    """Something that a page does; every page of the site names the one that it takes."""

    OWN_ACCOUNT = "own_account"
    STATUS = "status"
    UNITS = "units"
    """Headline figures, scorecards and other files without personal data."""
    LISTS = "lists"
    RETURNS = "returns"
    COMPARE = "compare"
    HISTORY = "history"
    AUDIT = "audit"


_EVERYBODY = {Capability.OWN_ACCOUNT, Capability.STATUS}
CAPABILITIES: Mapping[str, frozenset[Capability]] = {
    Role.BRANCH: frozenset(Capability),
    Role.DISTRICT: frozenset({*_EVERYBODY, Capability.UNITS, Capability.LISTS, Capability.RETURNS}),
    Role.MANAGER: frozenset({*_EVERYBODY, Capability.LISTS, Capability.RETURNS}),
    Role.AUDITOR: frozenset({*_EVERYBODY, Capability.HISTORY, Capability.AUDIT}),
}
