"""A small branch's publications for the site: three months of lists and scorecards, the last one in two versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dagster_project.lib.exports.catalog import Catalog
from dagster_project.lib.exports.comparison import write_comparison
from dagster_project.lib.exports.dictionary import write_dictionary
from dagster_project.lib.exports.edition import Edition, current
from dagster_project.lib.exports.lists import write_list
from dagster_project.lib.exports.publication import publish
from dagster_project.lib.exports.scorecards import write_scorecards
from tests.editions import DISTRICTS, catalog, order_export, settings, stage_month

MONTHS = ("2011-08", "2011-09", "2011-10")
SUPERSEDED, CORRECTED = f"{2:012x}", f"{99:012x}"
"""The two versions of the last month."""
MANAGERS: Mapping[str, tuple[str, ...]] = {
    "D01": ("雁江一号", "雁江二号"),
    "D02": ("安岳一号",),
    "D03": (),
    "D04": (),
    "D09": ("三户村一号",),
}
"""Account managers by district; where there are none, orders are the district's."""
_SIZES: Mapping[str, int] = {"D01": 120, "D02": 30, "D03": 8, "D04": 0, "D09": 2}
"""Warned subscribers by district; four of five have a work order, the rest are held out of orders."""


def publish_branch(home: Path) -> Path:
    """Publish :data:`MONTHS` under ``home``, 2011-10 twice; return the home."""
    for position, month in enumerate(MONTHS):
        publish_month(home, month, f"{position:012x}", first_subscriber=10 * position)
    publish_month(home, MONTHS[-1], CORRECTED, first_subscriber=23)
    return home


def publish_month(
    home: Path,
    month: str,
    publication_id: str,
    *,
    first_subscriber: int,
    sizes: Mapping[str, int] = _SIZES,
    remark: Callable[[int], str] = lambda index: "",
) -> None:
    """Publish one month; its subscribers are numbered from ``first_subscriber``, so that some are new in each.

    ``sizes`` are the warned by district, ``remark`` is added to what is said of a subscriber.
    """
    own = settings(home)
    history = {m: folder for m, folder in current(own).items() if m < month}
    edition = Edition(own, _catalog(), month, publication_id, history)
    people = [
        (code, index, {**row, "reason": f"{row['reason']}{remark(index)}"})
        for code, index, row in _people(first_subscriber, sizes)
    ]
    stage_month(edition, list(_warned(people)), list(_ordered(people)))
    for export in edition.catalog.exports:
        if export.kind not in ("marts", "restricted"):
            _WRITERS[export.kind](edition, export)
    accepted = {m: f"delivery-{m}" for m in (*history, month)}
    publish(edition, f"run-{publication_id}", accepted)


_WRITERS = {
    "list": write_list,
    "scorecard": write_scorecards,
    "comparison": write_comparison,
    "data_dictionary": write_dictionary,
}


def _catalog() -> Catalog:
    plain = catalog()
    return replace(plain, exports=tuple(sorted((*plain.exports, order_export()), key=lambda export: export.name)))


def subscriber(code: str, index: int) -> str:
    """The id of a made-up subscriber."""
    return f"{code}-{index:05}"


def phone(code: str, index: int) -> str:
    """A made-up phone number, of nobody else."""
    return f"139{int(code[1:]):02}{index:06}"


_Person = tuple[str, int, dict[str, object]]


def _people(first: int, sizes: Mapping[str, int]) -> Iterator[_Person]:
    for code, size in sizes.items():
        for index in range(first, first + size):
            managers = MANAGERS[code]
            yield (
                code,
                index,
                {
                    "district_code": code,
                    "district": DISTRICTS[code][0],
                    "account_manager": managers[index % len(managers)] if managers else None,
                    "subscriber_id": subscriber(code, index),
                    "msisdn": phone(code, index),
                    "brand": "神州行",
                    "plan_name": ("家园卡升级版", "动感学习")[index % 2],
                    "value_tier": ("high", "mid", "low")[index % 3],
                    "lifecycle_stage": "warning",
                    "tenure_month": index % 40 + 1,
                    "arpu3_amount": 86 - index % 60,
                    "total_fee_amount": 21,
                    "reason": f"话费由 {86 - index % 60}.00 元降到 21.00 元",
                    "reason_en": f"Fees fell from {86 - index % 60}.00 to 21.00 yuan",
                    "risk_level": ("red", "orange", "yellow")[index % 3],
                    "measure_codes": "PS001",
                    "measure_names": "话费优惠",
                    "measure_names_en": "Fee discount",
                    "care_cap_amount": 20,
                    "retention_cap_amount": 100,
                    "sort_order": index,
                },
            )


def _warned(people: Iterable[_Person]) -> Iterator[dict[str, object]]:
    for _, index, row in people:
        yield {**row, "list_type": "warning", "is_holdout": index % 10 == 9}
        if index % 4 == 0:
            yield {**row, "list_type": "silent", "reason": "连续两月无通话", "reason_en": "No calls for two months"}


def _ordered(people: Iterable[_Person]) -> Iterator[dict[str, object]]:
    for _, index, row in people:
        is_planned = index % 5 != 4
        yield {
            **row,
            "list_type": "work_order",
            "owner_order": index,
            "main_list_type": "warning",
            "is_planned": is_planned,
            "suppressed_because": None if is_planned else "over_capacity",
        }
