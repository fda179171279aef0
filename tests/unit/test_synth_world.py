"""The planted effects, measured on the planned lives without writing dumps."""

from __future__ import annotations

import numpy as np
import pytest

from dagster_project.synth import lives, truth, world
from dagster_project.synth.lives import NEVER, Block, Kind
from dagster_project.synth.world import OperatorPlan

PLAN = OperatorPlan(subscribers=60_000, months=18, block_size=60_000)
MONTHS = range(PLAN.months)


@pytest.fixture(scope="module")
def block() -> Block:
    return lives.live(PLAN, 0, PLAN.subscribers)


def hazard(block: Block, chosen: np.ndarray, at_risk: np.ndarray) -> float:
    """Endings per line and month at risk."""
    return float((chosen & at_risk).sum() / at_risk.sum())


def risks(block: Block, keep: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines × months: is at risk, ends, tenure month (ordinary lines only)."""
    ordinary = ~block.is_hoarded & block.is_countable & (block.group < 0)
    ordinary &= ~np.isin(block.tariff, (world.INVERSE_TARIFF, world.SEASONAL_TARIFF))
    ordinary = ordinary if keep is None else ordinary & keep
    month = np.arange(PLAN.months)[None, :]
    join, leave = block.join_month[ordinary, None], block.leave_month[ordinary, None]
    return (join <= month) & (month <= leave), leave == month, month - join + 1


def test_churn_is_between_two_and_a_half_and_four_and_a_half_percent_a_month(block: Block) -> None:
    rates = [(block.leave_month == month).sum() / block.is_on_net_close(month - 1).sum() for month in MONTHS if month]
    assert min(rates) > 0.025
    assert max(rates) < 0.045
    assert 0.028 < np.mean(rates) < 0.04


def test_gross_adds_are_about_one_and_a_half_times_the_churn(block: Block) -> None:
    joined = (block.join_month >= 0).sum()
    left = (block.leave_month < PLAN.months).sum()
    assert 1.3 < joined / left < 1.8


def test_the_hazard_is_low_then_highest_in_months_four_to_six_and_falls(block: Block) -> None:
    at_risk, ends, tenure = risks(block)
    buckets = ((1, 3), (4, 6), (7, 12), (25, 36), (37, 60), (61, 200))
    rates = [ends[at_risk & (tenure >= low) & (tenure <= high)].mean() for low, high in buckets]
    assert rates[0] < 0.012
    assert sorted(rates[1:], reverse=True) == rates[1:]


def test_the_hazard_has_a_bump_at_tenure_months_19_and_20(block: Block) -> None:
    at_risk, ends, tenure = risks(block)
    bump = ends[at_risk & np.isin(tenure, (19, 20))].mean()
    around = ends[at_risk & np.isin(tenure, (16, 17, 18, 21, 22, 23))].mean()
    assert 1.4 < bump / around < 2.1


def test_more_leave_in_the_months_around_a_contracts_end(block: Block) -> None:
    has = block.contract_term > 0
    at_risk, ends, tenure = risks(block, has)
    ordinary = ~block.is_hoarded & block.is_countable & (block.group < 0) & has
    ordinary &= ~np.isin(block.tariff, (world.INVERSE_TARIFF, world.SEASONAL_TARIFF))
    since = np.arange(PLAN.months)[None, :] - block.contract_end[ordinary, None]
    old = tenure > 12
    around = ends[at_risk & old & np.isin(since, (0, 1))].mean()
    before = ends[at_risk & old & (since < -2)].mean()
    assert around > 2.5 * before


def test_districts_planted_equal_are_equal_and_the_others_differ(block: Block) -> None:
    rates = {}
    for position in range(7):
        at_risk, ends, _ = risks(block, block.district == position)
        rates[position] = ends[at_risk].mean()
    equal = [rates[position] for position in (0, 1, 2, 5)]
    assert max(equal) / min(equal) < 1.12
    assert rates[3] > 1.15 * max(equal)
    assert rates[4] < 0.88 * min(equal)


def test_the_phone_on_the_desk_leaves_more_the_longer_it_stands(block: Block) -> None:
    desk = (block.tariff == world.INVERSE_TARIFF) & block.is_countable & (block.group < 0) & ~block.is_hoarded
    month = np.arange(PLAN.months)[None, :]
    join, leave = block.join_month[desk, None], block.leave_month[desk, None]
    at_risk, ends, tenure = (join <= month) & (month <= leave), leave == month, month - join + 1
    assert ends[at_risk & (tenure <= 12)].mean() < 0.5 * ends[at_risk & (tenure > 24)].mean()


def test_campaign_months_have_more_churn_than_the_months_beside_them(block: Block) -> None:
    at_risk, ends, _ = risks(block)
    by_month = [ends[:, month][at_risk[:, month]].mean() for month in MONTHS]
    for month in MONTHS:
        if PLAN.calendar_month(month) in world.CAMPAIGN_CALENDAR_MONTHS:
            assert by_month[month] > 1.1 * by_month[month - 1]


def test_at_risk_subscribers_who_were_contacted_leave_less(block: Block) -> None:
    listed = block.list_month < NEVER
    contacted = listed & (block.outcome >= 0)
    left_contacted = (block.leave_month[contacted] < NEVER).mean()
    left_alone = (block.leave_month[listed & ~contacted] < NEVER).mean()
    expected = world.REACH_SHARE * world.SAVED_SHARE
    assert left_alone == 1.0
    assert left_contacted == pytest.approx(1 - expected, abs=0.03)


def test_contacts_are_in_the_month_after_the_list_and_before_the_end(block: Block) -> None:
    contacted = block.outcome >= 0
    calendar = lives.Calendar(PLAN)
    assert (calendar.month(block.contacted_on[contacted]) == block.list_month[contacted] + 1).all()
    assert (block.leave_on[contacted] > block.contacted_on[contacted]).all()
    assert not block.is_do_not_contact[contacted].any()


def test_schools_lose_their_graduates_in_june(block: Block) -> None:
    graduates = block.leave_month[block.kind == Kind.GRADUATION]
    assert len(graduates) > 50
    assert {PLAN.calendar_month(int(month)) for month in graduates} == {6}


def test_lines_end_in_every_planted_way(block: Block) -> None:
    ends = np.bincount(block.kind[block.leave_month < PLAN.months], minlength=len(Kind))
    assert (ends[1:] > 100).all()
    passive = ends[Kind.PASSIVE] / ends[1:].sum()
    assert 0.15 < passive < 0.3


def test_those_who_come_back_do_so_within_ninety_days(block: Block) -> None:
    back = block.back_month < NEVER
    days = block.back_on[back] - block.leave_on[back]
    assert back.sum() > 100
    assert days.min() >= 1
    assert days.max() <= 90


def test_every_tenure_bucket_is_filled_at_the_first_opening(block: Block) -> None:
    tenure = 1 - block.join_month[block.join_month < 0]
    for low, high in ((2, 3), (4, 6), (7, 12), (13, 24), (25, 36), (37, 60), (61, 999)):
        assert ((tenure >= low) & (tenure <= high)).mean() > 0.03


def test_the_flows_of_every_month_close_and_open_the_next(block: Block) -> None:
    flows = {name: position for position, name in enumerate(truth.FLOWS)}
    before = None
    for month in MONTHS:
        found = truth.flows_of(block, month)
        came = found[flows["opening"]] + found[flows["new"]] + found[flows["reinstated"]] + found[flows["moved_in"]]
        assert (came - found[flows["churned"]] - found[flows["moved_out"]] == found[flows["closing"]]).all()
        if before is not None:
            assert (found[flows["opening"]] == before[flows["closing"]]).all()
        before = found


def test_blocks_do_not_share_identifiers() -> None:
    plan = OperatorPlan(subscribers=400, months=2, block_size=200)
    first, second = (lives.live(plan, number, size) for number, size in plan.blocks())
    for name in ("line", "customer", "pay_account", "imei"):
        assert not set(getattr(first, name)) & set(getattr(second, name))
