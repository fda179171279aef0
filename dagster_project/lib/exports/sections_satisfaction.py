"""How satisfied a unit's subscribers are, whether the dissatisfied were called back, and what became of them since.

The comparison of who was called back with who was not is said with its interval and as what it is: nobody drew lots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster_project.lib import rules
from dagster_project.lib.exports import plots
from dagster_project.lib.exports.card import Chart, Section, Table
from dagster_project.lib.exports.figures import BRANCH, Row
from dagster_project.lib.exports.headlines import View
from dagster_project.lib.exports.numbers import month_name, rounded, shown
from dagster_project.lib.exports.plots import Interval
from dagster_project.lib.exports.states import data_set_title
from dagster_project.lib.exports.workbook import Kind

SATISFACTION = "mart_satisfaction"
_SOURCES = ("crm_surveys", "crm_complaints")
_ALL = "all"


def satisfaction_sections(view: View) -> tuple[Section, ...]:
    """What was said in the month, and what became of the dissatisfied of three months before."""
    return _said(view), _since(view)


def said_sentences(view: View) -> list[str]:
    """The month in words: answers, the dissatisfied, and the follow-ups that were due; or why there are none."""
    row = _whole(view)
    if row is None or row["dissatisfied_count"] is None:
        return [_not_computed(view)]
    told = [_answers(view, row)] if row["answers_count"] is not None else []
    told.append(_dissatisfied(view, row))
    return [*told, _follow_ups(view, row)]


def since_sentences(view: View) -> list[str]:
    """What became of the dissatisfied of three months before in words; or why that is not known."""
    row = _whole(view)
    if row is None or row["outcome_dissatisfied_count"] is None:
        return [view.say("satisfaction_immature")]
    month = month_name(row["outcome_month"], view.language, with_year=True)
    return [_resolved(view, row, month), *_scores(view, row), _departures(view, row)]


def _rows(view: View) -> Sequence[Row]:
    """The unit's topics about which anything was said, now or three months before."""
    counted = ("answers_count", "complaints_count", "rated_complaints_count", "due_count")
    return [
        row
        for row in view.figures.satisfaction.get(view.code, ())
        if row["topic"] != _ALL and any(row[name] for name in counted)
    ]


def _whole(view: View) -> Row | None:
    return next((row for row in view.figures.satisfaction.get(view.code, ()) if row["topic"] == _ALL), None)


def _not_computed(view: View) -> str:
    absent = [data_set_title(name, view.language) for name in _SOURCES if name in view.missing]
    if not absent:
        return view.say("satisfaction_nobody")
    return view.say("satisfaction_missing", data_sets=view.say("list_separator").join(absent))


def _answers(view: View, row: Row) -> str:
    count = f"{row['answers_count']:,}"
    if row["mean_score"] is None:
        return view.say("satisfaction_few_answers", count=count)
    return view.say("satisfaction_answers", count=count, mean=shown(row["mean_score"], Kind.NUMBER))


def _dissatisfied(view: View, row: Row) -> str:
    values = {
        "count": f"{row['dissatisfied_count']:,}",
        "total": f"{(row['answers_count'] or 0) + (row['rated_complaints_count'] or 0):,}",
    }
    if row["dissatisfied_share"] is None:
        return view.say("satisfaction_small", **values)
    return view.say("satisfaction_share", **values, **_interval(row, "dissatisfied_share", "ci_low", "ci_high"))


def _follow_ups(view: View, row: Row) -> str:
    (days,) = rules.named(["satisfaction_follow_up_days"], view.figures.month)
    if row["followed_up_count"] is None:
        return view.say("satisfaction_follow_up_unknown", days=days.value)
    values = {
        "days": days.value,
        "due": f"{row['due_count']:,}",
        "count": f"{row['followed_up_count']:,}",
    }
    if row["followed_up_share"] is None:
        return view.say("satisfaction_follow_up_small", **values)
    shares = _interval(row, "followed_up_share", "followed_up_low", "followed_up_high")
    return view.say("satisfaction_follow_up", **values, **shares)


def _resolved(view: View, row: Row, month: str) -> str:
    values = {"month": month, "count": f"{row['outcome_dissatisfied_count']:,}"}
    if row["resolved_count"] is None:
        return view.say("satisfaction_resolved_unknown", **values)
    values |= {"called": f"{row['outcome_followed_up_count']:,}", "resolved": f"{row['resolved_count']:,}"}
    if row["resolved_share"] is None:
        return view.say("satisfaction_resolved_small", **values)
    return view.say(
        "satisfaction_resolved", **values, **_interval(row, "resolved_share", "resolved_low", "resolved_high")
    )


def _scores(view: View, row: Row) -> list[str]:
    """Nothing where neither side has the answers for an interval."""
    if row["score_change_difference_low"] is None:
        return []
    values = {
        "called": _signed(row["score_change_mean_followed_up"]),
        "called_count": f"{row['answered_again_followed_up_count']:,}",
        "others": _signed(row["score_change_mean_not_followed_up"]),
        "others_count": f"{row['answered_again_not_followed_up_count']:,}",
        "difference": _signed(row["score_change_difference"]),
        "low": _signed(row["score_change_difference_low"]),
        "high": _signed(row["score_change_difference_high"]),
    }
    holds_zero = row["score_change_difference_low"] <= 0 <= row["score_change_difference_high"]
    return [view.say("satisfaction_scores_tied" if holds_zero else "satisfaction_scores", **values)]


def _departures(view: View, row: Row) -> str:
    if row["followed_up_subscriber_count"] is None:
        return view.say("satisfaction_churn_unknown")
    values = {
        "called_count": f"{row['followed_up_subscriber_count']:,}",
        "called_left": f"{row['followed_up_churned_count']:,}",
        "others_count": f"{row['not_followed_up_subscriber_count']:,}",
        "others_left": f"{row['not_followed_up_churned_count']:,}",
    }
    if row["churned_difference"] is None:
        return view.say("satisfaction_churn_small", **values)
    values |= {
        "called": shown(row["churned_share_followed_up"], Kind.PERCENT),
        "others": shown(row["churned_share_not_followed_up"], Kind.PERCENT),
        "low": f"{rounded(row['churned_difference_low'], Kind.PERCENT):+}",
        "high": f"{rounded(row['churned_difference_high'], Kind.PERCENT):+}",
    }
    holds_zero = row["churned_difference_low"] <= 0 <= row["churned_difference_high"]
    return view.say("satisfaction_churn_tied" if holds_zero else "satisfaction_churn", **values)


def _interval(row: Row, value: str, low: str, high: str) -> dict[str, str]:
    return {
        "share": shown(row[value], Kind.PERCENT),
        "low": shown(row[low], Kind.PERCENT),
        "high": shown(row[high], Kind.PERCENT),
    }


def _signed(value: float) -> str:
    return f"{rounded(value, Kind.NUMBER):+}"


def _said(view: View) -> Section:
    rows = _rows(view)
    whole = _whole(view)
    columns = (
        ("topic", Kind.TEXT),
        ("answers", Kind.COUNT),
        ("mean_score", Kind.NUMBER),
        ("complaints", Kind.COUNT),
        ("dissatisfied", Kind.COUNT),
        ("dissatisfied_share", Kind.PERCENT),
        ("low", Kind.PERCENT),
        ("high", Kind.PERCENT),
        ("due", Kind.COUNT),
        ("followed_up", Kind.COUNT),
        ("followed_up_share", Kind.PERCENT),
    )
    names = (
        *("answers_count", "mean_score", "complaints_count", "dissatisfied_count", "dissatisfied_share"),
        *("ci_low", "ci_high", "due_count", "followed_up_count", "followed_up_share"),
    )
    dots = [
        Interval(_topic(view, row), row["dissatisfied_share"], row["ci_low"], row["ci_high"], row["topic"] == _ALL)
        for row in (*rows, *([whole] if whole else []))
    ]
    is_drawn = any(dot.value is not None for dot in dots)
    cells = [(_topic(view, row), *(row[name] for name in names)) for row in (*rows, *([whole] if whole else []))]
    return Section(
        key="satisfaction",
        title=view.say("title_satisfaction"),
        note=_joined(view, said_sentences(view)),
        source=view.say("source", mart=SATISFACTION, month=view.figures.month),
        table=_table(view, columns, cells),
        plot=plots.intervals(dots, None, view.say("axis_dissatisfied"), view.say("alt_satisfaction"))
        if is_drawn
        else "",
        chart=Chart("bar", (5,)) if is_drawn else None,
        is_open=view.code == BRANCH,
    )


def _since(view: View) -> Section:
    row = _whole(view)
    columns = (
        ("side", Kind.TEXT),
        ("subscribers", Kind.COUNT),
        ("churned", Kind.COUNT),
        ("rate", Kind.PERCENT),
        ("low", Kind.PERCENT),
        ("high", Kind.PERCENT),
        ("answered_again", Kind.COUNT),
        ("score_change", Kind.NUMBER),
    )
    cells = [_side(view, row, side) for side in ("followed_up", "not_followed_up")] if row else []
    dots = [
        Interval(str(title), share, low, high, is_own=place == 0)
        for place, (title, _, _, share, low, high, *_) in enumerate(cells)
    ]
    is_drawn = any(dot.value is not None for dot in dots)
    return Section(
        key="satisfaction_since",
        title=view.say("title_satisfaction_since"),
        note=_joined(view, [*since_sentences(view), view.say("note_satisfaction_since")]),
        source=view.say("source", mart=SATISFACTION, month=view.figures.month),
        table=_table(view, columns, cells),
        plot=plots.intervals(dots, None, view.say("axis_since"), view.say("alt_satisfaction_since"))
        if is_drawn
        else "",
        chart=Chart("bar", (3,)) if is_drawn else None,
        is_open=True,
    )


def _side(view: View, row: Row, side: str) -> list[Any]:
    """The line of those who were called back, or of the others."""
    names = (
        *(f"{side}_subscriber_count", f"{side}_churned_count"),
        *(f"churned_share_{side}", f"churned_low_{side}", f"churned_high_{side}"),
        *(f"answered_again_{side}_count", f"score_change_mean_{side}"),
    )
    return [view.say(f"side_{side}"), *(row[name] for name in names)]


def _topic(view: View, row: Row) -> str:
    return view.say(f"topic_{row['topic']}")


def _table(view: View, columns: Sequence[tuple[str, Kind]], rows: Sequence[Sequence[object]]) -> Table:
    return Table([(view.say(f"column_{name}"), kind) for name, kind in columns], rows)


def _joined(view: View, told: Sequence[str]) -> str:
    return view.say("sentence_separator").join(told)
