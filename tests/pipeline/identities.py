"""What must add up in the marts, told in SQL of its own: no rule calls the models' or dbt's way of counting.

A rule looks at what was built and gives the rows that break it. Most count again from the published tables; who is on
the network is counted from the deliveries themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dagster_project.lib import months
from tests.compiled import CompiledProject
from tests.pipeline.random_worlds import TERMINAL, RandomWorld

MARTS = (
    *("mart_churn_trend", "mart_churn_revision", "mart_churn_class", "mart_churn_cause", "mart_churn_destination"),
    *("mart_churn_by_tenure", "mart_churn_by_plan", "mart_churn_by_plan_tenure", "mart_churn_by_arpu_band"),
    *("mart_churn_by_group", "mart_churn_by_channel", "mart_churn_hazard", "mart_churn_tenure_mean"),
    *("mart_lifecycle_cube", "mart_lifecycle_transition", "mart_revenue_bridge", "mart_base_flow"),
    *("mart_cohort_retention", "mart_high_value_cohort", "mart_delivery_quality"),
)
SCOPES: Mapping[str, tuple[str, str | None]] = {
    "district": ("district_code", None),
    "brand": ("brand", "brand"),
    "network_type": ("network_type", "network"),
    "payment_type": ("payment_type", "payment_type"),
}
"""The column of the subscriber months that tells a line's scope, and the snapshot's column when it may be absent."""


@dataclass(frozen=True)
class Built:
    """A world and what the models made of it."""

    project: CompiledProject
    world: RandomWorld

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.project.rows(sql)


Rule = Callable[[Built], list[tuple[Any, ...]]]
RULES: list[Rule] = []


def rule(check: Rule) -> Rule:
    """An identity: it gives the rows that break it."""
    RULES.append(check)
    return check


# ---- stock and flow ------------------------------------------------------------------------------------------------


@rule
def opening_and_arrivals_less_losses_is_closing(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        select month, scope_type, scope_code from mart_churn_trend
        where opening_count + new_count + reinstated_count + appeared_count + moved_in_count - churned_count
            - moved_out_count <> closing_count
        """
    )


@rule
def every_month_opens_in_every_scope_with_what_the_month_before_closed_with(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with opened as (
            select months.month, trend.scope_type, trend.scope_code, trend.opening_count
            from mart_churn_trend as trend
            inner join consecutive as months using (month, scope_type)
        ),
        closed as (
            select months.month, trend.scope_type, trend.scope_code, trend.closing_count
            from mart_churn_trend as trend
            inner join consecutive as months
                on trend.month = months.month_before and trend.scope_type = months.scope_type
        )
        select * from opened full outer join closed using (month, scope_type, scope_code)
        where coalesce(opening_count, 0) <> coalesce(closing_count, 0)
        """
    )


FLOWS_NOW = {
    "new_count": "is_new",
    "reinstated_count": "is_reinstated",
    "appeared_count": "is_appeared",
    "moved_in_count": "is_entered_base or (is_on_net_open and not is_left_base and code <> code_open)",
    "churned_count": "is_churned",
    "vanished_count": "is_vanished",
    "same_month_churned_count": "is_same_month_churned",
    "closing_count": "is_on_net_close",
}
FLOWS_BEFORE = {
    "opening_count": "is_on_net_open",
    "moved_out_count": "is_on_net_open and (is_left_base or code <> code_open)",
}


@rule
def every_flow_of_every_scope_is_the_number_of_its_subscribers(built: Built) -> list[tuple[Any, ...]]:
    return [
        row
        for code, flows in (("code", FLOWS_NOW), ("code_open", FLOWS_BEFORE))
        for row in _miscounted(built, code, flows)
    ]


def _miscounted(built: Built, code: str, flows: Mapping[str, str]) -> list[tuple[Any, ...]]:
    counts = ", ".join(f"count(*) filter ({condition}) as {name}" for name, condition in flows.items())
    differs = " or ".join(f"coalesce(counted.{name}, 0) <> coalesce(trend.{name}, 0)" for name in flows)
    return built.rows(
        f"""
        with counted as (
            select month, scope_type, {code} as scope_code, {counts} from scoped_lines
            where {code} is not null group by all
        )
        select month, scope_type, scope_code from counted
        full outer join mart_churn_trend as trend using (month, scope_type, scope_code)
        where {differs}
        """
    )


@rule
def who_is_on_the_network_who_vanished_and_who_opened_the_month_is_told_by_the_snapshots(
    built: Built,
) -> list[tuple[Any, ...]]:
    rows = built.rows(
        "select month, subscriber_id, is_on_net_open, is_on_net_close, is_vanished from fct_subscriber_months"
    )
    wrong: list[tuple[Any, ...]] = []
    stocks = _stocks(built.world)
    for month in built.world.months:
        found = {name: {row[1] for row in rows if row[0] == month and row[place]} for place, name in _STOCK_FLAGS}
        before = stocks.get(months.shift(month, -1))
        expected = {"close": stocks[month].on_net}
        if before is not None:
            expected |= {"open": before.on_net, "vanished": before.on_net - stocks[month].present}
        wrong += [(month, name, sorted(found[name] ^ ids)) for name, ids in expected.items() if found[name] != ids]
    return wrong


_STOCK_FLAGS = ((2, "open"), (3, "close"), (4, "vanished"))


@dataclass(frozen=True)
class Stock:
    """Lines in a month's snapshot or carried forward into it, and those of them that are on the network and count."""

    present: frozenset[str]
    on_net: frozenset[str]


def _stocks(world: RandomWorld) -> dict[str, Stock]:
    """Who is there, read from the snapshot rows alone, with ADR 4's rule for rows in quarantine."""
    tables = world.tables()
    snapshots: dict[str, dict[str, Mapping[str, Any]]] = {month: {} for month in world.months}
    for row in tables["crm_subscribers"]:
        snapshots[row["delivery_month"]][row["subscriber_id"]] = row
    missing = {(row["delivery_month"], row["subscriber_id"]) for row in tables["quarantined_subscribers"]}
    completed = {month: dict(rows) for month, rows in snapshots.items()}
    for month, line in missing:
        last = _last_row(snapshots, missing, month, line)
        if last is not None and last["status"] not in TERMINAL:
            completed[month][line] = last
    return {month: _stock(rows) for month, rows in completed.items()}


def _last_row(
    snapshots: Mapping[str, Mapping[str, Mapping[str, Any]]], missing: set[tuple[str, str]], month: str, line: str
) -> Mapping[str, Any] | None:
    """The newest row of the last three months that only quarantine lies between."""
    for lag in (1, 2, 3):
        earlier = months.shift(month, -lag)
        if line in snapshots.get(earlier, {}):
            return snapshots[earlier][line]
        if (earlier, line) not in missing:
            return None
    return None


def _stock(rows: Mapping[str, Mapping[str, Any]]) -> Stock:
    on_net = {line for line, row in rows.items() if row["is_countable"] and row["status"] not in TERMINAL}
    return Stock(frozenset(rows), frozenset(on_net))


@rule
def every_line_came_and_went_in_one_way_at_most(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        select month, subscriber_id from fct_subscriber_months
        where is_on_net_open::int + is_new::int + is_reinstated::int + is_appeared::int + is_entered_base::int <> 1
            or is_on_net_close::int + is_churned::int + is_left_base::int <> 1
            or (is_vanished and not is_churned)
        union all
        select month, subscriber_id from fct_subscriber_months group by all having count(*) > 1
        """
    )


@rule
def churn_events_are_the_subscriber_months_that_churned(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with churned as (select month, subscriber_id from fct_subscriber_months where is_churned)
        (select month, subscriber_id from fct_churn except from churned)
        union all
        (from churned except select month, subscriber_id from fct_churn)
        """
    )


@rule
def every_rate_is_its_count_over_its_base_and_missing_without_one(built: Built) -> list[tuple[Any, ...]]:
    rates = {
        "churn_rate_opening": ("churned_count", "opening_count"),
        "churn_rate_closing": ("churned_count", "closing_count"),
        "churn_rate_average": ("churned_count", "(opening_count + closing_count) / 2"),
        "churn_to_new_ratio": ("churned_count", "new_count"),
        "churn_rate_net": ("net_churned_count", "opening_count"),
    }
    return [
        (name, *row)
        for name, (count, base) in rates.items()
        for row in built.rows(
            f"""
            select month, scope_type, scope_code, {name} from mart_churn_trend
            where case when {base} = 0 or {count} is null then {name} is not null
                else {name} is null or abs({name} - {count} / ({base})) > 1e-12 end
            """
        )
    ]


# ---- classes, scopes, shares ---------------------------------------------------------------------------------------


@rule
def churn_classes_sum_to_all_who_left_in_every_scope(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with classed as (
            select month, scope_type, scope_code, sum(churned_count) as churned_count, count(*) as classes
            from mart_churn_class group by all
        )
        select * from mart_churn_trend as trend full outer join classed using (month, scope_type, scope_code)
        where coalesce(classed.churned_count, 0) is distinct from trend.churned_count
            or classed.classes is distinct from (select count(*) from churn_classes)
        """
    )


@rule
def every_class_of_every_scope_is_the_number_of_its_churn_events(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with counted as (
            select month, scope_type, code as scope_code, churn_class, count(*) as event_count
            from scoped_lines inner join fct_churn using (month, subscriber_id) group by all
        )
        select * from counted full outer join mart_churn_class as classed
            using (month, scope_type, scope_code, churn_class)
        where coalesce(event_count, 0) <> coalesce(churned_count, 0)
        """
    )


SUMMED_OVER_SCOPES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mart_churn_trend": (
        (),
        (
            *("opening_count", "new_count", "reinstated_count", "appeared_count", "churned_count", "vanished_count"),
            *("same_month_churned_count", "passive_churned_count", "active_churned_count", "swap_count"),
            *("probable_swap_count", "net_churned_count", "closing_count", "exposure_days"),
            "(moved_in_count - moved_out_count)",
        ),
    ),
    "mart_churn_revision": (
        ("churn_month", "version"),
        (
            "opening_count",
            "churned_count",
            "reinstated_count",
            "swap_count",
            "probable_swap_count",
            "net_churned_count",
        ),
    ),
    "mart_churn_class": (("churn_class",), ("churned_count", "closing_count", "silent_count", "dormant_count")),
    "mart_churn_cause": (("cause_code",), ("reported_count", "reported_weight")),
    "mart_churn_destination": (("destination",), ("churned_count", "answered_count", "reported_count")),
    "mart_churn_by_tenure": (
        ("window_months", "tenure_bucket"),
        ("churned_count", "at_risk_count", "closing_count"),
    ),
    "mart_churn_tenure_mean": ((), ("churned_count", "closing_count")),
    "mart_base_flow": (
        (),
        (
            *("active_count", "new_count", "returning_count", "resurrecting_count", "active_before_count"),
            *("dormant_count", "left_count"),
        ),
    ),
    "mart_revenue_bridge": ((), ("billed_count", "revenue_amount")),
    "mart_high_value_cohort": (("cohort_month",), ("cohort_count", "on_net_count", "kept_count")),
}
"""Per mart: what is summed apart beside the month, and what is summed. Rates are not, nor figures of a year so far (a
scope that nobody is in any more has no row for them), nor late answers (their scopes must be known in two months)."""


@rule
def scopes_of_every_delivered_type_sum_to_the_network(built: Built) -> list[tuple[Any, ...]]:
    return [
        (mart, column, *row)
        for mart, (by, columns) in SUMMED_OVER_SCOPES.items()
        for column in columns
        for row in _unsummed(built, mart, by, column)
    ]


_TYPES_OF: Mapping[str, tuple[str, str]] = {
    "mart_churn_revision": ("delivered", "churn_month = types.month"),
    "mart_high_value_cohort": ("delivered", "cohort_month = types.month"),
    "mart_churn_by_tenure": (
        "delivered_windows",
        "network.month = types.month and network.window_months = types.window_months",
    ),
}
"""Marts that have the scope types of other months than their own, and where these are told."""


def _unsummed(built: Built, mart: str, by: tuple[str, ...], column: str) -> list[tuple[Any, ...]]:
    """Groups in which a scope type that was delivered does not give the network's figure; one without rows gives 0."""
    keys = ", ".join(("month", *by))
    types, delivered_when = _TYPES_OF.get(mart, ("delivered", "network.month = types.month"))
    return built.rows(
        f"""
        with network as (
            select {keys}, sum({column}) as total from {mart} where scope_type = 'network' group by all
        ),
        parts as (
            select {keys}, scope_type, sum({column}) as total from {mart} where scope_type <> 'network' group by all
        ),
        expected as (
            select network.*, types.scope_type from network
            inner join {types} as types on {delivered_when} and types.scope_type <> 'network'
        )
        select {keys}, scope_type, expected.total, parts.total
        from expected left join parts using ({keys}, scope_type)
        where abs(coalesce(expected.total, 0) - coalesce(parts.total, 0)) > 1e-9
            or (expected.total is null and parts.total is not null)
        """
    )


@rule
def a_scope_whose_column_was_not_delivered_has_no_rows(built: Built) -> list[tuple[Any, ...]]:
    return [
        (mart, *row)
        for mart in SUMMED_OVER_SCOPES
        if mart not in ("mart_churn_revision", "mart_high_value_cohort")
        for row in built.rows(
            f"select distinct month, scope_type from {mart} except select month, scope_type from delivered"
        )
    ]


SHARES: Mapping[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("mart_churn_class", "churned_share"): (("scope_type", "scope_code"), "max(all_churned_count)"),
    ("mart_churn_cause", "share"): (("scope_type", "scope_code"), "max(churned_count)"),
    ("mart_churn_cause", "answered_share"): (("scope_type", "scope_code"), "max(answered_count)"),
    ("mart_churn_destination", "share"): (("scope_type", "scope_code"), "max(churned_count)"),
    ("mart_churn_destination", "answered_share"): (("scope_type", "scope_code"), "max(answered_count)"),
    ("mart_churn_by_tenure", "churned_share"): (("window_months", "scope_type", "scope_code"), "sum(churned_count)"),
    ("mart_churn_by_tenure", "base_share"): (("window_months", "scope_type", "scope_code"), "sum(closing_count)"),
    ("mart_churn_by_plan", "churned_share"): (("window_months",), "sum(churned_count)"),
    ("mart_churn_by_plan", "share_of_top10_churned"): (
        ("window_months",),
        "sum(churned_count) filter (churned_rank <= 10)",
    ),
    ("mart_churn_by_plan_tenure", "churned_share"): (("window_months", "plan_code"), "sum(churned_count)"),
    ("mart_churn_by_plan_tenure", "base_share"): (("window_months", "plan_code"), "sum(closing_count)"),
    ("mart_churn_by_arpu_band", "churned_share"): (
        ("window_months",),
        "sum(churned_count) filter (arpu_band <> '(unknown)')",
    ),
    ("mart_churn_by_arpu_band", "base_share"): (
        ("window_months",),
        "sum(closing_count) filter (arpu_band <> '(unknown)')",
    ),
    ("mart_lifecycle_transition", "share"): (("from_stage",), "sum(subscriber_count)"),
}
"""Per share: the groups in which it sums to one beside the month, and what it is a share of."""


@rule
def shares_sum_to_one_where_there_is_a_base_and_are_missing_where_there_is_none(built: Built) -> list[tuple[Any, ...]]:
    return [
        (mart, share, *row)
        for (mart, share), (by, base) in SHARES.items()
        for row in built.rows(
            f"""
            select {", ".join(("month", *by))}, {base} as base, sum({share}) as total from {mart} group by all
            having case when coalesce(base, 0) = 0 then total is not null
                else total is null or abs(total - 1) > 1e-9 end
            """
        )
    ]


# ---- pieces of a whole ---------------------------------------------------------------------------------------------


@rule
def tenure_plans_bands_and_channels_are_parts_of_the_same_leavers_and_stayers(built: Built) -> list[tuple[Any, ...]]:
    parts = {
        "mart_churn_by_tenure where window_months = 1 and scope_type = 'network'": ("churned_count", "closing_count"),
        "mart_churn_by_plan where window_months = 1": ("churned_count", "closing_count"),
        "mart_churn_by_plan_tenure where window_months = 1": ("churned_count", "closing_count"),
        "mart_churn_by_arpu_band where window_months = 1": ("churned_count", "closing_count"),
        "mart_churn_by_channel where true": ("churned_count", "closing_count", "new_count"),
        "mart_churn_tenure_mean where scope_type = 'network'": ("churned_count", "closing_count"),
    }
    return [
        (part, column, *row)
        for part, columns in parts.items()
        for column in columns
        for row in built.rows(
            f"""
            with parts as (select month, sum({column}) as total from {part} group by month)
            select * from parts full outer join (select * from mart_churn_trend where scope_type = 'network') as trend
                using (month)
            where coalesce(parts.total, 0) is distinct from trend.{column}
            """
        )
    ]


WINDOWED = {
    "mart_churn_by_tenure": ("pieces.scope_type", ("scope_type", "scope_code", "tenure_bucket")),
    "mart_churn_by_plan_tenure": ("'network'", ("plan_code", "tenure_bucket")),
    "mart_churn_by_plan": ("'network'", ("plan_code",)),
}
"""Marts with windows: the scope type that must have been delivered in all months, and what is summed apart."""


@rule
def three_months_are_the_sum_of_their_months_and_shown_when_all_three_were_delivered(
    built: Built,
) -> list[tuple[Any, ...]]:
    return [
        (mart, *row)
        for mart, (scope_type, by) in WINDOWED.items()
        for row in built.rows(
            f"""
            with summed as (
                select complete.month, {", ".join(f"pieces.{key}" for key in by)},
                    sum(churned_count) as churned, sum(at_risk_count) as at_risk
                from delivered_windows as complete
                inner join delivered_months as ends using (month)
                inner join delivered_months as within on within.number between ends.number - 2 and ends.number
                inner join {mart} as pieces
                    on within.month = pieces.month and pieces.window_months = 1
                    and complete.scope_type = {scope_type}
                where complete.window_months = 3
                group by all having sum(at_risk_count) > 0
            ),
            shown as (select * from {mart} where window_months = 3 and at_risk_count > 0)
            select month, {", ".join(by)} from summed full outer join shown using (month, {", ".join(by)})
            where shown.churned_count is distinct from summed.churned
                or shown.at_risk_count is distinct from summed.at_risk
            """
        )
    ]


@rule
def figures_of_the_year_and_half_year_so_far_are_the_sums_of_their_months(built: Built) -> list[tuple[Any, ...]]:
    return [row for span in ("ytd", "half_year") for row in _wrongly_cumulated(built, span)]


def _wrongly_cumulated(built: Built, span: str) -> list[tuple[Any, ...]]:
    is_within = {
        "ytd": "left(piece.month, 4) = left(whole.month, 4)",
        "half_year": "left(piece.month, 4) = left(whole.month, 4)"
        " and (right(piece.month, 2)::int + 5) // 6 = (right(whole.month, 2)::int + 5) // 6",
    }[span]
    also_new = f"or max(whole.{span}_new_count) <> sum(piece.new_count)" if span == "ytd" else ""
    return built.rows(
        f"""
        select whole.month, whole.scope_type, whole.scope_code, '{span}' as span
        from mart_churn_trend as whole inner join mart_churn_trend as piece
            on whole.scope_type = piece.scope_type and whole.scope_code = piece.scope_code
            and piece.month <= whole.month and {is_within}
        group by all
        having max(whole.{span}_churned_count) <> sum(piece.churned_count)
            or max(whole.{span}_month_count) <> count(*)
            or abs(coalesce(max(whole.{span}_churn_rate), -1)
                - coalesce(sum(piece.churned_count) * count(*) / nullif(sum(piece.opening_count), 0), -1)) > 1e-12
            {also_new}
        """
    )


@rule
def hazards_count_every_leaver_of_their_window_once(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with hazards as (
            select month, sum(churned_count) as churned, sum(at_risk_count) as at_risk, max(window_months) as length
            from mart_churn_hazard group by month
        ),
        leavers as (
            select ends.month, sum(churned_count) as churned, sum(churned_count + closing_count) as at_risk,
                count(*) as length
            from delivered_months as ends inner join mart_churn_trend as trend
                on trend.month <= ends.month and trend.scope_type = 'network'
            group by ends.month
        )
        select * from hazards full outer join leavers using (month)
        where hazards.churned is distinct from leavers.churned or hazards.at_risk is distinct from leavers.at_risk
            or hazards.length is distinct from leavers.length
        """
    )


@rule
def groups_sum_to_all_groups_and_these_are_lines_with_a_group(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with members as (
            select month, count(*) filter (is_on_net_close and group_id is not null) as member_count,
                count(*) filter (is_churned and group_id is not null) as churned_count
            from fct_subscriber_months group by month
        ),
        summed as (
            select month, sum(member_count) as member_count, sum(churned_count) as churned_count
            from mart_churn_by_group where group_id <> 'all' group by month
        )
        select month, members.*, summed.*, whole.member_count, whole.churned_count
        from (select * from mart_churn_by_group where group_id = 'all') as whole
        full outer join members using (month)
        left join summed using (month)
        where whole.month is null
            or case when whole.member_count is null
                then coalesce(summed.member_count, summed.churned_count, whole.churned_count) is not null
                else whole.member_count <> members.member_count or whole.churned_count <> members.churned_count
                    or coalesce(summed.member_count, 0) <> members.member_count
                    or coalesce(summed.churned_count, 0) <> members.churned_count end
        """
    )


@rule
def causes_weigh_as_much_as_there_are_answers_and_what_is_left_is_unknown(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        select month, scope_type, scope_code, sum(reported_weight), max(answered_count)
        from mart_churn_cause group by all
        having abs(sum(reported_weight) - max(answered_count)) > 1e-9
            or count(distinct churned_count) > 1 or count(distinct answered_count) > 1
            or abs(coalesce(max(unknown_share) * max(churned_count), 0) - (max(churned_count)
                - sum(reported_weight) filter (cause_code <> 'unknown'))) > 1e-9
                and sum(reported_weight) filter (cause_code <> 'unknown') is not null
        union all
        select month, scope_type, scope_code, cause.churned_count, trend.churned_count
        from (select distinct month, scope_type, scope_code, churned_count from mart_churn_cause) as cause
        inner join mart_churn_trend as trend using (month, scope_type, scope_code)
        where cause.churned_count <> trend.churned_count
        """
    )


@rule
def destinations_sum_to_the_answers(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        select month, scope_type, scope_code, sum(reported_count), max(answered_count)
        from mart_churn_destination group by all having sum(reported_count) <> max(answered_count)
        """
    )


# ---- revenue -------------------------------------------------------------------------------------------------------


@rule
def volume_usage_and_price_are_the_change_of_revenue_to_the_fen(built: Built) -> list[tuple[Any, ...]]:
    rows = built.rows(
        """
        with minutes as (
            select month, scope_type, code as scope_code, sum(mou * is_billed::int) as minutes
            from scoped_lines group by all
        )
        select month, scope_type, scope_code, revenue_amount, billed_count, minutes,
            revenue_change_mom, volume_effect_mom, usage_effect_mom, price_effect_mom
        from mart_revenue_bridge inner join minutes using (month, scope_type, scope_code)
        """
    )
    facts = {row[:3]: row[3:6] for row in rows}
    wrong = []
    for row in rows:
        before = facts.get((months.shift(row[0], -1), *row[1:3]))
        expected = list(_bridge(before, row[3:6]))
        if not _agree(expected, list(row[6:])):
            wrong.append((*row, expected))
    return wrong


def _bridge(before: tuple[Any, ...] | None, now: tuple[Any, ...]) -> Iterator[Decimal | None]:
    """The change, then its part by users, by minutes a user and by price a minute; None for what cannot be told."""
    if before is None or before[0] is None or now[0] is None:
        yield from (None,) * 4
        return
    yield now[0] - before[0]
    if not before[1] or not before[2] or now[2] is None:
        yield from (None,) * 3
        return
    at_users = float(before[0]) * now[1] / before[1]
    at_minutes = float(before[0]) * float(now[2]) / float(before[2])
    volume, usage = _fen(at_users - float(before[0])), _fen(at_minutes - at_users)
    yield from (volume, usage, now[0] - before[0] - volume - usage)


def _fen(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _agree(expected: list[Decimal | None], shown: list[Decimal | None]) -> bool:
    """A part may be a fen away, where the product of doubles lies on the edge; what is shown adds up exactly."""
    if [value is None for value in expected] != [value is None for value in shown]:
        return False
    known = [(one, other) for one, other in zip(expected, shown, strict=True) if one is not None and other is not None]
    is_near = all(abs(one - other) <= Decimal("0.02") for one, other in known)
    change, *parts = shown
    return is_near and (parts[0] is None or sum(part for part in parts if part is not None) == change)


@rule
def revenue_and_billed_users_are_those_of_the_subscribers(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with counted as (
            select month, scope_type, code as scope_code, sum(billed_revenue_amount) as revenue,
                sum(is_billed::int) as billed
            from scoped_lines group by all
        )
        select * from counted full outer join mart_revenue_bridge as bridge using (month, scope_type, scope_code)
        where coalesce(counted.revenue, 0) <> coalesce(bridge.revenue_amount, 0)
            or coalesce(counted.billed, 0) <> coalesce(bridge.billed_count, 0)
        """
    )


# ---- stages, tiers, activity ---------------------------------------------------------------------------------------


@rule
def everybody_on_the_network_has_one_known_stage_and_one_known_tier_and_nobody_else_has(
    built: Built,
) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        select month, subscriber_id, lifecycle_stage, value_tier, value_tier_unsmoothed from fct_subscriber_months
        where is_on_net_close <> (coalesce(lifecycle_stage, '') in (select lifecycle_stage from lifecycle_stages))
            or is_on_net_close <> (coalesce(value_tier, '') in (select value_tier from value_tiers))
            or is_on_net_close <> (coalesce(value_tier_unsmoothed, '') in (select value_tier from value_tiers))
            or (not is_on_net_close and coalesce(lifecycle_stage, value_tier) is not null)
        """
    )


@rule
def the_lifecycle_cube_sums_to_the_base(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with cells as (
            select month, district_code, brand, lifecycle_stage, value_tier, count(*) as lines,
                sum(billed_revenue_amount) as revenue, sum(is_billed::int) as billed
            from (select * replace (coalesce(brand, '(unknown)') as brand) from fct_subscriber_months)
            where is_on_net_close group by all
        )
        select month, district_code from cells
        full outer join mart_lifecycle_cube as cube using (month, district_code, brand, lifecycle_stage, value_tier)
        where cells.lines is distinct from cube.subscriber_count
            or cells.revenue is distinct from cube.billed_revenue_amount
            or cells.billed is distinct from cube.billed_count
        union all
        select month, district_code
        from (select month, district_code, sum(subscriber_count) as lines from mart_lifecycle_cube group by all) as cube
        full outer join (
            select month, scope_code as district_code, closing_count from mart_churn_trend
            where scope_type = 'district' and closing_count > 0
        ) as trend using (month, district_code)
        where cube.lines is distinct from trend.closing_count
        """
    )


@rule
def rows_of_the_transition_matrix_are_the_stages_before_and_columns_the_stages_now(
    built: Built,
) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with stages as (
            select month, lifecycle_stage as stage, count(*) as lines from fct_subscriber_months
            where is_on_net_close group by all
        ),
        trend as (select * from mart_churn_trend where scope_type = 'network'),
        flows as (
            from trend select month, 'new' as stage, new_count as lines
            union all from trend select month, 'reinstated', reinstated_count
            union all from trend select month, 'appeared', appeared_count
            union all from trend select month, 'moved_in', moved_in_count
        ),
        losses as (
            from trend select month, 'churned' as stage, churned_count as lines
            union all from trend select month, 'moved_out', moved_out_count
        ),
        before as (
            select months.month, stage, lines from stages
            inner join consecutive as months on stages.month = months.month_before and months.scope_type = 'network'
            union all
            select month, '(unknown)', opening_count from trend
            where month not in (select month from consecutive)
            union all
            from flows
        ),
        now as (from stages union all from losses),
        matrix as (from mart_lifecycle_transition),
        froms as (select month, from_stage as stage, sum(subscriber_count) as lines from matrix group by all),
        tos as (select month, to_stage as stage, sum(subscriber_count) as lines from matrix group by all)
        select 'from' as side, month, stage, before.lines, froms.lines
        from before full outer join froms using (month, stage)
        where coalesce(before.lines, 0) <> coalesce(froms.lines, 0)
        union all
        select 'to' as side, month, stage, now.lines, tos.lines
        from now full outer join tos using (month, stage)
        where coalesce(now.lines, 0) <> coalesce(tos.lines, 0)
        """
    )


@rule
def the_active_are_new_returning_or_resurrecting_and_return_lapse_or_leave(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with counted as (
            select month, scope_type, code as scope_code, count(*) filter (is_on_net_close and is_active) as active
            from scoped_lines group by all
        )
        select month, scope_type, scope_code from mart_base_flow as flow
        full outer join counted using (month, scope_type, scope_code)
        where coalesce(flow.active_count, counted.active) <> coalesce(counted.active, 0)
            or flow.active_count <> flow.new_count + flow.returning_count + flow.resurrecting_count
            or flow.active_before_count <> flow.returning_count + flow.dormant_count + flow.left_count
        union all
        select now.month, now.scope_type, now.scope_code from mart_base_flow as now
        inner join consecutive as months using (month, scope_type)
        inner join mart_base_flow as before
            on months.month_before = before.month and before.scope_type = 'network' and now.scope_type = 'network'
        where now.active_before_count
            is distinct from case when now.active_count is not null then before.active_count end
        """
    )


# ---- what later months know ----------------------------------------------------------------------------------------


@rule
def every_month_is_revised_in_the_two_delivered_months_after_it_and_only_net_figures_change(
    built: Built,
) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with due as (
            select versions.month, trend.month as churn_month, trend.scope_type, trend.scope_code, trend.churned_count,
                trend.opening_count, trend.swap_count,
                ['T+3', 'T+35', 'T+65'][versions.number - churned.number + 1] as version
            from mart_churn_trend as trend
            inner join delivered_months as churned using (month)
            inner join delivered_months as versions on versions.number - churned.number between 0 and 2
        )
        select month, churn_month, scope_type, scope_code from due
        full outer join mart_churn_revision as shown using (month, churn_month, scope_type, scope_code, version)
        where due.churned_count is distinct from shown.churned_count
            or due.opening_count is distinct from shown.opening_count
            or (version = 'T+3' and (shown.reinstated_count <> 0 or due.swap_count is distinct from shown.swap_count))
            or shown.net_churned_count <> shown.churned_count - shown.reinstated_count - shown.swap_count
            or shown.net_churned_count - shown.probable_swap_count < 0
            or is_final is distinct from (version = 'T+65')
        """
    )


@rule
def a_line_that_came_back_within_the_days_of_grace_is_taken_off_in_every_later_version(
    built: Built,
) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with returns as (
            select lefts.month as churn_month, backs.month as back_month, lefts.subscriber_id
            from fct_subscriber_months as lefts
            inner join fct_subscriber_months as backs
                on lefts.subscriber_id = backs.subscriber_id and backs.is_reinstated and backs.month > lefts.month
            where lefts.is_churned and date_diff(
                'day', lefts.termination_on,
                case when strftime(backs.status_on, '%Y-%m') = backs.month then backs.status_on
                    else (backs.month || '-01')::date end
            ) <= 90
        ),
        counted as (
            select revision.month, revision.churn_month, count(distinct subscriber_id) as returned
            from mart_churn_revision as revision
            left join returns on revision.churn_month = returns.churn_month and returns.back_month <= revision.month
            where revision.scope_type = 'network'
            group by all
        )
        select * from mart_churn_revision as revision inner join counted using (month, churn_month)
        where revision.scope_type = 'network' and revision.reinstated_count <> counted.returned
        """
    )


@rule
def a_cohort_is_who_joined_and_grows_by_those_who_come_back_only(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        with members as (
            select joined.month as joined_month, lines.month, lines.is_on_net_open, lines.is_on_net_close
            from fct_subscriber_months as joined inner join fct_subscriber_months as lines
                on joined.subscriber_id = lines.subscriber_id and lines.month >= joined.month
            where joined.is_new
        ),
        flows as (
            select joined_month, month, count(*) filter (is_on_net_close and not is_on_net_open) as came,
                count(*) filter (is_on_net_open and not is_on_net_close) as went
            from members group by all
        )
        select now.month, now.joined_month, now.survivors_count, before.survivors_count, flows.*
        from mart_cohort_retention as now
        left join flows using (month, joined_month)
        left join consecutive as months on now.month = months.month and months.scope_type = 'network'
        left join mart_cohort_retention as before
            on months.month_before = before.month and now.joined_month = before.joined_month
        where now.survivors_count > now.cohort_count
            or (months.month is not null and now.survivors_count
                <> coalesce(before.survivors_count, 0) + coalesce(flows.came, 0) - coalesce(flows.went, 0))
        union all
        select now.month, trend.month, now.cohort_count, trend.new_count, null, null, null, null
        from mart_churn_trend as trend
        inner join delivered_months as later on later.month >= trend.month
        left join mart_cohort_retention as now on now.joined_month = trend.month and now.month = later.month
        where trend.scope_type = 'network' and coalesce(now.cohort_count, 0) <> trend.new_count
        """
    )


@rule
def a_frozen_cohort_keeps_its_members_all_year_and_the_kept_are_on_the_network(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(
        """
        select cohort_month, scope_type, scope_code from mart_high_value_cohort group by all
        having count(distinct cohort_count) > 1 or max(on_net_count) > max(cohort_count)
            or bool_or(coalesce(kept_count, 0) > on_net_count)
        """
    )


# ---- the tables that the rules are told in --------------------------------------------------------------------------


def build(project: CompiledProject, world: RandomWorld) -> Built:
    """Build the world, and the tables that the rules are told in."""
    project.build(world.tables())
    for statement in _rule_tables():
        project.execute(statement)
    return Built(project, world)


def _rule_tables() -> Iterator[str]:
    yield "set search_path = 'branch.main,branch.core,branch.retention,branch.rules,branch.raw'"
    yield """
        create or replace table delivered_months as
        select delivery_month as month, left(delivery_month, 4)::int * 12 + right(delivery_month, 2)::int as number
        from raw.deliveries where data_set = 'crm_subscribers' and is_delivered
    """
    optional = ", ".join(f"('{scope}', '{column}')" for scope, (_, column) in SCOPES.items() if column)
    yield f"""
        create or replace table delivered as
        select month, scope_type from delivered_months, (values ('network'), ('district')) as types(scope_type)
        union all
        select delivery_month, scope_type
        from raw.delivered_columns as columns inner join (values {optional}) as types(scope_type, column_name)
            using (column_name)
        where columns.data_set = 'crm_subscribers'
    """
    yield """
        create or replace table delivered_windows as
        select ends.month, windows.window_months, delivered.scope_type
        from delivered_months as ends, (values (1), (3)) as windows(window_months), delivered_months as within,
            delivered
        where within.number > ends.number - windows.window_months and within.number <= ends.number
            and delivered.month = within.month
        group by all having count(*) = windows.window_months
    """
    yield """
        create or replace table consecutive as
        select this.month, before.month as month_before, now.scope_type
        from delivered_months as this inner join delivered_months as before on this.number = before.number + 1
        inner join delivered as now on now.month = this.month
        inner join delivered as then_too on then_too.month = before.month and then_too.scope_type = now.scope_type
    """
    scopes = " union all ".join(
        f"""
        select '{scope}' as scope_type, coalesce({column}, '(unknown)') as code,
            case when is_on_net_open then coalesce({column}_open, '(unknown)') end as code_open, *
        from fct_subscriber_months
        """
        for scope, (column, _) in SCOPES.items()
    )
    yield f"""
        create or replace table scoped_lines as
        from (
            select 'network' as scope_type, 'all' as code, case when is_on_net_open then 'all' end as code_open, *
            from fct_subscriber_months union all {scopes}
        ) inner join delivered using (month, scope_type)
    """
