"""The server behind the site: what it believes of proxies, how much it takes, and how it ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from dagster_project.settings import PortalSettings

_CONNECTIONS = 1000
_LARGEST_BODY = 64 << 20
"""Bytes; of a larger one nothing but its head is read. Above what the site takes, so that it can say what is wrong."""
_SILENCE_SECONDS = 120
_LOOK_SECONDS = 0.5
_LAST_ANSWERS_SECONDS = 30


def options(portal: PortalSettings) -> dict[str, Any]:
    """What the server is told: whom to believe where a request comes from, and limits.

    The server alone judges this. It puts the address and the scheme that the declared proxies name in the place of
    its own and takes away every other such header, so that Django, the lock-out and the log see one truth.
    """
    believed = {"x-forwarded-for", *(("x-forwarded-proto",) if portal.is_behind_tls else ())}
    proxies: dict[str, Any] = (
        {"trusted_proxy": "*", "trusted_proxy_count": portal.proxy_count, "trusted_proxy_headers": believed}
        if portal.proxy_count
        else {}
    )
    return {
        **proxies,
        "clear_untrusted_proxy_headers": True,
        "connection_limit": _CONNECTIONS,
        # select takes no more than 1024 open files
        "asyncore_use_poll": True,
        "channel_timeout": _SILENCE_SECONDS,
        "max_request_body_size": _LARGEST_BODY,
        "ident": None,
    }


def serve(
    application: Callable[..., Any],
    portal: PortalSettings,
    host: str,
    port: int,
    threads: int,
    begun: Callable[[], None],
) -> None:
    """Answer until somebody asks to stop (SIGTERM, SIGINT); what is being answered then is answered to its end.

    ``begun`` is called once connections are taken. Raises :class:`OSError` where the port cannot be had.
    """
    connections: dict[int, Any] = {}
    server = create_server(application, map=connections, host=host, port=port, threads=threads, **options(portal))
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    begun()
    while not asked_to_stop.is_set():
        _turn(connections)
    _finish(connections)
    server.task_dispatcher.shutdown(timeout=1)


def _turn(connections: dict[int, Any]) -> None:
    wasyncore.loop(timeout=_LOOK_SECONDS, use_poll=True, map=connections, count=1)


def _finish(connections: dict[int, Any]) -> None:
    """Take no new connection, and go on until every answer that was begun is out, for a while at most."""
    for listener in [each for each in connections.values() if isinstance(each, BaseWSGIServer)]:
        wasyncore.dispatcher.close(listener)
    ends = time.monotonic() + _LAST_ANSWERS_SECONDS
    while any(_is_busy(each) for each in list(connections.values())) and time.monotonic() < ends:
        _turn(connections)


def _is_busy(connection: object) -> bool:
    return isinstance(connection, HTTPChannel) and bool(connection.requests or connection.total_outbufs_len)
