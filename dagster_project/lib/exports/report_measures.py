"""The branch report's last chapter: which lists went out, what lists and pilots have changed, and what that cost.

An effect is the difference to the hold-out. What is known only of those who were reached is said beside it, as what it
is; an effect whose interval holds zero is not called one; arms too small for a rate are named and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_project.lib import months, rules
from dagster_project.lib.exports.card import Section, Table
from dagster_project.lib.exports.figures import BRANCH, Row
from dagster_project.lib.exports.list_sections import list_titles
from dagster_project.lib.exports.numbers import month_name, people, rounded, shown
from dagster_project.lib.exports.report_story import Statement, Story
from dagster_project.lib.exports.workbook import Kind

EFFECT = "mart_retention_effect"
PILOT = "mart_pilot"
_LISTS = "mart_work_lists"
_NAMED = 3
_WANTED_POWER = 0.8


def measures(story: Story) -> list[Statement]:
    """The lists of the month, the effect of those three months ago, and the pilots."""
    return [*_lists(story), *_effects(story), *_pilots(story)]


def _lists(story: Story) -> list[Statement]:
    lists = story.view.figures.lists.get(BRANCH, {})
    total = sum(int(row["row_count"]) for row in lists.values())
    if not total:
        return []
    due = months.shift(story.view.figures.month, 3)
    due_name = month_name(due, story.view.language, with_year=True)
    return [story.state("lists", _LISTS, count=f"{total:,}", kinds=len(lists), due=due_name)]


def _effects(story: Story) -> list[Statement]:
    rows = story.figures.rows(EFFECT)
    if not rows:
        return [story.state("effect_none", EFFECT)]
    month = month_name(rows[0]["list_month"], story.view.language, with_year=True)
    known = [row for row in rows if not row["is_small"] and row["effect"] is not None]
    if not known:
        return [story.state("effect_small", EFFECT, month=month)]
    told = [_effect(story, row, month) for row in known[:_NAMED]]
    if lacking := story.lacks("crm_contacts", EFFECT):
        return [*told, lacking]
    return [*told, *_naive(story, known), *_cost(story, known), *_spoiled(story, known)]


def _effect(story: Story, row: Row, month: str) -> Statement:
    values = {"month": month, "list": _list_title(story, row["list_type"]), **_difference(row)}
    if not row["is_distinguishable"]:
        return story.state("effect_unclear", EFFECT, **values)
    if row["effect"] < 0:
        return story.state("effect_worse", EFFECT, **values)
    saves = people(int(rounded(row["saves"], Kind.COUNT)), story.view.language)
    return story.state("effect", EFFECT, **values, saves=saves)


def _difference(row: Row) -> dict[str, str]:
    """Both arms' rates, and their difference with its interval in percentage points."""
    return {
        "treated": shown(row["churn_rate_treated"], Kind.PERCENT),
        "control": shown(row["churn_rate_control"], Kind.PERCENT),
        "effect": str(abs(rounded(row["effect"], Kind.PERCENT))),
        "low": str(rounded(row["ci_low"], Kind.PERCENT)),
        "high": str(rounded(row["ci_high"], Kind.PERCENT)),
    }


def _naive(story: Story, known: Sequence[Row]) -> list[Statement]:
    """Why the share of the reached who stay is no effect, said of one list with its own figures."""
    row = next((row for row in known if row["retained_rate_naive"] is not None), None)
    if row is None:
        return []
    kept = 1 - row["churn_rate_control"]
    return [
        story.state(
            "naive",
            EFFECT,
            list=_list_title(story, row["list_type"]),
            naive=shown(row["retained_rate_naive"], Kind.PERCENT),
            kept=shown(kept, Kind.PERCENT),
        )
    ]


def _cost(story: Story, known: Sequence[Row]) -> list[Statement]:
    return [
        story.state(
            "cost",
            EFFECT,
            list=_list_title(story, row["list_type"]),
            spend=shown(row["spend_amount"], Kind.MONEY),
            cost=shown(row["cost_per_save_amount"], Kind.MONEY),
            benefit=shown(row["net_benefit_amount"], Kind.MONEY),
        )
        for row in known[:_NAMED]
        if row["is_distinguishable"] and row["effect"] > 0 and row["net_benefit_amount"] is not None
    ]


def _spoiled(story: Story, known: Sequence[Row]) -> list[Statement]:
    spoiled = [row for row in known if row["is_contaminated"]]
    if not spoiled:
        return []
    named = story.view.say("list_separator").join(_list_title(story, row["list_type"]) for row in spoiled)
    share = max(row["contaminated_share"] for row in spoiled)
    return [story.state("contaminated", EFFECT, lists=named, share=shown(share, Kind.PERCENT))]


def _pilots(story: Story) -> list[Statement]:
    rows = story.figures.rows(PILOT)
    if not rows:
        return [story.state("pilot_none", PILOT)]
    arms: dict[str, dict[str, Row]] = {}
    for row in rows:
        arms.setdefault(row["pilot_id"], {})[row["arm"]] = row
    return [statement for pilot in arms.values() for statement in _pilot(story, pilot)]


def _pilot(story: Story, arms: Mapping[str, Row]) -> list[Statement]:
    row = arms["treated"]
    language = story.view.language
    values = {"pilot": _in_language(story, row, "pilot_name"), "verdict": _in_language(story, row, "verdict_name")}
    if not row["matured_month_count"]:
        counts = {name: people(arm["enrolled_count"], language) for name, arm in arms.items()}
        return [story.state("pilot_enrolling", PILOT, **values, **counts)]
    if row["is_small"] or row["effect"] is None:
        counts = {name: people(arm["matured_count"], language) for name, arm in arms.items()}
        return [story.state("pilot_small", PILOT, **values, **counts)]
    told = [
        story.state(
            "pilot",
            PILOT,
            **values,
            **_signed(_difference(row), row),
            benefit=shown(row["net_benefit_per_treated_amount"], Kind.MONEY),
            bound=shown(row["net_benefit_per_treated_low_amount"], Kind.MONEY),
        )
    ]
    if row["power"] is not None and row["power"] < _WANTED_POWER:
        told.append(_power(story, row, values["pilot"]))
    return told


def _signed(difference: dict[str, str], row: Row) -> dict[str, str]:
    return {**difference, "effect": f"{rounded(row['effect'], Kind.PERCENT):+}"}


def _power(story: Story, row: Row, pilot: str) -> Statement:
    (fall,) = rules.named(["pilot_fall_share"], story.view.figures.month)
    return story.state(
        "power",
        PILOT,
        pilot=pilot,
        fall=shown(fall.value, Kind.PERCENT),
        power=shown(row["power"], Kind.PERCENT),
        needed=people(row["needed_count"], story.view.language),
    )


def _in_language(story: Story, row: Row, column: str) -> str:
    return str(row[column if story.view.language == "zh" else f"{column}_en"])


def _list_title(story: Story, code: str) -> str:
    """What the office calls a list."""
    return list_titles(story.catalog, story.view.language).get(code, code)


def effect_table(story: Story) -> Section:
    """Every list three months ago with its effect; arms too small for a rate without one."""
    columns = (
        ("list_type", Kind.TEXT),
        ("treated_count", Kind.COUNT),
        ("control_count", Kind.COUNT),
        ("churn_rate_treated", Kind.PERCENT),
        ("churn_rate_control", Kind.PERCENT),
        ("effect", Kind.PERCENT),
        ("ci_low", Kind.PERCENT),
        ("ci_high", Kind.PERCENT),
        ("retained_rate_naive", Kind.PERCENT),
        ("spend_amount", Kind.MONEY),
        ("cost_per_save_amount", Kind.MONEY),
        ("net_benefit_amount", Kind.MONEY),
    )
    compared = {name for name, _ in columns[3:]} - {"spend_amount"}
    rows = [
        (_list_title(story, row["list_type"]), *_without_small_rates(row, columns[1:], compared))
        for row in story.figures.rows(EFFECT)
    ]
    return story.section("effect", EFFECT, columns, rows)


def pilot_table(story: Story) -> Section:
    """Both arms of every pilot."""
    columns = (
        ("pilot_name", Kind.TEXT),
        ("arm", Kind.TEXT),
        ("enrolled_count", Kind.COUNT),
        ("matured_count", Kind.COUNT),
        ("churn_rate", Kind.PERCENT),
        ("behavioural_churn_rate", Kind.PERCENT),
        ("arpu_amount", Kind.MONEY),
        ("second_topup_rate", Kind.PERCENT),
        ("spend_amount", Kind.MONEY),
    )
    compared = {"churn_rate", "behavioural_churn_rate", "arpu_amount", "second_topup_rate"}
    rows = [
        (
            _in_language(story, row, "pilot_name"),
            story.name("arm", row["arm"]),
            *_without_small_rates(row, columns[2:], compared),
        )
        for row in story.figures.rows(PILOT)
    ]
    return story.section("pilot", PILOT, columns, rows)


def _without_small_rates(row: Row, columns: Sequence[tuple[str, Kind]], rates: set[str]) -> list[Any]:
    """The row's cells; ``rates`` stay empty where an arm has too few cases (domain 3.0)."""
    return [None if row["is_small"] and name in rates else row[name] for name, _ in columns]


def lists_table(story: Story) -> Section:
    """The month's lists, without the hold-out."""
    columns = (("list_type", Kind.TEXT), ("subscriber_id", Kind.COUNT), ("arpu3_amount", Kind.MONEY))
    lists = story.view.figures.lists.get(BRANCH, {})
    rows = [
        (_list_title(story, code), int(row["row_count"]), row["monthly_amount"]) for code, row in sorted(lists.items())
    ]
    headings = (("list", Kind.TEXT), ("rows", Kind.COUNT), ("monthly_amount", Kind.MONEY))
    made = story.section("lists", _LISTS, columns, rows)
    table = Table([(story.say(f"column_{name}"), kind) for name, kind in headings], rows)
    return Section(made.key, made.title, made.note, made.source, table)
