"""The branch report's argument: trend, years, structure, plans, spend, groups, channels, causes, satisfaction, revenue,
measures.

The order is that of the Ziyang report (S0). A statement is a sentence with figures that names the mart it was read
from; a chapter without data says which data set is missing instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dagster_project.lib.exports import plots
from dagster_project.lib.exports.card import Chart, Section, Table
from dagster_project.lib.exports.figures import BRANCH, Row
from dagster_project.lib.exports.headlines import bucket_name, sentences
from dagster_project.lib.exports.list_sections import list_titles
from dagster_project.lib.exports.numbers import month_name, people, shown
from dagster_project.lib.exports.report_measures import effect_table, lists_table, measures, pilot_table
from dagster_project.lib.exports.report_satisfaction import satisfaction
from dagster_project.lib.exports.report_story import Chapter, Statement, Story
from dagster_project.lib.exports.sections import sections
from dagster_project.lib.exports.workbook import Kind

_TOP = 20
_PARETO = 12
_NAMED = 3
_BUCKETS = ("01-03", "04-06", "07-12", "13-24", "25-36", "37-60", "61+")


def chapters(story: Story) -> tuple[Chapter, ...]:
    """Every chapter in the order of the argument."""
    made = {section.key: section for section in sections(story.view, list_titles(story.catalog, story.view.language))}
    argument: tuple[tuple[str, Callable[[Story], Sequence[Statement]], Sequence[Section]], ...] = (
        ("trend", _trend, (made["trend"], _revision(story))),
        ("years", _years, (_years_table(story),)),
        ("structure", _structure, (_types_table(story), made["districts"], made["tenure"], _hazard(story))),
        ("plans", _plans, (made["plans"], made["plan_tenure"], _plan_tenure_legacy(story))),
        ("spend", _spend, (made["bands"],)),
        ("groups", _groups, (_groups_table(story),)),
        ("channels", _channels, (_channels_table(story),)),
        ("causes", _causes, (_classes_table(story), _causes_table(story), _destinations_table(story))),
        ("satisfaction", satisfaction, (made["satisfaction"], made["satisfaction_since"])),
        ("value", _value, (_bridge_table(story), _flow_table(story), made["stages"], _cohort_table(story))),
        (
            "measures",
            measures,
            (effect_table(story), pilot_table(story), made["list_hits"], made["list_missed"], lists_table(story)),
        ),
    )
    return tuple(Chapter(key, story.say(f"chapter_{key}"), told(story), shows) for key, told, shows in argument)


def _rate(value: Any) -> str:
    return shown(value, Kind.PERCENT)


def _trend(story: Story) -> list[Statement]:
    row = story.view.figures.this_month(BRANCH)
    told = [
        Statement(
            sentence, "mart_churn_trend", story.catalog.model("mart_churn_trend").descriptions[story.view.language]
        )
        for sentence in sentences(story.view)[:1]
    ]
    if row is None:
        return told
    language = story.view.language
    told.append(
        story.state(
            "flows",
            "mart_churn_trend",
            new=people(row["new_count"], language),
            churned=people(row["churned_count"], language),
            ratio=_rate(row["churn_to_new_ratio"]),
        )
    )
    if row["net_churned_count"] is not None:
        told.append(
            story.state(
                "net",
                "mart_churn_trend",
                swaps=people(row["swap_count"], language),
                net=people(row["net_churned_count"], language),
                rate=_rate(row["churn_rate_net"]),
            )
        )
    if row["is_record_high"]:
        told.append(story.state("record", "mart_churn_trend", month=month_name(row["month"], language)))
    return told


def _years(story: Story) -> list[Statement]:
    row = story.view.figures.this_month(BRANCH)
    if row is None:
        return []
    language = story.view.language
    year, number = row["month"][:4], int(row["month"][5:])
    told = [
        story.state(
            "year_to_date",
            "mart_churn_trend",
            year=year,
            months=number if row["ytd_month_count"] == number else row["ytd_month_count"],
            churned=people(row["ytd_churned_count"], language),
            new=people(row["ytd_new_count"], language),
            ratio=_rate(row["ytd_churn_to_new_ratio"]),
        )
    ]
    growth = row["yoy_ytd_churned_change_rate"]
    if growth is not None:
        key = "year_more" if growth >= 0 else "year_less"
        told.append(story.state(key, "mart_churn_trend", change=_rate(abs(growth))))
    return told


def _years_table(story: Story) -> Section:
    columns = (
        ("month", Kind.TEXT),
        ("ytd_month_count", Kind.COUNT),
        ("ytd_churned_count", Kind.COUNT),
        ("ytd_new_count", Kind.COUNT),
        ("ytd_churn_to_new_ratio", Kind.PERCENT),
        ("ytd_monthly_churn_rate", Kind.PERCENT),
    )
    names = ("year", "month_count", "churned_count", "new_count", "churn_to_new_ratio", "monthly_churn_rate")
    rows = [tuple(row[name] for name in names) for row in story.figures.years]
    return story.section("years", "mart_churn_trend", columns, rows, chart=Chart("column", (2, 3)))


def _revision(story: Story) -> Section:
    columns = (
        ("churn_month", Kind.TEXT),
        ("version", Kind.TEXT),
        ("churned_count", Kind.COUNT),
        ("reinstated_count", Kind.COUNT),
        ("swap_count", Kind.COUNT),
        ("net_churned_count", Kind.COUNT),
        ("churn_rate_net", Kind.PERCENT),
    )
    return _plain(story, "revision", "mart_churn_revision", columns)


def _plain(story: Story, key: str, mart: str, columns: Sequence[tuple[str, Kind]], limit: int = _TOP) -> Section:
    """The mart's first rows as they are."""
    rows = [tuple(row[name] for name, _ in columns) for row in story.figures.rows(mart)[:limit]]
    return story.section(key, mart, columns, rows)


def _structure(story: Story) -> list[Statement]:
    told = [
        Statement(
            sentence,
            "mart_churn_by_tenure",
            story.catalog.model("mart_churn_by_tenure").descriptions[story.view.language],
        )
        for sentence in sentences(story.view)[1:2]
    ]
    rows = story.figures.rows("mart_churn_hazard")
    for key, column in (("spikes", "is_spike"), ("dealer_effect", "is_dealer_effect")):
        named = story.view.say("list_separator").join(str(row["tenure_month"]) for row in rows if row[column])
        if named:
            told.append(story.state(key, "mart_churn_hazard", months=named))
    return told


def _types_table(story: Story) -> Section:
    columns = (
        ("scope_type", Kind.TEXT),
        ("scope_name", Kind.TEXT),
        ("opening_count", Kind.COUNT),
        ("churned_count", Kind.COUNT),
        ("churn_rate_opening", Kind.PERCENT),
        ("ci_low", Kind.PERCENT),
        ("ci_high", Kind.PERCENT),
    )
    rows = [
        (story.name("scope", row["scope_type"]), *(row[name] for name, _ in columns[1:])) for row in story.figures.types
    ]
    return story.section("types", "mart_churn_trend", columns, rows)


def _hazard(story: Story) -> Section:
    rows = story.figures.rows("mart_churn_hazard")
    columns = (
        ("tenure_month", Kind.COUNT),
        ("at_risk_count", Kind.COUNT),
        ("churned_count", Kind.COUNT),
        ("hazard_rate", Kind.PERCENT),
        ("is_spike", Kind.TEXT),
    )
    labels = [str(row["tenure_month"]) if row["is_spike"] or row["tenure_month"] % 12 == 0 else "" for row in rows]
    known = [None if row["is_small"] else row["hazard_rate"] for row in rows]
    plot = ""
    if any(value is not None for value in known):
        line = [plots.Series(story.say("line_hazard"), known, "own")]
        plot = plots.trend(line, labels, story.view.say("axis_rate"), story.say("alt_hazard"))
    cells = [
        (
            row["tenure_month"],
            row["at_risk_count"],
            row["churned_count"],
            rate,
            story.say("spike") if row["is_spike"] else "",
        )
        for row, rate in zip(rows, known, strict=True)
    ]
    return story.section("hazard", "mart_churn_hazard", columns, cells, plot=plot, chart=Chart("line", (3,)))


def _plans(story: Story) -> list[Statement]:
    rows = story.view.figures.plans
    if not rows or rows[0]["churned_share"] is None:
        return []
    first = rows[0]
    told = [
        story.state(
            "plans",
            "mart_churn_by_plan",
            share=_rate(first["top10_churned_share"]),
            plan=first["plan_name"] or first["plan_code"],
            count=people(first["churned_count"], story.view.language),
            part=_rate(first["churned_share"]),
        )
    ]
    rising = [row["plan_name"] or row["plan_code"] for row in rows if row["is_inverse_tenure"]]
    if rising:
        named = story.view.say("list_separator").join(rising[:_NAMED])
        told.append(story.state("inverse", "mart_churn_by_plan", plans=named))
    return told


def _plan_tenure_legacy(story: Story) -> Section:
    """The Ziyang report's own method beside the exposure rates: losses over the base left behind."""
    cells = {
        (row["plan_code"], row["tenure_bucket"]): row["churn_rate_legacy"]
        for row in story.figures.rows("mart_churn_by_plan_tenure")
    }
    plan = story.catalog.model("mart_churn_by_plan_tenure").columns["plan_name"].headings[story.view.language]
    table = Table(
        ((plan, Kind.TEXT), *((bucket_name(bucket), Kind.PERCENT) for bucket in _BUCKETS)),
        [
            (row["plan_name"] or row["plan_code"], *(cells.get((row["plan_code"], bucket)) for bucket in _BUCKETS))
            for row in story.view.figures.plans
        ],
    )
    return Section(
        key="plan_tenure_legacy",
        title=story.say("title_plan_tenure_legacy"),
        note=story.say("note_plan_tenure_legacy"),
        source=story.view.say("source", mart="mart_churn_by_plan_tenure", month=story.view.figures.month),
        table=table,
        is_heat=True,
        is_open=True,
    )


def _spend(story: Story) -> list[Statement]:
    lacking = story.lacks("billing_bills", "mart_churn_by_arpu_band")
    if lacking:
        return [lacking]
    rows = [row for row in story.view.figures.bands if row["band_index"] is not None]
    if not rows:
        return []
    worst = max(rows, key=lambda row: row["band_index"])
    return [
        story.state(
            "spend",
            "mart_churn_by_arpu_band",
            band=worst["arpu_band"],
            share=_rate(worst["churned_share"]),
            base=_rate(worst["base_share"]),
            index=shown(worst["band_index"], Kind.MONEY),
        )
    ]


def _groups(story: Story) -> list[Statement]:
    mart = "mart_churn_by_group"
    whole = next((row for row in story.figures.rows(mart) if row["group_id"] == "all"), None)
    if whole is None:
        return [found] if (found := story.lacks("crm_groups", mart)) else []
    alerts = [row for row in story.figures.rows(mart) if row["is_alert"] and row["group_id"] != "all"]
    told = [
        story.state(
            "groups",
            mart,
            churned=people(whole["churned_count_2m"] or 0, story.view.language),
            share=_rate(whole["churned_share_2m"]),
        )
    ]
    if alerts:
        named = story.view.say("list_separator").join(
            str(row["group_name"] or row["group_id"]) for row in alerts[:_NAMED]
        )
        told.append(story.state("alerts", mart, count=len(alerts), groups=named))
    return told


def _groups_table(story: Story) -> Section:
    columns = (
        ("group_name", Kind.TEXT),
        ("member_count", Kind.COUNT),
        ("churned_count", Kind.COUNT),
        ("churned_count_2m", Kind.COUNT),
        ("is_alert", Kind.TEXT),
    )
    rows = [
        (
            row["group_name"] or row["group_id"],
            row["member_count"],
            row["churned_count"],
            row["churned_count_2m"],
            story.say("alert") if row["is_alert"] else "",
        )
        for row in story.figures.rows("mart_churn_by_group")
        if row["group_id"] != "all" and row["churned_count_2m"]
    ]
    return story.section("groups", "mart_churn_by_group", columns, rows[:_TOP])


def _channels(story: Story) -> list[Statement]:
    mart = "mart_churn_by_channel"
    lacking = story.lacks("crm_channels", mart)
    if lacking:
        return [lacking]
    rows = story.figures.rows(mart)
    suspicious = [row for row in rows if row["is_suspicious"]]
    if not suspicious:
        return [story.state("channels_none", mart, count=len(rows))] if rows else []
    named = story.view.say("list_separator").join(_channel_name(row) for row in suspicious[:_NAMED])
    return [story.state("channels", mart, count=len(suspicious), channels=named)]


def _channel_name(row: Row) -> str:
    return str(row["channel_name"] or row["channel_code"])


def _channels_table(story: Story) -> Section:
    columns = (
        ("channel_code", Kind.TEXT),
        ("new_count", Kind.COUNT),
        ("early_churned_count", Kind.COUNT),
        ("second_topup_rate", Kind.PERCENT),
        ("survival_to_assessment_rate", Kind.PERCENT),
        ("suspicious_share", Kind.PERCENT),
        ("is_suspicious", Kind.TEXT),
    )
    rows = [
        (
            _channel_name(row),
            *(row[name] for name, _ in columns[1:-1]),
            story.say("suspicious") if row["is_suspicious"] else "",
        )
        for row in story.figures.rows("mart_churn_by_channel")[:_TOP]
    ]
    return story.section("channels", "mart_churn_by_channel", columns, rows)


def _causes(story: Story) -> list[Statement]:
    told = []
    classes = [row for row in story.figures.rows("mart_churn_class") if row["churned_share"]]
    if classes:
        parts = story.view.say("list_separator").join(
            story.say("part", name=story.name("class", row["churn_class"]), share=_rate(row["churned_share"]))
            for row in classes[:_NAMED]
        )
        told.append(story.state("classes", "mart_churn_class", parts=parts))
    lacking = story.lacks("crm_exit_surveys", "mart_churn_cause")
    if lacking:
        return [*told, lacking]
    known = [
        row for row in story.figures.rows("mart_churn_cause") if row["reported_count"] and row["side"] != "unknown"
    ]
    if known:
        parts = story.view.say("list_separator").join(
            story.say("part", name=_named(story, row, "cause_name"), share=_rate(row["share"]))
            for row in known[:_NAMED]
        )
        told.append(story.state("causes", "mart_churn_cause", parts=parts, unknown=_rate(known[0]["unknown_share"])))
    return told


def _named(story: Story, row: Row, column: str) -> str:
    """A name in the report's language: marts have the Chinese one, and the English one with a suffix."""
    return str(row[column if story.view.language == "zh" else f"{column}_en"])


def _classes_table(story: Story) -> Section:
    columns = (("churn_class", Kind.TEXT), ("churned_count", Kind.COUNT), ("churned_share", Kind.PERCENT))
    rows = [
        (story.name("class", row["churn_class"]), row["churned_count"], row["churned_share"])
        for row in story.figures.rows("mart_churn_class")
    ]
    return story.section("classes", "mart_churn_class", columns, rows, chart=Chart("bar", (1,)))


def _causes_table(story: Story) -> Section:
    rows = [row for row in story.figures.rows("mart_churn_cause") if row["reported_count"]]
    columns = (
        ("cause_name", Kind.TEXT),
        ("cause_group_name", Kind.TEXT),
        ("controllability", Kind.TEXT),
        ("reported_count", Kind.COUNT),
        ("share", Kind.PERCENT),
    )
    bars = [
        (_named(story, row, "cause_name"), float(row["reported_count"]), _rate(row["share"])) for row in rows[:_PARETO]
    ]
    cells = [
        (
            _named(story, row, "cause_name"),
            row["cause_group_name"] if story.view.language == "zh" else row["cause_group"],
            story.name("control", row["controllability"]),
            row["reported_count"],
            row["share"],
        )
        for row in rows
    ]
    plot = plots.shares(bars, story.say("alt_causes")) if bars else ""
    return story.section("causes", "mart_churn_cause", columns, cells, plot=plot, chart=Chart("bar", (3,)))


def _destinations_table(story: Story) -> Section:
    columns = (("destination_name", Kind.TEXT), ("reported_count", Kind.COUNT), ("share", Kind.PERCENT))
    rows = [
        (_named(story, row, "destination_name"), row["reported_count"], row["share"])
        for row in story.figures.rows("mart_churn_destination")
        if row["reported_count"]
    ]
    return story.section("destinations", "mart_churn_destination", columns, rows)


def _value(story: Story) -> list[Statement]:
    mart = "mart_revenue_bridge"
    lacking = story.lacks("billing_bills", mart)
    row = story.figures.first(mart)
    if lacking or not row or row["revenue_amount"] is None:
        return [lacking] if lacking else []
    told = [
        story.state(
            "revenue",
            mart,
            billed=people(row["billed_count"], story.view.language),
            arpu=shown(row["arpu_amount"], Kind.MONEY),
            revenue=shown(row["revenue_amount"], Kind.MONEY),
        )
    ]
    effects = [row[f"{name}_effect_mom"] for name in ("volume", "usage", "price")]
    if all(effect is not None for effect in effects):
        shown_effects = [f"{effect:+,.2f}" for effect in effects]
        told.append(
            story.state("bridge", mart, volume=shown_effects[0], usage=shown_effects[1], price=shown_effects[2])
        )
    return told


def _bridge_table(story: Story) -> Section:
    columns = (
        ("billed_count", Kind.COUNT),
        ("arpu_amount", Kind.MONEY),
        ("revenue_amount", Kind.MONEY),
        ("volume_effect_mom", Kind.MONEY),
        ("usage_effect_mom", Kind.MONEY),
        ("price_effect_mom", Kind.MONEY),
    )
    return _plain(story, "bridge", "mart_revenue_bridge", columns)


def _flow_table(story: Story) -> Section:
    columns = (
        ("new_count", Kind.COUNT),
        ("returning_count", Kind.COUNT),
        ("resurrecting_count", Kind.COUNT),
        ("dormant_count", Kind.COUNT),
    )
    return _plain(story, "flow", "mart_base_flow", columns)


def _cohort_table(story: Story) -> Section:
    columns = (
        ("scope_name", Kind.TEXT),
        ("cohort_count", Kind.COUNT),
        ("kept_count", Kind.COUNT),
        ("kept_rate", Kind.PERCENT),
    )
    rows = [
        (row["scope_name"], row["cohort_count"], row["kept_count"], None if row["is_small"] else row["kept_rate"])
        for row in story.figures.rows("mart_high_value_cohort")
    ]
    return story.section("cohort", "mart_high_value_cohort", columns, rows)
