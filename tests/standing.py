"""One name for the home of whichever command runs, so that dbt parses the project once for all of them.

dbt parses its whole project anew, for longer than most tests take, when the path of the warehouse is another one.
Commands are therefore given a link that stays, and what an earlier one parsed: one command at a time.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARSED = "partial_parse.msgpack"


@contextmanager
def standing(home: Path, target: Path) -> Iterator[Path]:
    """The standing name of ``home`` while a command runs whose dbt keeps what it parses in ``target``."""
    name = point_to(home)
    kept = _folder() / target.relative_to(home) / _PARSED
    if kept.exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, target / _PARSED)
    yield name
    if (target / _PARSED).exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target / _PARSED, kept)


def point_to(home: Path) -> Path:
    """Let the standing name mean ``home``."""
    name = _folder() / "home"
    home.mkdir(parents=True, exist_ok=True)
    name.unlink(missing_ok=True)
    name.symlink_to(home, target_is_directory=True)
    return name


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="standing-"))
