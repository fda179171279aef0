"""Work orders that come back: uploading, what was found, accepting, taking back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dagster_project.lib.wording import text
from dagster_project.lib.work_returns.packages import MOST_MEGABYTES
from dagster_project.lib.work_returns.rows import HEADING_ROW
from dagster_project.portal import publications, uploads
from dagster_project.portal import returns as work
from dagster_project.portal.language import current_language
from dagster_project.portal.models import ReturnedContact, ReturnedWorkbook
from dagster_project.portal.roles import Capability, Role
from dagster_project.portal.visibility import account_of, returns_of, takes

_PER_PAGE = 20


@dataclass(frozen=True)
class Card:
    """A returned workbook as a page shows it: the model, its good rows, and what may be done."""

    workbook: ReturnedWorkbook
    good: int
    problems: list[dict[str, object]]
    bad: int
    """Rows with something wrong, of those whose problems are kept."""
    more: int
    left_out: int
    is_open: bool
    districts: str

    @property
    def state(self) -> str:
        """What became of it: the key of its words."""
        if self.workbook.state != ReturnedWorkbook.State.CHECKED:
            return str(self.workbook.state) + ("" if self.is_open else "_closed")
        if not self.good:
            return "unread" if self._is_unread else "nothing_good" if self.problems else "empty"
        return "checked" if self.is_open else "checked_closed"

    @property
    def _is_unread(self) -> bool:
        return any(problem["row"] is None or problem["row"] == HEADING_ROW for problem in self.problems)

    @property
    def may_be_accepted(self) -> bool:
        """Whether there is something to accept, and still time for it."""
        return self.is_open and self.good > 0 and self.workbook.state != ReturnedWorkbook.State.ACCEPTED

    @property
    def may_be_undone(self) -> bool:
        """Whether it is accepted, and can still be taken back."""
        return self.is_open and self.workbook.state == ReturnedWorkbook.State.ACCEPTED


@require_http_methods(["GET", "HEAD", "POST"])
@takes(Capability.RETURNS)
def returns(request: HttpRequest) -> HttpResponseBase:
    """What came back, and the form for more of it; POST takes a workbook in."""
    if request.method == "POST":
        return _upload(request)
    return _overview(request)


@require_safe
@takes(Capability.RETURNS)
def one(request: HttpRequest, key: int) -> HttpResponseBase:
    """What was found in a workbook, what to mend, and what happens next."""
    workbook = get_object_or_404(returns_of(account_of(request)), pk=key)
    return render(request, "portal/return.html", {"card": _cards([workbook])[0], **_form()})


@require_POST
@takes(Capability.RETURNS)
def accept(request: HttpRequest, key: int) -> HttpResponseBase:
    """Make a workbook's good rows contacts of the next delivery."""
    return _decide(request, key, work.accept, "did_accept")


@require_POST
@takes(Capability.RETURNS)
def undo(request: HttpRequest, key: int) -> HttpResponseBase:
    """Take an accepted workbook's contacts back."""
    return _decide(request, key, work.undo, "did_undo")


def _decide(
    request: HttpRequest, key: int, decide: Callable[[HttpRequest, int], ReturnedWorkbook], done: str
) -> HttpResponseBase:
    get_object_or_404(returns_of(account_of(request)), pk=key)
    try:
        decide(request, key)
    except work.Refused as refused:
        messages.error(request, _said(f"refused_{refused.code}"))
    else:
        messages.success(request, _said(done))
    return _to(key)


def _upload(request: HttpRequest) -> HttpResponseBase:
    files = [file for field in request.FILES for file in request.FILES.getlist(field)]
    if uploads.is_too_large(request):
        return _overview(request, error=_said("too_large", most=MOST_MEGABYTES), status=413)
    if len(files) != 1:
        return _overview(request, error=_said("one_file"), status=400)
    try:
        workbook = work.check(request, account_of(request), files[0].name or "", files[0].read())
    except work.Refused as refused:
        return _overview(request, error=_said(f"refused_{refused.code}"), status=409)
    return _to(workbook.pk)


def _overview(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponseBase:
    account = account_of(request)
    page = Paginator(returns_of(account).select_related("account"), _PER_PAGE).get_page(request.GET.get("page"))
    facts = {"cards": _cards(page), "page": page, "sees_all": account.role == Role.BRANCH, "error": error}
    return render(request, "portal/returns.html", {**facts, **_form()}, status=status)


def _form() -> dict[str, Any]:
    return {"month": work.delivery_month(), "most": MOST_MEGABYTES}


def _cards(workbooks: Iterable[ReturnedWorkbook]) -> list[Card]:
    """The workbooks with what was found in them, in the reader's language."""
    listed = list(workbooks)
    counts: dict[int, dict[str, int]] = {}
    rows = ReturnedContact.objects.filter(workbook__in=listed).order_by()
    for key, code, count in rows.values_list("workbook", "district_code").annotate(Count("pk")):
        counts.setdefault(key, {})[code] = count
    names = _district_names()
    return [_card(workbook, counts.get(workbook.pk, {}), names) for workbook in listed]


def _card(workbook: ReturnedWorkbook, counts: Mapping[str, int], names: Mapping[str, str]) -> Card:
    language = current_language()
    problems = work.told(workbook.problems, language)
    return Card(
        workbook=workbook,
        good=sum(counts.values()),
        problems=problems,
        bad=len({problem["row"] for problem in problems}),
        more=work.count_of(workbook.problems, work.MORE),
        left_out=work.count_of(workbook.problems, work.LEFT_OUT),
        is_open=work.is_open(workbook),
        districts=text("work_returns.separator", language).join(names.get(code, code) for code in sorted(counts)),
    )


def _district_names() -> Mapping[str, str]:
    """The names of districts by code, as the newest month has them."""
    newest = next(reversed(publications.current().values()), None)
    if newest is None:
        return {}
    summaries = (newest.summary(unit, current_language()) for unit in newest.units)
    return {summary["code"]: summary["name"] for summary in summaries if summary and summary["code"]}


def _to(key: int) -> HttpResponseBase:
    return HttpResponseRedirect(reverse("return", args=[key]), status=303)


def _said(key: str, **facts: object) -> str:
    return text(f"portal_returns.{key}", current_language(), **facts)
