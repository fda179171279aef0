"""A unit's month in few words, ``summary.json`` beside its scorecard: what the district offices' site shows first.

It is made from the values of the scorecard, in both languages, so that the site computes nothing and the two agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dagster_project.lib.exports.card import Headline, ListLine, ScoreBlock
from dagster_project.lib.exports.edition import Edition, WrittenFile, written_file
from dagster_project.lib.exports.lists import unit_folder
from dagster_project.lib.exports.states import Unit

FILE_NAME = "summary.json"


def write_summary(edition: Edition, unit: Unit, contents: Mapping[str, Mapping[str, Any]]) -> WrittenFile:
    """Stage what :func:`summary` made of a unit's month in each language."""
    path = unit_folder(edition, unit) / FILE_NAME
    whole = {"month": edition.month, "code": unit.code, "languages": contents}
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")
    return written_file(edition, path, None)


def summary(
    name: str,
    headlines: Sequence[Headline],
    lists: Sequence[ListLine],
    sentences: Sequence[str],
    score: ScoreBlock | None,
) -> dict[str, Any]:
    """A unit's month in one language: its headlines, lists, sentences, and its place among the districts."""
    return {
        "name": name,
        "headlines": [_headline(headline) for headline in headlines],
        "lists": [{"list_type": line.list_type, **_worth_knowing(line)} for line in lists],
        "sentences": list(sentences),
        "score": score and {part: getattr(score, part) for part in ("total", "interval", "place", "verdict")},
    }


def _headline(headline: Headline) -> dict[str, Any]:
    parts = ("key", "name", "definition", "shown", "reason", "notes", "spark")
    return {part: getattr(headline, part) for part in parts} | {
        "changes": [asdict(change) for change in headline.changes]
    }


def _worth_knowing(line: ListLine) -> dict[str, Any]:
    return {"title": line.title, "rows": line.rows, "shown": line.shown, "worth": line.worth}
