"""The branch report's chapter on satisfaction: what was said, who was called back, and what became of it."""

from __future__ import annotations

from dagster_project.lib.exports.report_story import Statement, Story
from dagster_project.lib.exports.sections_satisfaction import SATISFACTION, said_sentences, since_sentences


def satisfaction(story: Story) -> list[Statement]:
    """The sentences of the branch's own sections, each with the mart that it was read from."""
    definition = story.catalog.model(SATISFACTION).descriptions[story.view.language]
    told = [*said_sentences(story.view), *since_sentences(story.view)]
    return [Statement(sentence, SATISFACTION, definition) for sentence in told]
