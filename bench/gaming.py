"""``python -m bench.gaming [--seeds N] [--manipulation NAME]``: is an honest unit suspected, and a planted one found?

Makes a demo operator a seed, builds what mart_gaming_signs needs, and prints a table in Markdown: how many signs had
enough cases, and which were raised. Ends with status 1 when the planted one was not raised in all of its months, or
another sign, or the planted one in another month or for a unit of another district.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from dagster_project.synth.manipulations import MANIPULATIONS
from dagster_project.synth.world import CHANNELS, DISTRICTS, OperatorPlan
from tests.compiled import CompiledProject
from tests.operators import deliver
from tests.worlds import World

Sign = tuple[str, str, str, str]
"""Month, sign, kind of unit and unit."""


@dataclass(frozen=True)
class Outcome:
    """What one operator's mart says: how many signs had enough cases, what is raised and what was planted."""

    judged_count: int
    raised: frozenset[Sign]
    planted: frozenset[Sign]

    @property
    def missed(self) -> frozenset[Sign]:
        """Planted and not raised."""
        return self.planted - self.raised

    @property
    def false(self) -> frozenset[Sign]:
        """Raised where nothing was planted: another month or sign, or a unit in another district."""
        when = {(month, sign, district_of(kind, code)) for month, sign, kind, code in self.planted}
        return frozenset(
            (month, sign, kind, code)
            for month, sign, kind, code in self.raised
            if (month, sign, district_of(kind, code)) not in when
        )


def district_of(unit_type: str, unit_code: str) -> str | None:
    """The district that a unit of the demo operator is or belongs to."""
    if unit_type == "district":
        return unit_code
    if unit_type == "manager":
        return DISTRICTS[int(unit_code[-2]) - 1].code
    position = next(channel.district for channel in CHANNELS if channel.code == unit_code)
    return None if position is None else DISTRICTS[position].code


def measure(project: CompiledProject, plan: OperatorPlan, home: Path) -> Outcome:
    """Build the operator's signs and compare them with what was planted."""
    world = World(home)
    truth = deliver(world, plan)
    world.complete()
    project.build_delivered(world.settings)
    planted = project.rows(f"select month, manipulation, unit_type, unit_code from '{truth}/manipulations.parquet'")
    signs = "from retention.mart_gaming_signs where"
    raised = project.rows(f"select month, sign_code, unit_type, unit_code {signs} is_raised")
    judged = project.rows(f"select count(*) {signs} not is_small")
    return Outcome(judged[0][0], frozenset(raised), frozenset(planted))


def _shown(signs: frozenset[Sign]) -> str:
    return ", ".join(" ".join(sign) for sign in sorted(signs)) or "—"


@click.command()
@click.option("--seeds", type=int, default=20, show_default=True)
@click.option("--first-seed", type=int, default=1, show_default=True)
@click.option("--subscribers", type=int, default=12_000, show_default=True)
@click.option("--months", type=int, default=7, show_default=True)
@click.option("--manipulation", type=click.Choice(list(MANIPULATIONS)), help="What one unit does (default: nothing).")
def main(seeds: int, first_seed: int, subscribers: int, months: int, manipulation: str | None) -> None:
    """One operator a seed, one line of the table each."""
    plans = [
        OperatorPlan(subscribers=subscribers, months=months, seed=seed, manipulation=manipulation)
        for seed in range(first_seed, first_seed + seeds)
    ]
    names = plans[0].month_names
    is_right = True
    print("| seed | signs on enough cases | planted and raised | planted and missed | raised without cause |")
    print("|--:|--:|--:|---|---|")
    with tempfile.TemporaryDirectory(prefix="retention-gaming-") as folder:
        project = CompiledProject(Path(folder) / "home", names[0], names[-1], ["mart_gaming_signs"])
        for plan in plans:
            outcome = measure(project, plan, Path(folder) / str(plan.seed))
            is_right &= not outcome.missed and not outcome.false
            found = len(outcome.planted & outcome.raised)
            words = f"{found} | {_shown(outcome.missed)} | {_shown(outcome.false)}"
            print(f"| {plan.seed} | {outcome.judged_count} | {words} |", flush=True)
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
