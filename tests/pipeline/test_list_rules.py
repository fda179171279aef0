"""Who is on which list, decided a second time: from the subscriber-month fact, in Python, by the rules as printed.

Thresholds stand here as the definitions print them (domain 3.9 and 3.13), so that neither a seed nor a model that
drifts from them goes unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
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
    owed = line["arrears_amount"]
    return owed > 0 if owed is not None else line["status"] == "suspended_arrears"


def is_new_and_worth_a_call(line: Line) -> bool:
    recharges = line["recharges_since_joining"]
    return line["tenure_month"] == 2 and (
        (line["billed_revenue_amount"] or 0) >= 60
        or (line["payment_type"] == "prepaid" and recharges is not None and recharges < 2)
    )


def has_points_running_out(line: Line) -> bool:
    left = days_to(line["points_expire_on"], line)
    return left is not None and 0 <= left <= 60 and (line["points_expiring"] or 0) / 100 >= 10


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
    made.build("2011-02", "2011-06", select="+mart_work_lists", tests=False)
    return made


@pytest.fixture(scope="module")
def lines(world: World) -> dict[tuple[str, str], Line]:
    rows = world.query("""
        select fact.*, suspicions.is_suspicious, fact.payment_count + before.payment_count as recharges_since_joining,
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
    """)
    return {(row["month"], row["subscriber_id"]): row for row in rows}


@pytest.fixture(scope="module")
def rows(world: World) -> list[Line]:
    return world.query("from retention.mart_work_lists")


@pytest.mark.parametrize("list_type", RULES)
def test_a_list_has_exactly_those_whom_its_rule_names(list_type, lines, rows):
    expected = {key for key, line in lines.items() if RULES[list_type](line)}
    listed = {(row["list_month"], row["subscriber_id"]) for row in rows if row["list_type"] == list_type}
    assert listed == expected
    assert 0 < len(expected) < len(lines), "a rule that everybody or nobody fulfils shows nothing"


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


def test_nobody_of_a_group_and_nobody_special_is_held_out_and_the_churned_are_all_shown(lines, rows):
    for row in rows:
        line = lines[row["list_month"], row["subscriber_id"]]
        if row["list_type"] == "churned" or line["value_tier"] == "group" or line["is_special"]:
            assert not row["is_holdout"], row["subscriber_id"]
    assert any(row["is_holdout"] for row in rows)


def lot(line: Line) -> str:
    """What a line draws for a quarter; the lowest of its district and tier are held out."""
    quarter = f"{line['month'][:4]}Q{(int(line['month'][5:]) + 2) // 3}"
    return hashlib.sha256(f"{line['subscriber_id']}{quarter}".encode()).hexdigest()


def test_a_tenth_of_every_district_and_tier_is_held_out_by_the_lowest_lots_of_the_quarter(lines, rows):
    strata: dict[tuple[str, ...], list[tuple[str, bool]]] = {}
    for row in rows:
        line = lines[row["list_month"], row["subscriber_id"]]
        is_exempt = line["value_tier"] == "group" or line["is_special"]
        if row["list_type"] in ("churned", "hoarding", "blacklist") or is_exempt or row["is_in_pilot"]:
            continue
        stratum = (row["list_month"], row["list_type"], str(row["district_code"]), str(row["value_tier"]))
        strata.setdefault(stratum, []).append((lot(line), row["is_holdout"]))
    for stratum, drawn in strata.items():
        held = [is_held for _, is_held in sorted(drawn)]
        assert held == sorted(held, reverse=True), f"{stratum}: a higher lot is held out before a lower one"
        assert abs(sum(held) - 0.1 * len(held)) < 1, stratum
    assert any(is_held for drawn in strata.values() for _, is_held in drawn)


def test_rows_are_numbered_from_one_in_every_month_and_list(rows):
    orders: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        orders.setdefault((row["list_month"], row["list_type"]), []).append(row["sort_order"])
    assert all(sorted(order) == list(range(1, len(order) + 1)) for order in orders.values())
