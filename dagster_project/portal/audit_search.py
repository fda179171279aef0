"""Searching the audit log: what may be asked, which entries answer, and how they read in a spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import lazy

from dagster_project.lib import months
from dagster_project.lib.exports.csvfile import BYTE_ORDER_MARK, harmless_text
from dagster_project.lib.wording import text
from dagster_project.portal.language import current_language
from dagster_project.portal.models import AuditEntry

FACTS = ("at", "username", "role", "address", "action", "month", "publication_id", "path", "rows", "copy", "detail")
"""What is known of an entry, in the order in which it is shown and exported."""
_EXACT = ("username", "action", "month", "address")
_FIRST_DAY, _LAST_DAY = dt.date(2000, 1, 1), dt.date(2199, 12, 31)
_CHUNK = 2000


def say(key: str, **values: Any) -> str:
    """A text of the audit log's topic in the reader's language."""
    return text(f"portal_audit.{key}", current_language(), **values)


def action_name(action: str, language: str) -> str:
    """What happened, in plain words."""
    return text(f"portal_audit.action.{action}", language)


_told = lazy(say, str)


def _actions() -> list[tuple[str, str]]:
    language = current_language()
    return [("", say("any")), *((action, action_name(action, language)) for action in AuditEntry.Action.values)]


def _day(name: str) -> forms.DateField:
    """A day between those that a database can tell the time of."""
    return forms.DateField(
        required=False,
        label=_told(f"field.{name}"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _told("no_date")},
        validators=[MinValueValidator(_FIRST_DAY, _told("no_date")), MaxValueValidator(_LAST_DAY, _told("no_date"))],
    )


class SearchForm(forms.Form):
    """What to search for; every field may be left empty."""

    username = forms.CharField(
        required=False,
        max_length=150,
        label=_told("field.username"),
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    action = forms.ChoiceField(required=False, label=_told("field.action"), choices=_actions)
    month = forms.CharField(
        required=False,
        max_length=7,
        label=_told("field.month"),
        widget=forms.TextInput(attrs={"placeholder": "2011-10"}),
    )
    path = forms.CharField(required=False, max_length=400, label=_told("field.path"))
    address = forms.CharField(required=False, max_length=45, label=_told("field.address"))
    since = _day("since")
    until = _day("until")

    def clean_month(self) -> str:
        """A month as the site writes it, or nothing."""
        month: str = self.cleaned_data["month"]
        if month and not months.is_month(month):
            raise ValidationError(say("no_month"))
        return month

    def clean(self) -> dict[str, Any]:
        """The days in their order."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", say("turned_round"))
        return cleaned

    @property
    def asked(self) -> dict[str, str]:
        """What was searched for, without the empty fields."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value}


def search(form: SearchForm) -> QuerySet[AuditEntry]:
    """The entries that a valid ``form`` asks for, the newest first; days are the office's, both included."""
    asked = form.cleaned_data
    found = AuditEntry.objects.filter(**{name: asked[name] for name in _EXACT if asked[name]})
    if asked["path"]:
        found = found.filter(path__icontains=asked["path"])
    if asked["since"]:
        found = found.filter(at__gte=_midnight(asked["since"]))
    if asked["until"]:
        found = found.filter(at__lt=_midnight(asked["until"] + dt.timedelta(days=1)))
    if asked["since"] or asked["until"]:
        # in the order of the index that finds the days: half a million entries need not be sorted for one page
        found = found.order_by("-at", "-pk")
    return found.select_related("copy")


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def facts(entry: AuditEntry, language: str) -> Sequence[str]:
    """Every fact of an entry as text, in the order of :data:`FACTS`; empty where there is none."""
    return [_fact(entry, name, language) for name in FACTS]


def _fact(entry: AuditEntry, name: str, language: str) -> str:
    value = getattr(entry, name)
    if value is None or value == "":
        return ""
    if name == "at":
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    if name in ("role", "action"):
        return text(f"portal_audit.{name}.{value}", language)
    return str(value.key if name == "copy" else value)


def headings(language: str) -> Sequence[str]:
    """What the facts are called, in the order of :data:`FACTS`."""
    return [text(f"portal_audit.fact.{name}", language) for name in FACTS]


class _Line:
    """Where the csv writer writes to: it hands each line straight back."""

    def write(self, line: str) -> str:
        return line


def csv_parts(entries: QuerySet[AuditEntry], language: str) -> Iterator[str]:
    """``entries`` as a CSV file for spreadsheets, read from the database and handed out a part at a time."""
    writer = csv.writer(_Line(), lineterminator="\n")
    yield BYTE_ORDER_MARK + str(writer.writerow(headings(language)))
    read = entries.iterator(_CHUNK)
    while part := list(islice(read, _CHUNK)):
        rows = ([harmless_text(fact) for fact in facts(entry, language)] for entry in part)
        yield "".join(str(writer.writerow(row)) for row in rows)
