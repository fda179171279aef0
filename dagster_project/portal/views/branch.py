"""What the branch and the auditor see: districts compared, what was published, who did what."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header, urlencode
from django.views.decorators.http import require_GET, require_safe

from dagster_project.lib.exports.numbers import month_name
from dagster_project.lib.wording import text
from dagster_project.portal import audit, comparison, publications
from dagster_project.portal.audit_search import SearchForm, action_name, csv_parts, facts, headings, say, search
from dagster_project.portal.discipline import disciplines
from dagster_project.portal.history import Version, exports_of, published_at, versions_of
from dagster_project.portal.language import current_language
from dagster_project.portal.models import Account, AuditEntry
from dagster_project.portal.publications import Publication
from dagster_project.portal.roles import Capability
from dagster_project.portal.visibility import account_of, files_of, takes

_PAGE = 50


@require_safe
@takes(Capability.COMPARE)
def compare(request: HttpRequest) -> HttpResponseBase:
    """The districts of a month side by side, and what they do with their work orders."""
    held = publications.current()
    if not held:
        return render(request, "portal/compare.html", {})
    chosen = request.GET.get("month") or next(reversed(held))
    if chosen not in held:
        raise Http404
    return render(request, "portal/compare.html", {"months": list(reversed(held)), **_compared(held[chosen])})


def _compared(publication: Publication) -> dict[str, object]:
    language = current_language()
    districts = comparison.districts_of(publication, language)
    names = {district.unit.code or "": district.name for district in districts}
    found = disciplines(publication)
    told = () if found is None else found
    return {
        "publication": publication,
        "published_at": published_at(publication),
        "month_name": month_name(publication.month, language, with_year=True),
        "districts": districts,
        "headlines": next((each.summary["headlines"] for each in districts if each.summary), ()),
        "standing": comparison.standing(districts, language),
        "files": comparison.comparison_files(publication),
        "lists": comparison.list_rows(publication, districts, language),
        "has_orders": found is not None,
        "sentences": list(comparison.discipline_sentences(publication, told, names, language)) if told else [],
        "discipline": comparison.discipline_rows(told, names, language),
    }


@require_safe
@takes(Capability.HISTORY)
def history(request: HttpRequest) -> HttpResponseBase:
    """Every month with its versions, and why each was published."""
    language = current_language()
    found = [version for month in reversed(publications.current()) for version in versions_of(month, language)]
    return render(request, "portal/history.html", {"versions": found})


@require_safe
@takes(Capability.HISTORY)
def history_month(request: HttpRequest, month: str) -> HttpResponseBase:
    """A month's versions, and what changed from each to the next."""
    language = current_language()
    found = versions_of(month, language)
    if not found:
        raise Http404
    account = account_of(request)
    described = [
        {
            "version": version,
            "exports": exports_of(version.publication),
            "size": f"{sum(file.bytes for file in version.publication.files.values()) / 1e6:.1f}",
            "files": _file_changes(version, files_of(account, version.publication)),
        }
        for version in found
    ]
    title = month_name(month, language, with_year=True)
    return render(request, "portal/history_month.html", {"month_name": title, "versions": described})


def _file_changes(version: Version, seen: Mapping[str, object]) -> list[tuple[str, list[tuple[str, bool]]]]:
    """The paths that were added, removed and changed, each with whether the reader may open it."""
    if version.changes is None:
        return []
    kinds = {kind: getattr(version.changes, kind) for kind in ("added", "removed", "changed")}
    language = current_language()
    return [
        (
            text(f"portal_history.{kind}", language, count=len(paths)),
            [(path, path in seen) for path in paths],
        )
        for kind, paths in kinds.items()
        if paths
    ]


@require_safe
@takes(Capability.AUDIT)
def audit_log(request: HttpRequest) -> HttpResponseBase:
    """Search the audit log."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        return _audit_page(request, form, {})
    page = Paginator(search(form), _PAGE).get_page(request.GET.get("page"))
    language = current_language()
    entries = [(entry, action_name(entry.action, language), _told(entry, language)) for entry in page]
    return _audit_page(request, form, {"page": page, "entries": entries, "asked": urlencode(form.asked)})


def _told(entry: AuditEntry, language: str) -> list[tuple[str, str]]:
    """The facts of an entry that there are, each with its name."""
    named = zip(headings(language), facts(entry, language), strict=True)
    return [(name, fact) for name, fact in named if fact]


def _audit_page(
    request: HttpRequest, form: SearchForm, found: dict[str, object], status: int = 200
) -> HttpResponseBase:
    people = Account.objects.order_by("username").values_list("username", flat=True)
    return render(request, "portal/audit.html", {"form": form, "people": people, **found}, status=status)


@require_GET
@takes(Capability.AUDIT)
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """What was searched for as a CSV file; that it was exported is written down first."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        return _audit_page(request, form, {}, status=400)
    newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    entries = search(form).filter(pk__lte=newest)
    filters = "; ".join(f"{name}: {value}" for name, value in form.asked.items())
    audit.record(request, audit.Action.AUDIT_EXPORTED, rows=entries.count(), filters=filters)
    name = say("file_name", day=timezone.localdate().isoformat())
    response = StreamingHttpResponse(csv_parts(entries, current_language()), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    response.headers["Cache-Control"] = "no-store"
    return response
