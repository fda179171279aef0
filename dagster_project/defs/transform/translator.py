"""How dbt's models appear in Dagster: five decisions."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from dagster_project.partitions import monthly

_GROUPS = {"staging": "staging", "intermediate": "intermediate", "core": "core", "retention": "retention"}


class RetentionTranslator(DagsterDbtTranslator):
    """Keys by layer, Chinese descriptions where the language asks for them, owners from meta."""

    def __init__(self, language: str) -> None:
        """Show descriptions in ``language``."""
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._language = language

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """``raw/<data set>`` for sources, ``rules/<seed>`` for seeds, ``<layer>/<model>`` for models."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["raw", dbt_resource_props["name"]])
        return dg.AssetKey([self._layer(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """One group a layer."""
        return self._layer(dbt_resource_props)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description in the language of the outputs, grain first."""
        meta = _meta(dbt_resource_props)
        english = str(dbt_resource_props.get("description") or "")
        return str(meta.get("description_zh") or english) if self._language == "zh" else english

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """The model's owner; what names none belongs to the data team."""
        return [str(_meta(dbt_resource_props).get("owner") or "team:data")]

    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> dg.PartitionsDefinition | None:
        """Facts, dimensions and marts are read by the month; what leads up to them belongs to the run.

        Dagster stores several events for every month of every asset that has months.
        """
        return monthly if "marts" in dbt_resource_props["fqn"] else None

    def _layer(self, props: Mapping[str, Any]) -> str:
        if props["resource_type"] == "seed":
            return "rules"
        return next((group for folder, group in _GROUPS.items() if folder in props["fqn"]), "retention")


def _meta(props: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**(props.get("meta") or {}), **((props.get("config") or {}).get("meta") or {})}
