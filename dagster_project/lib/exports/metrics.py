"""The metric dictionary: what every published table and figure is, how it is computed, and what decides it.

One description feeds ``docs/metrics.md`` and the published workbook. It is read from the dbt manifest and the seeds,
so it cannot say anything else than what is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.lib import rules
from dagster_project.lib.exports.catalog import Catalog, Model, ModelColumn
from dagster_project.lib.wording import LANGUAGES, text, topic

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
    return next((threshold.name("zh") for threshold in rules.thresholds() if threshold.key == name), name)


@dataclass(frozen=True)
class Decision:
    """What decides a published table: thresholds, rule tables, and other published tables with theirs."""

    thresholds: tuple[str, ...]
    rules: tuple[str, ...]
    tables: tuple[str, ...]


def decided_by(catalog: Catalog, name: str) -> Decision:
    """What a published table asks for; what lies between it and other published ones counts as its own."""
    keys: set[str] = set()
    ruled: set[str] = set()
    tables: set[str] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each in rules.RULE_TABLES:
            ruled.add(each)
        if each in seen or each not in catalog.models:
            continue
        seen.add(each)
        if each != name and each in catalog.published_models:
            tables.add(each)
            continue
        keys.update(catalog.models[each].threshold_keys)
        waiting += catalog.models[each].sources
    return Decision(tuple(sorted(keys)), tuple(sorted(ruled)), tuple(sorted(tables)))


def deciders(catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """For every threshold, by its key, and every rule table, by its name, the published tables that ask for it."""
    found: dict[str, list[str]] = {}
    for name in catalog.published_models:
        decision = decided_by(catalog, name)
        for key in (*decision.thresholds, *decision.rules):
            found.setdefault(key, []).append(name)
    return {key: tuple(names) for key, names in found.items()}


def write_metrics(catalog: Catalog, target: Path) -> None:
    """Write the dictionary as one page in both languages."""
    target.write_text(page(catalog), encoding="utf-8")


def page(catalog: Catalog) -> str:
    """The dictionary as Markdown: Chinese, then English."""
    lines = ["# " + " · ".join(text("exports.metrics_title", language) for language in LANGUAGES), ""]
    for language in LANGUAGES:
        lines += [
            f"## {text('exports.metrics_language', language)}",
            "",
            text("exports.metrics_generated", language),
            "",
        ]
        for name in catalog.published_models:
            lines += _model_lines(catalog, catalog.model(name), language)
        lines += _threshold_lines(catalog, language)
        lines += _rule_lines(catalog, language)
    return "\n".join(lines).rstrip() + "\n"


def _model_lines(catalog: Catalog, model: Model, language: str) -> Iterator[str]:
    title = f"{model.name} {model.titles['zh']}" if language == "zh" else model.name
    yield from (f"### {title}", "", model.descriptions[language], "")
    if model.is_restricted:
        yield from (text("exports.metrics_restricted", language), "")
    decision = decided_by(catalog, model.name)
    facts = {
        "metrics_grain": ", ".join(model.grain),
        "metrics_sources": basis(model.descriptions["en"]),
        "metrics_made_from": ", ".join(model.sources),
        "metrics_thresholds": ", ".join(decision.thresholds),
        "metrics_rules": ", ".join(decision.rules),
        "metrics_thresholds_of": ", ".join(decision.tables),
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


def _rule_lines(catalog: Catalog, language: str) -> Iterator[str]:
    yield from (f"### {text('exports.dictionary_rules', language)}", "")
    names = ("key", "rule_name", "rule_row", "valid", "basis")
    for table in rules.RULE_TABLES:
        yield from (f"#### {table} {text(f'rules.{table}', language)}", "")
        yield f"{text('exports.metrics_decides', language)}: {', '.join(deciders(catalog).get(table, ()))}"
        yield from ("", _row([text(f"exports.dictionary_{name}", language) for name in names]))
        yield _row(["---"] * len(names))
        for rule in rules.rules_of(table):
            yield _row(_rule_row(rule, language))
        yield ""


def rule_rows(catalog: Catalog, language: str, month: str) -> Iterator[list[str]]:
    """Table and its name, key, name, content, validity and source of every rule in force in ``month``, and what its
    table decides."""
    decides = deciders(catalog)
    for table in rules.RULE_TABLES:
        for rule in rules.rules_of(table, month):
            name = text(f"rules.{table}", language)
            yield [table, name, *_rule_row(rule, language), ", ".join(decides.get(table, ()))]


def _rule_row(rule: rules.Rule, language: str) -> list[str]:
    """A rule's note is English, like the code; Chinese readers have its name."""
    words = [rules.fact_words(rule, language), rule.row.get("note", "") if language == "en" else ""]
    content = "; ".join(filter(None, words))
    return [rule.key, rule.name(language), content, rule.validity(language), rule.source]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
