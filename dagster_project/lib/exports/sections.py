"""What stands below the first screen: plots, each with the table of its numbers and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_project.lib import months
from dagster_project.lib.exports import plots
from dagster_project.lib.exports.card import Chart, Section, Table
from dagster_project.lib.exports.figures import BRANCH, MEASURES, TREND_MONTHS, Row
from dagster_project.lib.exports.headlines import View, bucket_name, rate_of
from dagster_project.lib.exports.list_sections import list_sections
from dagster_project.lib.exports.numbers import shown
from dagster_project.lib.exports.plots import Interval, Mark, Series
from dagster_project.lib.exports.sections_satisfaction import satisfaction_sections
from dagster_project.lib.exports.states import UNKNOWN_DISTRICT, data_set_title
from dagster_project.lib.exports.workbook import Kind

_STAGES = ("identification", "growth", "stable", "warning", "sunk")
_TIERS = ("high", "mid", "low", "group", "U")
_BUCKETS = ("01-03", "04-06", "07-12", "13-24", "25-36", "37-60", "61+")
_LABEL_EVERY = 6
_EVENT_SIGNS: Mapping[str, str] = {"competitor": "▲", "promotion": "◆", "other": "■", "holiday": "○"}
"""By kind of event, the one to show first where a month has several."""


def sections(view: View, titles: Mapping[str, str]) -> tuple[Section, ...]:
    """The sections of a unit's card; what exists for the branch only is left out of a district's.

    ``titles`` says what the office calls each list.
    """
    made = [_trend(view), _tenure(view), _districts(view)]
    if view.code == BRANCH:
        made += [_plans(view), _plan_tenure(view), _bands(view)]
    return (
        *made,
        _stages(view),
        *list_sections(view, titles),
        *satisfaction_sections(view),
        _quality(view),
        _sources(view),
    )


def _columns(view: View, *columns: tuple[str, Kind]) -> tuple[tuple[str, Kind], ...]:
    return tuple((view.say(f"column_{name}"), kind) for name, kind in columns)


def _trend(view: View) -> Section:
    rows = {row["month"]: row for row in view.figures.trend.get(view.code, ())}
    earliest = max(min(rows, default=view.figures.month), months.shift(view.figures.month, 1 - TREND_MONTHS))
    shown_months = months.between(earliest, view.figures.month)
    own = [rate_of(rows.get(month)) for month in shown_months]
    last_year = [rate_of(rows.get(months.shift(month, -12))) for month in shown_months]
    has_rates = any(value is not None for value in own)
    count = len(shown_months)
    labels = [month if (count - 1 - place) % _LABEL_EVERY == 0 else "" for place, month in enumerate(shown_months)]
    lines = [Series(view.say("line_own"), own, "own")]
    if any(value is not None for value in last_year):
        lines.insert(0, Series(view.say("line_last_year"), last_year, "pale"))
    marks = [
        mark
        for place, month in enumerate(shown_months)
        if month in rows
        for mark in _event_marks(view, place, rows[month])
    ]
    names = ("opening", "new", "churned", "closing")
    table = Table(
        _columns(
            view,
            ("month", Kind.TEXT),
            *((name, Kind.COUNT) for name in names),
            ("rate", Kind.PERCENT),
            ("low", Kind.PERCENT),
            ("high", Kind.PERCENT),
            ("events", Kind.TEXT),
        ),
        [
            (
                month,
                *(rows[month][f"{name}_count"] for name in names),
                rate_of(rows[month]),
                rows[month]["ci_low"],
                rows[month]["ci_high"],
                _events(view, rows[month]),
            )
            for month in reversed(shown_months)
            if month in rows
        ],
    )
    return Section(
        key="trend",
        title=view.say("title_trend"),
        note=(view.say("note_trend") + _event_legend(view, marks)) if has_rates else view.say("no_rates"),
        source=_source(view, "mart_churn_trend"),
        table=table,
        plot=plots.trend(lines, labels, view.say("axis_rate"), view.say("alt_trend", count=count), marks)
        if has_rates
        else "",
        chart=Chart("line", (5,)) if has_rates else None,
    )


def _events(view: View, row: Row) -> str:
    """Titles of the month's events; none in publications from before there was a calendar."""
    return str(row.get("event_titles" if view.language == "zh" else "event_titles_en") or "")


def _event_marks(view: View, position: int, row: Row) -> list[Mark]:
    kinds = str(row.get("event_kinds") or "").split("+")
    first = next((sign for kind, sign in _EVENT_SIGNS.items() if kind in kinds), None)
    return [Mark(position, first, f"{row['month']} {_events(view, row)}")] if first else []


def _event_legend(view: View, marks: Sequence[Mark]) -> str:
    """What the signs under the plot mean, of those that are there."""
    used = {mark.sign for mark in marks}
    kinds = [f"{sign} {view.say(f'event_{kind}')}" for kind, sign in _EVENT_SIGNS.items() if sign in used]
    return view.say("note_events", signs=view.say("list_separator").join(kinds)) if kinds else ""


def _tenure(view: View) -> Section:
    rows = view.figures.tenure.get(view.code, ())
    branch = {row["tenure_bucket"]: row["churn_rate_exposure"] for row in view.figures.tenure.get(BRANCH, ())}
    compared = [None if view.code == BRANCH else branch.get(row["tenure_bucket"]) for row in rows]
    own = [row["churn_rate_exposure"] for row in rows]
    labels = [bucket_name(row["tenure_bucket"]) for row in rows]
    window = rows[0]["window_months"] if rows else 1
    names = (view.say("line_own"), "" if view.code == BRANCH else view.say("line_branch"))
    table = Table(
        _columns(
            view,
            ("tenure", Kind.TEXT),
            ("churned", Kind.COUNT),
            ("at_risk", Kind.COUNT),
            ("rate", Kind.PERCENT),
            ("branch_rate", Kind.PERCENT),
            ("churned_share", Kind.PERCENT),
            ("base_share", Kind.PERCENT),
        ),
        [
            (
                bucket_name(row["tenure_bucket"]),
                row["churned_count"],
                row["at_risk_count"],
                row["churn_rate_exposure"],
                branch.get(row["tenure_bucket"]),
                row["churned_share"],
                row["base_share"],
            )
            for row in rows
        ],
    )
    plot = plots.bars(
        labels, own, compared, names=names, axis=view.say("axis_rate"), description=view.say("alt_tenure")
    )
    return Section(
        key="tenure",
        title=view.say("title_tenure"),
        note=view.say("note_tenure", window=window),
        source=_source(view, "mart_churn_by_tenure"),
        table=table,
        plot=plot,
        chart=Chart("column", (3, 4)),
    )


def _districts(view: View) -> Section:
    """Districts in the order of their rate; where an interval holds the median, no difference is claimed."""
    rows = [row for code in view.figures.trend if code != BRANCH if (row := view.figures.this_month(code))]
    ranked = sorted(rows, key=lambda row: (rate_of(row) is None, rate_of(row) or 0.0, row["code"]))
    median = view.figures.medians.get(("churn_rate", view.figures.month))
    dots = [
        Interval(_district(view, row), rate_of(row), row["ci_low"], row["ci_high"], row["code"] == view.code)
        for row in ranked
    ]
    table = Table(
        _columns(
            view,
            ("district", Kind.TEXT),
            ("opening", Kind.COUNT),
            ("churned", Kind.COUNT),
            ("rate", Kind.PERCENT),
            ("low", Kind.PERCENT),
            ("high", Kind.PERCENT),
            ("verdict", Kind.TEXT),
        ),
        [
            (
                _district(view, row),
                row["opening_count"],
                row["churned_count"],
                rate_of(row),
                row["ci_low"],
                row["ci_high"],
                _verdict(view, row, median),
            )
            for row in ranked
        ],
    )
    return Section(
        key="districts",
        title=view.say("title_districts"),
        note=view.say("note_districts", median=shown(median, Kind.PERCENT)),
        source=_source(view, "mart_churn_trend"),
        table=table,
        plot=plots.intervals(dots, median, view.say("axis_rate"), view.say("alt_districts")),
        chart=Chart("bar", (3,)),
        is_open=view.code == BRANCH,
    )


def _district(view: View, row: Row) -> str:
    return view.say("unknown_district") if row["code"] == UNKNOWN_DISTRICT else str(row["scope_name"] or row["code"])


def _verdict(view: View, row: Row, median: float | None) -> str | None:
    """What the interval says; None where there is none, because more left than were there when the month began."""
    if row["is_small"]:
        return view.say("verdict_small")
    if median is None or row["ci_low"] is None:
        return None
    if row["ci_low"] > median:
        return view.say("verdict_above")
    return view.say("verdict_below" if row["ci_high"] < median else "verdict_tied")


def _plans(view: View) -> Section:
    rows = view.figures.plans
    bars = [
        (
            str(row["plan_name"] or row["plan_code"]),
            float(row["churned_count"]),
            shown(row["churned_count"], Kind.COUNT),
        )
        for row in rows
    ]
    table = Table(
        _columns(
            view,
            ("plan", Kind.TEXT),
            ("churned", Kind.COUNT),
            ("closing", Kind.COUNT),
            ("rate", Kind.PERCENT),
            ("churned_share", Kind.PERCENT),
        ),
        [
            (
                row["plan_name"] or row["plan_code"],
                row["churned_count"],
                row["closing_count"],
                row["churn_rate_exposure"],
                row["churned_share"],
            )
            for row in rows
        ],
    )
    return Section(
        key="plans",
        title=view.say("title_plans"),
        note=view.say("note_plans", window=_window(rows)),
        source=_source(view, "mart_churn_by_plan"),
        table=table,
        plot=plots.shares(bars, view.say("alt_plans")) if bars else "",
        chart=Chart("bar", (1,)),
    )


def _plan_tenure(view: View) -> Section:
    cells: dict[tuple[str, str], Any] = {
        (row["plan_code"], row["tenure_bucket"]): row["churn_rate_exposure"] for row in view.figures.plan_tenure
    }
    table = Table(
        (*_columns(view, ("plan", Kind.TEXT)), *((bucket_name(bucket), Kind.PERCENT) for bucket in _BUCKETS)),
        [
            (row["plan_name"] or row["plan_code"], *(cells.get((row["plan_code"], bucket)) for bucket in _BUCKETS))
            for row in view.figures.plans
        ],
    )
    return Section(
        key="plan_tenure",
        title=view.say("title_plan_tenure"),
        note=view.say("note_plan_tenure", window=_window(view.figures.plans)),
        source=_source(view, "mart_churn_by_plan_tenure"),
        table=table,
        is_heat=True,
        is_open=True,
    )


def _bands(view: View) -> Section:
    rows = view.figures.bands
    table = Table(
        _columns(
            view,
            ("band", Kind.TEXT),
            ("churned", Kind.COUNT),
            ("closing", Kind.COUNT),
            ("churned_share", Kind.PERCENT),
            ("base_share", Kind.PERCENT),
            ("index", Kind.MONEY),
        ),
        [
            (
                row["arpu_band"],
                row["churned_count"],
                row["closing_count"],
                row["churned_share"],
                row["base_share"],
                row["band_index"],
            )
            for row in rows
        ],
    )
    plot = plots.bars(
        [row["arpu_band"] for row in rows],
        [row["band_index"] for row in rows],
        [1.0 for _ in rows],
        names=(view.say("line_index"), view.say("line_average")),
        axis=view.say("axis_index"),
        description=view.say("alt_bands"),
        is_percent=False,
    )
    return Section(
        key="bands",
        title=view.say("title_bands"),
        note=view.say("note_bands", window=_window(rows)),
        source=_source(view, "mart_churn_by_arpu_band"),
        table=table,
        plot=plot,
        chart=Chart("column", (5,)),
    )


def _stages(view: View) -> Section:
    counts: dict[tuple[str, str], int] = {
        (row["lifecycle_stage"], row["value_tier"]): int(row["subscriber_count"])
        for row in view.figures.stages.get(view.code, ())
    }
    total = sum(counts.values())
    rows = []
    bars = []
    for stage in _STAGES:
        tiers = [counts.get((stage, tier), 0) for tier in _TIERS]
        share = sum(tiers) / total if total else None
        rows.append((view.say(f"stage_{stage}"), *tiers, sum(tiers), share))
        figure = view.say("count_and_share", count=f"{sum(tiers):,}", share=shown(share, Kind.PERCENT))
        bars.append((view.say(f"stage_{stage}"), float(sum(tiers)), figure))
    headings = (("stage", Kind.TEXT), *((f"tier_{tier}", Kind.COUNT) for tier in _TIERS), ("total", Kind.COUNT))
    return Section(
        key="stages",
        title=view.say("title_stages"),
        note=view.say("note_stages"),
        source=_source(view, "mart_lifecycle_cube"),
        table=Table(_columns(view, *headings, ("share", Kind.PERCENT)), rows),
        plot=plots.shares(bars, view.say("alt_stages")) if total else "",
        chart=Chart("bar", (6,)),
        is_open=True,
    )


def _quality(view: View) -> Section:
    rows = [_quality_row(view, row) for row in view.figures.quality]
    table = Table(
        _columns(
            view,
            ("data_set", Kind.TEXT),
            ("delivered", Kind.TEXT),
            ("lines", Kind.COUNT),
            ("loaded", Kind.COUNT),
            ("quarantined", Kind.COUNT),
            ("quarantined_share", Kind.PERCENT),
        ),
        rows,
    )
    absent = view.say("list_separator").join(data_set_title(name, view.language) for name in view.missing)
    note = view.say("note_quality_missing", data_sets=absent) if absent else view.say("note_quality")
    return Section(
        key="quality",
        title=view.say("title_quality"),
        note=note,
        source=_source(view, "mart_delivery_quality"),
        table=table,
    )


def _quality_row(view: View, row: Mapping[str, Any]) -> Sequence[Any]:
    delivered = view.say("delivered" if row["is_delivered"] else "not_delivered")
    title = data_set_title(row["data_set"], view.language)
    return (title, delivered, row["lines_read"], row["loaded_count"], row["quarantined_count"], row["share"])


def _sources(view: View) -> Section:
    """How each headline came about: definition, table, partition."""
    table = Table(
        _columns(view, ("figure", Kind.TEXT), ("definition", Kind.TEXT), ("mart", Kind.TEXT), ("month", Kind.TEXT)),
        [
            (view.say(f"name_{measure.key}"), view.say(f"definition_{measure.key}"), measure.source, view.figures.month)
            for measure in MEASURES
        ],
    )
    return Section(
        key="sources",
        title=view.say("title_sources"),
        note=view.say("note_sources"),
        source="",
        table=table,
    )


def _window(rows: Sequence[Row]) -> int:
    return int(rows[0]["window_months"]) if rows else 1


def _source(view: View, mart: str) -> str:
    return view.say("source", mart=mart, month=view.figures.month)
