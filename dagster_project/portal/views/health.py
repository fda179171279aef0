"""Whether the site can answer, for a load balancer."""

from __future__ import annotations

import logging

from django.db import Error, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_safe

from dagster_project.portal import publications

_LOG = logging.getLogger("retention.portal.health")


@require_safe
def health(request: HttpRequest) -> HttpResponseBase:
    """200 when the database answers and the publications can be read, or none is there yet; else 503 with the part."""
    for part, look in (("database", _ask_database), ("publications", publications.current)):
        try:
            look()
        except (Error, OSError, ValueError):
            _LOG.exception("the site is not healthy")
            return JsonResponse({"status": "unavailable", "part": part}, status=503)
    return JsonResponse({"status": "ok"})


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1 from portal_account where 1 = 0")
