"""Why leavers go, and where to (domain.md part 4: G40 to G42, G50, G66), from survey answers through all models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.pipeline.printing import percent
from tests.worlds import World

pytestmark = pytest.mark.slow

MARTS = "+mart_churn_cause +mart_churn_destination +mart_churn_trend +mart_delivery_quality"
ANSWERS: Mapping[str, Mapping[str, int]] = {
    "CDMA": {
        "after_sales": 8,
        "billing": 10,
        "malicious_arrears": 8,
        "voice_quality": 15,
        "price": 14,
        "other": 12,
        "handset": 11,
        "brand_image": 4,
        "relocation": 4,
        "vas": 7,
        "dealer_resale": 7,
    },
    "GSM": {
        "voice_quality": 21,
        "after_sales": 4,
        "handset": 5,
        "malicious_arrears": 6,
        "relocation": 6,
        "vas": 6,
        "brand_image": 6,
        "billing": 9,
        "dealer_resale": 9,
        "other": 14,
        "price": 14,
    },
}
"""S1 slide 13: answers of a hundred leavers of each network."""
CAUSES = {
    "voice_quality": "network_quality",
    "price": "price_war",
    "handset": "handset_quality",
    "billing": "billing_errors",
    "after_sales": "handset_repair",
    "malicious_arrears": "malicious_switching",
    "dealer_resale": "channel_speculation",
    "brand_image": "rival_brand",
    "vas": "services_offered",
    "relocation": "relocation",
    "other": "unknown",
}
"""Domain 3.21."""
DESTINATIONS: Mapping[str, Mapping[str, int]] = {
    "CDMA": {"rival_mobile": 37, "rival_fixed": 17, "internal": 30, "other": 16},
    "GSM": {"rival_mobile": 37, "rival_fixed": 24, "internal": 27, "other": 12},
}
SURVEYED, UNANSWERED, UNDELIVERED = "2005-06", "2005-07", "2005-08"

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> World:
    """June: a hundred leavers of each network, all answer. July: 65 of a hundred do. August: no survey, two leave."""
    world = World(tmp_path_factory.mktemp("causes"))
    world.add("crm_subscribers", SURVEYED, [*_leavers(SURVEYED, "CDMA", 100), *_leavers(SURVEYED, "GSM", 100)])
    answers = [
        {
            "subscriber_id": f"{SURVEYED}{network}{place}",
            "churn_month": SURVEYED,
            "cause_code": cause,
            "destination": to,
        }
        for network in ANSWERS
        for place, (cause, to) in enumerate(
            zip(_repeated(ANSWERS[network]), _repeated(DESTINATIONS[network]), strict=True)
        )
    ]
    world.add("crm_exit_surveys", SURVEYED, answers)
    world.add("crm_subscribers", UNANSWERED, _leavers(UNANSWERED, "GSM", 100))
    causes = ["voice_quality"] * 40 + ["price"] * 25
    world.add(
        "crm_exit_surveys",
        UNANSWERED,
        [
            {"subscriber_id": f"{UNANSWERED}GSM{place}", "churn_month": UNANSWERED, "cause_code": cause}
            for place, cause in enumerate(causes)
        ],
    )
    world.add("crm_subscribers", UNDELIVERED, _leavers(UNDELIVERED, "GSM", 2))
    world.build(SURVEYED, UNDELIVERED, select=MARTS)
    return world


def _leavers(month: str, network: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "subscriber_id": f"{month}{network}{place}",
            "network": network,
            "join_date": f"{month}-01",
            "status": "cancelled",
            "status_date": f"{month}-20",
        }
        for place in range(count)
    ]


def _repeated(counts: Mapping[str, int]) -> list[str]:
    return [code for code, count in counts.items() for _ in range(count)]


def _causes(world: World, month: str, network: str) -> Mapping[str, Row]:
    rows = world.query(
        f"select * from retention.mart_churn_cause where month = '{month}'"
        f" and scope_type = 'network_type' and scope_code = '{network}' order by cause_rank"
    )
    return {row["cause_code"]: row for row in rows}


def _together(rows: Mapping[str, Row], *answers: str) -> str:
    return percent(sum(rows[CAUSES[answer]]["share"] for answer in answers), 0)


@pytest.mark.parametrize("network", ["CDMA", "GSM"])
def test_g40_and_g41_the_survey_comes_back_cause_by_cause(branch: World, network: str) -> None:
    rows = _causes(branch, SURVEYED, network)
    assert {code: row["reported_count"] for code, row in rows.items()} == {
        CAUSES[answer]: count for answer, count in ANSWERS[network].items()
    }
    assert {row["churned_count"] for row in rows.values()} == {row["answered_count"] for row in rows.values()} == {100}
    assert percent(sum(row["share"] for row in rows.values()), 0) == "100%"


def test_g40_network_price_handset_billing_and_service_are_58_percent_of_cdma(branch: World) -> None:
    rows = _causes(branch, SURVEYED, "CDMA")
    assert _together(rows, "voice_quality", "price", "handset", "billing", "after_sales") == "58%"


def test_g41_network_price_resale_and_billing_are_53_percent_of_gsm(branch: World) -> None:
    rows = _causes(branch, SURVEYED, "GSM")
    assert _together(rows, "voice_quality", "price", "dealer_resale", "billing") == "53%"


@pytest.mark.parametrize(("network", "printed"), [("CDMA", "39%"), ("GSM", "47%")])
def test_g42_hard_to_control_are_39_and_47_percent(branch: World, network: str, printed: str) -> None:
    rows = _causes(branch, SURVEYED, network)
    hard = {code: row["share"] for code, row in rows.items() if row["is_hard_to_control"]}
    assert set(hard) == {CAUSES[answer] for answer in ("voice_quality", "malicious_arrears", "other", "relocation")}
    assert percent(sum(hard.values()), 0) == printed


@pytest.mark.parametrize(
    ("network", "second", "third"),
    [("CDMA", "price_war", "handset_quality"), ("GSM", "price_war", "billing_errors")],
)
def test_the_pareto_of_a_network_starts_with_quality_and_ends_with_the_unknown(
    branch: World, network: str, second: str, third: str
) -> None:
    rows = list(_causes(branch, SURVEYED, network).values())
    assert [row["cause_code"] for row in rows[:3]] == ["network_quality", second, third]
    assert rows[-1]["cause_code"] == "unknown"
    assert [row["cause_rank"] for row in rows] == list(range(1, 12))
    assert percent(rows[-1]["cumulative_share"], 0) == "100%"


@pytest.mark.parametrize(("network", "rivals", "internal"), [("CDMA", "54%", "30%"), ("GSM", "61%", "27%")])
def test_g50_more_than_half_go_to_other_operators(branch: World, network: str, rivals: str, internal: str) -> None:
    rows = branch.query(
        f"select * from retention.mart_churn_destination where month = '{SURVEYED}'"
        f" and scope_type = 'network_type' and scope_code = '{network}'"
    )
    shares = {row["destination"]: row["share"] for row in rows}
    assert {name: percent(share, 0) for name, share in shares.items()} == {
        "unknown": "0%",
        **{name: f"{count}%" for name, count in DESTINATIONS[network].items()},
    }
    assert percent(sum(row["share"] for row in rows if row["is_rival"]), 0) == rivals
    assert percent(shares["internal"], 0) == internal
    assert sum(row["reported_count"] for row in rows) == 100


def test_g66_the_remainder_of_35_percent_is_unknown_and_shown(branch: World) -> None:
    rows = _causes(branch, UNANSWERED, "GSM")
    shares = {code: percent(row["share"], 0) for code, row in rows.items()}
    assert shares == {"network_quality": "40%", "price_war": "25%", "unknown": "35%"}
    assert {percent(row["unknown_share"], 0) for row in rows.values()} == {"35%"}
    assert (rows["unknown"]["reported_count"], rows["unknown"]["answered_count"]) == (0, 65)


def test_a_survey_without_destinations_or_a_month_without_survey_has_no_rows(branch: World) -> None:
    causes = branch.query("select distinct month from retention.mart_churn_cause order by month")
    destinations = branch.query("select distinct month from retention.mart_churn_destination")
    assert [row["month"] for row in causes] == [SURVEYED, UNANSWERED]
    assert [row["month"] for row in destinations] == [SURVEYED]
    missing = branch.query(
        f"select is_delivered from retention.mart_delivery_quality where month = '{UNDELIVERED}'"
        " and data_set = 'crm_exit_surveys'"
    )
    assert missing == [{"is_delivered": False}]
