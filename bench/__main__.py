"""``python -m bench [--subscribers N]``: one month of a large branch, stage by stage, beside a bare job.

Prints a table in Markdown: wall time and peak memory of every step, then the bare job.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from bench.floor import run_floor
from bench.stages import measure_run
from dagster_project.settings import Settings
from dagster_project.synth import dumps
from dagster_project.synth.world import OperatorPlan


@click.command()
@click.option("--subscribers", type=int, default=1_500_000, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Work here and keep it.")
def main(subscribers: int, folder: Path | None) -> None:
    """Generate one month, run it, run the floor, print both."""
    with tempfile.TemporaryDirectory(prefix="retention-bench-") as temporary:
        home = folder or Path(temporary)
        landing = home / "landing"
        plan = OperatorPlan(subscribers=subscribers, months=1)
        if not landing.is_dir():
            dumps.generate(plan, landing)
        stages = measure_run(home, landing, plan.first_month)
        floor = run_floor(Settings(home=home, landing=landing), plan.first_month)
    print("| stage | wall s | peak MB |\n|---|--:|--:|")
    for stage in stages:
        print(f"| {stage.name} | {stage.seconds:.1f} | {stage.peak_mb:,.0f} |")
    total = sum(stage.seconds for stage in stages)
    print(f"| **all steps** | {total:.1f} | {max(stage.peak_mb for stage in stages):,.0f} |")
    print(f"\nBare DuckDB job on the same subscribers: {floor:.1f} s; the run is {total / floor:.1f} times that.")


if __name__ == "__main__":
    main()
