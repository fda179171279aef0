"""Write a demo operator's monthly dumps, block by block, so that memory does not grow with its size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dagster_project.synth import activity, reference, world
from dagster_project.synth.forms import MonthWriter
from dagster_project.synth.lives import Block
from dagster_project.synth.manipulations import lived
from dagster_project.synth.truth import TruthWriter
from dagster_project.synth.world import OperatorPlan

TRUTH = "truth"
_PLAN_FILE = "plan.json"
_STAGING = ".generating"

Progress = Callable[[str, int, int], None]


class LandingInUse(ValueError):
    """The folder holds something that no earlier generation wrote; nothing was changed."""


def generate(plan: OperatorPlan, out: Path, on_progress: Progress | None = None) -> None:
    """Write ``out/<month>/`` for every month of the plan, and the truth in ``out/truth/``.

    ``on_progress`` is called with the month just written, the steps done and the steps in all.
    A folder that an earlier generation wrote is replaced; any other non-empty folder raises
    :class:`LandingInUse`. The months appear whole, when everything has been written.
    """
    _refuse_foreign(out)
    staging = out / _STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    _write(plan, staging, on_progress or _silent)
    _publish(staging, out)


def _silent(month: str, done: int, total: int) -> None:
    """Report nothing."""


def _refuse_foreign(out: Path) -> None:
    if not out.is_dir() or (out / TRUTH / _PLAN_FILE).is_file():
        return
    foreign = [path.name for path in sorted(out.iterdir()) if path.name != _STAGING]
    if foreign:
        raise LandingInUse(
            f"{out} holds {foreign[0]!r}, which no earlier generation wrote: give an empty folder, or empty this one"
        )


def _write(plan: OperatorPlan, staging: Path, on_progress: Progress) -> None:
    names = plan.month_names
    writers = [MonthWriter(staging / name) for name in names]
    truth = TruthWriter(plan, staging / TRUTH)
    joined = np.zeros((plan.months, len(world.network_codes()), len(world.DISTRICTS)), dtype=np.int64)
    blocks = list(plan.blocks())
    for number, size in blocks:
        block = lived(plan, number, size)
        balances = activity.Balances.opening(block)
        for index, writer in enumerate(writers):
            _write_block_month(plan, block, balances, index, writer)
            joined[index] += reference.joined_counts(block, index)
            on_progress(names[index], number * plan.months + index + 1, len(blocks) * plan.months)
        truth.add(block, balances)
    for index, writer in enumerate(writers):
        writer.append("finance_acquisition", reference.acquisition(names[index], joined[index]))
        for name, rows in reference.tables(plan).items():
            writer.append(name, rows)
        writer.close()
    truth.close()
    (staging / TRUTH / _PLAN_FILE).write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")


def _write_block_month(
    plan: OperatorPlan, block: Block, balances: activity.Balances, index: int, writer: MonthWriter
) -> None:
    month = activity.month_of(plan, block, index)
    for name, rows in activity.data_sets(month, balances).items():
        writer.append(name, rows)


def _publish(staging: Path, out: Path) -> None:
    """Put the new months in the place of an earlier generation's; the truth comes last."""
    earlier = out / TRUTH / _PLAN_FILE
    if earlier.is_file():
        for name in OperatorPlan(**json.loads(earlier.read_text(encoding="utf-8"))).month_names:
            shutil.rmtree(out / name, ignore_errors=True)
        shutil.rmtree(out / TRUTH)
    for path in sorted(staging.iterdir()):
        path.rename(out / path.name)
    staging.rmdir()
