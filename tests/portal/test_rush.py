"""Many people fetch their copies at once while months are published: the bench in small, against the real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.portal import rush


@pytest.mark.thorough
def test_everybody_gets_one_whole_version_of_their_own_while_months_are_published(tmp_path: Path) -> None:
    found = rush(tmp_path, people=12, rows=400)
    assert found.problems == []
    assert len(found.seconds) == 12
    assert found.versions >= 1
