"""The demo operator's months put straight into raw data, without dumps and ingestion, for tests of models alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.lib import contract
from dagster_project.synth import activity, reference
from dagster_project.synth.manipulations import lived
from dagster_project.synth.truth import TruthWriter
from dagster_project.synth.world import OperatorPlan
from tests.worlds import World

DEMO = OperatorPlan()
"""The demo operator as it is when nothing else is asked for."""


def deliver(world: World, plan: OperatorPlan) -> Path:
    """Deliver every month of ``plan`` to ``world``; returns the folder of the truth files."""
    folder = truth_folder(world).parent
    folder.mkdir(parents=True)
    truth = TruthWriter(plan, truth_folder(world))
    parts: dict[tuple[str, str], list[pa.Table]] = {}
    joined: dict[str, np.ndarray] = {}
    for number, size in plan.blocks():
        block = lived(plan, number, size)
        balances = activity.Balances.opening(block)
        for index, month in enumerate(plan.month_names):
            tables = activity.data_sets(activity.month_of(plan, block, index), balances)
            for name, rows in (tables | reference.tables(plan)).items():
                if number == 0 or not contract.DATA_SETS[name].is_reference:
                    parts.setdefault((name, month), []).append(rows)
            joined[month] = joined.get(month, 0) + reference.joined_counts(block, index)
        truth.add(block, balances)
    truth.close()
    for month, counts in joined.items():
        parts["finance_acquisition", month] = [reference.acquisition(month, counts)]
    for (name, month), tables_of_blocks in sorted(parts.items(), key=lambda part: part[0]):
        path = folder / f"{name}-{month}.parquet"
        pq.write_table(pa.concat_tables(tables_of_blocks), path)
        world.add_sql(name, month, f"select * from '{path}'")
    return truth_folder(world)


def truth_folder(world: World) -> Path:
    """Where :func:`deliver` leaves what is true of the operator of a world."""
    return world.settings.home / "operator" / "truth"
