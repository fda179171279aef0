"""The log: one JSON line a request to standard error, and errors with where they happened.

Nothing in it is personal: pages go by their names and not by their addresses, accounts by their numbers, and of an
error it has the kind and the lines of code, not the message, which may quote a value.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase

from dagster_project.portal.address import client_address

_REQUESTS = logging.getLogger("retention.portal.requests")
_ID = "retention_request_id"
_ID_HEADER = "X-Request-ID"
_HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def requests(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that gives a request its number and writes its line when the answer begins."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        setattr(request, _ID, _request_id(request))
        response = get_response(request)
        response.headers[_ID_HEADER] = getattr(request, _ID)
        facts = {
            **_facts_of(request),
            "method": request.method,
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - began) * 1000, 1),
            "bytes": _length(response),
            "account": _account_number(request),
            "address": client_address(request),
        }
        _REQUESTS.info("request", extra={"facts": facts})
        return response

    return middleware


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: facts where the record has them, else its message without anything but numbers filled in."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "logger": record.name}
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            line |= {**_facts_of(request), "status": getattr(record, "status_code", None)}
        elif facts := getattr(record, "facts", None):
            line |= facts
        else:
            line["message"] = _message(record)
        if record.exc_info and record.exc_info[1]:
            line["errors"] = [_told(error) for error in _chain(record.exc_info[1])]
        return json.dumps(line, ensure_ascii=False)


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get(_ID_HEADER, "")
    is_believed = settings.PORTAL.proxy_count > 0 and _HARMLESS_ID.fullmatch(given)
    return given if is_believed else uuid.uuid4().hex


def _facts_of(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    return {"request_id": getattr(request, _ID, None), "route": match.view_name if match else None}


def _length(response: HttpResponseBase) -> int | None:
    stated = response.headers.get("Content-Length")
    if stated is not None:
        return int(stated)
    return None if response.streaming else len(getattr(response, "content", b""))


def _account_number(request: HttpRequest) -> int | None:
    session = getattr(request, "session", None)
    # who did not need a session is not looked up for the log alone
    if session is None or not session.accessed:
        return None
    return request.user.pk


def _message(record: logging.LogRecord) -> str:
    arguments = record.args if isinstance(record.args, tuple) else ()
    are_numbers = all(isinstance(argument, int | float) for argument in arguments)
    return record.getMessage() if arguments and are_numbers else str(record.msg)


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _told(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    told: dict[str, Any] = {
        "kind": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    # what the system or the database's server says of itself quotes no row
    if isinstance(error, OSError):
        told["says"] = error.strerror
    elif isinstance(error, OperationalError):
        told["says"] = str(error).partition("\n")[0]
    return told
