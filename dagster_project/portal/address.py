"""Where a request comes from: what the server says of it, which is the only one to judge what proxies say."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The sender's address; None for a request that names none.

    :func:`dagster_project.portal.server.options` tells the server how many proxies to believe; it puts the address
    that they name in the place of their own.
    """
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
