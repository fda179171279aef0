"""Scorecard marts for tests: Parquet files in the columns of the output contract, with figures that fit together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.lib.exports.edition import Edition

Row = dict[str, object]

_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
SCORE_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("month", "unit_code", "unit_name", "district_code", "kpi_code"), "text"),
    "kpi_sort_order": "bigint",
    "state": "text",
    **dict.fromkeys(("case_count", "event_count"), "bigint"),
    **dict.fromkeys(("value", "ci_low", "ci_high", "peer_value", "target"), "double"),
    "target_source": "text",
    "floor": "double",
    "history_month_count": "bigint",
    **dict.fromkeys(("weight", "effective_weight", "score", "score_low", "score_high", "points"), "double"),
    "kpi_rank": "bigint",
    "is_kpi_distinguishable": "boolean",
    **dict.fromkeys(("kpi_difference", "kpi_difference_low", "kpi_difference_high"), "double"),
    "events_to_next_point": "bigint",
    **dict.fromkeys(("total_score", "total_score_low", "total_score_high"), "double"),
    **dict.fromkeys(("rank", "rank_low", "rank_high", "ranked_count"), "bigint"),
    "is_distinguishable": "boolean",
    "median_total_score": "double",
}
SIGN_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("month", "unit_type", "unit_code", "sign_code", "unit_name"), "text"),
    **dict.fromkeys(("case_count", "event_count"), "bigint"),
    **dict.fromkeys(("share", "expected_share", "z_score", "threshold"), "double"),
    **dict.fromkeys(("is_raised", "is_small"), "boolean"),
}
MARTS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    **{
        f"mart_{unit_type}_scorecard": (("month", "unit_code", "kpi_code"), SCORE_COLUMNS)
        for unit_type in ("district", "manager", "dealer")
    },
    "mart_gaming_signs": (("month", "unit_type", "unit_code", "sign_code"), SIGN_COLUMNS),
}
LEAST_CASES = 30
LEAST = 0.0005


@dataclass(frozen=True)
class Rule:
    """A KPI of the made-up scorecards: its weight, what is usual, and how many of a unit's subscribers are cases."""

    weight: float
    usual: float
    is_higher_better: bool
    part: float
    state: str = "scored"


RULES: Mapping[str, Mapping[str, Rule]] = {
    "district": {
        "net_churn": Rule(20, 0.027, False, 1.0),
        "high_value_kept": Rule(20, 0.91, True, 0.02),
        "list_effect": Rule(15, 0.015, True, 0.05, "too_early"),
        "list_reached": Rule(8, 0.7, True, 0.01),
        "list_closed": Rule(4, 0.55, True, 0.008),
        "renewed": Rule(8, 0.62, True, 0.01),
        "arrears_recovered": Rule(5, 0.48, True, 0.02),
        "early_churn": Rule(8, 0.08, False, 0.03),
        "billed": Rule(4, 0.93, True, 1.0),
        "silent": Rule(3, 0.06, False, 1.0),
        "registration_complete": Rule(3, 0.97, True, 1.0),
        "reason_known": Rule(2, 0.8, True, 0.0, "not_delivered"),
    },
    "manager": {
        "portfolio_kept": Rule(30, 0.968, True, 1.0),
        "list_effect": Rule(20, 0.015, True, 0.2, "too_early"),
        "list_reached": Rule(20, 0.7, True, 0.2),
        "acceptance_held": Rule(10, 0.9, True, 0.05),
        "renewed": Rule(10, 0.6, True, 0.1),
        "cap_kept": Rule(5, 0.99, True, 0.0, "no_cases"),
        "complained": Rule(5, 0.01, False, 1.0),
    },
    "dealer": {
        "survived": Rule(40, 0.72, True, 0.4),
        "second_topup": Rule(20, 0.66, True, 0.3),
        "suspected": Rule(20, 0.08, False, 1.0),
        "in_arrears": Rule(10, 0.05, False, 0.8),
        "complained": Rule(10, 0.01, False, 0.8),
    },
}


@dataclass(frozen=True)
class Scored:
    """A made-up unit: ``quality`` says by how many floors' widths it differs from what is usual, above 0 is better."""

    code: str
    name: str
    district_code: str | None
    size: int
    quality: float


def managers(count: int) -> list[Scored]:
    """``count`` account managers of D01, two of D02; the first of D01 is much better, the last much worse."""
    made = [Scored(f"M01{n:03}", f"经理{n:03}", "D01", 900 + n, ((n * 37) % 11 - 5) / 80) for n in range(1, count + 1)]
    made[0], made[-1] = (
        Scored(made[0].code, made[0].name, "D01", 4000, 0.9),
        Scored(made[-1].code, made[-1].name, "D01", 4000, -0.9),
    )
    return [*made, Scored("M02001", "经理甲", "D02", 1000, 0.0), Scored("M02002", "经理乙", "D02", 12, 0.0)]


DEALERS = (
    Scored("C001", "雁江合作厅", "D01", 3000, 0.8),
    Scored("C002", "乡镇代办点<A>", "D01", 700, 0.0),
    Scored("C003", "校园直销", "D02", 900, -0.05),
    Scored("C900", "全网电子渠道", None, 5000, 0.05),
)


def write_scores(edition: Edition, districts: Mapping[str, tuple[str, int]], manager_count: int = 12) -> None:
    """Stage the three scorecards and the signs of gaming of a month."""
    qualities = {code: (0.35, 0.0, 0.02, -0.4, 0.0)[place % 5] for place, code in enumerate(districts)}
    of_districts = [Scored(code, name, code, size, qualities[code]) for code, (name, size) in districts.items()]
    own = managers(manager_count)
    stage_rows(edition, "mart_district_scorecard", scorecard(edition.month, "district", [of_districts]))
    by_district = [[unit for unit in own if unit.district_code == code] for code in ("D01", "D02")]
    stage_rows(edition, "mart_manager_scorecard", scorecard(edition.month, "manager", by_district))
    stage_rows(edition, "mart_dealer_scorecard", scorecard(edition.month, "dealer", [DEALERS]))
    stage_rows(edition, "mart_gaming_signs", signs(edition.month))


def stage_rows(edition: Edition, mart: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Write ``rows`` as the staged file of a mart; what a row does not say is null."""
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in MARTS[mart][1].items()])
    target = edition.mart(mart)
    target.parent.mkdir(parents=True, exist_ok=True)
    filled = [{name: row.get(name) for name in schema.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(filled, schema), target)


def scorecard(month: str, unit_type: str, peers: Sequence[Sequence[Scored]]) -> list[Row]:
    """The rows of a scorecard mart; units are ranked among their peers."""
    rows: list[Row] = []
    for group in peers:
        made = [_unit(month, unit_type, unit) for unit in group]
        _rank([unit for unit in made if unit[0]["total_score"] is not None])
        for code in RULES[unit_type]:
            _rank_kpi([row for unit in made for row in unit if row["kpi_code"] == code and row["state"] == "scored"])
        rows += [row for unit in made for row in unit]
    return rows


def _unit(month: str, unit_type: str, unit: Scored) -> list[Row]:
    rows = [
        {
            "month": month,
            "unit_code": unit.code,
            "unit_name": unit.name,
            "district_code": unit.district_code,
            "kpi_code": code,
            "kpi_sort_order": position,
            **_kpi(unit, rule, unit.quality + ((position * 7 + len(unit.code + unit.name)) % 9 - 4) / 9),
        }
        for position, (code, rule) in enumerate(RULES[unit_type].items(), start=1)
    ]
    scored = [row for row in rows if row["state"] == "scored"]
    weights = sum(float(str(row["weight"])) for row in scored)
    total = half = 0.0
    for row in scored:
        row["effective_weight"] = float(str(row["weight"])) * 100 / weights
        row["points"] = float(str(row["score"])) * row["effective_weight"] / 100
        total += row["points"]
        width = (float(str(row["score_high"])) - float(str(row["score_low"]))) / 2
        half += (width * row["effective_weight"] / 100) ** 2
    known: Row = {"total_score": total if scored else None, "total_score_low": 0.0, "total_score_high": 100.0}
    if scored:
        known["total_score_low"] = max(total - math.sqrt(half), 0.0)
        known["total_score_high"] = min(total + math.sqrt(half), 100.0)
    return [row | known for row in rows]


def _kpi(unit: Scored, rule: Rule, quality: float) -> Row:
    cases = None if rule.state == "not_delivered" else round(unit.size * rule.part)
    state = rule.state
    if cases is not None and cases < LEAST_CASES and state == "scored":
        state = "too_few" if cases else "no_cases"
    row: Row = {"state": state, "case_count": cases, "weight": rule.weight, "history_month_count": 11}
    if cases is None:
        return row
    loss = (1 - rule.usual if rule.is_higher_better else rule.usual) * (1 - quality * 0.3)
    value = 1 - loss if rule.is_higher_better else loss
    events = round(cases * value)
    row |= {"event_count": events, "value": events / cases if cases else None}
    if state != "scored":
        return row
    return row | _scored(rule, events, cases)


def _scored(rule: Rule, events: int, cases: int) -> Row:
    def loss_of(value: float) -> float:
        return 1 - value if rule.is_higher_better else value

    usual = loss_of(rule.usual)
    target, floor = usual * 0.9, usual * 1.4
    value = events / cases
    half = 1.96 * math.sqrt(max(value * (1 - value), LEAST) / cases)

    def score_of(each: float) -> float:
        return min(max((floor - loss_of(each)) / (floor - target) * 100, 0.0), 100.0)

    low, high = max(value - half, 0.0), min(value + half, 1.0)
    ends = sorted((score_of(low), score_of(high)))
    score = score_of(value)
    missing = None if score in (0.0, 100.0) else math.ceil((floor - target) * cases / rule.weight)
    return {
        "ci_low": low,
        "ci_high": high,
        "peer_value": rule.usual,
        "target": loss_of(target),
        "target_source": "own_history",
        "floor": loss_of(floor),
        "score": score,
        "score_low": ends[0],
        "score_high": ends[1],
        "kpi_difference": value - rule.usual,
        "kpi_difference_low": low - rule.usual,
        "kpi_difference_high": high - rule.usual,
        "events_to_next_point": missing,
    }


def _rank(units: Sequence[Sequence[Row]]) -> None:
    """Places by intervals: who lies wholly above another is before it, all others share a place."""
    spans = [tuple(float(str(unit[0][f"total_score{end}"])) for end in ("", "_low", "_high")) for unit in units]
    middle = median(total for total, _, _ in spans)
    for unit, (_, low, high) in zip(units, spans, strict=True):
        first = 1 + sum(other_low > high for _, other_low, _ in spans)
        last = len(spans) - sum(other_high < low for _, _, other_high in spans)
        found = {"rank": first, "rank_low": first, "rank_high": last, "ranked_count": len(spans)}
        found |= {"is_distinguishable": not low <= middle <= high, "median_total_score": middle}
        for row in unit:
            row.update(found)


def _rank_kpi(rows: Sequence[Row]) -> None:
    """Places in one KPI by the same rule, of the intervals of the scores."""
    spans = [(float(str(row["score_low"])), float(str(row["score_high"]))) for row in rows]
    middle = median([float(str(row["score"])) for row in rows] or [0.0])
    for row, (low, high) in zip(rows, spans, strict=True):
        row["kpi_rank"] = 1 + sum(other_low > high for other_low, _ in spans)
        row["is_kpi_distinguishable"] = not low <= middle <= high


def signs(month: str) -> list[Row]:
    """Signs of gaming: two raised, one not, one of too few cases."""
    given = (
        ("district", "D04", "简阳", "other_causes", 900, 310, 0.12, 9.4, 0.2, True, False),
        ("district", "D01", "雁江", "other_causes", 2400, 190, 0.12, -6.2, 0.2, False, False),
        ("manager", "M01001", "经理001", "cherry_picked", 160, 4, 0.22, -6.0, 0.1, True, False),
        ("dealer", "C002", "乡镇代办点<A>", "swaps_as_new", 12, 3, 0.06, 2.8, 0.1, False, True),
    )
    return [
        {
            "month": month,
            "unit_type": unit_type,
            "unit_code": code,
            "unit_name": name,
            "sign_code": sign,
            "case_count": cases,
            "event_count": events,
            "share": events / cases,
            "expected_share": expected,
            "z_score": z_score,
            "threshold": threshold,
            "is_raised": is_raised,
            "is_small": is_small,
        }
        for unit_type, code, name, sign, cases, events, expected, z_score, threshold, is_raised, is_small in given
    ]
