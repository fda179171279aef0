"""The districts of a month side by side, as their summaries tell them, and in a sentence or two what stands out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dagster_project.lib.exports.numbers import DASH, month_name, people, shown
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text
from dagster_project.portal.discipline import Discipline, Fetched, FollowUp
from dagster_project.portal.publications import NETWORK, Publication, Unit

_WORKBOOKS = ("comparison.html", "comparison.xlsx")


@dataclass(frozen=True)
class District:
    """A district's column of the comparison; ``summary`` is None for a month that was published without."""

    unit: Unit
    name: str
    summary: Mapping[str, Any] | None

    @property
    def total(self) -> float | None:
        """Its total score; None where it has none."""
        score = self.summary and self.summary["score"]
        return float(score["total"]) if score and score["total"] != DASH else None


@dataclass(frozen=True)
class ListRow:
    """A list, and how many it names in each district, in the order of the districts, then in the branch."""

    title: str
    counts: Sequence[str]


@dataclass(frozen=True)
class DisciplineRow:
    """A district's or an account manager's discipline in words; ``about`` sums its ``managers`` up."""

    name: str
    planned: str
    fetched: str
    first_at: dt.datetime | None
    first: str
    people: str
    returned: str
    elsewhere: str
    share: str
    first_return: str
    about: str = ""
    managers: Sequence[DisciplineRow] = ()


def districts_of(publication: Publication, language: str) -> tuple[District, ...]:
    """The districts, the highest total score first; those without one last, by code."""
    found = []
    for unit in publication.units:
        if unit.code is not None:
            summary = publication.summary(unit, language)
            found.append(District(unit, summary["name"] if summary else unit.code, summary))
    return tuple(sorted(found, key=lambda district: -1.0 if district.total is None else district.total, reverse=True))


def list_rows(publication: Publication, districts: Sequence[District], language: str) -> tuple[ListRow, ...]:
    """Every list with its count in each district and in the branch; none for a month without summaries."""
    branch = publication.summary(Unit(None, NETWORK), language)
    if branch is None:
        return ()
    counts = [
        {line["list_type"]: line["rows"] for line in summary["lists"]} if summary else {}
        for summary in (*(district.summary for district in districts), branch)
    ]
    return tuple(
        ListRow(line["title"], [shown(each.get(line["list_type"]), Kind.COUNT) for each in counts])
        for line in branch["lists"]
    )


def comparison_files(publication: Publication) -> tuple[str, ...]:
    """The paths of the branch's own comparison, those that were published."""
    paths = (f"{NETWORK}/{name}" for name in _WORKBOOKS)
    return tuple(path for path in paths if path in publication.files)


def standing(districts: Sequence[District], language: str) -> str:
    """Who stands clearly apart and who does not, in the words of the scorecards; empty without summaries."""
    verdicts: dict[str, list[str]] = {}
    for district in districts:
        if district.summary and district.summary["score"]:
            verdicts.setdefault(district.summary["score"]["verdict"], []).append(district.name)
    parts = [
        text("portal_compare.stands", language, names=_joined(names, language), verdict=verdict)
        for verdict, names in verdicts.items()
    ]
    told = text("portal_compare.semicolon", language).join(parts)
    return text("portal_compare.standing", language, parts=told) if parts else ""


def discipline_sentences(
    publication: Publication, disciplines: Sequence[Discipline], names: Mapping[str, str], language: str
) -> Iterator[str]:
    """Who has not fetched the orders, who works from a superseded version, and how much came back."""
    month = month_name(publication.month, language, with_year=True)
    with_orders = [each for each in disciplines if each.follow_up.planned]
    if not with_orders:
        yield text("portal_compare.no_orders", language, month=month)
        return
    yield from _fetching(with_orders, names, month, language)
    yield _returning(with_orders, names, month, language)


def discipline_rows(
    disciplines: Sequence[Discipline], names: Mapping[str, str], language: str
) -> tuple[DisciplineRow, ...]:
    """Every district's discipline, and its account managers', in the order of ``names``."""
    by_code = {each.code: each for each in disciplines}
    return tuple(_district_row(by_code[code], name, language) for code, name in names.items() if code in by_code)


def _district_row(discipline: Discipline, name: str, language: str) -> DisciplineRow:
    whole = _row(name, discipline.fetched, discipline.follow_up, language)
    nobody = text("portal_compare.nobody", language)
    facts = {"planned": whole.planned, "returned": whole.returned}
    managers = [each for each in discipline.managers if each.name is not None]
    return replace(
        whole,
        about=text("portal_compare.managers_of", language, name=name, count=len(managers), **facts),
        managers=[_row(each.name or nobody, each.fetched, each.follow_up, language) for each in discipline.managers],
    )


def _row(name: str, fetched: Fetched, follow_up: FollowUp, language: str) -> DisciplineRow:
    elsewhere = follow_up.elsewhere
    return DisciplineRow(
        name=name,
        planned=shown(follow_up.planned, Kind.COUNT),
        fetched=text(f"portal_compare.{_state(fetched, follow_up)}", language),
        first_at=fetched.first_at,
        first=_after(fetched.days, language),
        people=shown(fetched.people, Kind.COUNT),
        returned=shown(follow_up.returned, Kind.COUNT),
        elsewhere=text("portal_compare.elsewhere", language, count=elsewhere) if elsewhere else "",
        share=shown(follow_up.share, Kind.PERCENT),
        first_return=_after(follow_up.days, language),
    )


def _state(fetched: Fetched, follow_up: FollowUp) -> str:
    if fetched.people:
        return "fetched_current" if fetched.has_current else "fetched_earlier"
    return "fetched_none" if follow_up.planned else "fetched_nothing"


def _after(days: int | None, language: str) -> str:
    if days is None:
        return DASH
    key = {0: "same_day", 1: "one_day"}.get(days, "days")
    return text(f"portal_compare.{key}", language, count=days)


def _fetching(disciplines: Sequence[Discipline], names: Mapping[str, str], month: str, language: str) -> Iterator[str]:
    waiting = [each for each in disciplines if not each.fetched.people]
    outdated = [each for each in disciplines if each.fetched.people and not each.fetched.has_current]
    if len(waiting) == len(disciplines):
        yield text("portal_compare.none_fetched", language, month=month)
    elif waiting:
        count = people(sum(each.follow_up.planned for each in waiting), language)
        told = _joined([names[each.code] for each in waiting], language)
        yield text("portal_compare.not_fetched", language, names=told, month=month, count=count)
    else:
        yield text("portal_compare.all_fetched", language, month=month)
    if outdated:
        yield text(
            "portal_compare.outdated", language, names=_joined([names[each.code] for each in outdated], language)
        )


def _returning(disciplines: Sequence[Discipline], names: Mapping[str, str], month: str, language: str) -> str:
    planned = sum(each.follow_up.planned for each in disciplines)
    returned = sum(each.follow_up.returned for each in disciplines)
    if not returned:
        return text("portal_compare.nothing_returned", language, month=month, planned=people(planned, language))
    least = min(each.follow_up.share or 0.0 for each in disciplines)
    last = [names[each.code] for each in disciplines if (each.follow_up.share or 0.0) == least]
    facts = {
        "planned": people(planned, language),
        "returned": people(returned, language),
        "share": shown(returned / planned, Kind.PERCENT),
    }
    if len(last) == len(disciplines):
        return text("portal_compare.returned", language, month=month, **facts)
    told = {"names": _joined(last, language), "least": shown(least, Kind.PERCENT)}
    return text("portal_compare.returned_least", language, month=month, **facts, **told)


def _joined(names: Sequence[str], language: str) -> str:
    return text("portal_compare.separator", language).join(names)
