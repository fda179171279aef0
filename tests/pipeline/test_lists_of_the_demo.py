"""Lists and work orders of the demo operator, against its truth files and the limits that they must keep to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operators import DEMO
from tests.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

LISTS = "retention.mart_work_lists"
ORDERS = "retention.mart_work_orders"


def number(demo: World, sql: str) -> float:
    (row,) = demo.query(sql)
    return float(next(iter(row.values())) or 0)


def test_the_held_out_of_the_warning_list_leave_two_and_a_half_times_as_often_as_anybody(
    demo: World, demo_truth: Path
) -> None:
    """All list months pooled: the hold-out of one is too small to tell."""
    (row,) = demo.query("""
        select sum(holdout_churned_count) / sum(holdout_count) as held_out, sum(holdout_count) as cases,
            sum(eligible_churned_count) / sum(eligible_count) as anybody
        from retention.mart_list_quality where list_type = 'warning' and scope_type = 'network'
    """)
    assert row["cases"] > 1000
    assert row["held_out"] / row["anybody"] >= 2.5


def test_hoarded_lines_are_on_the_list_of_hoarding_and_hardly_anybody_else(demo: World, demo_truth: Path) -> None:
    listed = f"(select distinct subscriber_id from {LISTS} where list_type = 'hoarding')"
    planted = f"(select subscriber_id from '{demo_truth}/subscribers.parquet' where is_hoarded and is_countable)"
    found = number(demo, f"select count(*) from {listed} semi join {planted} using (subscriber_id)")
    assert found >= 0.75 * number(demo, f"select count(*) from {planted}")
    assert found >= 0.9 * number(demo, f"select count(*) from {listed}")


def test_who_is_disconnected_for_arrears_was_on_the_list_of_arrears(demo: World, demo_truth: Path) -> None:
    planted = f"""(
        select subscriber_id, churn_month from '{demo_truth}/subscribers.parquet'
        where kind = 'passive' and is_countable and churn_month > '{DEMO.month_names[0]}'
    )"""
    missed = f"""select count(*) from {planted} as leavers
        inner join core.fct_subscriber_months as before using (subscriber_id)
        where before.month = strftime(cast(churn_month || '-01' as date) - interval 1 month, '%Y-%m')
            and before.is_on_net_close and not before.is_do_not_contact
            and not exists (
                from {LISTS} as lists where list_type = 'arrears' and lists.month = before.month
                and lists.subscriber_id = leavers.subscriber_id
            )"""
    assert number(demo, f"select count(*) from {planted}") > 100
    assert number(demo, missed) == 0


def test_whoever_left_with_malicious_arrears_is_listed_when_joining_again(demo: World, demo_truth: Path) -> None:
    joined_again = """
        select count(*), count_if(exists (
            from retention.mart_work_lists as lists where list_type = 'blacklist' and lists.month = lines.month
            and lists.subscriber_id = lines.subscriber_id
        )) as listed
        from core.fct_subscriber_months as lines
        where is_new and is_on_net_close and status <> 'suspended_voluntary' and not is_do_not_contact
            and customer_id in (
                select gone.customer_id from core.fct_churn as events
                inner join core.fct_subscriber_months as gone using (month, subscriber_id)
                where events.is_malicious_arrears and events.month < lines.month
            )"""
    (row,) = demo.query(joined_again)
    count, listed = row.values()
    assert listed == count > 0


def test_no_subscriber_has_two_orders_and_nobody_gets_more_than_can_be_done(demo: World, demo_truth: Path) -> None:
    doubled = f"select count(*) - count(distinct (month, subscriber_id)) from {ORDERS}"
    assert number(demo, doubled) == 0
    busiest = f"""select max(orders) from (
        select count(*) as orders from {ORDERS} where is_planned
        group by month, account_manager, case when account_manager is null then district_code end
    )"""
    assert 0 < number(demo, busiest) <= 200
    assert number(demo, f"select count_if(suppressed_because = 'over_capacity') from {ORDERS}") > 0


def test_whoever_must_not_be_called_has_no_order(demo: World, demo_truth: Path) -> None:
    protected = f"'{demo_truth}/subscribers.parquet' where not is_countable"
    assert number(demo, f"select count(*) from {protected}") > 0
    assert (
        number(demo, f"select count(*) from {ORDERS} where subscriber_id in (select subscriber_id from {protected})")
        == 0
    )
    asked = "select month, subscriber_id from core.fct_subscriber_months where is_do_not_contact"
    assert number(demo, f"select count(*) from ({asked})") > 0
    assert number(demo, f"select count(*) from {ORDERS} semi join ({asked}) using (month, subscriber_id)") == 0


def test_what_is_planned_stays_within_what_caps_have_left_for_every_line_and_every_group(
    demo: World, demo_truth: Path
) -> None:
    for kind in ("care", "retention"):
        over = f"""select count(*) from (
            select orders.month, caps.cap_holder, sum(orders.{kind}_planned_amount) as planned,
                min(caps.{kind}_left_amount) as remaining
            from {ORDERS} as orders
            inner join intermediate.int_cost_caps_left as caps using (month, subscriber_id)
            group by all
        ) where planned > coalesce(remaining, 0)"""
        assert number(demo, over) == 0, kind
        assert number(demo, f"select sum({kind}_planned_amount) from {ORDERS}") > 0, kind
