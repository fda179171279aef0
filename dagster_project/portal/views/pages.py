"""What an office sees of a month."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dagster_project.portal import publications
from dagster_project.portal.roles import Capability
from dagster_project.portal.visibility import account_of, takes, units_of


@require_safe
@takes(Capability.OWN_ACCOUNT)
def home(request: HttpRequest) -> HttpResponseBase:
    """Where somebody begins: their units in the newest month."""
    months = publications.current()
    newest = next(reversed(months.values()), None)
    units = units_of(account_of(request), newest) if newest else ()
    return render(request, "portal/home.html", {"publication": newest, "units": units})
