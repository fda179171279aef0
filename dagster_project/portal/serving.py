"""Handing out files that are there already."""

from __future__ import annotations

from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest
from django.utils.http import quote_etag


def serve(request: HttpRequest, path: Path, *, name: str, content_type: str, inline: bool, etag: str) -> FileResponse:
    """Answer with a file, to be shown (``inline``) or kept under ``name``; raises :class:`Http404`."""
    try:
        opened = path.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(opened, as_attachment=not inline, filename=name, content_type=content_type)
    response["ETag"] = quote_etag(etag)
    return response
