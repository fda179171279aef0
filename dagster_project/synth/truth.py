"""What is true of the demo operator, written beside its dumps for tests and back-tests to compare with.

Nothing here reads the dumps or uses the pipeline: flows and endings come from the planned lives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.synth import columns as col
from dagster_project.synth import manipulations, world
from dagster_project.synth.activity import Balances
from dagster_project.synth.lives import NEVER, OUTCOMES, Block, Kind
from dagster_project.synth.world import OperatorPlan

FLOWS = ("opening", "new", "reinstated", "churned", "moved_in", "moved_out", "closing", "same_month_churned")
_KINDS = ("stays", "passive", "active", "port_out", "swap", "hoarding", "graduation", "forced_without_arrears")


class TruthWriter:
    """Writes ``truth/*.parquet``: subscribers, swaps, contacts, flows, dealers, effects, manipulations."""

    def __init__(self, plan: OperatorPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._flows = np.zeros((len(FLOWS), plan.months, len(world.DISTRICTS)), dtype=np.int64)
        folder.mkdir(parents=True)

    def add(self, block: Block, balances: Balances) -> None:
        """Record a block when its last month has been written."""
        self._append("subscribers", _subscribers(self._plan, block, balances))
        self._append("swaps", _swaps(self._plan, block))
        self._append("contacts", _contacts(self._plan, block))
        for month in range(self._plan.months):
            self._flows[:, month] += flows_of(block, month)

    def close(self) -> None:
        """Finish the files of the blocks and write those of the whole world."""
        for writer in self._writers.values():
            writer.close()
        pq.write_table(_flows_table(self._plan, self._flows), self._folder / "flows.parquet")
        pq.write_table(_dealers(), self._folder / "dealers.parquet")
        pq.write_table(_effects(self._plan), self._folder / "effects.parquet")
        pq.write_table(_manipulations(self._plan), self._folder / "manipulations.parquet")

    def _append(self, name: str, rows: pa.Table) -> None:
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self._folder / f"{name}.parquet", rows.schema)
        self._writers[name].write_table(rows)


def _month_texts(plan: OperatorPlan, month: np.ndarray) -> pa.Array:
    """The months as text; null for those outside the delivered ones."""
    return col.picked(plan.month_names, np.where((month >= 0) & (month < plan.months), month, -1))


def _subscribers(plan: OperatorPlan, block: Block, balances: Balances) -> pa.Table:
    """One row per line that was ever in a snapshot."""
    leaves = block.leave_month < plan.months
    is_final = leaves & (block.back_month == NEVER)
    behavioural = np.maximum(balances.last_active, balances.last_paid)
    month_day = np.where(leaves, block.leave_month, -1)
    return col.table(
        {
            "subscriber_id": col.subscriber_ids(block.line),
            "customer_id": col.hashes(block.customer, 1),
            "district_code": col.picked([district.code for district in world.DISTRICTS], block.district),
            "plan_code": col.picked([tariff.code for tariff in world.TARIFFS], block.tariff),
            "channel_code": col.picked([channel.code for channel in world.CHANNELS], block.channel),
            "join_date": col.dates(block.join_on),
            "termination_date": col.dates(block.leave_on, ~leaves),
            "churn_month": _month_texts(plan, month_day),
            "reinstated_month": _month_texts(plan, block.back_month),
            "behavioural_churn_date": col.dates(behavioural, ~is_final | (behavioural < 0)),
            "kind": col.picked(_KINDS, np.where(leaves, block.kind, Kind.STAYS)),
            "fade_months": col.counts(np.where(leaves, block.fade_months, 0)),
            "suspended_months": col.counts(np.where(leaves, block.stop_months, 0)),
            "is_hoarded": pa.array(block.is_hoarded),
            "is_countable": pa.array(block.is_countable),
        }
    )


def _swaps(plan: OperatorPlan, block: Block) -> pa.Table:
    """One row per planted number swap."""
    old = np.flatnonzero((block.swapped_to >= 0) & (block.leave_month < plan.months))
    new = block.swapped_to[old]
    return col.table(
        {
            "old_subscriber_id": col.subscriber_ids(block.line[old]),
            "new_subscriber_id": col.subscriber_ids(block.line[new]),
            "customer_id": col.hashes(block.customer[old], 1),
            "old_termination_date": col.dates(block.leave_on[old]),
            "new_join_date": col.dates(block.join_on[new]),
        }
    )


def _contacts(plan: OperatorPlan, block: Block) -> pa.Table:
    """One row per subscriber who faded and could be contacted: treated or not, saved or not."""
    rows = np.flatnonzero(block.list_month < plan.months)
    return col.table(
        {
            "subscriber_id": col.subscriber_ids(block.line[rows]),
            "list_month": _month_texts(plan, block.list_month[rows]),
            "planned_churn_month": _month_texts(plan, block.planned_month[rows]),
            "is_contacted": pa.array(block.outcome[rows] >= 0),
            "outcome": col.picked(OUTCOMES, block.outcome[rows]),
            "is_saved": pa.array(block.saved_month[rows] < NEVER),
        }
    )


def flows_of(block: Block, month: int) -> np.ndarray:
    """The counted flows of a block in a month: one row per name of ``FLOWS``, one column a district."""
    is_open = block.is_on_net_close(month - 1) if month else (block.join_month < 0)
    was_in, is_in = block.district_at(month - 1 if month else 0), block.district_at(month)
    has_moved = is_open & (was_in != is_in)
    churned = block.leave_month == month
    joined = block.join_month == month
    cases = (
        (is_open, was_in),
        (joined, is_in),
        (block.back_month == month, is_in),
        (churned, is_in),
        (has_moved, is_in),
        (has_moved, was_in),
        (block.is_on_net_close(month), is_in),
        (joined & churned, is_in),
    )
    size = len(world.DISTRICTS)
    return np.array([np.bincount(district[chosen & block.is_countable], minlength=size) for chosen, district in cases])


def _flows_table(plan: OperatorPlan, flows: np.ndarray) -> pa.Table:
    month, district = (axis.ravel() for axis in np.indices(flows.shape[1:]))
    columns = {
        "month": col.picked(plan.month_names, month),
        "district_code": col.picked([entry.code for entry in world.DISTRICTS], district),
    }
    return col.table(columns | {name: col.counts(flows[index].ravel()) for index, name in enumerate(FLOWS)})


def _dealers() -> pa.Table:
    """One row per channel, the hoarding ones marked."""
    return col.table(
        {
            "channel_code": pa.array([channel.code for channel in world.CHANNELS]),
            "is_hoarding": pa.array([channel.is_hoarding for channel in world.CHANNELS]),
            "assessment_months": pa.array([channel.commission_months for channel in world.CHANNELS]),
        }
    )


def _manipulations(plan: OperatorPlan) -> pa.Table:
    """One row per month in which a unit's manipulation shows; none for an honest operator."""
    months = [plan.month_names[index] for index in manipulations.shown_in(plan)]
    planted = manipulations.planted(plan)
    said = {name: getattr(planted, name, None) for name in ("name", "unit_type", "unit_code")}
    texts = {name: pa.array([text] * len(months), pa.string()) for name, text in said.items()}
    return col.table({"month": pa.array(months, pa.string()), "manipulation": texts.pop("name"), **texts})


def _effects(plan: OperatorPlan) -> pa.Table:
    """One row per planted parameter: effect, key, value."""
    rows: list[tuple[str, str, float]] = [
        ("district_churn_factor", entry.code, entry.churn_factor) for entry in world.DISTRICTS
    ]
    rows += [("plan_churn_factor", entry.code, entry.churn_factor) for entry in world.TARIFFS]
    rows += [("tenure_bump_factor", str(tenure), factor) for tenure, factor in world.TENURE_BUMP.items()]
    rows += [("expiry_factor", str(offset), factor) for offset, factor in world.EXPIRY_FACTORS.items()]
    rows += [
        ("campaign_factor", name, world.CAMPAIGN_FACTOR)
        for index, name in enumerate(plan.month_names)
        if plan.calendar_month(index) in world.CAMPAIGN_CALENDAR_MONTHS
    ]
    rows += [
        ("contact_share", "fading", world.CONTACT_SHARE),
        ("reach_share", "contacted", world.REACH_SHARE),
        ("saved_share", "reached", world.SAVED_SHARE),
        ("swap_share", "active", world.SWAP_SHARE),
        ("fading_share", "active", world.FADING_SHARE),
        ("graduation_hazard", "school", world.GRADUATION_HAZARD),
        ("reinstated_share", "leavers", world.REINSTATED_SHARE),
        ("hoarding_share", "dealer", world.HOARDING_SHARE),
        ("call_back_share", "dissatisfied", world.CALL_BACK_SHARE),
        ("asked_again_share", "dissatisfied", world.ASKED_AGAIN_SHARE),
        *(("score_gain", key, gain) for key, gain in world.SCORE_GAIN.items()),
        ("call_back_churn_factor", "dissatisfied", 1.0),
    ]
    names, keys, values = zip(*rows, strict=True)
    return col.table({"effect": pa.array(names), "key": pa.array(keys), "value": pa.array(values)})
