"""Scorecards: a page and a workbook for every district and for the branch, from the same values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dagster_project.lib import engine
from dagster_project.lib.exports import numbers
from dagster_project.lib.exports.card import Card, ListLine, Table
from dagster_project.lib.exports.card_book import write_card_book
from dagster_project.lib.exports.catalog import Export
from dagster_project.lib.exports.edition import Edition, Written, WrittenFile, record, written_file
from dagster_project.lib.exports.figures import BRANCH, Figures, load_figures
from dagster_project.lib.exports.headlines import View, headlines, sentences
from dagster_project.lib.exports.list_sections import list_titles
from dagster_project.lib.exports.lists import empty_words, unit_folder
from dagster_project.lib.exports.score_sections import ScoreView, own_block, score_card
from dagster_project.lib.exports.scores import Scores, load_scores
from dagster_project.lib.exports.sections import sections
from dagster_project.lib.exports.states import Unit, branch, districts, in_force, name_of, not_delivered
from dagster_project.lib.exports.summary import summary, write_summary
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import LANGUAGES, text

_SHADES = 5


def write_scorecards(edition: Edition, export: Export) -> Written:
    """Stage ``scorecard.html``, ``scorecard.xlsx`` and ``summary.json`` of every district and of the branch.

    Reads staged and published Parquet only; a page holds no personal data.
    """
    with engine.connect(edition.settings) as connection:
        missing = not_delivered(connection, edition)
        units = (*districts(connection, edition), branch(edition))
        figures = load_figures(connection, edition)
        scores = load_scores(connection, edition)
    files: list[WrittenFile] = []
    for unit in units:
        files += _write_card(edition, make_card(edition, figures, scores, unit, missing))
        files.append(_write_summary(edition, figures, scores, unit, missing))
    counts = {unit.code: 1 for unit in units if unit.code is not None}
    return record(edition, Written(export.name, tuple(files), counts, missing))


def make_card(edition: Edition, figures: Figures, scores: Scores, unit: Unit, missing: tuple[str, ...]) -> Card:
    """A unit's card: everything that its page and its workbook show."""
    view = View(figures, BRANCH if unit.code is None else unit.code, edition.settings.language, missing)
    month = numbers.month_name(edition.month, view.language, with_year=True)
    return Card(
        unit=unit,
        month=edition.month,
        version=edition.publication_id,
        language=view.language,
        title=view.say("title", unit=unit.name),
        subtitle=view.say("subtitle", month=month, version=edition.publication_id),
        headlines=headlines(view),
        lists=_list_lines(edition, view),
        sentences=sentences(view),
        scores=score_card(ScoreView(scores, view.language, missing), unit),
        sections=sections(view, list_titles(edition.catalog, view.language)),
        missing=missing,
        thresholds=in_force(edition.catalog.of_kind("scorecard")[0], edition.month, view.language),
    )


def _write_summary(
    edition: Edition, figures: Figures, scores: Scores, unit: Unit, missing: tuple[str, ...]
) -> WrittenFile:
    contents = {}
    for language in LANGUAGES:
        translated = replace(edition, settings=replace(edition.settings, language=language))
        named = replace(unit, name=name_of(translated, unit))
        view = View(figures, BRANCH if unit.code is None else unit.code, language, missing)
        standing = own_block(ScoreView(scores, language, missing), named)
        lists = _list_lines(translated, view)
        contents[language] = summary(named.name, headlines(view), lists, sentences(view), standing)
    return write_summary(edition, unit, contents)


def _list_lines(edition: Edition, view: View) -> tuple[ListLine, ...]:
    exports = sorted(edition.catalog.of_kind("list"), key=lambda export: int(export.meta["position"]))
    return tuple(_list_line(edition, view, export) for export in exports)


def _list_line(edition: Edition, view: View, export: Export) -> ListLine:
    list_type = str(export.meta["list_type"])
    row = view.figures.lists.get(view.code, {}).get(list_type)
    count = int(row["row_count"]) if row else 0
    return ListLine(
        list_type=list_type,
        title=str(export.titles[view.language]),
        rows=count,
        shown=view.say("list_rows", count=f"{count:,}") if count else empty_words(edition, export, view.missing),
        worth=_worth(view, row["monthly_amount"]) if row else "",
        href=f"{list_type}.xlsx",
    )


def _worth(view: View, amount: Decimal | None) -> str:
    if amount is None:
        return view.say("list_worth_unknown")
    return view.say("list_worth", amount=numbers.short(round(amount), Kind.COUNT, view.language))


def _write_card(edition: Edition, card: Card) -> list[WrittenFile]:
    folder = unit_folder(edition, card.unit)
    page, book = folder / "scorecard.html", folder / "scorecard.xlsx"
    page.write_text(render(card), encoding="utf-8")
    write_card_book(book, card)
    return [written_file(edition, page, None), written_file(edition, book, None)]


def render(card: Card) -> str:
    """The card as one self-contained page."""
    template = page_environment().get_template("scorecard.html")
    return template.render(
        card=card,
        style=style_sheet("scorecard.css", "scores.css"),
        say=words("scorecard", card.language),
        tell=words("scores", card.language),
    )


def style_sheet(*names: str) -> Markup:
    """The style sheets of a page as one text, in their order."""
    templates = Path(__file__).parent / "templates"
    return Markup("".join((templates / name).read_text(encoding="utf-8") for name in names))


def words(topic: str, language: str) -> Callable[..., str]:
    """How a template asks for a text of one topic of the catalogue."""

    def say(key: str, **values: object) -> str:
        return text(f"{topic}.{key}", language, **values)

    return say


@cache
def page_environment() -> Environment:
    """How pages are made from their templates: autoescaped, strict about names, figures as an office reads them."""
    environment = Environment(
        loader=PackageLoader("dagster_project.lib.exports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = numbers.shown
    environment.filters["drawn"] = Markup
    environment.filters["shades"] = shades
    return environment


def shades(table: Table) -> list[list[int]]:
    """For a heat map: a step from 0 to 5 for every cell after the first, by its part of the highest value."""
    values = [value for row in table.rows for value in row[1:] if value is not None]
    highest = max(values, default=0) or 1
    return [[_shade(value, highest) for value in row[1:]] for row in table.rows]


def _shade(value: float | None, highest: float) -> int:
    return 0 if value is None else min(int(value / highest * (_SHADES + 1)), _SHADES)
