"""``python -m bench.scorecards [--seeds N]``: are equal districts called equal, and different ones ranked right?

Makes up the lives of a small operator a seed, counts opening base and net churn by district, tenure and customer
straight from them, and gives these counts to the models that score and rank. In the demo operator four districts are
planted equal and three different. Prints a table in Markdown and ends with status 1 when equal districts are told apart
in more than a tenth of the seeds, or different ones ranked the wrong way round in any.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations, permutations
from math import hypot
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np

from dagster_project.lib import rules
from dagster_project.synth import world
from dagster_project.synth.lives import Block, Kind, is_graduating, live
from dagster_project.synth.world import OperatorPlan
from tests.compiled import compile_manifest
from tests.scorecards import Cases, Scorecards

FACTORS: Mapping[str, float] = {
    district.code: district.churn_factor
    for position, district in enumerate(world.DISTRICTS)
    if position != world.TINY_DISTRICT
}
"""What every district's hazard is multiplied by; the tiny one is left out."""
VARIANTS = ("demo", "equal")
"""The demo operator, and the same with all districts alike."""
MOST_TOLD_APART = 0.1


@dataclass(frozen=True)
class Verdict:
    """What one ranking says: who is clearly ahead of whom, all ranks, and who is said to differ from the others."""

    ahead: frozenset[tuple[str, str]]
    ranks: Mapping[str, int]
    distinguishable: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """The verdicts on one operator, by the total and by net churn alone."""

    seed: int
    total: Verdict
    net_churn: Verdict


@contextmanager
def variant(name: str) -> Iterator[None]:
    """The made-up world as one of :data:`VARIANTS` has it."""
    alike = tuple(dataclasses.replace(district, churn_factor=1.0) for district in world.DISTRICTS)
    with patch.object(world, "DISTRICTS", alike if name == "equal" else world.DISTRICTS):
        yield


def cases_of(plan: OperatorPlan) -> list[Cases]:
    """Opening base and those of it who left without a swap, by month, district, tenure and kind of customer."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for number, size in plan.blocks():
        block = live(plan, number, size)
        for month in range(plan.months):
            _count(plan, block, month, found)
    return [
        Cases(month, district, cases, events, stratum=stratum)
        for (month, district, stratum), (cases, events) in sorted(found.items())
    ]


def _count(plan: OperatorPlan, block: Block, month: int, found: dict[tuple[str, str, str], list[int]]) -> None:
    opening = block.is_on_net_close(month - 1) & block.is_countable
    left = opening & (block.leave_month == month) & (block.kind != Kind.SWAP)
    strata = _strata(plan, block, month)
    district = block.district_at(month - 1)
    for position in np.unique(district[opening]):
        for stratum in np.unique(strata[opening & (district == position)]):
            cell = opening & (district == position) & (strata == stratum)
            counts = found.setdefault((plan.month_names[month], world.DISTRICTS[position].code, str(stratum)), [0, 0])
            counts[0] += int(cell.sum())
            counts[1] += int((left & cell).sum())


def _strata(plan: OperatorPlan, block: Block, month: int) -> np.ndarray:
    """Tenure bucket at opening and kind of customer; hoarded lines and pupils who finish school are not compared."""
    buckets = [(int(row["from_month_number"]), row["tenure_bucket"]) for row in rules.seed("tenure_buckets")]
    first_months, names = zip(*sorted(buckets), strict=True)
    tenure = np.maximum(month - block.join_month, 1)
    bucket = np.array(names)[np.searchsorted(first_months, tenure, side="right") - 1]
    kind = np.select([block.group >= 0, block.level > 1], ["group", "mid"], "low")
    is_helpless = block.is_hoarded | is_graduating(plan, block, month)
    return np.where(is_helpless, "not_compared", np.char.add(np.char.add(bucket, " "), kind))


def measure(scorecards: Scorecards, plan: OperatorPlan) -> Outcome:
    """Judge one operator's last month."""
    scorecards.judge(cases_of(plan))
    rows = scorecards.rows(f"select * from intermediate.int_scorecard_ranks where month = '{plan.month_names[-1]}'")
    total, net_churn = (
        _verdict({row["unit_code"]: row for row in rows if row["kpi_code"] == kpi and row["unit_code"] in FACTORS})
        for kpi in ("total", "net_churn")
    )
    return Outcome(plan.seed, total, net_churn)


def _verdict(rows: Mapping[str, Mapping[str, Any]]) -> Verdict:
    return Verdict(
        ahead=frozenset(
            (one, other) for one, other in permutations(rows, 2) if _is_clearly_ahead(rows[one], rows[other])
        ),
        ranks={code: row["rank"] for code, row in rows.items()},
        distinguishable=frozenset(code for code, row in rows.items() if row["is_distinguishable"]),
    )


def _is_clearly_ahead(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    distance = other["disadvantage"] - one["disadvantage"]
    return bool(distance > hypot(one["worse_by_pairs"], other["better_by_pairs"]))


def equal_pairs(name: str) -> list[tuple[str, str]]:
    """Districts that are planted equal, in pairs."""
    return [pair for pair in combinations(FACTORS, 2) if name == "equal" or FACTORS[pair[0]] == FACTORS[pair[1]]]


def different_pairs(name: str) -> list[tuple[str, str]]:
    """Districts that are planted different, in pairs, the better one first."""
    pairs = set(combinations(sorted(FACTORS, key=FACTORS.__getitem__), 2))
    return [] if name == "equal" else sorted(pair for pair in pairs if FACTORS[pair[0]] < FACTORS[pair[1]])


def tells_equal_apart(verdict: Verdict, name: str) -> bool:
    """Whether one of two equal districts is ranked before the other or, when all are equal, is said to differ."""
    apart = any({(one, other), (other, one)} & verdict.ahead for one, other in equal_pairs(name))
    return apart or (name == "equal" and bool(verdict.distinguishable))


def ranks_wrong(verdict: Verdict, name: str) -> bool:
    """Whether a worse district is ranked before a better one."""
    return any((worse, better) in verdict.ahead for better, worse in different_pairs(name))


def shares_ranks(verdict: Verdict, name: str) -> bool:
    """Whether all districts that are planted equal have one rank."""
    return all(verdict.ranks[one] == verdict.ranks[other] for one, other in equal_pairs(name))


@click.command()
@click.option("--seeds", type=int, default=100, show_default=True)
@click.option("--first-seed", type=int, default=1, show_default=True)
@click.option("--subscribers", type=int, default=20_000, show_default=True)
@click.option("--manifest", type=click.Path(path_type=Path), help="A project compiled for 2012-01, to save the time.")
def main(seeds: int, first_seed: int, subscribers: int, manifest: Path | None) -> None:
    """Every variant with every seed, one line of the table each."""
    with tempfile.TemporaryDirectory(prefix="retention-scorecards-") as folder:
        scorecards = Scorecards(manifest or compile_manifest(Path(folder), "2012-01", "2012-01"))
    headings = ("operator", "ranked by", "equal ones told apart", "equal ones not of one rank", "wrong way round")
    print(f"| {' | '.join(headings)} | different pairs told apart | best and worst told apart |")
    print("|---|---|--:|--:|--:|--:|--:|")
    is_right = True
    for name in VARIANTS:
        with variant(name):
            numbers = range(first_seed, first_seed + seeds)
            outcomes = [measure(scorecards, OperatorPlan(subscribers, 12, "2011-02", seed)) for seed in numbers]
        for kind in ("total", "net_churn"):
            line = _Line(name, [getattr(outcome, kind) for outcome in outcomes])
            print(f"| {name} | {kind} | {line.cells} |", flush=True)
            is_right &= line.is_right
    sys.exit(0 if is_right else 1)


@dataclass(frozen=True)
class _Line:
    name: str
    verdicts: list[Verdict]

    @property
    def apart(self) -> int:
        return sum(tells_equal_apart(verdict, self.name) for verdict in self.verdicts)

    @property
    def wrong(self) -> int:
        return sum(ranks_wrong(verdict, self.name) for verdict in self.verdicts)

    @property
    def is_right(self) -> bool:
        return self.apart <= MOST_TOLD_APART * len(self.verdicts) and self.wrong == 0

    @property
    def cells(self) -> str:
        seeds, pairs = len(self.verdicts), different_pairs(self.name)
        unequal = sum(not shares_ranks(verdict, self.name) for verdict in self.verdicts)
        told = sum(pair in verdict.ahead for verdict in self.verdicts for pair in pairs)
        if not pairs:
            return f"{self.apart} of {seeds} | {unequal} | — | — | —"
        extremes = (min(FACTORS, key=FACTORS.__getitem__), max(FACTORS, key=FACTORS.__getitem__))
        widest = sum(extremes in verdict.ahead for verdict in self.verdicts)
        share = f"{told / (len(pairs) * seeds):.0%} of {len(pairs)} pairs"
        return f"{self.apart} of {seeds} | {unequal} | {self.wrong} | {share} | {widest / seeds:.0%}"


if __name__ == "__main__":
    main()
