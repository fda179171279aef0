"""Scores in words: how a unit stands, how every KPI came about, and what would have to change to gain a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster_project.lib.exports import plots
from dagster_project.lib.exports.card import Chart, Fact, KpiLine, ScoreBlock, ScoreCard, ScoreGroup, Section, Table
from dagster_project.lib.exports.figures import Row
from dagster_project.lib.exports.numbers import DASH, rounded, shown
from dagster_project.lib.exports.plots import Interval
from dagster_project.lib.exports.scores import MARTS, SCORED, Kpi, Scores, UnitScore
from dagster_project.lib.exports.states import Unit, data_set_title
from dagster_project.lib.exports.workbook import Kind
from dagster_project.lib.wording import text, topic

_COLUMNS: Mapping[str, Kind] = {
    "value": Kind.PERCENT,
    "target": Kind.PERCENT,
    "score": Kind.NUMBER,
    "effective_weight": Kind.NUMBER,
    "points": Kind.NUMBER,
}
"""What a KPI's row on the page shows after its name."""
_SHEET: Mapping[str, Kind] = {
    "score": Kind.NUMBER,
    "score_low": Kind.NUMBER,
    "score_high": Kind.NUMBER,
    "weight": Kind.NUMBER,
    "effective_weight": Kind.NUMBER,
    "points": Kind.NUMBER,
    "value": Kind.PERCENT,
    "ci_low": Kind.PERCENT,
    "ci_high": Kind.PERCENT,
    "target": Kind.PERCENT,
    "floor": Kind.PERCENT,
    "peer_value": Kind.PERCENT,
    "case_count": Kind.COUNT,
    "event_count": Kind.COUNT,
    "kpi_rank": Kind.COUNT,
    "events_to_next_point": Kind.COUNT,
}
"""What a KPI's row in the workbook shows after its name, in the order of reading."""
_TOTALS: Mapping[str, Kind] = {
    "total_score": Kind.NUMBER,
    "total_score_low": Kind.NUMBER,
    "total_score_high": Kind.NUMBER,
}
COMPARISON = "comparison.html"
"""The branch's page that compares all units; it lies in the branch's folder, and no district's page leads to it."""
_EFFECT = "list_effect"
"""The KPI that is a difference of two rates, and not a share of cases."""
_WITHIN = ("manager", "dealer")
"""Units that stand on the page of their district."""


@dataclass(frozen=True)
class ScoreView:
    """The scores of a month and how they are told: the language, and the data sets that were not delivered."""

    scores: Scores
    language: str
    missing: tuple[str, ...]

    def say(self, key: str, **values: object) -> str:
        """A text of the catalogue of scores."""
        return text(f"scores.{key}", self.language, **values)

    def join(self, parts: Sequence[str]) -> str:
        """Several names or facts as a list in a sentence."""
        return self.say("separator").join(parts)

    def names_of_districts(self) -> dict[str | None, str]:
        """What the districts are called, by code; for None the words for a dealer that sells everywhere."""
        names: dict[str | None, str] = {unit.code: unit.name for unit in self.scores.units["district"]}
        return {**names, None: self.say("everywhere")}

    def kpi(self, unit: UnitScore, row: Row) -> Kpi:
        """What the KPI of a unit's row is called and means."""
        return self.scores.kpi(unit.unit_type, row["kpi_code"])

    def columns(self, columns: Mapping[str, Kind]) -> tuple[tuple[str, Kind], ...]:
        """Headings of a table, with their kinds."""
        return tuple((self.say(f"column_{name}"), kind) for name, kind in columns.items())


def score_card(view: ScoreView, unit: Unit) -> ScoreCard:
    """A district's scorecard with those of its managers and dealers; for the branch the districts compared."""
    own = own_block(view, unit)
    about_a_district = "note" if own else "no_scorecard"
    note = view.say("branch_note" if unit.code is None else about_a_district)
    groups = () if unit.code is None else tuple(_groups(view, unit.code))
    standing = standings(view, "district", own_code=unit.code)
    own_sheets = [_own_sheet(view, scored) for scored in _scored(view, unit)]
    return ScoreCard(
        note=spread_sentence(view, "district", view.scores.units["district"]) + note,
        link=COMPARISON if unit.code is None else "",
        headings=[(name, heading) for name, (heading, _) in zip(_COLUMNS, view.columns(_COLUMNS), strict=True)],
        own=own,
        standing=standing,
        groups=groups,
        sheets=(*own_sheets, standing, *_group_sheets(view, unit.code)),
    )


def own_block(view: ScoreView, unit: Unit) -> ScoreBlock | None:
    """A district's own scorecard; none for the branch, and for a district without scores."""
    return next((block(view, scored, "own") for scored in _scored(view, unit)), None)


def _scored(view: ScoreView, unit: Unit) -> list[UnitScore]:
    found = None if unit.code is None else view.scores.unit("district", unit.code)
    return [found] if found else []


def _groups(view: ScoreView, district: str) -> list[ScoreGroup]:
    return [_group(view, unit_type, view.scores.of_district(unit_type, district)) for unit_type in _WITHIN]


def _group(view: ScoreView, unit_type: str, units: Sequence[UnitScore]) -> ScoreGroup:
    return ScoreGroup(
        unit_type=unit_type,
        title=view.say(f"title_{unit_type}"),
        note=spread_sentence(view, unit_type, units) + view.say(f"note_{unit_type}"),
        blocks=[block(view, unit, f"{unit_type}-{place}") for place, unit in enumerate(units, start=1)],
    )


def spread_sentence(view: ScoreView, unit_type: str, units: Sequence[UnitScore]) -> str:
    """How many units are clearly above, clearly below, not distinguishable and without a total."""
    if not units:
        return view.say("nobody", peers=view.say(f"peers_{unit_type}"))
    verdicts = [standing_of(unit) for unit in units]
    counts = {verdict: verdicts.count(verdict) for verdict in ("above", "below", "tied", "none")}
    found = view.say("spread", units=view.say(f"units_{unit_type}"), count=len(units), **counts)
    return found + (view.say("spread_none", count=counts["none"]) if counts["none"] else "") + view.say("full_stop")


def standing_of(unit: UnitScore) -> str:
    """``above`` or ``below`` the median of its peers, ``tied`` where it does not really differ, ``none`` without."""
    if not unit.is_ranked:
        return "none"
    if not unit.total["is_distinguishable"]:
        return "tied"
    return "above" if unit.total["total_score"] > unit.total["median_total_score"] else "below"


def verdict(view: ScoreView, unit: UnitScore) -> str:
    """The same in words."""
    return view.say(f"verdict_{standing_of(unit)}", peers=view.say(f"peers_{unit.unit_type}"))


def place(view: ScoreView, unit: UnitScore) -> str:
    """A unit's place in few characters: a range of places where it is shared, a dash where there is none."""
    if not unit.is_ranked:
        return DASH
    low, high = unit.total["rank_low"], unit.total["rank_high"]
    return str(low) if low == high else view.say("places", low=low, high=high)


def block(view: ScoreView, unit: UnitScore, anchor: str) -> ScoreBlock:
    """A unit's scorecard as it stands on a page."""
    total = unit.total
    return ScoreBlock(
        anchor=anchor,
        unit_type=unit.unit_type,
        code=unit.code,
        name=unit.name,
        total=shown(total["total_score"], Kind.NUMBER),
        is_ranked=unit.is_ranked,
        interval=_interval(view, total, "total_score_low", "total_score_high", Kind.NUMBER),
        place=_place_words(view, unit),
        short_place=place(view, unit),
        verdict=verdict(view, unit),
        sentences=[_stands(view, unit), *_left_out(view, unit)],
        lines=[_line(view, unit, row) for row in unit.rows],
    )


def _stands(view: ScoreView, unit: UnitScore) -> str:
    return view.say(f"stands_{standing_of(unit)}", peers=view.say(f"peers_{unit.unit_type}"))


def _place_words(view: ScoreView, unit: UnitScore) -> str:
    total = unit.total
    if not unit.is_ranked:
        return DASH
    if total["rank_low"] == total["rank_high"]:
        return view.say("place", rank=total["rank"], count=total["ranked_count"])
    return view.say("place_shared", count=total["ranked_count"], low=total["rank_low"], high=total["rank_high"])


def _left_out(view: ScoreView, unit: UnitScore) -> list[str]:
    """Which KPIs have no score, why, and what became of their weight."""
    without = [row for row in unit.rows if row["state"] != SCORED]
    if not without:
        return []
    if len(without) == len(unit.rows):
        return [view.say("left_out_all")]
    weight = shown(sum(row["weight"] for row in without), Kind.NUMBER)
    return [view.say("left_out", names=view.join([left_out(view, unit, row) for row in without]), weight=weight)]


def left_out(view: ScoreView, unit: UnitScore, row: Row) -> str:
    """A KPI that has no score, with the reason."""
    return view.say("left_out_one", name=view.kpi(unit, row).names[view.language], reason=_reason(view, unit, row))


def _reason(view: ScoreView, unit: UnitScore, row: Row) -> str:
    kpi = view.kpi(unit, row)
    needed = [name for name in kpi.needs if name in view.missing] or kpi.needs
    facts = {
        "data_sets": view.join([data_set_title(name, view.language) for name in needed]),
        "months": kpi.matures_months,
        "count": shown(row["case_count"], Kind.COUNT),
    }
    return view.say(f"state_{row['state']}", **facts)


def _line(view: ScoreView, unit: UnitScore, row: Row) -> KpiLine:
    kpi = view.kpi(unit, row)
    return KpiLine(
        code=kpi.code,
        name=kpi.names[view.language],
        cells=[(name, shown(row[name], kind)) for name, kind in _COLUMNS.items()],
        score=row["score"],
        hint=_gain(view, kpi, row) if row["state"] == SCORED else _unscored(view, unit, row),
        facts=[Fact(view.say(f"fact_{name}"), words) for name, words in _facts(view, unit, row).items()],
    )


def _gain(view: ScoreView, kpi: Kpi, row: Row) -> str:
    """What would have to change to gain a point of the total; the marts count it, the KPI gives it its verb."""
    if row["events_to_next_point"] is None:
        return view.say("gain_full" if row["score"] >= 100 else "gain_none")
    key = f"gain_{kpi.code}"
    if key not in topic("scores"):
        key = "gain_more" if kpi.is_higher_better else "gain_fewer"
    return view.say("gain", change=view.say(key, count=f"{abs(int(row['events_to_next_point'])):,}"))


def _unscored(view: ScoreView, unit: UnitScore, row: Row) -> str:
    reason = _reason(view, unit, row)
    if unit.total["total_score"] is None:
        return view.say("not_scored", reason=reason)
    return view.say("not_scored_spread", reason=reason, weight=shown(row["weight"], Kind.NUMBER))


def _facts(view: ScoreView, unit: UnitScore, row: Row) -> dict[str, str]:
    kpi = view.kpi(unit, row)
    facts: dict[str, str] = {}
    if row["state"] == SCORED:
        facts = {
            "value": _value(view, kpi, row),
            "target": _target(view, row),
            "floor": view.say("floor", floor=shown(row["floor"], Kind.PERCENT)),
            "score": _score(view, row),
            "weight": _weight(view, row),
            "compared": _compared(view, unit, row),
        }
    else:
        facts["cases"] = _cases(view, row)
        facts["target"] = _target(view, row)
    facts["definition"] = kpi.definitions[view.language]
    facts["source"] = view.say("source", scorecard=MARTS[unit.unit_type], mart=kpi.mart, month=view.scores.month)
    return {name: words for name, words in facts.items() if words}


def _value(view: ScoreView, kpi: Kpi, row: Row) -> str:
    return view.say(
        "value_effect" if kpi.code == _EFFECT else "value",
        value=shown(row["value"], Kind.PERCENT),
        cases=shown(row["case_count"], Kind.COUNT),
        events=shown(row["event_count"], Kind.COUNT),
        interval=_interval(view, row, "ci_low", "ci_high", Kind.PERCENT),
        window=view.say("window", months=kpi.window_months) if kpi.window_months > 1 else view.say("window_month"),
    )


def _cases(view: ScoreView, row: Row) -> str:
    if row["case_count"] is None:
        return ""
    return view.say("cases", cases=shown(row["case_count"], Kind.COUNT))


def _target(view: ScoreView, row: Row) -> str:
    if row["target"] is None:
        return ""
    source = view.say(f"target_{row['target_source']}", months=row["history_month_count"])
    return view.say("target", target=shown(row["target"], Kind.PERCENT), source=source)


def _score(view: ScoreView, row: Row) -> str:
    interval = _interval(view, row, "score_low", "score_high", Kind.NUMBER)
    return view.say("score", score=shown(row["score"], Kind.NUMBER), interval=interval)


def _weight(view: ScoreView, row: Row) -> str:
    facts = {name: shown(row[name], Kind.NUMBER) for name in ("weight", "effective_weight", "points")}
    return view.say("weight" if facts["weight"] == facts["effective_weight"] else "weight_spread", **facts)


def _compared(view: ScoreView, unit: UnitScore, row: Row) -> str:
    """The mix-adjusted difference from the branch, and whether the unit really differs from its peers."""
    if row["kpi_difference"] is None:
        return ""
    key = "compared_clear" if row["is_kpi_distinguishable"] else "compared_tied"
    rank = DASH if row["kpi_rank"] is None else str(row["kpi_rank"])
    return view.say(key, gap=gap(view, row), rank=rank, peers=view.say(f"peers_{unit.unit_type}"))


def gap(view: ScoreView, row: Row) -> str:
    """How far a unit is from the branch at the same mix of customers, with its interval."""
    if row["kpi_difference"] is None:
        return DASH
    low, high = row["kpi_difference_low"], row["kpi_difference_high"]
    interval = DASH if low is None or high is None else view.say("range", low=_points(low), high=_points(high))
    return view.say("gap", difference=_points(row["kpi_difference"]), interval=interval)


def kpi_verdict(view: ScoreView, unit: UnitScore, row: Row, kpi: Kpi) -> str:
    """How a unit stands in one KPI, in words: better, worse, not distinguishable, or why it has no score."""
    if row["state"] != SCORED:
        return _reason(view, unit, row)
    if not row["is_kpi_distinguishable"]:
        return view.say("kpi_tied")
    return view.say("kpi_better" if (row["kpi_difference"] > 0) == kpi.is_higher_better else "kpi_worse")


def _points(difference: float) -> str:
    """A difference of two fractions in percentage points, with its sign."""
    points = rounded(difference, Kind.PERCENT)
    return f"{points:+}" if points else shown(0, Kind.PERCENT).rstrip("%")


def _interval(view: ScoreView, row: Row, low: str, high: str, kind: Kind) -> str:
    if row[low] is None or row[high] is None:
        return DASH
    return view.say("range", low=shown(row[low], kind), high=shown(row[high], kind))


def standings(view: ScoreView, unit_type: str, *, own_code: str | None = None) -> Section:
    """All units of a type by their total, with whiskers; who does not really differ is drawn and told as such."""
    units = view.scores.units[unit_type]
    dots = [
        Interval(
            label=unit.name,
            value=unit.total["total_score"],
            low=unit.total["total_score_low"],
            high=unit.total["total_score_high"],
            is_own=unit.code == own_code,
            rank=unit.total["rank"],
            place=place(view, unit) if unit.is_ranked else "",
            is_clear=standing_of(unit) in ("above", "below"),
        )
        for unit in units
    ]
    median = next((unit.total["median_total_score"] for unit in units if unit.is_ranked), None)
    drawn = plots.standings(dots, median, view.say("axis"), view.say("alt_standing"))
    return Section(
        key=f"standing-{unit_type}",
        title=view.say(f"title_standing_{unit_type}"),
        note=view.say("note_standing", median=shown(median, Kind.NUMBER)),
        source=view.say("source_one", mart=MARTS[unit_type], month=view.scores.month),
        table=totals(view, units),
        plot=drawn if any(dot.value is not None for dot in dots) else "",
        chart=Chart("bar", (1,)),
        is_open=own_code is None,
    )


def totals(view: ScoreView, units: Sequence[UnitScore], *, with_kpis: bool = False) -> Table:
    """Units with their totals, places and verdicts; ``with_kpis`` adds the score of every KPI."""
    kpis = view.scores.kpis[units[0].unit_type].values() if units and with_kpis else ()
    shared = view.columns({"place": Kind.TEXT, "verdict": Kind.TEXT})
    scores = tuple((kpi.names[view.language], Kind.NUMBER) for kpi in kpis)
    return Table(
        (*view.columns({"unit": Kind.TEXT, **_TOTALS}), *shared, *scores),
        [
            (
                unit.name,
                *(unit.total[name] for name in _TOTALS),
                place(view, unit),
                verdict(view, unit),
                *((unit.kpi(kpi.code) or {}).get("score") for kpi in kpis),
            )
            for unit in units
        ],
    )


def _own_sheet(view: ScoreView, unit: UnitScore) -> Section:
    return Section(
        key="score",
        title=view.say("sheet_score"),
        note=" ".join((*block(view, unit, "own").sentences, view.say("note"))),
        source=view.say("source_one", mart=MARTS[unit.unit_type], month=view.scores.month),
        table=kpi_table(view, [unit], is_one=True),
        chart=Chart("bar", (1,)),
    )


def kpi_table(view: ScoreView, units: Sequence[UnitScore], *, is_one: bool = False) -> Table:
    """Every KPI of the units with all that decides its score; ``is_one`` leaves out whose it is."""
    whose = {} if is_one else {"unit": Kind.TEXT}
    told = {"target_source": Kind.TEXT, "state": Kind.TEXT, "definition": Kind.TEXT, "mart": Kind.TEXT}
    return Table(
        view.columns({**whose, "kpi": Kind.TEXT, **_SHEET, **told}),
        [_kpi_row(view, unit, row, is_one=is_one) for unit in units for row in unit.rows],
    )


def _kpi_row(view: ScoreView, unit: UnitScore, row: Row, *, is_one: bool) -> tuple[object, ...]:
    kpi = view.kpi(unit, row)
    source = row["target_source"]
    return (
        *(() if is_one else (unit.name,)),
        kpi.names[view.language],
        *(row[name] for name in _SHEET),
        view.say(f"target_{source}", months=row["history_month_count"]) if source else DASH,
        view.say("state_scored") if row["state"] == SCORED else _reason(view, unit, row),
        kpi.definitions[view.language],
        kpi.mart,
    )


def _group_sheets(view: ScoreView, district: str | None) -> list[Section]:
    """Two sheets for managers and for dealers: their totals with a chart, and every KPI of each."""
    made: list[Section] = []
    for unit_type in _WITHIN if district is not None else ():
        units = view.scores.of_district(unit_type, str(district))
        made += unit_sheets(view, unit_type, units)
    return made


def unit_sheets(view: ScoreView, unit_type: str, units: Sequence[UnitScore]) -> list[Section]:
    """The totals of some units with a chart, and every KPI of each."""
    source = view.say("source_one", mart=MARTS[unit_type], month=view.scores.month)
    note = spread_sentence(view, unit_type, units)
    title = view.say(f"title_{unit_type}")
    totals_table, details = totals(view, units, with_kpis=True), kpi_table(view, units)
    return [
        Section(unit_type, title, note, source, totals_table, chart=Chart("bar", (1,))),
        Section(f"{unit_type}-kpis", view.say(f"sheet_{unit_type}_kpis"), note, source, details),
    ]
