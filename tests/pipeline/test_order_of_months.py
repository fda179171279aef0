"""Months in any order: what is published is what months delivered and run in their order would have given."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagster_project.synth.editing import Delivery
from tests.commandline import Branch, Said, is_whole, manifest

pytestmark = pytest.mark.slow

MONTHS = ("2011-01", "2011-02", "2011-03")
ORDER = ("2011-03", "2011-01", "2011-02")
OF_THE_RUN = ("run_id", "supersedes")
"""What a manifest says of how it came about, and not of what it holds."""


def identifiers(landing: Path, month: str) -> list[str]:
    delivery = Delivery(landing / month)
    files = delivery.files("crm_subscribers")
    return [one for file in files for one in delivery.read(file, "crm_subscribers").values("subscriber_id")]


def bill_a_leaver_of_january_in_march(landing: Path) -> None:
    """A bill of somebody whom only January's snapshot knows: unknown, as long as January is."""
    seen_later = {*identifiers(landing, "2011-02"), *identifiers(landing, "2011-03")}
    leaver = next(one for one in identifiers(landing, "2011-01") if one not in seen_later)
    delivery = Delivery(landing / "2011-03")
    dump = delivery.read(delivery.files("billing_bills")[0], "billing_bills")
    late = list(dump.rows[0])
    late[dump.position("subscriber_id")] = leaver
    dump.rows.append(late)
    delivery.write(dump)


def deliver_no_reference_data_in_february(landing: Path) -> None:
    """Plans and districts of January apply: accepted long ago, or read a moment ago in the same run."""
    for data_set in ("crm_plans", "crm_districts"):
        Delivery(landing / "2011-02").remove(data_set)


@dataclass(frozen=True)
class Step:
    """What one command said, and what was current after it."""

    said: Said
    current: Mapping[str, Path]


@dataclass(frozen=True)
class Ordered:
    """The same deliveries run as one range in order, and one by one as they arrived in another order."""

    in_order: Branch
    out_of_order: Branch
    steps: Mapping[str, Step]


@pytest.fixture(scope="module")
def ordered(operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Ordered:
    folder = tmp_path_factory.mktemp("ordered")
    for month in MONTHS:
        shutil.copytree(operator / month, folder / "landing" / month)
    bill_a_leaver_of_january_in_march(folder / "landing")
    deliver_no_reference_data_in_february(folder / "landing")
    in_order = Branch(folder / "in-order", folder / "landing")
    said = in_order.run(MONTHS[0], MONTHS[-1])
    assert said.exit_status == 0, said.words
    out_of_order = Branch(folder / "out-of-order", folder / "arrived")
    steps: dict[str, Step] = {}
    for month in ORDER:
        shutil.copytree(folder / "landing" / month, out_of_order.landing / month)
        said = out_of_order.call("run", "--month", month)
        assert said.exit_status == 0, said.words
        steps[month] = Step(said, out_of_order.current)
    return Ordered(in_order, out_of_order, steps)


def content(publication: Path) -> dict[str, Any]:
    return {name: value for name, value in manifest(publication).items() if name not in OF_THE_RUN}


def test_months_run_in_another_order_give_the_same_bytes_under_the_same_names(ordered: Ordered) -> None:
    assert list(ordered.out_of_order.current) == list(MONTHS)
    assert ordered.out_of_order.bytes_of(MONTHS) == ordered.in_order.bytes_of(MONTHS)
    for month in MONTHS:
        one, other = ordered.in_order.current[month], ordered.out_of_order.current[month]
        assert one.name == other.name
        assert is_whole(one)
        assert is_whole(other)
        assert content(one) == content(other)


def test_an_earlier_month_takes_the_published_ones_after_it_with_it(ordered: Ordered) -> None:
    assert [list(ordered.steps[month].current) for month in ORDER] == [
        ["2011-03"],
        ["2011-01", "2011-03"],
        ["2011-01", "2011-02", "2011-03"],
    ]
    marches = [ordered.steps[month].current["2011-03"].name for month in ORDER]
    assert len(set(marches)) == len(ORDER)
    januaries = [ordered.steps[month].current["2011-01"].name for month in ORDER[1:]]
    assert len(set(januaries)) == 1
    assert manifest(ordered.out_of_order.current["2011-03"])["supersedes"] == marches[1]


def test_a_row_that_an_earlier_month_explains_leaves_quarantine_when_that_month_arrives(ordered: Ordered) -> None:
    def kept_out(month: str) -> int:
        march = ordered.steps[month].current["2011-03"]
        quality = f"read_parquet('{march}/marts/mart_delivery_quality.parquet')"
        query = f"select quarantined_count from {quality} where data_set = 'billing_bills'"
        return int(ordered.out_of_order.rows(query)[0][0])

    assert [kept_out(month) for month in ORDER] == [1, 0, 0]
