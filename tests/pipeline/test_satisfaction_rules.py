"""Satisfaction and follow-up, counted a second time in Python over made-up branches full of late and absent data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dagster_project.lib import months
from dagster_project.settings import DBT_PROJECT_DIR
from tests.compiled import COMPILED_MONTHS, compiled_once

pytestmark = pytest.mark.slow

Row = Mapping[str, Any]

MONTHS = months.between("2011-04", "2011-10")
MODELS = ("int_subscribers_departed", "int_satisfaction_statements", "mart_satisfaction")
TOPICS = ("network", "billing", "handset", "service", "price", "other", None)
DAYS, SURVEY, TICKET, SMALL = 30, 6, 2, 100
OPTIONAL = ("surveys", "complaints", "contacts")
WITHHELD = {
    1: frozenset(),
    2: frozenset({("surveys", "2011-08"), ("contacts", "2011-10")}),
    3: frozenset({("complaints", "2011-07"), ("snapshots", "2011-08"), ("contacts", "2011-06")}),
    4: frozenset({("snapshots", "2011-10"), *(("surveys", month) for month in MONTHS)}),
}
"""By seed, what was not delivered in which month."""


@dataclass
class Branch:
    """What arrived, and what the subscriber months say."""

    withheld: frozenset[tuple[str, str]]
    lines: dict[tuple[str, str], Row] = field(default_factory=dict)
    surveys: list[Row] = field(default_factory=list)
    complaints: list[Row] = field(default_factory=list)
    contacts: list[Row] = field(default_factory=list)

    def has(self, name: str, *wanted: str) -> bool:
        """Whether a data set came in all the months."""
        return all(month in MONTHS and (name, month) not in self.withheld for month in wanted)


def a_moment(rng: Random, month: str) -> datetime:
    return datetime.fromisoformat(f"{month}-01") + timedelta(days=rng.randrange(28), hours=rng.randrange(24))


def draw(seed: int) -> Branch:
    """Seven months of eighty subscribers who say a lot, with late, repeated and corrected deliveries."""
    rng = Random(seed)
    branch = Branch(WITHHELD[seed])
    for number in range(80):
        _live(rng, branch, f"S{number:02d}")
    for name in OPTIONAL:
        kept = [row for row in getattr(branch, name) if branch.has(name, row["month"])]
        setattr(branch, name, kept)
    return branch


def _live(rng: Random, branch: Branch, subscriber: str) -> None:
    district = rng.choice(("D1", "D2", None))
    leaves = rng.randrange(len(MONTHS) * 2)
    back = leaves + rng.choice((1, 2, 90))
    for number, month in enumerate(MONTHS):
        if number == 4 and district == "D2" and rng.random() < 0.5:
            district = "D3"
        if ("snapshots", month) in branch.withheld or leaves < number < back:
            continue
        branch.lines[month, subscriber] = {
            "month": month,
            "subscriber_id": subscriber,
            "district_code": district,
            "is_on_net_close": number != leaves,
            "is_churned": number == leaves,
        }
    favourites = rng.sample(TOPICS, 2)
    for month in MONTHS:
        for place in range(rng.choice((0, 1, 1, 2))):
            _answer(rng, branch, f"{subscriber}-{month}-{place}", subscriber, month, rng.choice(favourites))
        if rng.random() < 0.3:
            _complain(rng, branch, f"{subscriber}-{month}", subscriber, month)
        for _ in range(rng.choice((0, 0, 1))):
            delivered = months.shift(month, rng.choice((0, 0, 0, 1)))
            contact = {
                "contacted_at": a_moment(rng, month),
                "outcome": rng.choice(("accepted", "declined", "unreached")),
            }
            branch.contacts.append({"month": delivered, "subscriber_id": subscriber, **contact})


def _answer(rng: Random, branch: Branch, name: str, subscriber: str, month: str, topic: str | None) -> None:
    delivered = months.shift(month, rng.choice((0, 0, 0, 0, 1, 4)))
    row = {"month": delivered, "survey_id": name, "subscriber_id": subscriber, "topic": topic}
    row |= {"answered_at": a_moment(rng, month), "score": rng.randrange(11)}
    branch.surveys.append(row)
    if rng.random() < 0.1:
        branch.surveys.append({**row, "month": months.shift(delivered, 1), "score": rng.randrange(11)})


def _complain(rng: Random, branch: Branch, name: str, subscriber: str, month: str) -> None:
    ticket = {"month": month, "complaint_id": name, "subscriber_id": subscriber}
    ticket |= {"category": rng.choice((*TOPICS, "vas")), "created_at": a_moment(rng, month)}
    ticket |= {"resolved_at": None, "satisfaction": None}
    closed = {
        "resolved_at": ticket["created_at"] + timedelta(days=rng.randrange(40)),
        "satisfaction": rng.randint(1, 5),
    }
    if f"{closed['resolved_at']:%Y-%m}" == month:
        branch.complaints.append({**ticket, **closed})
    else:
        branch.complaints.append({**ticket, "satisfaction": rng.choice((None, None, 1))})
        branch.complaints.append({**ticket, **closed, "month": f"{closed['resolved_at']:%Y-%m}"})


# ---- the marts out of dbt, without what lies before them -----------------------------------------------------------


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The models as SQL for the last two months."""
    manifest = json.loads(compiled_once(tmp_path_factory).read_text(encoding="utf-8"))
    found: Mapping[str, Any] = {node["name"]: node for node in manifest["nodes"].values()}
    return found


@pytest.fixture(scope="module", params=sorted(WITHHELD))
def built(request: pytest.FixtureRequest, nodes: Mapping[str, Any]) -> Iterator[tuple[Branch, list[Row]]]:
    """A branch and the rows of the mart."""
    branch = draw(request.param)
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, rows in _inputs(branch).items():
            _table(connection, nodes[name]["relation_name"], rows)
        for seed in ("thresholds", "satisfaction_topics"):
            _prepare(connection, nodes[seed]["relation_name"])
            file = Path(DBT_PROJECT_DIR) / "seeds" / f"{seed}.csv"
            select = f"select * from read_csv('{file}', all_varchar = true)"
            connection.execute(f"create table {nodes[seed]['relation_name']} as {select}")
        for model in MODELS:
            node = nodes[model]
            _prepare(connection, node["relation_name"])
            connection.execute(f"create table {node['relation_name']} as {node['compiled_code'].strip().rstrip(';')}")
        assert _failing_tests(connection, nodes) == []
        mart = connection.execute(f"from {nodes['mart_satisfaction']['relation_name']}")
        names = [column[0] for column in mart.description]
        yield branch, [dict(zip(names, row, strict=True)) for row in mart.fetchall()]


def _inputs(branch: Branch) -> dict[str, list[Row]]:
    deliveries = [
        {"month": month} | {f"has_{name}": branch.has(name, month) for name in (*OPTIONAL, "snapshots")}
        for month in MONTHS
    ]
    return {
        "fct_subscriber_months": list(branch.lines.values()),
        "int_deliveries_pivoted": deliveries,
        "dim_districts": [{"month": month, "district_code": "D1", "district_name": "一区"} for month in MONTHS],
        "stg_crm__surveys": branch.surveys or [_nothing("survey_id", "answered_at", "score", "topic")],
        "stg_crm__complaints": branch.complaints,
        "stg_crm__contacts": branch.contacts,
    }


def _failing_tests(connection: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any]) -> list[str]:
    """dbt's tests of these models that what was built does not pass."""
    made = {nodes[model]["unique_id"] for model in MODELS}
    tests = [node for node in nodes.values() if set(node.get("depends_on", {}).get("nodes", ())) & made]
    tests = [node for node in tests if node["resource_type"] == "test" and set(node["depends_on"]["nodes"]) <= made]
    assert len(tests) >= 8
    return [node["name"] for node in tests if connection.execute(node["compiled_code"]).fetchone()]


def _nothing(*columns: str) -> Row:
    """A row of another time, so that an empty table has its columns."""
    stamps = {name: datetime(2001, 1, 1) for name in columns if name.endswith("_at")}
    return {"month": "2001-01", "subscriber_id": "nobody", **dict.fromkeys(columns, None), **stamps}


def _table(connection: duckdb.DuckDBPyConnection, relation: str, rows: list[Row]) -> None:
    _prepare(connection, relation)
    connection.register("given", pa.Table.from_pylist([dict(row) for row in rows]))
    connection.execute(f"create table {relation} as from given")
    connection.unregister("given")


def _prepare(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    catalog, schema, _ = re.findall(r"\w+", relation)
    connection.execute(f"attach if not exists ':memory:' as {catalog}")
    connection.execute(f"create schema if not exists {catalog}.{schema}")


# ---- the same in sets ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A statement as known at a close."""

    source: str
    subscriber: str
    at: datetime
    score: int
    topic: str
    is_closed: bool
    line: Row

    @property
    def month(self) -> str:
        return f"{self.at:%Y-%m}"

    @property
    def is_bad(self) -> bool:
        return self.score <= (SURVEY if self.source == "surveys" else TICKET)


def topic_of(category: str | None) -> str:
    return "unknown" if category is None else "other" if category == "vas" else category


def statements(branch: Branch, month: str) -> list[Said]:
    """What was said in the month and the three before it, by what came in them."""
    window = months.between(months.shift(month, -3), month)
    latest: dict[tuple[str, str], Row] = {}
    for source, key in (("surveys", "survey_id"), ("complaints", "complaint_id")):
        for row in sorted(getattr(branch, source), key=lambda row: row["month"]):
            if row["month"] in window:
                latest[source, row[key]] = row
    found = []
    for (source, _), row in latest.items():
        score = row["score"] if source == "surveys" else row["satisfaction"]
        at = row["answered_at"] if source == "surveys" else row["resolved_at"] or row["created_at"]
        line = branch.lines.get((f"{at:%Y-%m}", row["subscriber_id"]))
        if score is None or f"{at:%Y-%m}" not in window or line is None:
            continue
        topic = topic_of(row["topic"] if source == "surveys" else row["category"])
        is_closed = source == "surveys" or row["resolved_at"] is not None
        found.append(Said(source, row["subscriber_id"], at, score, topic, is_closed, line))
    return found


def calls(branch: Branch, month: str, said: Said) -> list[str]:
    """Outcomes of the conversations that followed a statement in time."""
    return [
        contact["outcome"]
        for contact in branch.contacts
        if contact["subscriber_id"] == said.subscriber
        and months.shift(month, -3) <= contact["month"] <= month
        and contact["outcome"] != "unreached"
        and contact["contacted_at"] >= said.at
        and (contact["contacted_at"].date() - said.at.date()).days <= DAYS
    ]


def next_answer(known: list[Said], said: Said) -> Said | None:
    later = [
        other
        for other in known
        if (other.source, other.subscriber, other.topic) == ("surveys", said.subscriber, said.topic)
        and other.at > said.at
    ]
    return min(later, key=lambda other: (other.at, other.score), default=None)


def share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole


def expected(branch: Branch, everything: list[Said], month: str, district: str | None, topic: str) -> dict[str, Any]:
    """A row of the mart out of what was said: the whole branch without a district, all topics by 'all'."""
    known = [
        said
        for said in everything
        if district in (None, said.line["district_code"] or "(unknown)") and topic in ("all", said.topic)
    ]
    return {
        **_now(branch, month, district, topic, known),
        **_due(branch, month, known),
        **_outcome(branch, month, everything, known),
    }


def _now(branch: Branch, month: str, district: str | None, topic: str, known: list[Said]) -> dict[str, Any]:
    said = [each for each in known if each.month == month]
    answers = [each.score for each in said if each.source == "surveys"]
    rated = len(said) - len(answers)
    bad = sum(each.is_bad for each in said)
    opened = {
        row["complaint_id"]
        for row in branch.complaints
        if row["month"] == month == f"{row['created_at']:%Y-%m}"
        and (line := branch.lines.get((month, row["subscriber_id"])))
        and district in (None, line["district_code"] or "(unknown)")
        and topic in ("all", topic_of(row["category"]))
    }
    surveys, tickets = branch.has("surveys", month), branch.has("complaints", month)
    return {
        "answers_count": len(answers) if surveys else None,
        "mean_score": share(sum(answers), len(answers)) if surveys else None,
        "complaints_count": len(opened) if tickets else None,
        "rated_complaints_count": rated if tickets else None,
        "dissatisfied_count": bad if surveys or tickets else None,
        "dissatisfied_share": share(bad, len(said)) if surveys or tickets else None,
        "is_small": len(said) < SMALL,
    }


def _due(branch: Branch, month: str, known: list[Said]) -> dict[str, Any]:
    window = months.between(months.shift(month, -2), month)
    whole = {name for name in OPTIONAL if branch.has(name, *window)}
    due = [
        said
        for said in known
        if said.is_bad and said.source in whole and f"{said.at + timedelta(days=DAYS):%Y-%m}" == month
    ]
    is_known = bool(whole & {"surveys", "complaints"})
    called = sum(bool(calls(branch, month, said)) for said in due)
    count = len(due) if is_known else None
    followed = called if is_known and "contacts" in whole else None
    return {"due_count": count, "followed_up_count": followed, "followed_up_share": share(followed, count)}


def _outcome(branch: Branch, month: str, everything: list[Said], known: list[Said]) -> dict[str, Any]:
    before = months.shift(month, -3)
    window = months.between(before, month)
    sources = {name for name in ("surveys", "complaints") if branch.has(name, before)}
    bad = [said for said in known if said.month == before and said.is_bad and said.source in sources]
    has_calls = branch.has("contacts", *window[:3])
    has_answers = branch.has("surveys", *window)
    called = [bool(calls(branch, month, said)) for said in bad]
    again = [next_answer(everything, said) for said in bad]
    resolved = sum(
        said.is_closed and (not later.is_bad if later else "accepted" in calls(branch, month, said))
        for said, later in zip(bad, again, strict=True)
    )
    changes = [
        (later.score - said.score, was_called)
        for said, later, was_called in zip(bad, again, called, strict=True)
        if later and said.source == "surveys"
    ]
    count = len(bad) if sources else None
    made: dict[str, Any] = {
        "outcome_month": before,
        "outcome_dissatisfied_count": count,
        "outcome_followed_up_count": sum(called) if sources and has_calls else None,
        "resolved_count": resolved if sources and has_calls and has_answers else None,
        "answered_again_count": len(changes) if has_answers else None,
        "score_change_mean": share(sum(change for change, _ in changes), len(changes)) if has_answers else None,
    }
    made["resolved_share"] = share(made["resolved_count"], count)
    made |= _score_changes(changes) if has_answers and has_calls else dict.fromkeys(_score_changes([]), None)
    is_matured = bool(sources) and has_calls and branch.has("snapshots", *window)
    departures = _departures(branch, month, bad, called)
    return made | (departures if is_matured else dict.fromkeys(departures, None))


def _score_changes(changes: list[tuple[int, bool]]) -> dict[str, Any]:
    sides = [[change for change, was_called in changes if was_called is side] for side in (True, False)]
    means = [share(sum(side), len(side)) for side in sides]
    errors = [
        sum((change - mean) ** 2 for change in side) / (len(side) - 1) / len(side) if len(side) > 1 else None
        for side, mean in zip(sides, means, strict=True)
    ]
    difference = None if None in means else means[0] - means[1]
    margin = None if None in errors else 1.959963984540054 * sqrt(sum(errors))
    return {
        "answered_again_followed_up_count": len(sides[0]),
        "score_change_mean_followed_up": means[0],
        "answered_again_not_followed_up_count": len(sides[1]),
        "score_change_mean_not_followed_up": means[1],
        "score_change_difference": difference,
        "score_change_difference_low": None if difference is None or margin is None else difference - margin,
        "score_change_difference_high": None if difference is None or margin is None else difference + margin,
    }


def _departures(branch: Branch, month: str, bad: list[Said], called: list[bool]) -> dict[str, Any]:
    people = {said.subscriber for said in bad if said.line["is_on_net_close"]}
    reached = {said.subscriber for said, was_called in zip(bad, called, strict=True) if was_called} & people
    left = {
        subscriber
        for subscriber in people
        if any(
            branch.lines.get((at, subscriber), {}).get("is_churned")
            for at in months.between(months.shift(month, -2), month)
        )
        and not branch.lines.get((month, subscriber), {}).get("is_on_net_close")
    }
    others = people - reached
    made: dict[str, Any] = {
        "followed_up_subscriber_count": len(reached),
        "followed_up_churned_count": len(reached & left),
        "churned_share_followed_up": share(len(reached & left), len(reached)),
        "not_followed_up_subscriber_count": len(others),
        "not_followed_up_churned_count": len(others & left),
        "churned_share_not_followed_up": share(len(others & left), len(others)),
    }
    one, other = made["churned_share_followed_up"], made["churned_share_not_followed_up"]
    made["churned_difference"] = None if one is None or other is None else one - other
    return made


# ---- what must agree -----------------------------------------------------------------------------------------------


def test_every_figure_is_that_of_the_statements_known_at_the_close(built: tuple[Branch, list[Row]]) -> None:
    branch, mart = built
    said = {month: statements(branch, month) for month in COMPILED_MONTHS}
    for row in mart:
        month, topic = row["month"], row["topic"]
        district = row["scope_code"] if row["scope_type"] == "district" else None
        for name, value in expected(branch, said[month], month, district, topic).items():
            where = (month, row["scope_code"], topic, name)
            assert row[name] == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value), where


def test_every_scope_of_a_delivered_month_has_every_topic(built: tuple[Branch, list[Row]]) -> None:
    branch, mart = built
    topics = {"all", *(topic_of(topic) for topic in TOPICS)}
    delivered = [month for month in COMPILED_MONTHS if ("snapshots", month) not in branch.withheld]
    assert {row["month"] for row in mart} == set(delivered)
    for month in delivered:
        here = {line["district_code"] or "(unknown)" for (at, _), line in branch.lines.items() if at == month}
        earlier = {said.line["district_code"] or "(unknown)" for said in statements(branch, month)}
        rows = [(row["scope_code"], row["topic"]) for row in mart if row["month"] == month]
        assert sorted(rows) == sorted((scope, topic) for scope in {"all", *here, *earlier} for topic in topics)


def test_intervals_hold_their_values_and_names_are_those_of_the_office(built: tuple[Branch, list[Row]]) -> None:
    names = {"all": "全网", "(unknown)": "未知", "D1": "一区"}
    for row in built[1]:
        assert row["scope_name"] == names.get(row["scope_code"], row["scope_code"])
        for low, value, high in (
            ("ci_low", "dissatisfied_share", "ci_high"),
            ("followed_up_low", "followed_up_share", "followed_up_high"),
            ("resolved_low", "resolved_share", "resolved_high"),
            ("churned_low_followed_up", "churned_share_followed_up", "churned_high_followed_up"),
            ("churned_low_not_followed_up", "churned_share_not_followed_up", "churned_high_not_followed_up"),
            ("churned_difference_low", "churned_difference", "churned_difference_high"),
        ):
            assert (row[low] is None) == (row[value] is None) == (row[high] is None)
            assert row[value] is None or row[low] <= row[value] <= row[high]


def test_a_month_stays_as_it_was_when_later_months_come(built: tuple[Branch, list[Row]]) -> None:
    branch, mart = built
    first = COMPILED_MONTHS[0]
    earlier = Branch(branch.withheld, {key: line for key, line in branch.lines.items() if key[0] <= first})
    for name in OPTIONAL:
        setattr(earlier, name, [row for row in getattr(branch, name) if row["month"] <= first])
    said = statements(earlier, first)
    for row in (row for row in mart if row["month"] == first and row["scope_type"] == "network"):
        for name, value in expected(earlier, said, first, None, row["topic"]).items():
            assert row[name] == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value), name


def test_everything_that_is_counted_occurs_where_everything_was_delivered() -> None:
    branch = draw(1)
    row = expected(branch, statements(branch, MONTHS[-1]), MONTHS[-1], None, "all")
    for name in ("due_count", "followed_up_count", "resolved_count", "answered_again_count", "rated_complaints_count"):
        assert row[name] > 0, name
    assert row["followed_up_churned_count"] + row["not_followed_up_churned_count"] > 0
