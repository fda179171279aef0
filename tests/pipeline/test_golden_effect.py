"""What measures change (domain.md part 4: G38, G63; Newcombe's interval), through the normal models out of counts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from dagster_project.lib import months
from tests.pipeline.printing import percent, rounded
from tests.worlds import World

pytestmark = pytest.mark.slow

Row = Mapping[str, Any]

LIST_MONTH, KNOWN_IN = "2011-06", "2011-09"
QUARTER = "2011-Q2"
WINDOW = months.between("2011-07", KNOWN_IN)


def lot(name: str) -> str:
    """What somebody draws for the quarter; the lowest tenth of a district and tier is held out."""
    return hashlib.sha256(f"{name}{QUARTER}".encode()).hexdigest()


def share(text: str) -> float:
    """The last four hexadecimal digits of the MD5 sum as a share."""
    return int(hashlib.md5(text.encode()).hexdigest()[-4:], 16) / 65536


PEOPLE = sorted((f"line{number}" for number in range(2_700)), key=lot)
"""All of one district and not rated yet, as nothing is known of the months before, so that 270 are held out."""
HELD_CALLERS, HELD_EXAMPLE = PEOPLE[:200], PEOPLE[200:270]
CALLERS, EXAMPLE, DEBTORS = PEOPLE[270:1_270], PEOPLE[1_270:1_350], PEOPLE[1_350:]
"""The callers are not billed; 40 % of those who are called stay, and 35 % of those who are not.
Newcombe (1998), example: 56 of 70 against 48 of 80, on the list of contracts that run out. The debtors are only on
the list of arrears: they make the tenth."""
LEAVERS = {*CALLERS[:600], *HELD_CALLERS[:130], *EXAMPLE[:48], *HELD_EXAMPLE[:56]}


@pytest.fixture(scope="module")
def effects(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Row]:
    world = World(tmp_path_factory.mktemp("effects"))
    contracts, debtors = {*EXAMPLE, *HELD_EXAMPLE}, {*DEBTORS}
    leaves_in = {name: WINDOW[place % 3] for place, name in enumerate(sorted(LEAVERS))}
    for month in (LIST_MONTH, *WINDOW):
        there = [name for name in PEOPLE if leaves_in.get(name, month) >= month]
        snapshot = [
            {
                "subscriber_id": name,
                "contract_end": "2011-08-31" if name in contracts else None,
                "status": "cancelled" if leaves_in.get(name) == month else "active",
                "status_date": f"{month}-20" if leaves_in.get(name) == month else None,
            }
            for name in there
        ]
        world.add("crm_subscribers", month, snapshot)
        bills = [
            {"subscriber_id": name, "total_fee": 50, "arrears": 5 if name in debtors else 0}
            for name in there
            if name in contracts | debtors
        ]
        world.add("billing_bills", month, bills)
    for place, month in enumerate(WINDOW):
        contacts = [
            {
                "contact_id": f"{month}-{name}",
                "subscriber_id": name,
                "list_month": LIST_MONTH,
                "list_type": "non_billed",
                "contacted_at": f"{month}-02 10:00:00",
                "outcome": "declined" if name in LEAVERS else "accepted",
                "cost": 2,
            }
            for name in CALLERS[place::3]
        ]
        world.add("crm_contacts", month, contacts)
    world.build(LIST_MONTH, KNOWN_IN, select="+mart_retention_effect")
    rows = world.query("select * from retention.mart_retention_effect")
    assert {(row["month"], row["list_month"], row["measure_code"]) for row in rows} == {(KNOWN_IN, LIST_MONTH, "all")}
    return {row["list_type"]: row for row in rows}


def test_g63_of_40_percent_retained_5_points_are_the_effect(effects: Mapping[str, Row]) -> None:
    row = effects["non_billed"]
    assert (row["treated_count"], row["control_count"], row["reached_count"]) == (1_000, 200, 1_000)
    assert percent(row["retained_rate_naive"], 0) == "40%"
    assert percent(1 - row["churn_rate_control"], 0) == "35%"
    assert percent(row["effect"], 0) == "5%"
    assert not row["is_distinguishable"], "two hundred are too few to be sure of five points"
    assert rounded(row["saves"], 0) == "50"
    assert (str(row["spend_amount"]), str(row["cost_per_save_amount"])) == ("2000.00", "40.00")
    assert (row["contaminated_count"], row["is_contaminated"]) == (0, False)


def test_the_interval_is_that_of_newcombes_published_example(effects: Mapping[str, Row]) -> None:
    row = effects["expiring"]
    assert (row["control_churned_count"], row["control_count"]) == (56, 70)
    assert (row["treated_churned_count"], row["treated_count"]) == (48, 80)
    assert [rounded(row[name], 4) for name in ("effect", "ci_low", "ci_high")] == ["0.2000", "0.0524", "0.3339"]
    assert row["is_distinguishable"]


PILOT, SALT = "new_care_2011", "2011"
ENROLLED_IN, MATURED_IN, JUDGED_IN = "2011-07", "2011-10", "2012-04"
AFTER = months.between("2011-08", MATURED_IN)
STRATA = {
    (f"D{place % 3}", f"P{place % 2}", f"C{place % 4}"): size
    for place, size in enumerate((1, 2, 3, 4, 5, 37, 40, 41, 55, 60, 61, 99))
}
"""Subscribers of every stratum of district, plan and channel; some are alone in theirs."""
NEWCOMERS = {
    f"{district}{plan}{channel}-{number:02}": (district, plan, channel)
    for (district, plan, channel), size in STRATA.items()
    for number in range(size)
}
OTHERS = {"poor": "59.99", "older": "90.00", "newer": "90.00", "quiet": "90.00"}
"""Who is not enrolled, and what they pay: too little, older, a month younger, not to be contacted."""
JOINED = {"older": "2011-04-12", "newer": "2011-07-03"}


def newcomers_of(month: str, leavers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The snapshot of everybody who has joined and has not left before ``month``."""
    rows = []
    for name, (district, plan, channel) in (NEWCOMERS | dict.fromkeys(OTHERS, ("D0", "P0", "C0"))).items():
        joined = JOINED.get(name, "2011-06-15")
        if joined[:7] <= month <= leavers.get(name, month):
            rows.append(
                {
                    "subscriber_id": name,
                    "district_code": district,
                    "plan_code": plan,
                    "channel_code": channel,
                    "join_date": joined,
                    "is_do_not_contact": name == "quiet",
                    "status": "cancelled" if leavers.get(name) == month else "active",
                    "status_date": f"{month}-15" if leavers.get(name) == month else None,
                }
            )
    return rows


def deliver(world: World, month: str, leavers: Mapping[str, str]) -> None:
    rows = newcomers_of(month, leavers)
    names = [str(row["subscriber_id"]) for row in rows]
    world.add("crm_subscribers", month, [*rows, *({"subscriber_id": f"old{number}"} for number in range(20))])
    bills = [{"subscriber_id": name, "total_fee": OTHERS.get(name, "60.00")} for name in names]
    world.add("billing_bills", month, bills)
    world.add("billing_usage", month, [{"subscriber_id": name, "calls_out": 9} for name in names])


@pytest.fixture(scope="module")
def arms() -> dict[str, str]:
    """Filled with the arms that the pipeline drew, as district offices would read them."""
    return {}


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory, arms: dict[str, str]) -> World:
    """A month of enrolment; then half as many of the treated leave as of the control, and every second is reached."""
    world = World(tmp_path_factory.mktemp("pilot"))
    for month in ("2011-06", ENROLLED_IN):
        deliver(world, month, {})
    world.build("2011-06", ENROLLED_IN, select="+mart_pilot")
    assigned = world.query(f"select subscriber_id, arm from core.fct_pilot_assignments where month = '{ENROLLED_IN}'")
    arms.update({row["subscriber_id"]: row["arm"] for row in assigned})
    treated, control = (sorted(name for name, drawn in arms.items() if drawn == arm) for arm in ("treated", "control"))
    leaving = [*treated[: len(treated) // 5], *control[: 2 * len(control) // 5]]
    leavers = {name: AFTER[place % 3] for place, name in enumerate(leaving)} | {"newer": AFTER[0]}
    for place, month in enumerate(AFTER):
        deliver(world, month, leavers)
        contacts = [
            {
                "contact_id": f"{month}-{name}",
                "subscriber_id": name,
                "list_month": ENROLLED_IN,
                "list_type": "new_care",
                "contacted_at": f"{month}-05 10:00:00",
                "outcome": "accepted",
                "cost": 10,
            }
            for name in treated[::2][place::3]
        ]
        world.add("crm_contacts", month, contacts)
    world.build(ENROLLED_IN, MATURED_IN, select="+mart_pilot")
    deliver(world, JUDGED_IN, leavers)
    world.build(JUDGED_IN, JUDGED_IN, select="+mart_pilot")
    return world


def drawn_by_hand() -> dict[str, str]:
    """The arms by the rule in words: districts in turn, their plans and channels shuffled, in a stratum by lot."""

    def digest(*parts: str) -> str:
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def key(name: str) -> tuple[str, ...]:
        district, plan, channel = NEWCOMERS[name]
        shuffled = (digest(code, PILOT, SALT, ENROLLED_IN) for code in (plan, channel))
        return (district, *shuffled, digest(name, PILOT, SALT))

    order = ("treated", "control") if share(PILOT + SALT + ENROLLED_IN) >= 0.5 else ("control", "treated")
    return {name: order[place % 2] for place, name in enumerate(sorted(NEWCOMERS, key=key))}


def test_g38_a_pilot_enrols_month_two_from_60_yuan(pilot: World, arms: Mapping[str, str]) -> None:
    assert set(arms) == set(NEWCOMERS)
    rows = pilot.query("select distinct month, billed_revenue_amount, tenure_month from core.fct_pilot_assignments")
    assert [(row["month"], str(row["billed_revenue_amount"]), row["tenure_month"]) for row in rows] == [
        (ENROLLED_IN, "60.00", 2)
    ]


def test_g38_arms_differ_by_at_most_one_in_every_stratum(pilot: World, arms: Mapping[str, str]) -> None:
    for depth in (0, 1, 2, 3):
        groups: dict[tuple[str, ...], Counter[str]] = {}
        for name, arm in arms.items():
            groups.setdefault(NEWCOMERS[name][:depth], Counter())[arm] += 1
        for group, drawn in groups.items():
            assert abs(drawn["treated"] - drawn["control"]) <= 1, group


def test_g38_arms_are_drawn_by_lot_and_the_same_whenever_a_month_is_run(pilot: World, arms: Mapping[str, str]) -> None:
    again = pilot.query(f"select subscriber_id, arm from core.fct_pilot_assignments where month = '{ENROLLED_IN}'")
    assert {row["subscriber_id"]: row["arm"] for row in again} == arms == drawn_by_hand()


def verdict(world: World, month: str) -> Row:
    """The row of the treated; what is said of the comparison stands on both."""
    rows = world.query(f"select * from retention.mart_pilot where month = '{month}' order by arm desc")
    assert [row["arm"] for row in rows] == ["treated", "control"]
    own = {"arm", "enrolled_count", "matured_count", "churned_count", "churn_rate", "arpu_amount", "spend_amount"}
    own |= {"behavioural_churned_count", "behavioural_churn_rate", "contacted_count", "reached_count"}
    own |= {"topup_known_count", "second_topup_rate"}
    shared = set(rows[0]) - own
    assert {name: rows[0][name] for name in shared} == {name: rows[1][name] for name in shared}
    return rows[0]


def test_g38_a_pilot_has_no_verdict_before_its_last_enrolment_is_three_months_old(pilot: World) -> None:
    before = verdict(pilot, "2011-09")
    assert (before["verdict"], before["matured_count"], before["effect"]) == ("too_early", 0, None)
    matured = verdict(pilot, MATURED_IN)
    assert (matured["verdict"], matured["matured_month_count"]) == ("too_early", 1)
    assert matured["effect"] is not None


def test_g38_the_verdict_has_its_figures_and_its_words(pilot: World, arms: Mapping[str, str]) -> None:
    row = verdict(pilot, JUDGED_IN)
    drawn = Counter(arms.values())
    treated, control = drawn["treated"], drawn["control"]
    assert (row["treated_count"], row["control_count"]) == (treated, control)
    expected = 2 * control // 5 / control - treated // 5 / treated
    assert row["effect"] == pytest.approx(expected, abs=1e-12)
    assert row["behavioural_effect"] == pytest.approx(expected, abs=1e-12), "nobody is silent and stays"
    assert row["reached_count"] == row["contacted_count"] == (treated + 1) // 2
    assert row["spend_amount"] == 10 * row["reached_count"]
    benefit = expected * float(row["margin_mean_amount"]) - 10 * row["reached_count"] / treated
    assert float(row["net_benefit_per_treated_amount"]) == pytest.approx(benefit, abs=0.01)
    assert 0 < row["net_benefit_per_treated_low_amount"] < row["net_benefit_per_treated_amount"]
    assert (row["is_balanced"], row["is_contaminated"], row["is_small"]) == (True, False, False)
    assert (row["verdict"], row["verdict_name"], row["verdict_name_en"]) == ("roll_out", "建议推广", "roll out")
