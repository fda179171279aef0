"""A list on the screen: what it comes to, its rows page by page, and searching in it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dagster_project.lib.exports import numbers
from dagster_project.lib.exports.numbers import month_name
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text
from dagster_project.portal import lists
from dagster_project.portal.asked import asked_page, asked_words
from dagster_project.portal.choices import choices
from dagster_project.portal.language import current_language
from dagster_project.portal.lists import Listing, Totals
from dagster_project.portal.naming import list_title, unit_name
from dagster_project.portal.roles import Capability
from dagster_project.portal.visibility import (
    WORK_ORDER,
    account_of,
    list_types_of,
    manager_of,
    publication_of,
    takes,
    unit_of,
)
from dagster_project.portal.ways import kept, list_address


@require_safe
@takes(Capability.LISTS)
def listing(request: HttpRequest, month: str, publication_id: str, unit_slug: str, list_type: str) -> HttpResponseBase:
    """A list's rows, 50 a page; ``q`` searches in them, and what cannot be a page number means the first page."""
    account = account_of(request)
    publication = publication_of(month, publication_id)
    unit = unit_of(account, publication, unit_slug)
    if list_type not in list_types_of(account, publication):
        raise Http404
    language = current_language()
    shown = Listing(publication, unit, list_type, manager_of(account))
    whole = lists.totals(shown)
    words = asked_words(request)
    page = lists.page(shown, language=language, words=words, number=asked_page(request))
    context = {
        "here": "home",
        "publication": publication,
        "unit": unit,
        "name": unit_name(publication, unit, language),
        "month": month_name(month, language, with_year=True),
        "title": list_title(publication, unit, list_type, language),
        "list_type": list_type,
        "is_work_order": list_type == WORK_ORDER,
        "is_computed": publication.manifest["exports"][f"list_{list_type}"]["rows"] is not None,
        "may_see_unit": account.may(Capability.UNITS),
        "has_districts": unit.code is None,
        "whole": whole,
        "worth": _worth(whole, language),
        "page": page,
        "words": words,
        "kept": kept(q=words),
        "address": list_address(publication, unit, list_type),
        "copies": reverse("copies", args=[month, publication_id, unit_slug, list_type]),
        "choices": choices(account, publication, unit, language),
    }
    return render(request, "portal/list.html", context)


def _worth(whole: Totals, language: str) -> str:
    """What the listed pay a month, in the words of the scorecard."""
    if not whole.rows:
        return ""
    if whole.monthly_amount is None:
        return text("scorecard.list_worth_unknown", language)
    amount = numbers.short(round(whole.monthly_amount), Kind.COUNT, language)
    return text("scorecard.list_worth", language, amount=amount)
