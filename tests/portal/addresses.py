"""Every address of the site, read from its URL configuration, with samples of what each takes and who may see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from tests.portal.published import CORRECTED, MONTHS, SUPERSEDED

PUBLIC = frozenset({"sign-in", "sign-out", "language", "health"})
"""Pages that ask for no account."""
PEOPLE = ("branch", "district", "other_district", "manager", "auditor")
"""As the fixture ``people`` names them; ``district`` and ``manager`` are of D01, ``other_district`` is of D02."""
_EVERYBODY = PEOPLE
_FIRST = ("branch", "district")
_SECOND = ("branch", "other_district")
_WITH_LISTS = ("branch", "district", "other_district", "manager")
_AUDIT = ("branch", "auditor")
_NEWEST = {"month": MONTHS[-1], "publication_id": CORRECTED}
_OLDER = {"month": MONTHS[-1], "publication_id": SUPERSEDED}


@dataclass(frozen=True)
class Sample:
    """An address of a page: what stands in it, and who of :data:`PEOPLE` gets an answer; nobody else finds it."""

    arguments: Mapping[str, object] = field(default_factory=dict)
    seen_by: tuple[str, ...] = ()
    posted: Mapping[str, str] | None = None
    """Fields of a form, for a page that takes nothing else."""


def _units() -> Iterator[tuple[Mapping[str, object], tuple[str, ...]]]:
    yield {**_NEWEST, "unit": "D01"}, _FIRST
    yield {**_OLDER, "unit": "D01"}, _FIRST
    yield {**_NEWEST, "unit": "D02"}, _SECOND
    yield {**_NEWEST, "unit": "network"}, ("branch",)
    yield {**_NEWEST, "unit": "D77"}, ()
    yield {**_NEWEST, "publication_id": "f" * 12, "unit": "D01"}, ()
    yield {**_NEWEST, "month": "2011-01", "unit": "D01"}, ()


def _lists(posted: Mapping[str, str] | None = None) -> tuple[Sample, ...]:
    orders = {"list_type": "work_order"}
    return (
        *(Sample({**arguments, "list_type": "warning"}, seen_by, posted) for arguments, seen_by in _units()),
        Sample({**_NEWEST, "unit": "D01", **orders}, (*_FIRST, "manager"), posted),
        Sample({**_NEWEST, "unit": "D02", **orders}, _SECOND, posted),
        Sample({**_NEWEST, "unit": "D01", "list_type": "churned"}, (), posted),
    )


def _files() -> Iterator[Sample]:
    for path, seen_by in (
        ("districts/D01/scorecard.html", _FIRST),
        ("districts/D01/warning.csv", _FIRST),
        ("districts/D01/work_order.xlsx", _FIRST),
        ("districts/D02/scorecard.html", _SECOND),
        ("network/scorecard.html", ("branch",)),
        ("districts/D01/summary.json", ()),
        ("districts/D01/nothing.html", ()),
        ("manifest.json", ()),
        ("../../current.json", ()),
    ):
        yield Sample({**_NEWEST, "path": path}, seen_by)


SAMPLES: Mapping[str, tuple[Sample, ...]] = {
    "home": (Sample(seen_by=_EVERYBODY),),
    "password": (Sample(seen_by=_EVERYBODY),),
    "second-factor": (Sample(seen_by=_EVERYBODY),),
    "unit": tuple(Sample(*each) for each in _units()),
    "list": _lists(),
    "copies": _lists({"format": "csv"}),
    "file": tuple(_files()),
    "own-copies": (Sample(seen_by=_WITH_LISTS),),
    "copy": (Sample({"key": "copy of district"}, ("district",)), Sample({"key": "no copy"})),
    "copy-file": (Sample({"key": "copy of district"}, ("district",)), Sample({"key": "no copy"})),
    "returns": (Sample(seen_by=_WITH_LISTS),),
    "return": (Sample({"pk": "return of district"}, _FIRST), Sample({"pk": 987654})),
    "return-accept": (Sample({"pk": "return of district"}, _FIRST, {}), Sample({"pk": 987654}, posted={})),
    "return-undo": (Sample({"pk": "return of district"}, _FIRST, {}), Sample({"pk": 987654}, posted={})),
    "compare": (Sample(seen_by=("branch",)),),
    "history": (Sample(seen_by=_AUDIT),),
    "history-month": (Sample({"month": MONTHS[0]}, _AUDIT), Sample({"month": "2010-01"})),
    "audit": (Sample(seen_by=_AUDIT),),
    "audit-export": (Sample(seen_by=_AUDIT),),
    "audit-trace": (Sample(seen_by=_AUDIT),),
    "dictionary": (Sample(seen_by=_EVERYBODY),),
    "dictionary-file": (Sample(seen_by=_EVERYBODY),),
    "status": (Sample(seen_by=_EVERYBODY),),
}
"""By the name of the page. A page that is not in it fails a test: add its line here."""


@dataclass(frozen=True)
class Page:
    """A page of the URL configuration: its name, its route as Django writes it, and its view."""

    name: str
    route: str
    view: Callable[..., Any]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What stands in its address, by name."""
        return tuple(re.findall(r"<(?:\w+:)?(\w+)>", self.route))

    def address(self, **values: str) -> str:
        """Its address with values put in as they are, proper or not."""
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], self.route)


def pages() -> list[Page]:
    """Every page of the site but those of Django's administration, which has rules of its own."""
    return list(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, before: str) -> Iterator[Page]:
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLPattern):
            yield Page(each.name or route, route, each.callback)
        elif each.namespace != "admin":
            yield from _walk(each, route)


def addresses(client_of: Callable[[str], Client]) -> Iterator[tuple[str, Sample, str]]:
    """Name, sample and address of every sample whose page exists; ``client_of`` makes what a sample asks for."""
    there = {page.name: page for page in pages()}
    for name, samples in SAMPLES.items():
        if name not in there:
            continue
        for sample in samples:
            values = {key: _made(value, client_of) for key, value in sample.arguments.items()}
            yield name, sample, _reversed(there[name], values)


def _reversed(page: Page, values: Mapping[str, object]) -> str:
    """The address; parts call the places of arguments as they like, so that their order decides."""
    try:
        return reverse(page.name, args=list(values.values()))
    except NoReverseMatch:
        return page.address(**dict(zip(page.arguments, map(str, values.values()), strict=True)))


def _made(value: object, client_of: Callable[[str], Client]) -> object:
    from dagster_project.portal.models import Account, ReturnedWorkbook

    if value == "no copy":
        return "00000000-0000-4000-8000-000000000000"
    if value == "copy of district":
        arguments = [*_NEWEST.values(), "D01", "warning"]
        answer = client_of("district").post(reverse("copies", args=arguments), {"format": "csv"})
        return answer.headers["Location"].strip("/").split("/")[1]
    if value == "return of district":
        owner = Account.objects.get(username="yanjiang")
        made = ReturnedWorkbook.objects.create(account=owner, sha256="0" * 64, bytes=1, delivery_month="2011-11")
        return made.pk
    return value


def ask(client: Client, sample: Sample, address: str) -> Any:
    """What a client gets: the page, or the answer to its form."""
    return client.get(address) if sample.posted is None else client.post(address, dict(sample.posted))
