"""The metric dictionary: what every published table and figure is, how it is computed, and what decides it.

One description feeds ``docs/metrics.md`` and the published workbook. It is read from the dbt manifest and the seeds,
so it cannot say anything else than what is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dagster_project.lib import rules
from dagster_project.lib.exports.catalog import Catalog, Model, ModelColumn
from dagster_project.lib.wording import text, topic

_LANGUAGES = ("zh", "en")
_BASIS = re.compile(
    r"domain \d[\d.]*\d(?:(?:, | to | and )\d[\d.]*\d)*|\bS[0-4]\b(?: slides? \d+(?: to \d+)?)?|\bG\d\d(?: to G\d\d)?"
)
_NAME = re.compile(r"[a-z][a-z0-9_]+")
_SIGNS: Mapping[str, str] = {" / ": " ÷ ", " * ": " × "}


def basis(description: str) -> str:
    """The parts of the definitions and the sources that a description names."""
    return "; ".join(dict.fromkeys(_BASIS.findall(description)))


def formula(model: Model, column: ModelColumn, language: str) -> str:
    """How a column is computed; in Chinese with the headings of the columns in the place of their names."""
    if language == "en":
        return column.formula
    words = column.formula
    for phrase, translation in sorted(topic("formulas").items(), key=lambda item: -len(item[0])):
        words = re.sub(rf"(?<![\w]){re.escape(phrase)}(?![\w])", translation["zh"], words)
    for sign, shown in _SIGNS.items():
        words = words.replace(sign, shown)
    return _NAME.sub(lambda found: _heading(model, found.group()), words)


def _heading(model: Model, name: str) -> str:
    if name in model.columns:
        return model.columns[name].headings["zh"]
    known = {threshold.key: threshold for threshold in rules.thresholds()}
    return known[name].name("zh") if name in known else name


def decided_by(catalog: Catalog, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The thresholds that a published table asks for, and the published tables whose thresholds come with it.

    What lies between the table and other published ones counts as its own.
    """
    keys: set[str] = set()
    tables: set[str] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each in seen or each not in catalog.models:
            continue
        seen.add(each)
        if each != name and each in catalog.published_models:
            tables.add(each)
            continue
        keys.update(catalog.models[each].threshold_keys)
        waiting += catalog.models[each].sources
    return tuple(sorted(keys)), tuple(sorted(tables))


def deciders(catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """For every threshold the published tables that ask for it, by key."""
    found: dict[str, list[str]] = {}
    for name in catalog.published_models:
        for key in decided_by(catalog, name)[0]:
            found.setdefault(key, []).append(name)
    return {key: tuple(names) for key, names in found.items()}


def write_metrics(catalog: Catalog, target: Path) -> None:
    """Write the dictionary as one page in both languages."""
    target.write_text(page(catalog), encoding="utf-8")


def page(catalog: Catalog) -> str:
    """The dictionary as Markdown: Chinese, English, and the rule tables, which need no language."""
    lines = ["# " + " · ".join(text("exports.metrics_title", language) for language in _LANGUAGES), ""]
    for language in _LANGUAGES:
        lines += [
            f"## {text('exports.metrics_language', language)}",
            "",
            text("exports.metrics_generated", language),
            "",
        ]
        for name in catalog.published_models:
            lines += _model_lines(catalog, catalog.model(name), language)
        lines += _threshold_lines(catalog, language)
    return "\n".join([*lines, *_rule_lines()]).rstrip() + "\n"


def _model_lines(catalog: Catalog, model: Model, language: str) -> Iterator[str]:
    title = f"{model.name} {model.titles['zh']}" if language == "zh" else model.name
    yield from (f"### {title}", "", model.descriptions[language], "")
    if model.is_restricted:
        yield from (text("exports.metrics_restricted", language), "")
    keys, tables = decided_by(catalog, model.name)
    facts = {
        "metrics_grain": ", ".join(model.grain),
        "metrics_sources": basis(model.descriptions["en"]),
        "metrics_made_from": ", ".join(model.sources),
        "metrics_thresholds": ", ".join(keys),
        "metrics_thresholds_of": ", ".join(tables),
    }
    for key, value in facts.items():
        if value:
            yield f"* **{text(f'exports.{key}', language)}**: {value}"
    yield ""
    yield from _columns_table(model, language)
    yield ""


def _columns_table(model: Model, language: str) -> Iterator[str]:
    names = ("column", "heading", "formula", "basis") if language == "zh" else ("column", "about", "formula", "basis")
    yield _row([text(f"exports.dictionary_{name}", language) for name in names])
    yield _row(["---"] * len(names))
    for column in model.columns.values():
        meaning = column.headings["zh"] if language == "zh" else column.description
        yield _row([f"`{column.name}`", meaning, formula(model, column, language), basis(column.description)])


def _threshold_lines(catalog: Catalog, language: str) -> Iterator[str]:
    yield from (f"### {text('exports.dictionary_thresholds', language)}", "")
    names = ("key", "threshold_name", "value", "valid", "basis", "decides")
    yield _row([text(f"exports.dictionary_{name}", language) for name in names])
    yield _row(["---"] * len(names))
    for row in threshold_rows(catalog, language):
        yield _row([f"`{row[0]}`", *row[1:]])
    yield ""


def threshold_rows(catalog: Catalog, language: str, month: str | None = None) -> Iterator[list[str]]:
    """Key, name, value, validity, source and what it decides, of all thresholds or of those in force in ``month``."""
    decides = deciders(catalog)
    for threshold in rules.thresholds(month):
        yield [
            threshold.key,
            threshold.name(language),
            threshold.value,
            threshold.validity(language),
            threshold.source,
            ", ".join(decides.get(threshold.key, ())),
        ]


def _rule_lines() -> Iterator[str]:
    yield "## " + " · ".join(text("exports.dictionary_rules", language) for language in _LANGUAGES)
    for name in rules.RULE_TABLES:
        rows = rules.seed(name)
        yield from ("", f"### {name}", "", _row(list(rows[0])), _row(["---"] * len(rows[0])))
        yield from (_row(list(row.values())) for row in rows)


def rule_rows(month: str) -> Iterator[list[str]]:
    """Table, first column and the rest of every row of the rule tables that holds in ``month``."""
    for name in rules.RULE_TABLES:
        for row in rules.seed(name):
            if rules.holds_in(row, month):
                key, *rest = row.items()
                yield [name, key[1], "; ".join(f"{column}: {value}" for column, value in rest if value)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
