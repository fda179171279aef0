"""The branch's comparison: who stands where among districts, managers and dealers, and which figures look gamed.

It is for the branch alone: signs of gaming are evidence to be looked into, and no district's page or workbook has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.lib import engine
from dagster_project.lib.exports import numbers, plots
from dagster_project.lib.exports.card import Section, Table
from dagster_project.lib.exports.card_book import draw_chart, write_table
from dagster_project.lib.exports.catalog import Export
from dagster_project.lib.exports.edition import Edition, Written, record, written_file
from dagster_project.lib.exports.figures import Row
from dagster_project.lib.exports.lists import unit_folder
from dagster_project.lib.exports.numbers import shown
from dagster_project.lib.exports.plots import Interval
from dagster_project.lib.exports.score_sections import (
    COMPARISON,
    ScoreView,
    gap,
    kpi_verdict,
    left_out,
    place,
    spread_sentence,
    standing_of,
    standings,
    unit_sheets,
    verdict,
)
from dagster_project.lib.exports.scorecards import page_environment, style_sheet, words
from dagster_project.lib.exports.scores import MARTS, SCORED, SIGNS, Kpi, Sign, UnitScore, load_scores, load_signs
from dagster_project.lib.exports.states import branch, in_force, not_delivered
from dagster_project.lib.exports.style import make_formats, open_book, safe_sheet_name
from dagster_project.lib.exports.workbook import Kind, write_notes
from dagster_project.lib.wording import text

_TOLD_APART = ("above", "below")
"""Who stands in a table of its own; whoever does not differ or has no place stands with the rest."""


@dataclass(frozen=True)
class Part:
    """A part of the page: what it answers in a sentence or two, and the plots and tables that show it."""

    key: str
    title: str
    sentences: Sequence[str]
    sections: Sequence[Section]


@dataclass(frozen=True)
class Comparison:
    """A month's comparison; ``sheets`` are its figures as the workbook shows them."""

    month: str
    version: str
    language: str
    title: str
    subtitle: str
    parts: Sequence[Part]
    sheets: Sequence[Section]
    thresholds: str


def write_comparison(edition: Edition, export: Export) -> Written:
    """Stage ``network/comparison.html`` and ``network/comparison.xlsx``."""
    comparison = make_comparison(edition, export)
    folder = unit_folder(edition, branch(edition))
    page, book = folder / COMPARISON, folder / "comparison.xlsx"
    page.write_text(render(comparison), encoding="utf-8")
    write_comparison_book(book, comparison)
    return record(edition, Written(export.name, tuple(written_file(edition, path, None) for path in (page, book))))


def make_comparison(edition: Edition, export: Export) -> Comparison:
    """Everything that the page and the workbook show, read from the staged scorecards and signs."""
    with engine.connect(edition.settings) as connection:
        missing = not_delivered(connection, edition)
        view = ScoreView(load_scores(connection, edition), edition.settings.language, missing)
        signs, found = load_signs(connection, edition)
    month = numbers.month_name(edition.month, view.language, with_year=True)
    suspicions = _signs(view, signs, found)
    parts = (_districts(view), _kpis(view), _within(view, "manager"), _within(view, "dealer"), suspicions)
    sheets = [sheet for unit_type in MARTS for sheet in unit_sheets(view, unit_type, view.scores.units[unit_type])]
    return Comparison(
        month=edition.month,
        version=edition.publication_id,
        language=view.language,
        title=view.say("comparison_title", unit=branch(edition).name),
        subtitle=text("scorecard.subtitle", view.language, month=month, version=edition.publication_id),
        parts=parts,
        sheets=(*sheets, *suspicions.sections),
        thresholds=in_force(export, edition.month, view.language),
    )


def _districts(view: ScoreView) -> Part:
    standing = standings(view, "district")
    return Part("districts", view.say("part_districts"), [_spread(view, "district")], [standing])


def _spread(view: ScoreView, unit_type: str) -> str:
    return spread_sentence(view, unit_type, view.scores.units[unit_type])


def _kpis(view: ScoreView) -> Part:
    """A plot of each KPI that a district has a score in, all from 0 to 100; the others are named with their reason."""
    sections, without = [], []
    units = view.scores.units["district"]
    for kpi in view.scores.kpis["district"].values():
        known = [(unit, row) for unit in units if (row := unit.kpi(kpi.code)) is not None]
        if any(row["state"] == SCORED for _, row in known):
            sections.append(_kpi_section(view, kpi, known))
        elif known:
            without.append(left_out(view, *known[0]))
    sentences = [view.say("kpis_note")]
    if without:
        sentences.append(view.say("kpis_left_out", names=view.join(without)))
    return Part("kpis", view.say("part_kpis"), sentences, sections)


def _kpi_section(view: ScoreView, kpi: Kpi, known: Sequence[tuple[UnitScore, Row]]) -> Section:
    ranked = sorted(known, key=lambda pair: (pair[1]["score"] is None, -(pair[1]["score"] or 0.0), pair[0].code))
    dots = [
        Interval(
            label=unit.name,
            value=row["score"],
            low=row["score_low"],
            high=row["score_high"],
            is_own=False,
            rank=row["kpi_rank"],
            place="" if row["kpi_rank"] is None else str(row["kpi_rank"]),
            is_clear=bool(row["is_kpi_distinguishable"]) and row["state"] == SCORED,
        )
        for unit, row in ranked
    ]
    columns = view.columns(
        {
            **{"unit": Kind.TEXT, "score": Kind.NUMBER, "value": Kind.PERCENT},
            **{"ci_low": Kind.PERCENT, "ci_high": Kind.PERCENT, "target": Kind.PERCENT},
            **{"kpi_rank": Kind.COUNT, "kpi_difference": Kind.TEXT, "verdict": Kind.TEXT},
        }
    )
    rows = [
        (
            unit.name,
            *(row[name] for name in ("score", "value", "ci_low", "ci_high", "target", "kpi_rank")),
            gap(view, row),
            kpi_verdict(view, unit, row, kpi),
        )
        for unit, row in ranked
    ]
    name = kpi.names[view.language]
    return Section(
        key=f"kpi-{kpi.code}",
        title=name,
        note=kpi.definitions[view.language],
        source=view.say("source_one", mart=MARTS["district"], month=view.scores.month),
        table=Table(columns, rows),
        plot=plots.standings(dots, None, view.say("axis"), view.say("alt_kpi", name=name)),
    )


def _within(view: ScoreView, unit_type: str) -> Part:
    """Managers or dealers: those clearly above or below at once, the others on demand."""
    chosen: dict[str, list[UnitScore]] = {"above": [], "below": [], "tied": []}
    for unit in view.scores.units[unit_type]:
        standing = standing_of(unit)
        chosen[standing if standing in _TOLD_APART else "tied"].append(unit)
    sections = [_unit_table(view, unit_type, key, units) for key, units in chosen.items() if units]
    title = view.say(f"title_{unit_type}")
    return Part(unit_type, title, [_spread(view, unit_type), view.say(f"compared_{unit_type}")], sections)


def _unit_table(view: ScoreView, unit_type: str, key: str, units: Sequence[UnitScore]) -> Section:
    names = view.names_of_districts()
    columns = view.columns(
        {
            **{"unit": Kind.TEXT, "district": Kind.TEXT, "total_score": Kind.NUMBER},
            **{"total_score_low": Kind.NUMBER, "total_score_high": Kind.NUMBER},
            **{"median_total_score": Kind.NUMBER, "place": Kind.TEXT, "verdict": Kind.TEXT},
        }
    )
    rows = [
        (
            unit.name,
            names.get(unit.district_code, unit.district_code),
            *(unit.total[name] for name in ("total_score", "total_score_low", "total_score_high")),
            unit.total["median_total_score"],
            place(view, unit),
            verdict(view, unit),
        )
        for unit in units
    ]
    return Section(
        key=f"{unit_type}-{key}",
        title=view.say(f"title_{key}", count=len(units)),
        note=view.say(f"note_{key}", peers=view.say(f"peers_{unit_type}")),
        source=view.say("source_one", mart=MARTS[unit_type], month=view.scores.month),
        table=Table(columns, rows),
        is_folded=key == "tied",
    )


def _signs(view: ScoreView, signs: Sequence[Sign], found: Sequence[Row]) -> Part:
    raised = [row for row in found if row["is_raised"]]
    told = view.say("signs_raised", count=len(raised)) if raised else view.say("signs_none")
    sections = [*([_raised(view, signs, raised)] if raised else []), _looked_for(view, signs, found)]
    return Part("signs", view.say("part_signs"), [told, view.say("signs_note")], sections)


def _raised(view: ScoreView, signs: Sequence[Sign], raised: Sequence[Row]) -> Section:
    known = {sign.code: sign for sign in signs}
    columns = view.columns(
        {
            **{"unit": Kind.TEXT, "unit_type": Kind.TEXT, "sign": Kind.TEXT, "share": Kind.PERCENT},
            **{"expected_share": Kind.PERCENT, "event_count": Kind.COUNT, "case_count": Kind.COUNT},
            **{"z_score": Kind.NUMBER, "first_look": Kind.TEXT},
        }
    )
    rows = [
        (
            row["unit_name"] or row["unit_code"],
            view.say(f"unit_{row['unit_type']}"),
            known[row["sign_code"]].names[view.language],
            *(row[name] for name in ("share", "expected_share", "event_count", "case_count", "z_score")),
            known[row["sign_code"]].first_looks[view.language],
        )
        for row in raised
    ]
    return _sign_section(view, "raised", Table(columns, rows))


def _looked_for(view: ScoreView, signs: Sequence[Sign], found: Sequence[Row]) -> Section:
    """Every sign that is looked for, in how many units, and how often it was found."""
    columns = view.columns(
        {
            **{"sign": Kind.TEXT, "judged": Kind.COUNT, "raised": Kind.COUNT, "too_small": Kind.COUNT},
            **{"threshold": Kind.TEXT, "definition": Kind.TEXT},
        }
    )
    rows = []
    for sign in signs:
        own = [row for row in found if row["sign_code"] == sign.code]
        judged = [row for row in own if not row["is_small"]]
        rows.append(
            (
                sign.names[view.language],
                len(judged),
                sum(1 for row in judged if row["is_raised"]),
                len(own) - len(judged),
                _limits(view, [row["threshold"] for row in own if row["threshold"] is not None]),
                sign.definitions[view.language],
            )
        )
    return _sign_section(view, "looked_for", Table(columns, rows))


def _limits(view: ScoreView, limits: Sequence[float]) -> str:
    """The share from which a sign stands out: one for all units, or from the lowest of theirs to the highest."""
    if not limits:
        return numbers.DASH
    low, high = (shown(limit, Kind.PERCENT) for limit in (min(limits), max(limits)))
    return low if low == high else view.say("range", low=low, high=high)


def _sign_section(view: ScoreView, key: str, table: Table) -> Section:
    return Section(
        key=f"signs-{key}",
        title=view.say(f"title_{key}"),
        note=view.say(f"note_{key}"),
        source=view.say("source_one", mart=SIGNS, month=view.scores.month),
        table=table,
    )


def render(comparison: Comparison) -> str:
    """The comparison as one self-contained page."""
    return (
        page_environment()
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            style=style_sheet("scorecard.css", "report.css", "scores.css"),
            say=words("scorecard", comparison.language),
            tell=words("scores", comparison.language),
        )
    )


def write_comparison_book(target: Path, comparison: Comparison) -> None:
    """Write the comparison to ``target``: totals and KPIs of every type of unit, the signs, notes last."""
    with open_book(str(target), comparison.title) as workbook:
        formats = make_formats(workbook)
        for section in comparison.sheets:
            sheet = workbook.add_worksheet(safe_sheet_name(section.title))
            write_table(sheet, formats, section.table, title=f"{comparison.title} · {section.title}")
            draw_chart(workbook, sheet, section)
        notes = workbook.add_worksheet(safe_sheet_name(text("exports.notes_sheet", comparison.language)))
        write_notes(notes, formats, _notes(comparison))


def _notes(comparison: Comparison) -> list[tuple[str, str]]:
    notes = [(comparison.title, comparison.subtitle)]
    notes += [(part.title, " ".join(part.sentences)) for part in comparison.parts]
    notes += [(section.title, f"{section.note} {section.source}") for section in comparison.sheets]
    notes.append((text("scorecard.thresholds_label", comparison.language), comparison.thresholds))
    return [*notes, ("—", text("scorecard.footnote", comparison.language))]
