"""How much of a request with files the site takes in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest


class SmallUploads(MemoryFileUploadHandler):
    """Keeps files in memory, none on the disk; of a request that is too large it reads none at all."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file of the request begins; raises :class:`StopUpload` when the request is too large."""
        if not self.activated:
            raise StopUpload(connection_reset=True)
        super().new_file(*args, **kwargs)


def is_too_large(request: HttpRequest) -> bool:
    """Whether a request's files were left unread because of its size."""
    stated = str(request.META.get("CONTENT_LENGTH") or "0")
    return stated.isdecimal() and int(stated) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
