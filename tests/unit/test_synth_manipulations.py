"""What a manipulation does to the lives of one unit, and that it leaves all others alone."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import synth_landing as landing_files

from dagster_project.synth import world
from dagster_project.synth.dumps import generate
from dagster_project.synth.lives import KEPT, NEVER, Block, Calendar, Kind
from dagster_project.synth.manipulations import MANIPULATIONS, UnknownManipulation, lived
from dagster_project.synth.truth import flows_of
from dagster_project.synth.world import InvalidPlan, OperatorPlan

PLAN = OperatorPlan(subscribers=12_000, months=7)
FIRST, LAST = 5, 6
"""The months in which a manipulation shows: the last two."""
HOME = 0


@pytest.fixture(scope="module")
def honest() -> Block:
    return lived(PLAN, 0, PLAN.subscribers)


def bent(name: str) -> Block:
    return lived(replace(PLAN, manipulation=name), 0, PLAN.subscribers)


def changed(one: Block, other: Block) -> np.ndarray:
    """Lines of which anything differs."""
    differs = np.zeros(len(one), dtype=bool)
    for field in fields(Block):
        if field.name != "number":
            pair = np.asarray(getattr(one, field.name) != getattr(other, field.name))
            differs |= pair.any(axis=1) if pair.ndim > 1 else pair
    return differs


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_a_manipulation_changes_lives_of_its_own_district_only(honest: Block, name: str) -> None:
    lines = changed(honest, bent(name))
    here = [honest.district_at(month) == HOME for month in (FIRST - 1, FIRST, LAST)]
    assert 0 < lines.sum() < len(honest) / 4
    assert np.logical_or.reduce(here)[lines].all()


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_opening_and_flows_still_make_the_closing(name: str) -> None:
    block = bent(name)
    for month in range(PLAN.months):
        opening, new, back, churned, moved_in, moved_out, closing, _ = flows_of(block, month)
        assert (opening + new + back + moved_in - churned - moved_out == closing).all()


def test_pushed_terminations_leave_the_last_days_and_fill_the_first() -> None:
    block, calendar = bent("month_end_push"), Calendar(PLAN)
    for month in (FIRST, LAST):
        here = (block.district_at(month) == HOME) & (block.district_at(month - 1) == HOME)
        ordinary = here & (block.leave_month <= LAST) & (block.back_month == NEVER) & ~block.is_hoarded
        days = block.leave_on[ordinary] - int(calendar.start(month))
        before, after = ((days >= -5) & (days < 0)).sum(), ((days >= 0) & (days < 7)).sum()
        assert (before, after > 30) == (0, True)
    assert (calendar.month(block.leave_on) == block.leave_month)[block.leave_month < PLAN.months].all()


def test_suspensions_span_the_close_and_returns_follow_the_month_after(honest: Block) -> None:
    calendar = Calendar(PLAN)
    kept = bent("suspension_before_close")
    lines = changed(honest, kept)
    assert (kept.spell[lines] == KEPT).all()
    assert (calendar.month(kept.spell_to[lines]) - calendar.month(kept.spell_from[lines]) == 1).all()
    looped = bent("reinstatement_loop")
    lines = changed(honest, looped)
    assert (looped.back_month[lines] - looped.leave_month[lines] == 1).all()
    assert set(looped.back_month[lines]) == {FIRST, LAST}


def test_swapped_lines_are_new_ones_of_one_dealer_and_their_old_ones_end_in_the_same_month(honest: Block) -> None:
    block = bent("swaps_as_new")
    old = np.flatnonzero(changed(honest, block) & (block.swapped_to >= 0))
    new = block.swapped_to[old]
    assert len(old) == len(set(new)) > 20
    assert {world.CHANNELS[channel].code for channel in block.channel[new]} == {"H001"}
    assert (block.leave_month[old] == block.join_month[new]).all()
    assert (block.leave_on[old] >= block.join_on[new]).all()
    assert (block.customer[old] == block.customer[new]).all()
    assert set(block.kind[old]) == {Kind.SWAP}


def test_who_fades_is_left_out_and_who_leaves_gives_no_cause() -> None:
    picked = bent("cherry_picked")
    for month in (FIRST, LAST):
        is_called = picked.easy_calls & (1 << month) > 0
        is_fading = (picked.fade_months > 0) & (picked.planned_month >= month) & (picked.planned_month <= month + 1)
        assert is_called.sum() > 1_000
        assert not (is_called & is_fading).any()
    assert set(picked.easy_calls) == {0, 1 << FIRST, 1 << LAST, (1 << FIRST) + (1 << LAST)}
    silent = bent("other_causes")
    leaving = np.isin(silent.leave_month, (FIRST, LAST)) & (silent.district_at(LAST) == HOME)
    assert 0.7 < silent.gives_no_cause[leaving].mean() < 0.9
    assert not silent.gives_no_cause[~np.isin(silent.leave_month, (FIRST, LAST))].any()


def test_manifests_hold_and_the_truth_names_unit_and_months(tmp_path: Path) -> None:
    generate(OperatorPlan(subscribers=400, months=4, manipulation="reinstatement_loop"), tmp_path)
    said = pq.read_table(tmp_path / "truth" / "manipulations.parquet").to_pylist()
    unit = {"manipulation": "reinstatement_loop", "unit_type": "district", "unit_code": "512001"}
    assert said == [{"month": month, **unit} for month in ("2011-03", "2011-04")]
    for folder in landing_files.month_folders(tmp_path):
        files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
        hashes = landing_files.hashes(folder)
        assert all(hashes[entry["name"]] == entry["sha256"] for entry in files)


def test_an_honest_operator_has_no_manipulation_in_its_truth(tmp_path: Path) -> None:
    generate(OperatorPlan(subscribers=100, months=1), tmp_path)
    assert pq.read_table(tmp_path / "truth" / "manipulations.parquet").num_rows == 0


def test_an_unknown_manipulation_and_too_few_months_are_refused() -> None:
    with pytest.raises(UnknownManipulation, match="use one of: month_end_push"):
        lived(OperatorPlan(subscribers=100, manipulation="magic"), 0, 100)
    with pytest.raises(InvalidPlan, match="at least 4 months"):
        lived(OperatorPlan(subscribers=100, months=3, manipulation="other_causes"), 0, 100)
