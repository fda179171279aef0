"""Files in answers, whole or from where a download broke off (RFC 9110, section 14)."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)
_MOST_DIGITS = 18
"""Of a position; one with more is behind the end of any file."""


@dataclass(frozen=True)
class Span:
    """The bytes that are asked for, both ends included; ``start`` behind ``stop`` means that there are none."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start + 1


def span_of(request: HttpRequest, size: int, etag: str) -> Span | None:
    """The bytes of a file that a request is for; None for all of them.

    All are sent for what is not one sound range, and when the file is no longer the one that a download began with.
    """
    found = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or found is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = (_position(digits) for digits in found.groups())
    if first is None:
        return None if last is None else Span(max(size - last, 0), size - 1) if last else Span(size, size - 1)
    if last is not None and last < first:
        return None
    return Span(first, size - 1 if last is None else min(last, size - 1))


def is_satisfiable(span: Span | None) -> bool:
    """Whether there is anything to send."""
    return span is None or span.start <= span.stop


def serve(
    request: HttpRequest, path: Path, *, name: str, content_type: str, inline: bool, etag: str
) -> HttpResponseBase:
    """The answer with a published file, or with the part of it that is asked for; ``etag`` names its content."""
    quoted = f'"{etag}"'
    span = span_of(request, path.stat().st_size, quoted)
    return send(request, path, span, name=name, etag=quoted, kind=content_type, inline=inline)


def send(
    request: HttpRequest,
    path: Path,
    span: Span | None,
    *,
    name: str,
    etag: str,
    kind: str,
    inline: bool = False,
) -> HttpResponseBase:
    """The answer with a file, or the span of it, that nobody stores; without content for HEAD."""
    size = path.stat().st_size
    if span is not None and not is_satisfiable(span):
        return HttpResponse(status=416, headers={**_headers(name, etag, inline), "Content-Range": f"bytes */{size}"})
    start, length = (span.start, span.length) if span else (0, size)
    headers = {**_headers(name, etag, inline), "Content-Type": kind, "Content-Length": str(length)}
    if span:
        headers["Content-Range"] = f"bytes {start}-{span.stop}/{size}"
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    response = FileResponse(_Section(path, start, length), status=206 if span else 200)
    for header, value in headers.items():
        response.headers[header] = value
    return response


def _headers(name: str, etag: str, inline: bool) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": content_disposition_header(not inline, name) or "attachment",
        "ETag": etag,
    }


def _position(digits: str) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits.lstrip("0")) <= _MOST_DIGITS else 10**_MOST_DIGITS


class _Section(io.RawIOBase):
    """A part of a file as a file: servers send files without a worker's help, but only to their end."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._file = path.open("rb")
        self._start, self._length, self._place = start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        most = max(min(len(buffer), self._length - self._place), 0)
        self._file.seek(self._start + self._place)
        count = self._file.readinto(memoryview(buffer)[:most])
        self._place += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
