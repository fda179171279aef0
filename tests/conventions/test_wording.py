"""The catalogue of words: a text is in Chinese and mostly in English, whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dagster_project.lib import wording

_TOPICS = sorted((Path(wording.__file__).parent / "wording").glob("*.yml"))
_NAMED_IN_ENGLISH = {"formulas", "thresholds"}
"""Topics whose keys are the English words."""


@pytest.mark.parametrize("topic", _TOPICS, ids=lambda path: path.stem)
def test_every_text_is_there_whole_in_both_languages(topic: Path) -> None:
    languages = {"zh"} if topic.stem in _NAMED_IN_ENGLISH else set(wording.LANGUAGES)
    for key, texts in yaml.safe_load(topic.read_text(encoding="utf-8")).items():
        assert set(texts) == languages, f"{key}: a text with a comma is cut there unless it is quoted"
        assert all(isinstance(text, str) for text in texts.values()), key
