"""What an office sees of a month: where to begin, how it does, and its published files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from csp.constants import HEADER, NONE, UNSAFE_INLINE
from csp.utils import build_policy
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dagster_project.lib.exports.numbers import DASH, month_name
from dagster_project.lib.wording import text
from dagster_project.portal import publications
from dagster_project.portal.choices import choices, month_options
from dagster_project.portal.language import current_language
from dagster_project.portal.lists import new_counts
from dagster_project.portal.models import Account
from dagster_project.portal.naming import in_order, list_title, unit_name
from dagster_project.portal.publications import Publication, PublishedFile, Unit
from dagster_project.portal.roles import Capability, Role
from dagster_project.portal.serving import serve
from dagster_project.portal.visibility import (
    WORK_ORDER,
    account_of,
    files_of,
    is_list,
    list_types_of,
    publication_of,
    takes,
    unit_of,
    units_of,
)
from dagster_project.portal.ways import file_address, list_address, unit_address

_PAGE_POLICY = build_policy(
    config={
        "default-src": [NONE],
        "style-src": [UNSAFE_INLINE],
        "img-src": ["data:"],
        "form-action": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
)
"""For published pages: their styles stand in themselves; they have no script and load nothing."""
_CONTENT_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_SCORECARD_FILES = ("scorecard.html", "scorecard.xlsx", "comparison.html", "comparison.xlsx", "report.html")


@dataclass(frozen=True)
class ListLine:
    """A list on a unit's page: how many, what they pay, and what is new since last month; None where unknown."""

    list_type: str
    title: str
    shown: str
    worth: str
    rows: int
    new: int | None
    address: str


@require_safe
@takes(Capability.OWN_ACCOUNT)
def home(request: HttpRequest) -> HttpResponseBase:
    """Where somebody begins: their unit in the newest month, or in the month and unit that were asked for."""
    account = account_of(request)
    if not (account.may(Capability.UNITS) or account.may(Capability.LISTS)):
        return redirect("audit")
    current = publications.current()
    chosen = current.get(request.GET.get("month", "")) or next(reversed(current.values()), None)
    address = _beginning(account, chosen, request) if chosen else ""
    if address:
        return redirect(address)
    language = current_language()
    context = {
        "publication": chosen,
        "month": month_name(chosen.month, language, with_year=True) if chosen else "",
        "months": month_options(current, chosen.month, language) if chosen else [],
    }
    return render(request, "portal/home.html", context)


@require_safe
@takes(Capability.UNITS)
def unit(request: HttpRequest, month: str, publication_id: str, unit_slug: str) -> HttpResponseBase:
    """A unit's month: how it does, what needs doing, and why."""
    account = account_of(request)
    publication = publication_of(month, publication_id)
    shown = unit_of(account, publication, unit_slug)
    language = current_language()
    lines = _list_lines(account, publication, shown, language)
    context = {
        "here": "home",
        "publication": publication,
        "unit": shown,
        "name": unit_name(publication, shown, language),
        "month": month_name(month, language, with_year=True),
        "dash": DASH,
        "summary": publication.summary(shown, language),
        "orders": next((line for line in lines if line.list_type == WORK_ORDER), None),
        "lists": [line for line in lines if line.rows],
        "empty_lists": [line for line in lines if not line.rows],
        "files": _scorecard_files(account, publication, shown),
        "choices": choices(account, publication, shown, language),
    }
    return render(request, "portal/unit.html", context)


@require_safe
@takes(Capability.UNITS)
def file(request: HttpRequest, month: str, publication_id: str, file_path: str) -> HttpResponseBase:
    """A published file without personal data; a list's address leads to the list's page."""
    account = account_of(request)
    publication = publication_of(month, publication_id)
    found = files_of(account, publication).get(file_path)
    if found is None:
        raise Http404
    owner = next(each for each in units_of(account, publication) if found.path.startswith(f"{each.folder}/"))
    if is_list(publication, found):
        return redirect(list_address(publication, owner, found.stem))
    return _served(request, publication, found, unit_name(publication, owner, current_language()))


def _served(request: HttpRequest, publication: Publication, found: PublishedFile, owner: str) -> HttpResponseBase:
    ending = found.name.rpartition(".")[2]
    is_page = ending == "html"
    response = serve(
        request,
        publication.folder / found.path,
        name=f"{owner}-{publication.month}-{found.name}",
        content_type=_CONTENT_TYPES.get(ending, "application/octet-stream"),
        inline=is_page,
        etag=found.sha256,
    )
    if is_page:
        response[HEADER] = _PAGE_POLICY
    return response


def _beginning(account: Account, publication: Publication, request: HttpRequest) -> str:
    """The address of the unit or list that an account begins with; empty when the month has none for it."""
    units = units_of(account, publication)
    # the branch begins with itself, which stands last
    first = units[::-1] if account.role == Role.BRANCH else units
    chosen = next((each for each in units if each.slug == request.GET.get("unit")), next(iter(first), None))
    if chosen is None:
        return ""
    lists = list_types_of(account, publication)
    asked = request.GET.get("list", "")
    if asked in lists:
        return list_address(publication, chosen, asked)
    if account.may(Capability.UNITS):
        return unit_address(publication, chosen)
    return list_address(publication, chosen, WORK_ORDER) if WORK_ORDER in lists else ""


def _list_lines(account: Account, publication: Publication, unit: Unit, language: str) -> list[ListLine]:
    """The unit's lists that an account may see, in the order of its summary."""
    new = new_counts(publication, unit)
    may_see = list_types_of(account, publication)
    return [
        ListLine(
            list_type=line["list_type"],
            title=line["title"],
            shown=line["shown"],
            worth=line["worth"],
            rows=line["rows"],
            new=new.get(line["list_type"]),
            address=list_address(publication, unit, line["list_type"]),
        )
        for line in _told(publication, unit, language)
        if line["list_type"] in may_see
    ]


def _told(publication: Publication, unit: Unit, language: str) -> Iterable[Mapping[str, Any]]:
    """What the publication says of the unit's lists; of an older one, what its manifest counts."""
    summary = publication.summary(unit, language)
    if summary is not None:
        yield from summary["lists"]
        return
    for list_type in in_order(publication.list_types):
        entry = publication.manifest["exports"][f"list_{list_type}"]
        rows = entry["rows"] if unit.code is None else entry["district_rows"].get(unit.code, 0)
        yield {
            "list_type": list_type,
            "title": list_title(publication, unit, list_type, language),
            "shown": _counted(rows, language),
            "worth": "",
            "rows": rows or 0,
        }


def _counted(rows: int | None, language: str) -> str:
    if rows is None:
        return text("portal_pages.list_not_computed", language)
    return text("scorecard.list_rows", language, count=f"{rows:,}") if rows else text("lists.no_rows", language)


def _scorecard_files(account: Account, publication: Publication, unit: Unit) -> list[tuple[str, str]]:
    """The unit's pages and workbooks that are there: what each is called in the catalogue, and its address."""
    seen = files_of(account, publication)
    paths = {name: f"{unit.folder}/{name}" for name in _SCORECARD_FILES}
    return [
        (f"pages.file_{name.replace('.', '_')}", file_address(publication, path))
        for name, path in paths.items()
        if path in seen
    ]
