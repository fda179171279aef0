"""The first screen of a scorecard: headline figures with their changes, and what they mean in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.lib import months
from dagster_project.lib.exports import plots
from dagster_project.lib.exports.card import Change, Headline
from dagster_project.lib.exports.figures import BRANCH, MEASURES, SPARK_MONTHS, Figures, Measure, Row
from dagster_project.lib.exports.numbers import DASH, change, month_name, people, rounded, short, shown
from dagster_project.lib.exports.states import data_set_title
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text

_LEAST_SHARE = 0.05
"""A tenure bucket with a smaller share of the leavers is not worth a sentence."""


@dataclass(frozen=True)
class View:
    """Whose figures are shown, and how: the figures, the unit's code, the language, what is missing."""

    figures: Figures
    code: str
    language: str
    missing: tuple[str, ...]

    def say(self, key: str, **values: object) -> str:
        """A text of the scorecard's catalogue."""
        return text(f"scorecard.{key}", self.language, **values)

    @property
    def is_small(self) -> bool:
        """The unit has too few subscribers for a rate."""
        row = self.figures.this_month(self.code)
        return row is None or bool(row["is_small"])


def headlines(view: View) -> tuple[Headline, ...]:
    """One headline per measure, in their order."""
    return tuple(_headline(view, measure) for measure in MEASURES)


def _headline(view: View, measure: Measure) -> Headline:
    month = view.figures.month
    window = months.between(months.shift(month, 1 - SPARK_MONTHS), month)
    series = [(m, view.figures.values.get((measure.key, view.code, m))) for m in window]
    medians = [view.figures.medians.get((measure.key, m)) if measure.is_ranked else None for m in window]
    value = series[-1][1]
    name = view.say(f"name_{measure.key}")
    return Headline(
        key=measure.key,
        name=name,
        definition=view.say(f"definition_{measure.key}"),
        value=value,
        shown=DASH if value is None else _big(value, measure, view.language),
        reason=_reason(view, measure) if value is None else "",
        changes=_changes(view, measure, value),
        notes=_notes(view, measure),
        spark=plots.sparkline([v for _, v in series], medians, view.say("alt_spark", name=name)),
        series=series,
        kind=measure.kind,
    )


def _big(value: float, measure: Measure, language: str) -> str:
    figure = short(value, measure.kind, language)
    return f"+{figure}" if measure.key == "net_adds" and value > 0 else figure


def _reason(view: View, measure: Measure) -> str:
    if measure.needs in view.missing:
        return view.say("not_available", data_set=data_set_title(measure.needs, view.language))
    return view.say("too_few") if view.is_small else view.say("no_value")


def _changes(view: View, measure: Measure, value: float | None) -> tuple[Change, ...]:
    if value is None:
        return ()
    month = view.figures.month
    return tuple(
        _change(view, measure, value, key=key, before=view.figures.values.get((measure.key, view.code, earlier)))
        for key, earlier in (("month", months.shift(month, -1)), ("year", months.shift(month, -12)))
    )


def _change(view: View, measure: Measure, value: float, *, key: str, before: float | None) -> Change:
    if before is None:
        return Change(view.say(f"no_last_{key}"), "", "same", "")
    words, direction = change(value, before, measure.kind, view.language)
    better = direction if measure.is_higher_better else -direction
    tone = {1: "better", 0: "same", -1: "worse"}[better]
    shape = {1: "▲", 0: "＝", -1: "▼"}[direction]
    return Change(view.say(f"against_last_{key}", change=words), shape, tone, view.say(f"verdict_{tone}"))


def _notes(view: View, measure: Measure) -> tuple[str, ...]:
    notes = []
    rank = view.figures.ranks.get((measure.key, view.code))
    median = view.figures.medians.get((measure.key, view.figures.month))
    if rank:
        notes.append(view.say("rank", place=rank[0], count=rank[1]))
    if measure.is_ranked and median is not None:
        notes.append(view.say("median", figure=shown(median, measure.kind)))
    row = view.figures.this_month(view.code)
    if measure.key == "net_adds" and row:
        flows = {name: short(row[f"{name}_count"], Kind.COUNT, view.language) for name in ("new", "churned", "closing")}
        notes.append(view.say("flows", **flows))
    return tuple(notes)


def sentences(view: View) -> tuple[str, ...]:
    """Why: two or three sentences with figures, as a person would say them."""
    made = (_churn_sentence(view), _tenure_sentence(view), _plan_sentence(view), _stage_sentence(view))
    return tuple(sentence for sentence in made if sentence)[:3]


def _churn_sentence(view: View) -> str:
    row = view.figures.this_month(view.code)
    month = month_name(view.figures.month, view.language)
    if row is None:
        return view.say("sentence_nobody", month=month)
    churned = people(row["churned_count"], view.language)
    if view.is_small:
        return view.say("sentence_small", month=month, churned=churned)
    rate = row["churn_rate_opening"]
    sentence = view.say("sentence_churn", month=month, churned=churned, rate=shown(rate, Kind.PERCENT))
    return sentence + _against_last_month(view, rate) + view.say("full_stop")


def _against_last_month(view: View, rate: float) -> str:
    last = months.shift(view.figures.month, -1)
    before = view.figures.values.get(("churn_rate", view.code, last))
    if before is None:
        return ""
    words, direction = change(rate, before, Kind.PERCENT, view.language)
    key = {1: "sentence_up", 0: "sentence_same", -1: "sentence_down"}[direction]
    return view.say(key, month=month_name(last, view.language), change=words.lstrip("+-"))


def _tenure_sentence(view: View) -> str:
    """The tenure bucket whose part among the leavers exceeds its part among the subscribers most."""
    rows = view.figures.tenure.get(view.code, ())
    at_risk = sum(row["at_risk_count"] for row in rows)
    known = [row for row in rows if row["churn_rate_exposure"] and (row["churned_share"] or 0) >= _LEAST_SHARE]
    if not known or not at_risk:
        return ""
    worst = max(known, key=lambda row: row["churned_share"] - (row["base_share"] or 0))
    overall = sum(row["churned_count"] for row in rows) / at_risk
    if not overall or worst["churned_share"] <= (worst["base_share"] or 0):
        return ""
    return view.say(
        "sentence_tenure",
        bucket=bucket_name(worst["tenure_bucket"]),
        share=f"{rounded(worst['churned_share'] * 100, Kind.COUNT)}%",
        times=rounded(worst["churn_rate_exposure"] / overall, Kind.MONEY),
        whole=view.say("whole_branch" if view.code == BRANCH else "whole_district"),
        window=worst["window_months"],
    )


def _plan_sentence(view: View) -> str:
    if view.code != BRANCH or not view.figures.plans:
        return ""
    first = view.figures.plans[0]
    return view.say(
        "sentence_plan",
        plan=first["plan_name"] or first["plan_code"],
        count=people(first["churned_count"], view.language),
        share=shown(first["churned_share"], Kind.PERCENT),
    )


def _stage_sentence(view: View) -> str:
    rows = view.figures.stages.get(view.code, ())
    total = sum(row["subscriber_count"] for row in rows)
    warned = sum(row["subscriber_count"] for row in rows if row["lifecycle_stage"] == "warning")
    if not warned or view.is_small:
        return ""
    count = people(int(warned), view.language)
    return view.say("sentence_stage", count=count, share=shown(warned / total, Kind.PERCENT))


def bucket_name(bucket: str) -> str:
    """A tenure bucket without leading zeros: 4–6, 61+."""
    return "–".join(str(int(part)) for part in bucket.split("-")) if "-" in bucket else bucket


def rate_of(row: Row | None) -> float | None:
    """A row's headline rate, or None."""
    return None if row is None else row["churn_rate_opening"]
