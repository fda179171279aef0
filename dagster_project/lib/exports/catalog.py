"""What is published: dbt's exposures, read from its manifest, drive every export."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("marts", "restricted", "list", "scorecard", "comparison", "report", "data_dictionary")
"""What an exposure can be; ``config.meta.kind`` names one of them."""
_THRESHOLDS = re.compile(r"\bthresholds\(\s*(\[[^\]]*\]|[^\s)]+)")
_KEY = re.compile(r"['\"](\w+)['\"]")


class InvalidCatalog(ValueError):
    """An exposure or model that cannot be published; its message says what is missing where."""


@dataclass(frozen=True)
class ModelColumn:
    """A column of a published model: its type, what it means, its heading by language, and how it is computed."""

    name: str
    data_type: str
    description: str
    headings: Mapping[str, str]
    formula: str = ""


@dataclass(frozen=True)
class Model:
    """A model of the warehouse; ``relation`` is ``schema.table``, ``grain`` its key columns.

    ``threshold_keys`` are those that its own SQL asks for; :meth:`Catalog.threshold_keys` adds its ancestors'.
    """

    name: str
    relation: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]
    owner: str
    grain: tuple[str, ...]
    is_restricted: bool
    sources: tuple[str, ...]
    columns: Mapping[str, ModelColumn]
    threshold_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """One published thing: an exposure of the dbt project."""

    name: str
    kind: str
    titles: Mapping[str, str]
    description: str
    owner: str
    depends_on: tuple[str, ...]
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Catalog:
    """Every export, in the order of its name, and every model of the project by name."""

    exports: tuple[Export, ...]
    models: Mapping[str, Model]

    def of_kind(self, kind: str) -> tuple[Export, ...]:
        """The exports of one kind."""
        return tuple(export for export in self.exports if export.kind == kind)

    def export(self, name: str) -> Export:
        """The export called ``name``; raises :class:`InvalidCatalog` when no exposure has it."""
        for export in self.exports:
            if export.name == name:
                return export
        raise InvalidCatalog(f"no exposure is called {name!r}; declare it in dbt/models/exposures.yml")

    def model(self, name: str) -> Model:
        """The model called ``name``; raises :class:`InvalidCatalog` when the project has none."""
        if name not in self.models:
            raise InvalidCatalog(f"the dbt project has no model {name!r}")
        return self.models[name]

    def ancestors(self, name: str) -> frozenset[str]:
        """Everything that the model ``name`` is made from: models, seeds and sources."""
        found: set[str] = set()
        waiting = list(self.model(name).sources)
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found.add(parent)
                waiting += self.models[parent].sources if parent in self.models else ()
        return frozenset(found)

    def threshold_keys(self, name: str) -> tuple[str, ...]:
        """The thresholds that decide what the model ``name`` holds: its own and its ancestors'."""
        made_from = (self.models[each] for each in (name, *self.ancestors(name)) if each in self.models)
        return tuple(sorted({key for model in made_from for key in model.threshold_keys}))

    @property
    def published_models(self) -> tuple[str, ...]:
        """Names of the models that are published as Parquet, public ones first."""
        groups = (*self.of_kind("marts"), *self.of_kind("restricted"))
        return tuple(name for export in groups for name in export.depends_on)


def read_catalog(manifest_path: Path) -> Catalog:
    """Read exposures and models from dbt's ``manifest.json``.

    Raises :class:`InvalidCatalog` when the manifest is missing or an exposure is incomplete.
    """
    if not manifest_path.is_file():
        raise InvalidCatalog(f"{manifest_path.name} is missing; parse the dbt project first")
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    models = {node["name"]: _model(node) for node in nodes.values()}
    exports = [_export(node, models) for node in manifest["exposures"].values()]
    return Catalog(tuple(sorted(exports, key=lambda export: export.name)), models)


def _export(node: Mapping[str, Any], models: Mapping[str, Model]) -> Export:
    meta = _meta(node)
    kind = meta.get("kind")
    if kind not in KINDS:
        raise InvalidCatalog(f"exposure {node['name']}: config.meta.kind is {kind!r}; use one of {', '.join(KINDS)}")
    refs = [unique_id.split(".")[2] for unique_id in node["depends_on"]["nodes"] if unique_id.startswith("model.")]
    owner = node.get("owner") or {}
    export = Export(
        name=node["name"],
        kind=kind,
        titles=meta.get("titles") or {"en": node.get("label") or node["name"]},
        description=(node.get("description") or "").strip(),
        owner=str(owner.get("name") or owner.get("email") or ""),
        depends_on=tuple(sorted(refs)),
        meta=meta,
    )
    _check_restriction(export, models)
    return export


def _check_restriction(export: Export, models: Mapping[str, Model]) -> None:
    """Personal data must not come among the public marts by a slip in the exposures."""
    if export.kind not in ("marts", "restricted"):
        return
    wrong = [name for name in export.depends_on if models[name].is_restricted != (export.kind == "restricted")]
    if wrong:
        raise InvalidCatalog(
            f"exposure {export.name} is {export.kind}, but is_restricted of {', '.join(wrong)} differs"
        )


def _model(node: Mapping[str, Any]) -> Model:
    meta = _meta(node)
    description = (node.get("description") or "").strip()
    columns = {name: _column(column) for name, column in node.get("columns", {}).items()}
    parents = (node.get("depends_on") or {}).get("nodes", [])
    return Model(
        name=node["name"],
        relation=f"{node['schema']}.{node.get('alias') or node['name']}",
        titles={"zh": meta.get("zh", node["name"]), "en": node["name"]},
        descriptions={"zh": meta.get("description_zh", description), "en": description},
        owner=str(meta.get("owner", "")),
        grain=tuple(meta.get("grain", ())),
        is_restricted=bool(meta.get("is_restricted", False)),
        sources=tuple(sorted(parent.split(".")[-1] for parent in parents)),
        columns=columns,
        threshold_keys=threshold_keys(node["name"], node.get("raw_code") or ""),
    )


def threshold_keys(model: str, sql: str) -> tuple[str, ...]:
    """The keys that a model's SQL asks the ``thresholds`` macro for; they stand there as a list."""
    keys: set[str] = set()
    for given in _THRESHOLDS.findall(sql):
        if not given.startswith("["):
            raise InvalidCatalog(f"model {model}: give thresholds() its keys as a list, so that they can be read")
        keys.update(_KEY.findall(given))
    return tuple(sorted(keys))


def _column(node: Mapping[str, Any]) -> ModelColumn:
    name = node["name"]
    meta = _meta(node)
    return ModelColumn(
        name=name,
        data_type=str(node.get("data_type") or ""),
        description=(node.get("description") or "").strip(),
        headings={"zh": meta.get("zh", name), "en": meta.get("en", name.replace("_", " ").capitalize())},
        formula=str(meta.get("formula", "")),
    )


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node's meta: newer manifests keep it under ``config``, older ones beside it."""
    return (node.get("config") or {}).get("meta") or node.get("meta") or {}
