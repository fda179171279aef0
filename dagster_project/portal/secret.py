"""The key that signs sessions and traces copies: given by a setting, or made once and kept beside the database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_FILE_NAME = "secret"


def kept_secret(folder: Path) -> str:
    """The key kept in ``folder``; where none is kept, one that holds for this process only."""
    path = folder / _FILE_NAME
    return path.read_text(encoding="ascii") if path.is_file() else secrets.token_urlsafe(48)


def keep_secret(folder: Path) -> None:
    """Make a key and keep it in ``folder``, unless one is there; only its owner may read the file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(folder / _FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
