"""Handan's shares of leavers (domain.md part 4, S4), which print 125 %, out of counts through the normal models."""

from __future__ import annotations

import duckdb
import pytest

from dagster_project.lib.dbt import months_arguments
from tests.pipeline.printing import percent
from tests.worlds import BuildFailed, World, run_dbt

pytestmark = pytest.mark.slow

MONTHS = ("2011-08", "2011-09", "2011-10")
NETWORK = "month = '2011-10' and scope_type = 'network'"


@pytest.fixture(scope="module")
def handan(tmp_path_factory: pytest.TempPathFactory) -> World:
    """100 leave in October, 65 for a new number and 35 with theirs; 25 of the 100 on the network are dormant."""
    world = World(tmp_path_factory.mktemp("handan"))
    for month in MONTHS:
        is_last = month == MONTHS[-1]
        leavers = [
            {
                "subscriber_id": f"L{place}",
                "customer_id": f"C{place}",
                "status": ("cancelled" if place < 65 else "ported_out") if is_last else "active",
                "status_date": f"{month}-20" if is_last else None,
            }
            for place in range(100)
        ]
        stayers = [{"subscriber_id": f"S{place}", "customer_id": f"D{place}"} for place in range(35)]
        newcomers = [
            {"subscriber_id": f"N{place}", "customer_id": f"C{place}", "join_date": f"{month}-22"}
            for place in range(65 if is_last else 0)
        ]
        rows = [*leavers, *stayers, *newcomers]
        world.add("crm_subscribers", month, rows)
        dormant = {f"S{place}" for place in range(25)}
        usage = [{"subscriber_id": row["subscriber_id"], "calls_out": 5} for row in rows]
        world.add("billing_usage", month, [row for row in usage if row["subscriber_id"] not in dormant])
        world.add("billing_bills", month)
    world.build(MONTHS[0], MONTHS[-1], select="+mart_churn_class")
    return world


def test_g62_external_35_and_internal_65_are_all_who_left_and_dormant_25_stand_on_another_base(handan: World) -> None:
    rows = handan.query(f"select * from retention.mart_churn_class where {NETWORK}")
    shares = {row["churn_class"]: percent(row["churned_share"], 0) for row in rows if row["churned_count"]}
    assert shares == {"internal": "65%", "external_confirmed": "35%"}
    assert sum(row["churned_count"] or 0 for row in rows) == 100
    assert {(row["dormant_count"], percent(row["dormant_rate"], 0)) for row in rows} == {(25, "25%")}


def test_g62_35_65_and_25_are_refused_as_exclusive_classes(handan: World) -> None:
    """The inconsistency is reported, not normalised: both identities fail, and the classes add up to 125 %."""
    with duckdb.connect(str(handan.settings.duckdb_file)) as connection:
        connection.execute("create table kept as select * from retention.mart_churn_class")
        connection.execute(
            "update retention.mart_churn_class set churned_count = dormant_count, churned_share = dormant_rate"
            f" where {NETWORK} and churn_class = 'unknown'"
        )
    total = handan.query(f"select sum(churned_share) as total from retention.mart_churn_class where {NETWORK}")
    try:
        with pytest.raises(BuildFailed) as failure:
            run_dbt(
                handan.settings,
                ["build", "--select", "mart_churn_class,test_type:data", *months_arguments(MONTHS[0], MONTHS[-1])],
            )
    finally:
        with duckdb.connect(str(handan.settings.duckdb_file)) as connection:
            connection.execute("delete from retention.mart_churn_class")
            connection.execute("insert into retention.mart_churn_class select * from kept")
            connection.execute("drop table kept")
    assert percent(total[0]["total"], 0) == "125%"
    for test in ("churn_classes_sum_to_all_who_left", "shares_of_exclusive_classes_sum_to_one"):
        assert f"Failure in test {test}" in str(failure.value)
