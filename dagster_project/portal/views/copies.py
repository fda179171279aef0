"""Marked copies of lists: made when somebody asks for one, fetched by their owner only, traced by their codes."""

from __future__ import annotations

import datetime as dt
import re
import uuid

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dagster_project.lib import rules
from dagster_project.lib.wording import text
from dagster_project.portal import audit
from dagster_project.portal import copies as marked
from dagster_project.portal.copies.codes import number
from dagster_project.portal.language import current_language
from dagster_project.portal.models import Copy
from dagster_project.portal.publications import NETWORK, Publication, find
from dagster_project.portal.roles import Capability
from dagster_project.portal.serving import is_satisfiable, send, span_of
from dagster_project.portal.visibility import WORK_ORDER, account_of, files_of, is_list, publication_of, takes, unit_of

_KINDS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_BEGINS = "begins"
"""The cookie that lets the page of a copy begin the download once, and not whenever it is looked at."""
_SHOWN = 200
_LONGEST_CODE = 64


@require_POST
@takes(Capability.LISTS)
def copies(request: HttpRequest, month: str, publication_id: str, unit: str, list_type: str) -> HttpResponseBase:
    """Make the reader's marked copy of a list, or find the one made before, and lead to it."""
    account = account_of(request)
    publication = publication_of(month, publication_id)
    folder = unit_of(account, publication, unit).folder
    kind = request.POST.get("format", "")
    file = files_of(account, publication).get(f"{folder}/{list_type}.{kind}") if kind in _KINDS else None
    if file is None or not is_list(publication, file):
        raise Http404

    def record(made: Copy) -> None:
        audit.record(
            request,
            audit.Action.COPY_MADE,
            publication=publication,
            path=file.path,
            rows=made.rows,
            copy=made,
            size=made.bytes,
            sha256=made.sha256,
        )

    try:
        made = marked.copy_for(account, publication, file, record)
    except marked.UnusableSource:
        return render(request, "portal/copy_impossible.html", {"publication": publication}, status=409)
    address = reverse("copy", args=[made.key])
    response = HttpResponseRedirect(address, status=303)
    response.set_cookie(_BEGINS, "yes", max_age=60, path=address, httponly=True, samesite="Lax")
    return response


@require_safe
@takes(Capability.LISTS)
def copy(request: HttpRequest, key: uuid.UUID) -> HttpResponseBase:
    """What a copy is, that it carries its owner's name, and where results go back; begins the download once."""
    found = _own(request, key)
    is_offered = marked.offered(found)
    begins = is_offered and bool(request.COOKIES.get(_BEGINS))
    response = render(request, "portal/copy.html", {**_told(found), "is_offered": is_offered, "begins": begins})
    response.headers["Cache-Control"] = "private, no-store"
    response.delete_cookie(_BEGINS, path=request.path, samesite="Lax")
    return response


@require_safe
@takes(Capability.LISTS)
def copy_file(request: HttpRequest, key: uuid.UUID) -> HttpResponseBase:
    """The copy itself, for its owner; written down before the first byte goes."""
    found = _own(request, key)
    try:
        path = marked.file_of(found)
    except marked.NotAvailable:
        raise Http404 from None
    etag = f'"{found.sha256}"'
    span = span_of(request, found.bytes, etag)
    if request.method == "GET" and is_satisfiable(span):
        _record_download(request, found, "all" if span is None else f"{span.start}-{span.stop}")
    return send(request, path, span, name=_file_name(found), etag=etag, kind=_KINDS[_ending(found)])


@require_safe
@takes(Capability.LISTS)
def own_copies(request: HttpRequest) -> HttpResponseBase:
    """The copies that were made for the reader, and which of them can still be fetched."""
    mine = account_of(request).copies.exclude(sha256="").select_related("account")[:_SHOWN]
    told = [{**_told(each), "is_offered": marked.offered(each)} for each in mine]
    return render(request, "portal/own_copies.html", {"copies": told})


@require_http_methods(["GET", "POST"])
@takes(Capability.AUDIT)
def trace(request: HttpRequest) -> HttpResponse:
    """Whose copy a code was found in, and which row of it; every question is written down."""
    code = request.POST.get("code", "").strip()[:_LONGEST_CODE]
    found = marked.trace(code) if code else None
    if code:
        traced, row = found or (None, None)
        audit.record(request, audit.Action.CODE_TRACED, copy=traced, found="yes" if found else "no", row=row)
    context = {"code": code, "is_asked": request.method == "POST"}
    if found:
        context |= {**_told(found[0]), "row_shown": f"{found[1]:,}"}
    return render(request, "portal/trace.html", context)


def _own(request: HttpRequest, key: uuid.UUID) -> Copy:
    mine = account_of(request).copies.exclude(sha256="").select_related("account")
    return get_object_or_404(mine, key=key)


def _record_download(request: HttpRequest, found: Copy, span: str) -> None:
    publication = find(found.month, found.publication_id)
    audit.record(
        request,
        audit.Action.DOWNLOADED,
        publication=publication,
        path=found.path,
        rows=found.rows,
        copy=found,
        bytes=span,
        size=found.bytes,
    )


def _told(found: Copy) -> dict[str, object]:
    """What pages say of a copy."""
    language = current_language()
    return {
        "copy": found,
        "number": number(found),
        "title": _list_title(found, language),
        "unit": _unit_name(found, language),
        "format": text(f"portal_copies.format_{_ending(found)}", language),
        "rows": f"{found.rows:,}",
        "size": f"{found.bytes / 1e6:,.1f} MB" if found.bytes >= 1e6 else f"{found.bytes / 1e3:,.0f} kB",
        "made_at": _time(found.made_at),
        "until_shown": _time(marked.until(found)),
        "is_workbook": _ending(found) == "xlsx",
        "is_work_order": _list_type(found) == WORK_ORDER,
    }


def _time(moment: dt.datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


def _file_name(found: Copy) -> str:
    """What a copy is called: unit, list, month and whose it is."""
    language = current_language()
    parts = (_unit_name(found, language), _list_title(found, language), found.month, found.account.username)
    return re.sub(r'[\\/:*?"<>|\s\x00-\x1f]+', "-", "_".join(parts)) + f".{_ending(found)}"


def _list_title(found: Copy, language: str) -> str:
    list_type = _list_type(found)
    if list_type == WORK_ORDER:
        return text("portal_copies.work_order", language)
    titles = {row["list_type"]: row[language] for row in rules.seed("list_types")}
    return titles.get(list_type, list_type)


def _unit_name(found: Copy, language: str) -> str:
    """The unit's name as its month's summary has it, or the name of its folder."""
    publication = find(found.month, found.publication_id)
    folder = found.path.rpartition("/")[0]
    said = publication and _summary(publication, folder, language)
    if said:
        return said
    return text("portal_copies.branch", language) if folder == NETWORK else folder.rpartition("/")[2]


def _summary(publication: Publication, folder: str, language: str) -> str | None:
    unit = next((unit for unit in publication.units if unit.folder == folder), None)
    summary = publication.summary(unit, language) if unit else None
    return str(summary["name"]) if summary else None


def _list_type(found: Copy) -> str:
    return found.path.rpartition("/")[2].rpartition(".")[0]


def _ending(found: Copy) -> str:
    return found.path.rpartition(".")[2]
