"""What everybody may look up: what the data means, and how far it reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dagster_project.lib import contract
from dagster_project.lib.exports.numbers import month_name
from dagster_project.lib.exports.states import data_set_title
from dagster_project.lib.wording import text
from dagster_project.portal import dictionary as dictionaries
from dagster_project.portal import publications
from dagster_project.portal.asked import asked_page, asked_words
from dagster_project.portal.language import current_language
from dagster_project.portal.naming import published_at
from dagster_project.portal.publications import Publication, PublishedFile
from dagster_project.portal.roles import Capability
from dagster_project.portal.serving import serve
from dagster_project.portal.visibility import dictionary_of, takes
from dagster_project.portal.ways import kept

_PAGE_ROWS = 50
_DAYS_UNTIL_LATE = 35
"""A month is published once a month; who has seen nothing new for longer should ask."""
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class MonthState:
    """How a month stands: its name, when it was published and in how many versions, and what it lacks, in words."""

    name: str
    published_at: dt.datetime
    versions: int
    is_preliminary: bool
    missing: str


@require_safe
@takes(Capability.STATUS)
def dictionary(request: HttpRequest) -> HttpResponseBase:
    """The data dictionary of the newest publication, sheet by sheet, with search over all of them."""
    publication, file = _dictionary()
    context: dict[str, object] = {"publication": publication}
    if publication and file:
        words = asked_words(request)
        sheets = dictionaries.matching(dictionaries.read(publication, file), words)
        chosen = _chosen_sheet(request.GET.get("sheet", ""), sheets)
        rows = sheets[chosen].rows
        count = max(1, -(-len(rows) // _PAGE_ROWS))
        number = min(asked_page(request), count)
        context |= {
            "month": month_name(publication.month, current_language(), with_year=True),
            "words": words,
            "sheets": list(enumerate(sheets)),
            "chosen": chosen,
            "sheet": sheets[chosen],
            "rows": rows[(number - 1) * _PAGE_ROWS : number * _PAGE_ROWS],
            "page": {"number": number, "count": count, "found": len(rows)},
            "kept": kept(sheet=str(chosen), q=words),
            "is_chinese": _is_chinese(sheets[chosen].headings),
        }
    return render(request, "portal/dictionary.html", context)


@require_safe
@takes(Capability.STATUS)
def dictionary_file(request: HttpRequest) -> HttpResponseBase:
    """The workbook of the data dictionary."""
    publication, file = _dictionary()
    if publication is None or file is None:
        raise Http404
    path = publication.folder / file.path
    name = f"{publication.month}-{file.name}"
    return serve(request, path, name=name, content_type=_WORKBOOK, inline=False, etag=file.sha256)


@require_safe
@takes(Capability.STATUS)
def status(request: HttpRequest) -> HttpResponseBase:
    """How far the data reaches, what is missing in it, and since when nothing new has come."""
    language = current_language()
    current = publications.current()
    states = [_state(current[month], language) for month in sorted(current, reverse=True)]
    latest = max((state.published_at for state in states), default=None)
    days = (timezone.localtime() - latest).days if latest else 0
    context = {
        "newest": next(reversed(current), ""),
        "states": states,
        "latest": latest,
        "days": days,
        "is_late": days > _DAYS_UNTIL_LATE,
        "late_after": _DAYS_UNTIL_LATE,
    }
    return render(request, "portal/status.html", context)


def _state(publication: Publication, language: str) -> MonthState:
    known = [name for name in publication.manifest["not_available"] if name in contract.DATA_SETS]
    return MonthState(
        name=month_name(publication.month, language, with_year=True),
        published_at=published_at(publication),
        versions=len(publications.versions(publication.month)),
        is_preliminary=publication.manifest["state"] == "preliminary",
        missing=text("exports.separator", language).join(data_set_title(name, language) for name in known),
    )


def _dictionary() -> tuple[Publication | None, PublishedFile | None]:
    newest = next(reversed(publications.current().values()), None)
    return newest, dictionary_of(newest) if newest else None


def _chosen_sheet(asked: str, sheets: Sequence[dictionaries.Sheet]) -> int:
    """The sheet that was asked for by its number, else the first one that has rows."""
    if asked in [str(index) for index in range(len(sheets))]:
        return int(asked)
    return next((index for index, sheet in enumerate(sheets) if sheet.rows), 0)


def _is_chinese(headings: Sequence[str]) -> bool:
    """Whether the dictionary was published in Chinese: its first heading says so."""
    return headings[0] != text("exports.dictionary_table", "en")
