"""Who is on which list, decided a second time: from the subscriber-month fact, in Python, by the rules as printed.

Thresholds stand here as the definitions print them (domain 3.9 and 3.13), so that neither a seed nor a model that
drifts from them goes unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.worlds import World, varied_world

Line = Mapping[str, Any]

MONTH_ENDS = {
    "2011-02": date(2011, 2, 28),
    "2011-03": date(2011, 3, 31),
    "2011-04": date(2011, 4, 30),
    "2011-05": date(2011, 5, 31),
    "2011-06": date(2011, 6, 30),
}


def is_at_most(now: float | None, share: str, before: float | None) -> bool:
    """Whether ``now`` is at most ``share`` of a mean that there is."""
    return (
        now is not None
        and before is not None
        and before > 0
        and Decimal(str(now)) <= Decimal(share) * Decimal(str(before))
    )


def days_to(day: date | None, line: Line) -> int | None:
    return (day - MONTH_ENDS[line["month"]]).days if day else None


def may_be_called(line: Line) -> bool:
    return line["is_on_net_close"] and line["status"] != "suspended_voluntary" and not line["is_do_not_contact"]


def commitment_is_spent(line: Line) -> bool:
    months = line["months_to_contract_end"]
    return (months is None or months >= 0) and is_at_most(
        line["contract_remaining_amount"], "0.2", line["contract_commitment_amount"]
    )


def at_least(line: Line, name: str, limit: int) -> bool:
    return line[name] is not None and line[name] >= limit


def recharged_less(line: Line, name: str) -> bool:
    return at_least(line, "payment_count_prior3_mean", 1) and is_at_most(line[name], "0.5", line[f"{name}_prior3_mean"])


def ends_within_three_months(line: Line) -> bool:
    months = line["months_to_contract_end"]
    return months is not None and 0 <= months <= 3


def is_called_more_than_calling(line: Line) -> bool:
    ratio, usual = line["calls_ratio"], line["calls_ratio_prior3_mean"]
    return ratio is not None and usual is not None and usual > 0 and ratio >= 1.5 * usual


def said_to_be_dissatisfied(line: Line) -> bool:
    score, stars = line["survey_min_score"], line["satisfaction_min_score"]
    return (score is not None and score <= 6) or (stars is not None and stars <= 2)


CLAUSES: Mapping[str, Callable[[Line], bool]] = {
    "contract": lambda line: ends_within_three_months(line) or commitment_is_spent(line),
    "spend_drop": lambda line: (
        is_at_most(line["billed_revenue_amount"], "0.5", line["arpu3_amount"]) or recharged_less(line, "payment_amount")
    ),
    "frequency_drop": lambda line: (
        is_at_most(line["active_days"], "0.5", line["active_days_prior3_mean"]) or recharged_less(line, "payment_count")
    ),
    "mou_drop": lambda line: is_at_most(line["mou"], "0.5", line["mou_prior3_mean"]),
    "callees_drop": lambda line: is_at_most(line["distinct_called"], "0.6", line["distinct_called_prior3_mean"]),
    "ratio_rise": is_called_more_than_calling,
    "forwarding": lambda line: at_least(line, "forward_offnet_calls", 1),
    "complaints": lambda line: line["status"] == "pre_cancelled" or at_least(line, "complaint_count", 2),
    "unanswered": lambda line: at_least(line, "unanswered_count", 2),
    "dissatisfied": said_to_be_dissatisfied,
    "rival_hotline": lambda line: at_least(line, "rival_hotline_calls", 1),
    "arrears": lambda line: line["status"] == "suspended_arrears" or at_least(line, "arrears_amount", 30),
}


def clauses(line: Line) -> set[str]:
    """The warning clauses of domain 3.13 that a line fulfils."""
    return {code for code, holds in CLAUSES.items() if holds(line)}


def level(line: Line) -> str | None:
    """Red from three clauses or a wish to leave, orange two, yellow one; a step up for high value, down for low."""
    if line["history_months"] < 4:
        return None
    count = len(clauses(line))
    if line["status"] == "pre_cancelled":
        return "red"
    if not count:
        return None
    step = {"high": 1, "low": -1}.get(line["value_tier"], 0)
    return {1: "yellow", 2: "orange", 3: "red"}.get(min(min(count, 3) + step, 3))


def is_expiring(line: Line) -> bool:
    left = days_to(line["contract_end_on"], line)
    return (left is not None and 0 <= left <= 90) or commitment_is_spent(line)


def is_falling_in_value(line: Line) -> bool:
    return (line["value_tier"] in ("high", "mid", "group") or line["group_id"] is not None) and (
        is_at_most(line["billed_revenue_amount"], "0.7", line["arpu3_amount"])
        or is_at_most(line["mou"], "0.7", line["mou_prior3_mean"])
        or (line["forward_offnet_calls"] or 0) >= 1
    )


def is_in_arrears(line: Line) -> bool:
    return line["status"] == "suspended_arrears" or (line["arrears_amount"] or 0) > 0


def is_new_and_worth_a_call(line: Line) -> bool:
    recharges = line["recharges_since_joining"]
    return line["tenure_month"] == 2 and (
        (line["billed_revenue_amount"] or 0) >= 60
        or (line["payment_type"] == "prepaid" and recharges is not None and recharges < 2)
    )


def has_points_running_out(line: Line) -> bool:
    left = days_to(line["points_expire_on"], line)
    return left is not None and 0 <= left <= 60 and (line["points_expiring"] or 0) / 100 >= 10


def pays_too_much_on_a_plan_that_many_leave(line: Line) -> bool:
    used = [line[name] for name in ("mou_out", "sms_out", "data_mb")]
    if line["tenure_month"] < 2 or line["total_fee_amount"] is None or None in used:
        return False
    if line["plan_at_risk"] < 100 or line["plan_hazard"] < 1.5 * line["network_hazard"]:
        return False
    minutes, messages, megabytes = map(float, used)
    costs = {
        "P1": 10 + 0.2 * minutes + 0.1 * messages + 0.05 * megabytes,
        "P2": 20 + 0.2 * max(0, minutes - 150) + 0.1 * messages + 0.05 * max(0, megabytes - 300),
    }
    least = min(round(cost + 1e-9, 2) for plan, cost in costs.items() if plan != line["plan_code"])
    return float(line["total_fee_amount"]) >= 1.2 * least - 1e-9


EVIDENCE = {"customer_id": 0.95, "imei_hash": 0.80, "pay_account": 0.70}


def fades(line: Line) -> bool:
    return (
        may_be_called(line)
        and not line["is_new"]
        and (
            (line["silent_months"] or 0) >= 1
            or (line["active_days"] is not None and line["active_days"] <= 3)
            or is_at_most(line["mou"], "0.1", line["mou_prior3_mean"])
        )
    )


def successors(lines: Iterable[Line], month: str) -> dict[str, str]:
    """For every fading line of a month the new line that its holder seems to have taken in its place."""
    here = [line for line in lines if line["month"] == month]
    holders = {
        (name, value): sum(line["delivered"] and line[name] == value for line in here)
        for name in EVIDENCE
        for value in {line[name] for line in here}
    }
    pairs = []
    for old in filter(fades, here):
        last = old["last_activity_on"] or MONTH_ENDS[month]
        for new in here:
            days = abs((new["joined_on"] - last).days)
            is_live = new["is_on_net_close"] and new["silent_months"] == 0
            if not is_live or new["joined_on"] <= old["joined_on"] or days > 60:
                continue
            open_chance = 1.0
            for name, weight in EVIDENCE.items():
                is_personal = holders[name, old[name]] < (10 if name == "customer_id" else 5)
                if old[name] is not None and old[name] == new[name] and is_personal:
                    open_chance *= 1 - weight * (name != "imei_hash" or days <= 30)
            if round(1 - open_chance, 4) >= 0.5:
                pairs.append((open_chance, days, new["subscriber_id"], old["subscriber_id"]))
    best_of_old = {old: pair for *pair, old in sorted(pairs, reverse=True)}
    best_of_new: dict[str, tuple[float, int, str]] = {}
    for old, (chance, days, new) in best_of_old.items():
        best_of_new[new] = min(best_of_new.get(new, (2.0, 0, "")), (chance, days, old))
    return {old: new for new, (_, _, old) in best_of_new.items()}


RULES: Mapping[str, Callable[[Line], bool]] = {
    "churned": lambda line: line["is_churned"],
    "warning": lambda line: may_be_called(line) and level(line) is not None,
    "expiring": lambda line: may_be_called(line) and is_expiring(line),
    "silent": lambda line: (
        may_be_called(line) and line["status"] != "suspended_arrears" and (line["silent_months"] or 0) >= 1
    ),
    "dormant": lambda line: (
        may_be_called(line) and line["status"] != "suspended_arrears" and (line["silent_months"] or 0) >= 3
    ),
    "non_billed": lambda line: may_be_called(line) and line["tenure_month"] > 1 and line["billed_revenue_amount"] == 0,
    "mid_high": lambda line: may_be_called(line) and line["value_tier"] in ("high", "mid", "group"),
    "new_care": lambda line: may_be_called(line) and is_new_and_worth_a_call(line),
    "hoarding": lambda line: may_be_called(line) and bool(line["is_suspicious"]),
    "blacklist": lambda line: may_be_called(line) and line["is_new"] and line["is_of_black_customer"],
    "value_drop": lambda line: may_be_called(line) and is_falling_in_value(line),
    "arrears": lambda line: may_be_called(line) and is_in_arrears(line),
    "points_expiry": lambda line: may_be_called(line) and has_points_running_out(line),
    "plan_migration": lambda line: may_be_called(line) and pays_too_much_on_a_plan_that_many_leave(line),
    "internal_swap": lambda line: may_be_called(line) and line["successor"] is not None,
    "win_back": lambda line: line["is_to_win_back"],
}


def stage(line: Line) -> str:
    """Days since the stop: from 30 stopped both ways, 15 before the ninetieth about to be disconnected."""
    if line["status"] != "suspended_arrears":
        return "due"
    days = -(days_to(line["status_on"], line) or 0)
    return "before_disconnect" if days >= 75 else "second_stop" if days >= 30 else "first_stop"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = varied_world(tmp_path_factory.mktemp("lists"))
    made.build("2011-02", "2011-06", select="+mart_work_orders")
    return made


@pytest.fixture(scope="module")
def lines(world: World) -> dict[tuple[str, str], Line]:
    rows = world.query("""
        with plans as (
            select month, plan_code, count_if(is_churned) as leavers, count_if(is_churned or is_on_net_close) as at_risk
            from core.fct_subscriber_months group by all
        ),
        windows as (
            select distinct month, strftime(cast(month || '-01' as date) - interval 2 month, '%Y-%m') as first_month
            from plans
        ),
        hazards as (
            select windows.month, plan_code, sum(leavers) / sum(at_risk) as hazard, sum(at_risk) as at_risk
            from windows inner join plans on plans.month between first_month and windows.month
            group by all
        ),
        networks as (
            select windows.month, sum(leavers) / sum(at_risk) as hazard
            from windows inner join plans on plans.month between first_month and windows.month
            group by all
        )
        select fact.*, suspicions.is_suspicious, fact.payment_count + before.payment_count as recharges_since_joining,
            hazards.hazard as plan_hazard, hazards.at_risk as plan_at_risk, networks.hazard as network_hazard,
            snapshots.subscriber_id is not null as delivered, snapshots.imei_hash, snapshots.pay_account,
            exists (
                from staging.stg_crm__blacklist as listed
                where listed.month = fact.month and listed.customer_id = fact.customer_id
            ) or exists (
                from core.fct_churn as events
                inner join core.fct_subscriber_months as gone using (month, subscriber_id)
                where events.month < fact.month and events.is_malicious_arrears and gone.customer_id = fact.customer_id
            ) as is_of_black_customer
        from core.fct_subscriber_months as fact
        left join core.fct_subscriber_months as before
            on before.subscriber_id = fact.subscriber_id
            and before.month = strftime(cast(fact.month || '-01' as date) - interval 1 month, '%Y-%m')
        left join intermediate.int_hoarding_suspicions as suspicions
            on suspicions.month = fact.month and suspicions.subscriber_id = fact.subscriber_id
        left join hazards on hazards.month = fact.month and hazards.plan_code = fact.plan_code
        left join networks on networks.month = fact.month
        left join staging.stg_crm__subscribers as snapshots
            on snapshots.month = fact.month and snapshots.subscriber_id = fact.subscriber_id
    """)
    for row in rows:
        row["is_to_win_back"] = False
    found = {(row["month"], row["subscriber_id"]): row for row in rows}
    for month in MONTH_ENDS:
        chosen = successors(rows, month)
        for row in rows:
            if row["month"] == month:
                row["successor"] = chosen.get(row["subscriber_id"])
    for month, subscriber_id in to_win_back(world, found):
        line = {"month": month, "subscriber_id": subscriber_id, "is_on_net_close": False, "is_churned": False}
        found.setdefault((month, subscriber_id), line)["is_to_win_back"] = True
    return found


CONTROLLABLE = {"price", "billing", "loopholes"}


def to_win_back(world: World, lines: Mapping[tuple[str, str], Line]) -> Iterable[tuple[str, str]]:
    """Leavers of the last ninety days of a month who were worth something or name a cause that can be controlled."""
    events = world.query("from core.fct_churn order by month")
    answers = world.query("from staging.stg_crm__exit_surveys")
    swapped = world.query("select month, old_subscriber_id from core.fct_number_swaps where swap_status = 'swap'")
    for month, last_day in MONTH_ENDS.items():
        latest = {event["subscriber_id"]: event for event in events if event["month"] <= month}
        for subscriber_id, event in latest.items():
            said = {
                code
                for answer in answers
                if answer["subscriber_id"] == subscriber_id
                and answer["churn_month"] == event["month"]
                and answer["month"] <= month
                for code in (answer["cause_code"] or "").split("+")
            }
            is_back = lines.get((month, subscriber_id), {}).get("is_on_net_close", False)
            is_swapped = {"month": month, "old_subscriber_id": subscriber_id} in swapped
            if (
                is_back
                or is_swapped
                or event["churn_class"] in ("internal", "natural")
                or event["is_malicious_arrears"]
            ):
                continue
            is_late = (last_day - event["termination_on"]).days >= 90
            is_worth_it = event["value_tier"] in ("high", "mid", "group") or said & CONTROLLABLE
            may_be_asked = not lines[event["month"], subscriber_id]["is_do_not_contact"]
            if is_worth_it and may_be_asked and not is_late:
                yield month, subscriber_id


@pytest.fixture(scope="module")
def rows(world: World) -> list[Line]:
    return world.query("from retention.mart_work_lists")


@pytest.mark.parametrize("list_type", RULES)
def test_a_list_has_exactly_those_whom_its_rule_names(list_type, lines, rows):
    known = ((key, line) for key, line in lines.items() if "status" in line or list_type == "win_back")
    expected = {key for key, line in known if RULES[list_type](line)}
    listed = {(row["list_month"], row["subscriber_id"]) for row in rows if row["list_type"] == list_type}
    assert listed == expected
    assert 0 < len(expected) < len(lines), "a rule that everybody or nobody fulfils shows nothing"


def test_a_suspected_swap_names_the_line_that_took_over(lines, rows):
    found = {
        (row["list_month"], row["subscriber_id"]): row["new_subscriber_id"]
        for row in rows
        if row["list_type"] == "internal_swap"
    }
    assert found == {key: lines[key]["successor"] for key in found}


def test_there_is_no_list_without_a_rule_here(rows):
    assert {row["list_type"] for row in rows} == set(RULES)


def test_warning_clauses_and_levels_are_those_of_the_definition(lines):
    for key, line in lines.items():
        if line["is_on_net_close"]:
            assert set(filter(None, (line["warning_clauses"] or "").split("+"))) == clauses(line), key
            assert line["risk_level"] == level(line), key


def test_the_stage_of_arrears_follows_the_days_since_the_stop(lines, rows):
    found = {
        (row["list_month"], row["subscriber_id"]): row["arrears_stage"] for row in rows if row["list_type"] == "arrears"
    }
    assert found == {key: stage(lines[key]) for key in found}
    assert {row["arrears_stage"] for row in rows if row["list_type"] != "arrears"} == {None}


def test_every_row_says_why_in_both_languages_without_an_open_place(rows):
    for row in rows:
        for reason in (row["reason"], row["reason_en"]):
            assert reason, (row["list_type"], row["subscriber_id"])
            assert "{" not in reason
            assert "None" not in reason


NOT_HELD_OUT = ("churned", "hoarding", "blacklist")


def lot(row: Line) -> str:
    """What a subscriber draws for a quarter; the lowest of a district and tier are held out."""
    quarter = f"{row['month'][:4]}-Q{(int(row['month'][5:]) + 2) // 3}"
    return hashlib.sha256(f"{row['subscriber_id']}{quarter}".encode()).hexdigest()


def test_a_tenth_of_the_listed_of_every_district_and_tier_is_held_out_by_the_lowest_lots_of_the_quarter(rows):
    strata: dict[tuple[str, ...], dict[str, bool]] = {}
    for row in rows:
        if row["list_type"] in NOT_HELD_OUT or row["is_in_pilot"]:
            continue
        if row["value_tier"] == "group" or row["subscriber_id"] in SPECIAL:
            assert not row["is_holdout"], row["subscriber_id"]
        else:
            stratum = (row["list_month"], str(row["district_code"]), str(row["value_tier"]))
            assert strata.setdefault(stratum, {}).setdefault(lot(row), row["is_holdout"]) == row["is_holdout"]
    for stratum, drawn in strata.items():
        held = [is_held for _, is_held in sorted(drawn.items())]
        assert held == sorted(held, reverse=True), f"{stratum}: a higher lot is held out before a lower one"
        assert abs(sum(held) - 0.1 * len(held)) < 1, stratum
    assert sum(sum(drawn.values()) for drawn in strata.values()) > 10
    assert not any(row["is_holdout"] for row in rows if row["list_type"] in NOT_HELD_OUT)


SPECIAL = {f"S{number:03d}" for number in range(0, 240, 61)}


def test_no_measure_costs_more_than_the_cap_has_left_and_low_value_costs_nothing(world, rows):
    costs = {
        row["measure_code"]: (row["cap_kind"], row["cost_amount"]) for row in world.query("from rules.measure_costs")
    }
    offered = 0
    for row in rows:
        spent = {"care": Decimal(0), "retention": Decimal(0), "none": Decimal(0)}
        codes = (row["measure_codes"] or "").split("+") if row["measure_codes"] else []
        for code in codes:
            spent[costs[code][0]] += costs[code][1]
        for kind in ("care", "retention"):
            left = max((row[f"{kind}_cap_amount"] or 0) - (row[f"{kind}_spent_amount"] or 0), 0)
            assert spent[kind] <= left, (row["list_type"], row["subscriber_id"])
        assert len(codes) <= 3
        offered += sum(spent.values()) > 0
    assert offered > 10


def test_an_order_is_one_a_subscriber_with_the_first_reason_and_nobody_held_out(world, rows):
    orders = world.query("from retention.mart_work_orders")
    places = ("arrears", "warning", "expiring", "value_drop", "new_care", "win_back", "plan_migration")
    listed: dict[tuple[str, str], dict[str, Line]] = {}
    for row in rows:
        if row["list_type"] not in ("churned", "mid_high", "hoarding", "blacklist"):
            listed.setdefault((row["list_month"], row["subscriber_id"]), {})[row["list_type"]] = row
    assert {(order["list_month"], order["subscriber_id"]) for order in orders} == set(listed)
    assert len(orders) == len(listed)
    for order in orders:
        lists = listed[order["list_month"], order["subscriber_id"]]
        others = set(filter(None, (order["other_list_types"] or "").split("+")))
        assert {order["main_list_type"], *others} == set(lists)
        assert order["is_planned"] == (order["suppressed_because"] is None)
        if any(row["is_holdout"] for row in lists.values()):
            assert order["suppressed_because"] == "holdout"
        if "complaints" in (lists.get("warning", {}).get("warning_clauses") or ""):
            assert order["main_list_type"] in ("arrears", "warning")
        elif order["work_order_reason"] in places[2:]:
            assert not set(lists) & set(places[2 : places.index(order["work_order_reason"])])
    assert {order["suppressed_because"] for order in orders} >= {None, "holdout", "cool_down"}


def test_rows_are_numbered_from_one_in_every_month_and_list(rows):
    orders: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        orders.setdefault((row["list_month"], row["list_type"]), []).append(row["sort_order"])
    assert all(sorted(order) == list(range(1, len(order) + 1)) for order in orders.values())
