"""``python -m bench.hoarding [--seeds N]``: are the hoarding dealers found, and is an honest one accused?

Makes a small operator a seed, builds only what mart_churn_by_channel needs, and prints a table in Markdown: channels
found and accused in the last month, and the planted lines among those that can be judged. Ends with status 1 when a
planted dealer is missed or an honest one accused (in any month).
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from dagster_project.synth import world as planted
from dagster_project.synth.world import OperatorPlan
from tests.operators import deliver
from tests.worlds import World

DEALERS = frozenset(channel.code for channel in planted.CHANNELS if channel.is_hoarding)


@dataclass(frozen=True)
class Outcome:
    """What one operator's marts say: channel codes in the last month and in any, lines in the last."""

    seed: int
    found: frozenset[str]
    accused: frozenset[str]
    hoarded_lines: int
    lines_found: int
    honest_lines_suspected: int

    @property
    def is_right(self) -> bool:
        """Whether every planted dealer and nobody else is suspicious."""
        return self.found == DEALERS and not self.accused


def measure(plan: OperatorPlan, home: Path) -> Outcome:
    """Build the operator's channels in ``home`` and compare them with what was planted."""
    world = World(home)
    truth = deliver(world, plan)
    last = plan.month_names[-1]
    world.build(plan.month_names[0], last, select="+mart_churn_by_channel", tests=False)
    rows = world.query("select month, channel_code from retention.mart_churn_by_channel where is_suspicious")
    judged = f"from intermediate.int_hoarding_suspicions where is_judged and month = '{last}'"
    lines = world.query(f"select subscriber_id, is_suspicious {judged}")
    suspected = {row["subscriber_id"] for row in lines if row["is_suspicious"]}
    planted_lines = world.query(f"select subscriber_id from '{truth}/subscribers.parquet' where is_hoarded")
    hoarded = {row["subscriber_id"] for row in planted_lines}
    return Outcome(
        seed=plan.seed,
        found=frozenset(row["channel_code"] for row in rows if row["month"] == last) & DEALERS,
        accused=frozenset(row["channel_code"] for row in rows) - DEALERS,
        hoarded_lines=len(hoarded & {row["subscriber_id"] for row in lines}),
        lines_found=len(hoarded & suspected),
        honest_lines_suspected=len(suspected - hoarded),
    )


@click.command()
@click.option("--seeds", type=int, default=10, show_default=True)
@click.option("--first-seed", type=int, default=1, show_default=True)
@click.option("--subscribers", type=int, default=5_000, show_default=True)
@click.option("--months", type=int, default=6, show_default=True)
def main(seeds: int, first_seed: int, subscribers: int, months: int) -> None:
    """One operator a seed, one line of the table each."""
    print("| seed | dealers found | honest channels accused | hoarded lines found | honest lines suspected |")
    print("|--:|---|---|--:|--:|")
    is_right = True
    for seed in range(first_seed, first_seed + seeds):
        with tempfile.TemporaryDirectory(prefix="retention-hoarding-") as folder:
            outcome = measure(OperatorPlan(subscribers=subscribers, months=months, seed=seed), Path(folder))
        is_right &= outcome.is_right
        found, accused = (", ".join(sorted(codes)) or "—" for codes in (outcome.found, outcome.accused))
        lines = f"{outcome.lines_found} of {outcome.hoarded_lines} | {outcome.honest_lines_suspected}"
        print(f"| {seed} | {found} | {accused} | {lines} |", flush=True)
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
