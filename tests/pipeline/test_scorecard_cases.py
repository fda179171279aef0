"""The cases of the scorecards, decided a second time: from the facts, in Python, by the rules as printed.

Limits stand here as the definitions print them (domain 3.19), so that neither a seed nor a model that drifts from them
goes unseen.
"""

from __future__ import annotations

import calendar
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.lib import months
from tests.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

Row = Mapping[str, Any]
Case = tuple[str, str | None, str, int, int]
"""Month, unit, stratum, one if it is a case, one if it happened."""

MONTHS = months.between("2010-10", "2011-08")
SCHOOL = "G0"
WITHHELD = {
    "billing_payments": "2011-02",
    "billing_usage": "2011-03",
    "crm_complaints": "2011-04",
    "crm_contacts": "2011-03",
    "crm_exit_surveys": "2011-06",
}
CARE, FREE = "RM003", "PM001"


def first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> date:
    first = first_day(month)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


# A branch in which everything happens that a scorecard asks about.


@dataclass
class Life:
    """What stays of a made-up line from one month to the next."""

    number: int
    joined_on: date
    customer_id: str
    status: str = "active"
    status_on: date | None = None
    gone_months: int = 0
    contract_end: date | None = None
    owed: Decimal = Decimal(0)


def lives(draw: random.Random) -> list[Life]:
    old = [Life(number, date(2008, 3, 10), f"K{number}") for number in range(160)]
    young = [
        Life(160 + place, first_day(MONTHS[place % len(MONTHS)]) + timedelta(draw.randrange(28)), f"K{160 + place}")
        for place in range(176)
    ]
    for place, life in enumerate(young):
        if place % 7 == 2:
            life.customer_id = old[place % 160].customer_id
    for life in old + young:
        if draw.random() < 0.6:
            life.contract_end = date(2010, 12, 1) + timedelta(draw.randrange(300))
    return old + young


def live_on(life: Life, month: str, draw: random.Random, partner_joins: bool) -> bool:
    """Take a line through a month; whether its snapshot has it."""
    if month_of(life.joined_on) > month:
        return False
    if life.status in ("cancelled", "disconnected", "ported_out"):
        life.gone_months += 1
        if life.gone_months > 2 or draw.random() > 0.2:
            return False
        life.status, life.status_on, life.gone_months = "active", first_day(month) + timedelta(4), 0
    elif draw.random() < (0.7 if partner_joins else 0.05):
        life.status = draw.choice(("cancelled", "disconnected", "ported_out" if not partner_joins else "cancelled"))
        life.status_on = max(life.joined_on, first_day(month) + timedelta(draw.randrange(28)))
    elif life.number % 97 == 5 and month > "2011-05":
        return False
    if life.contract_end and month_of(life.contract_end) == month and draw.random() < 0.5:
        life.contract_end += timedelta(365)
    return True


def snapshot(life: Life, month: str) -> dict[str, Any]:
    number, index = life.number, MONTHS.index(month)
    return {
        "subscriber_id": f"S{number:03d}",
        "customer_id": life.customer_id,
        "imei_hash": "I-shared" if number % 41 == 7 and number >= 160 else f"I{number}",
        "district_code": f"D{(number + (index > 6 and number % 23 == 0)) % 3}",
        "payment_type": (None, "prepaid", "postpaid", "prepaid", "quasi_prepaid")[number % 5],
        "network": "GSM",
        "plan_code": "P0" if is_hoarded(life) else f"P{1 + number % 3}",
        "join_date": life.joined_on,
        "status": life.status,
        "status_date": life.status_on,
        "contract_end": life.contract_end,
        "channel_code": None if number % 11 == 0 else f"C{number % 3}",
        "is_special": number % 61 == 0,
        "is_countable": not (number % 47 == 1 and index > 4),
        "is_registration_complete": (True, True, True, False, None)[number % 5],
        "group_id": SCHOOL if number % 9 == 4 else None,
        "account_manager": None if number % 10 == 0 else f"M{(number + (index > 5 and number % 8 == 0)) % 4}",
    }


def is_hoarded(life: Life) -> bool:
    return life.number >= 160 and life.number % 9 == 3


def months_deliveries(month: str, here: list[Life], draw: random.Random) -> dict[str, list[dict[str, Any]]]:
    """All data sets of a month but the snapshot."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for life in here:
        key = {"subscriber_id": f"S{life.number:03d}"}
        for place, share in enumerate(draw.choice(((), ("1",), ("1",), ("0.5", "0.5"), ("0.99",)))):
            day = draw.choice((1, 15, 28, 29, 30, 31))
            amount = life.owed * Decimal(share)
            if is_hoarded(life) or day > last_day(month).day or amount <= 0:
                continue
            paid_at = f"{month}-{day:02d} 23:30:00"
            rows["billing_payments"].append(
                {**key, "payment_id": f"{month}-{life.number}-{place}", "paid_at": paid_at, "amount": round(amount, 2)}
            )
        if life.number % 2 and not is_hoarded(life):
            paid = {**key, "payment_id": f"{month}-{life.number}-top", "paid_at": f"{month}-09 10:00:00", "amount": 10}
            rows["billing_payments"] += [paid] if draw.random() < 0.6 else []
        life.owed = Decimal(draw.choice(("0", "0", "29.99", "30", "30", "45.50")))
        fee = (400 if life.number % 6 == 0 else 90 if life.number % 3 == 1 else 25) * draw.choice((0, 1, 1, 1, 1.2))
        rows["billing_bills"].append({**key, "total_fee": fee, "arrears": life.owed})
        is_used = not is_hoarded(life) and draw.random() < 0.85
        use = {"calls_out": 40, "mou_out": 90, "distinct_called": 12} if is_used else {"calls_out": 0}
        rows["billing_usage"].append({**key, **use})
        if draw.random() < 0.1:
            ticket = {"complaint_id": f"{month}-{life.number}", "created_at": f"{month}-05 10:00:00"}
            rows["crm_complaints"].append({**key, **ticket})
        if life.status != "active" and draw.random() < 0.8:
            cause = draw.choice(("price", "other", "other+voice_quality", "weather", None, "relocation"))
            rows["crm_exit_surveys"].append({**key, "churn_month": month, "cause_code": cause})
        for place in range(draw.choice((0, 0, 0, 1, 1, 2))):
            rows["crm_contacts"].append({**key, **contact(life, month, place, draw)})
    rows["finance_acquisition"].append({"network": "GSM", "commission": 1200})
    return rows


def contact(life: Life, month: str, place: int, draw: random.Random) -> dict[str, Any]:
    return {
        "contact_id": f"{month}-{life.number}-{place}",
        "list_month": months.shift(month, draw.choice((-1, -1, -1, -2))),
        "list_type": "warning",
        "measure_code": draw.choice((None, CARE, CARE, FREE)),
        "contacted_at": f"{month}-{draw.choice((2, 11, 12, 12, 13, 20)):02d} {draw.choice(('00:00:00', '23:59:59'))}",
        "outcome": draw.choice(("accepted", "accepted", "declined", "unreached")),
        "cost": draw.choice((0, None, 3, 9, 60, 150)),
        "account_manager": draw.choice((None, None, f"M{life.number % 4}", f"M{draw.randrange(4)}")),
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    draw, made = random.Random(20110831), World(tmp_path_factory.mktemp("scorecard_cases"))
    everybody = lives(draw)
    for month in MONTHS:
        joining = {life.customer_id for life in everybody if month_of(life.joined_on) == month}
        here = [
            life for life in everybody if live_on(life, month, draw, life.number < 160 and life.customer_id in joining)
        ]
        made.add("crm_subscribers", month, [snapshot(life, month) for life in here])
        for data_set, rows in months_deliveries(month, here, draw).items():
            if WITHHELD.get(data_set) != month:
                made.add(data_set, month, rows)
    plans = [{"plan_code": f"P{number}", "monthly_rent": 10 * number} for number in range(4)]
    made.add("crm_plans", MONTHS[0], plans)
    made.add("crm_groups", MONTHS[0], [{"group_id": SCHOOL, "group_name": "第九中学", "has_agreement": True}])
    made.build(MONTHS[0], MONTHS[-1], select="+int_scorecard_cases +mart_churn_trend")
    return made


# The rules, told line by line.


@dataclass(frozen=True)
class Facts:
    """What the rules are decided by."""

    lines: Mapping[tuple[str, str], Row]
    contacts: tuple[Row, ...]
    payments: tuple[Row, ...]
    answers: tuple[Row, ...]
    orders: tuple[Row, ...]
    lists: tuple[Row, ...]
    swaps: tuple[Row, ...]
    suspicions: Mapping[tuple[str, str], Row]
    caps: Mapping[tuple[str, str], Row]

    def of(self, month: str) -> Iterator[tuple[str, Row]]:
        return ((line["subscriber_id"], line) for (at, _), line in self.lines.items() if at == month)

    def on_net(self, month: str, subscriber_id: str) -> bool:
        return bool(self.lines.get((month, subscriber_id), {}).get("is_on_net_close", False))

    def before(self, month: str, subscriber_id: str) -> Row | None:
        """The line at the close of the month before, if it was on the network."""
        earlier = months.shift(month, -1)
        return self.lines[earlier, subscriber_id] if self.on_net(earlier, subscriber_id) else None

    def has_left(self, month: str, subscriber_id: str, months_back: int) -> bool:
        """Whether the line churned in those months or in this one and is not back at its close."""
        way = (self.lines.get((months.shift(month, -lag), subscriber_id)) for lag in range(months_back + 1))
        return not self.on_net(month, subscriber_id) and any(line and line["is_churned"] for line in way)

    def newcomers(self, month: str, months_back: int) -> Iterator[tuple[str, Row]]:
        """Who joined so many months before and is still counted or has left."""
        if months.shift(month, -months_back) < MONTHS[0]:
            return
        for subscriber_id, line in self.of(months.shift(month, -months_back)):
            is_followed = self.on_net(month, subscriber_id) or self.has_left(month, subscriber_id, months_back)
            if line["is_new"] and is_followed:
                yield subscriber_id, line

    def swapped_newcomers(self, month: str) -> set[str]:
        """New numbers of old subscribers: as known now, or as known two months after the old number ended."""
        return {
            swap["new_subscriber_id"]
            for swap in self.swaps
            if swap["swap_status"] == "swap"
            and (swap["month"] == month or swap["month"] == months.shift(swap["churn_month"], 2) < month)
        }


@pytest.fixture(scope="module")
def facts(world: World) -> Facts:
    def by_line(sql: str) -> dict[tuple[str, str], Row]:
        return {(row["month"], row["subscriber_id"]): row for row in world.query(sql)}

    return Facts(
        lines=by_line("from core.fct_subscriber_months"),
        contacts=tuple(world.query("from staging.stg_crm__contacts")),
        payments=tuple(world.query("from staging.stg_billing__payments")),
        answers=tuple(world.query("from staging.stg_crm__exit_surveys")),
        orders=tuple(world.query("from retention.mart_work_orders where is_planned")),
        lists=tuple(world.query("from retention.mart_work_lists")),
        swaps=tuple(world.query("from core.fct_number_swaps")),
        suspicions=by_line("from intermediate.int_hoarding_suspicions"),
        caps=by_line("from intermediate.int_subscriber_cost_caps"),
    )


def is_delivered(data_set: str, month: str) -> bool:
    return MONTHS[0] <= month <= MONTHS[-1] and WITHHELD.get(data_set) != month


def mix(facts: Facts, month: str, subscriber_id: str, line: Row) -> str:
    """Tenure bucket, and the value tier of the month before; apart for the hoarded and for pupils whose school ends."""
    suspicion = facts.suspicions.get((month, subscriber_id), {})
    if suspicion.get("is_suspicious") or (line["group_id"] == SCHOOL and month[-2:] in ("06", "07")):
        return "not_compared"
    before = facts.lines.get((months.shift(month, -1), subscriber_id), {})
    return f"{line['tenure_bucket']}/{before.get('value_tier') or 'U'}"


def net_churn(facts: Facts, month: str) -> Iterator[Case]:
    swapped = {
        swap["old_subscriber_id"]
        for swap in facts.swaps
        if swap["month"] == swap["churn_month"] == month and swap["swap_status"] == "swap"
    }
    for subscriber_id, line in facts.of(month):
        stratum = mix(facts, month, subscriber_id, line)
        if line["is_on_net_open"]:
            yield month, line["district_code_open"], stratum, 1, 0
        if line["is_churned"] and subscriber_id not in swapped:
            yield month, line["district_code"], stratum, 0, 1


def portfolio_kept(facts: Facts, month: str) -> Iterator[Case]:
    for subscriber_id, line in facts.of(month):
        if line["is_on_net_open"]:
            owner = (facts.before(month, subscriber_id) or line)["account_manager"]
            yield month, owner, mix(facts, month, subscriber_id, line), 1, not line["is_churned"]


def renewed(unit: str) -> Callable[[Facts, str], Iterator[Case]]:
    def cases(facts: Facts, month: str) -> Iterator[Case]:
        for subscriber_id, line in facts.of(month):
            before = facts.before(month, subscriber_id)
            if before and before["contract_end_on"] and month_of(before["contract_end_on"]) == month:
                end = line["contract_end_on"]
                is_renewed = line["is_on_net_close"] and end is not None and month_of(end) > month
                yield month, before[unit], "all", 1, is_renewed

    return cases


def arrears_recovered(facts: Facts, month: str) -> Iterator[Case]:
    if not is_delivered("billing_payments", month):
        return
    until = last_day(months.shift(month, -1)) + timedelta(30)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for payment in facts.payments:
        if payment["month"] == month and payment["paid_at"].date() <= until:
            paid[payment["subscriber_id"]] += payment["payment_amount"]
    for subscriber_id, _ in facts.of(month):
        before = facts.before(month, subscriber_id)
        if before and before["arrears_amount"] >= 30:
            is_recovered = paid[subscriber_id] >= before["arrears_amount"]
            yield month, before["district_code"], "all", 1, is_recovered


def at_close(
    unit: str, data_set: str, happened: Callable[[Row], bool], among: Callable[[Row], bool] = lambda line: True
) -> Callable[[Facts, str], Iterator[Case]]:
    """A KPI of all, or some, who are on the network at close."""

    def cases(facts: Facts, month: str) -> Iterator[Case]:
        if is_delivered(data_set, month):
            for _, line in facts.of(month):
                if line["is_on_net_close"] and among(line):
                    yield month, line[unit], "all", 1, happened(line)

    return cases


def high_value_kept(facts: Facts, month: str) -> Iterator[Case]:
    frozen = MONTHS[0] if month <= "2010-12" else "2010-12"
    for subscriber_id, line in facts.of(frozen):
        if line["is_on_net_close"] and line["value_tier"] == "high" and month > MONTHS[0]:
            now, was = facts.lines.get((month, subscriber_id), {}), line["arpu3_amount"]
            is_kept = facts.on_net(month, subscriber_id) and (was is None or 2 * (now["arpu3_amount"] or 0) >= was)
            yield month, line["district_code"], month[5:], 1, is_kept


def list_effect(unit: str) -> Callable[[Facts, str], Iterator[Case]]:
    def cases(facts: Facts, month: str) -> Iterator[Case]:
        listed = months.shift(month, -3)
        found = {}
        for row in facts.lists:
            subscriber_id = row["subscriber_id"]
            described = facts.lines.get((listed, subscriber_id), {})
            is_exempt = row["value_tier"] == "group" or described.get("is_special")
            if row["month"] != listed or row["is_in_pilot"] or row["list_type"] in ("churned", "hoarding", "blacklist"):
                continue
            if is_exempt and not row["is_holdout"]:
                continue
            is_gone = (
                not facts.on_net(month, subscriber_id)
                if row["list_type"] == "win_back"
                else facts.has_left(month, subscriber_id, 2)
            )
            arm = "control" if row["is_holdout"] else "treated"
            found[subscriber_id] = (month, row[unit], arm, 1, int(is_gone))
        yield from found.values()

    return cases


def worked(facts: Facts, month: str, order: Row) -> list[Row]:
    return [
        contact
        for contact in facts.contacts
        if contact["month"] == month
        and contact["list_month"] == order["month"]
        and contact["subscriber_id"] == order["subscriber_id"]
    ]


def planned(facts: Facts, month: str) -> Iterator[Row]:
    if is_delivered("crm_contacts", month):
        yield from (order for order in facts.orders if order["month"] == months.shift(month, -1))


def list_reached(unit: str) -> Callable[[Facts, str], Iterator[Case]]:
    def cases(facts: Facts, month: str) -> Iterator[Case]:
        for order in planned(facts, month):
            is_reached = any(
                contact["outcome"] != "unreached" and contact["contacted_at"].day <= 5 + 7
                for contact in worked(facts, month, order)
            )
            yield month, order[unit], "all", 1, is_reached

    return cases


def list_closed(facts: Facts, month: str) -> Iterator[Case]:
    for order in planned(facts, month):
        outcomes = {contact["outcome"] for contact in worked(facts, month, order)}
        if outcomes:
            yield month, order["district_code"], "all", 1, bool(outcomes & {"accepted", "declined"})


def manager_of(facts: Facts, contact: Row) -> str | None:
    line = facts.lines.get((contact["month"], contact["subscriber_id"]), {})
    named: str | None = contact["account_manager"] or line.get("account_manager")
    return named


def acceptance_held(facts: Facts, month: str) -> Iterator[Case]:
    accepted = {
        (manager_of(facts, contact), contact["subscriber_id"])
        for contact in facts.contacts
        if contact["month"] == months.shift(month, -3) and contact["outcome"] == "accepted"
    }
    for manager, subscriber_id in accepted:
        yield month, manager, "all", 1, facts.on_net(month, subscriber_id)


def cap_kept(facts: Facts, month: str) -> Iterator[Case]:
    def holder(subscriber_id: str) -> str | None:
        caps = facts.caps.get((month, subscriber_id))
        return None if caps is None else caps["cap_unit"] or subscriber_id

    care: dict[str | None, Decimal] = defaultdict(Decimal)
    retention: dict[str | None, Decimal] = defaultdict(Decimal)
    spenders = set()
    for contact in facts.contacts:
        who, cost = holder(contact["subscriber_id"]), contact["cost_amount"] or Decimal(0)
        if contact["month"] == month and cost > 0 and who is not None:
            spenders.add((manager_of(facts, contact), who, contact["subscriber_id"]))
        if contact["month"] == month and contact["measure_code"] == CARE:
            care[who] += cost
        if contact["month"] <= month and contact["measure_code"] != CARE:
            retention[who] += cost
    once = {(manager, who): facts.caps[month, subscriber_id] for manager, who, subscriber_id in spenders}
    for (manager, who), caps in once.items():
        sides = [
            None if spent > 0 and cap is None else spent == 0 or spent <= cap
            for spent, cap in (
                (care[who], caps["care_cap_amount"]),
                (retention[who], caps["retention_cap_amount"]),
            )
        ]
        if False in sides or None not in sides:
            yield month, manager, "all", 1, False not in sides


def early_churn(facts: Facts, month: str) -> Iterator[Case]:
    swapped = facts.swapped_newcomers(month)
    for subscriber_id, line in facts.newcomers(month, 3):
        is_suspicious = facts.suspicions.get((month, subscriber_id), {}).get("is_suspicious", False)
        if subscriber_id not in swapped and not is_suspicious:
            yield month, line["district_code"], "all", 1, not facts.on_net(month, subscriber_id)


def survived(facts: Facts, month: str) -> Iterator[Case]:
    for subscriber_id, line in facts.newcomers(month, 6):
        stratum = line["payment_type"] or "(unknown)"
        yield month, line["channel_code"], stratum, 1, facts.on_net(month, subscriber_id)


def second_topup(facts: Facts, month: str) -> Iterator[Case]:
    way = [months.shift(month, -lag) for lag in range(4)]
    if not all(is_delivered("billing_payments", passed) for passed in way):
        return
    for subscriber_id, line in facts.newcomers(month, 3):
        if line["payment_type"] in ("prepaid", None):
            topups = [
                payment
                for payment in facts.payments
                if payment["subscriber_id"] == subscriber_id and payment["month"] in way
            ]
            yield month, line["channel_code"], "all", 1, len(topups) >= 2


def suspected(facts: Facts, month: str) -> Iterator[Case]:
    for (at, _), line in facts.suspicions.items():
        if at == month and line["is_judged"]:
            yield month, line["channel_code"], "all", 1, line["is_suspicious"]


def reason_known(facts: Facts, month: str) -> Iterator[Case]:
    said = {
        answer["subscriber_id"]: answer["cause_code"] or ""
        for answer in facts.answers
        if answer["month"] == answer["churn_month"] == month
    }
    if is_delivered("crm_exit_surveys", month):
        for subscriber_id, line in facts.of(month):
            if line["is_churned"]:
                is_known = bool({"price", "voice_quality", "relocation"} & set(said.get(subscriber_id, "").split("+")))
                yield month, line["district_code"], "all", 1, is_known


def is_recent(line: Row) -> bool:
    return bool(line["tenure_month"] <= 6)


def owes(line: Row) -> bool:
    return bool(line["arrears_amount"] >= 30)


def complained(line: Row) -> bool:
    return bool(line["complaint_count"])


RULES: Mapping[tuple[str, str], Callable[[Facts, str], Iterable[Case]]] = {
    ("district", "net_churn"): net_churn,
    ("district", "high_value_kept"): high_value_kept,
    ("district", "list_effect"): list_effect("district_code"),
    ("district", "list_reached"): list_reached("district_code"),
    ("district", "list_closed"): list_closed,
    ("district", "renewed"): renewed("district_code"),
    ("district", "arrears_recovered"): arrears_recovered,
    ("district", "early_churn"): early_churn,
    ("district", "billed"): at_close("district_code", "billing_bills", lambda line: line["billed_revenue_amount"] > 0),
    ("district", "silent"): at_close("district_code", "billing_usage", lambda line: line["silent_months"] > 0),
    ("district", "registration_complete"): at_close(
        "district_code", "crm_subscribers", lambda line: bool(line["is_registration_complete"])
    ),
    ("district", "reason_known"): reason_known,
    ("manager", "portfolio_kept"): portfolio_kept,
    ("manager", "list_effect"): list_effect("account_manager"),
    ("manager", "list_reached"): list_reached("account_manager"),
    ("manager", "acceptance_held"): acceptance_held,
    ("manager", "renewed"): renewed("account_manager"),
    ("manager", "cap_kept"): cap_kept,
    ("manager", "complained"): at_close("account_manager", "crm_complaints", complained),
    ("dealer", "survived"): survived,
    ("dealer", "second_topup"): second_topup,
    ("dealer", "suspected"): suspected,
    ("dealer", "in_arrears"): at_close("channel_code", "billing_bills", owes, is_recent),
    ("dealer", "complained"): at_close("channel_code", "crm_complaints", complained, is_recent),
}


Counts = dict[tuple[str, str, str], tuple[int, int]]


@pytest.fixture(scope="module")
def found(world: World) -> Mapping[tuple[str, str], Counts]:
    counts: dict[tuple[str, str], Counts] = defaultdict(dict)
    for row in world.query("from intermediate.int_scorecard_cases"):
        place = (row["month"], row["unit_code"], row["stratum"])
        counts[row["unit_type"], row["kpi_code"]][place] = (row["case_count"], row["event_count"])
    return counts


def decided(facts: Facts, rule: Callable[[Facts, str], Iterable[Case]]) -> Counts:
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for at in MONTHS:
        for month, unit, stratum, is_case, is_event in rule(facts, at):
            if unit is not None:
                sums[month, unit, stratum][0] += is_case
                sums[month, unit, stratum][1] += is_event
    return {place: (cases, events) for place, (cases, events) in sums.items()}


@pytest.mark.parametrize("unit_type, kpi_code", RULES)
def test_a_kpi_counts_exactly_the_cases_and_events_of_its_rule(unit_type, kpi_code, facts, found):
    expected = decided(facts, RULES[unit_type, kpi_code])
    assert found[unit_type, kpi_code] == expected
    cases, events = (sum(counts[place] for counts in expected.values()) for place in (0, 1))
    assert 0 < events < cases, "a rule that everybody or nobody fulfils shows nothing"
    assert len({unit for _, unit, _ in expected}) >= 3


def test_there_is_no_kpi_without_a_rule_here(found):
    assert set(found) == set(RULES)


def test_a_month_without_the_data_of_a_kpi_has_no_rows_of_it(found):
    for data_set, places in {
        "billing_payments": [("district", "arrears_recovered")],
        "billing_usage": [("district", "silent")],
        "crm_complaints": [("manager", "complained"), ("dealer", "complained")],
        "crm_contacts": [("district", "list_reached"), ("manager", "list_reached"), ("manager", "cap_kept")],
        "crm_exit_surveys": [("district", "reason_known")],
    }.items():
        for place in places:
            present = {month for month, _, _ in found[place]}
            assert WITHHELD[data_set] not in present, place
            assert months.shift(WITHHELD[data_set], 1) in present, place


def test_net_churn_and_the_frozen_cohort_add_up_to_their_marts(world):
    for kpi_code, mart, cases, events in (
        ("net_churn", "mart_churn_trend", "opening_count", "net_churned_count"),
        ("high_value_kept", "mart_high_value_cohort", "cohort_count", "kept_count"),
    ):
        rows = world.query(f"""
            with units as (
                select month, unit_code as scope_code, sum(case_count) as cases, sum(event_count) as events
                from intermediate.int_scorecard_cases
                where unit_type = 'district' and kpi_code = '{kpi_code}'
                group by all
            )
            select units.cases = mart.{cases} and units.events = mart.{events} as is_equal
            from (from retention.{mart} where scope_type = 'district' and {events} is not null) as mart
            full outer join units using (month, scope_code)
        """)
        assert len(rows) >= 9
        assert all(row["is_equal"] for row in rows), kpi_code
