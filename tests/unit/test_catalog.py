"""The catalogue: dbt's exposures, as its manifest has them, drive what is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lib.exports.catalog import InvalidCatalog, read_catalog


def model(name: str, *, restricted: bool = False) -> dict[str, Any]:
    meta = {"zh": "表", "grain": ["month"], "is_restricted": restricted, "owner": "team:retention"}
    columns = {
        "month": {"name": "month", "data_type": "string", "description": "Month.", "config": {"meta": {"zh": "月份"}}}
    }
    return {
        "resource_type": "model",
        "name": name,
        "schema": "retention",
        "alias": name,
        "description": "One row per month.",
        "config": {"meta": meta},
        "columns": columns,
        "depends_on": {"nodes": ["model.retention.fct_churn"]},
    }


def manifest(tmp_path: Path, meta: dict[str, Any], *, restricted: bool = False) -> Path:
    exposure = {
        "name": "marts",
        "owner": {"name": "Analytics"},
        "description": "Marts.",
        "config": {"meta": meta},
        "depends_on": {"nodes": ["model.retention.mart_x", "seed.retention.bands"]},
    }
    content = {
        "nodes": {"model.retention.mart_x": model("mart_x", restricted=restricted)},
        "exposures": {"exposure.retention.marts": exposure},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_an_exposure_becomes_an_export_with_its_models(tmp_path: Path) -> None:
    catalog = read_catalog(manifest(tmp_path, {"kind": "marts", "titles": {"zh": "数据"}}))
    export = catalog.export("marts")
    assert (export.kind, export.depends_on, export.owner) == ("marts", ("mart_x",), "Analytics")
    assert catalog.published_models == ("mart_x",)
    assert catalog.model("mart_x").relation == "retention.mart_x"
    assert catalog.model("mart_x").columns["month"].headings == {"zh": "月份", "en": "Month"}


def test_an_exposure_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalog, match=r"exposure marts: config\.meta\.kind"):
        read_catalog(manifest(tmp_path, {"kind": "poster"}))


def test_a_restricted_model_is_never_among_the_public_marts(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalog, match="is_restricted of mart_x"):
        read_catalog(manifest(tmp_path, {"kind": "marts"}, restricted=True))


def test_a_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalog, match="parse the dbt project first"):
        read_catalog(tmp_path / "manifest.json")
