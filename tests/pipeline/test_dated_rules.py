"""A rule that changes from a month on changes the months from then on, and no earlier one; a wrong table is found."""

from __future__ import annotations

import re

import duckdb
import pytest

from tests.worlds import BuildFailed, World, run_dbt, varied_world

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

FIRST, BEFORE, CHANGED, LAST = "2011-02", "2011-04", "2011-05", "2011-06"
SCHEMAS = ("core", "retention")


def replace_rule(world: World, table: str, where: str, **changed: str) -> None:
    """End the rule of ``table`` that ``where`` selects, and put another in force from the month of the change."""
    columns = ", ".join(f"{value} as {column}" for column, value in changed.items())
    execute(
        world,
        f"insert into rules.{table} select * replace ({columns}, '{CHANGED}' as valid_from)"
        f" from rules.{table} where {where}",
        f"update rules.{table} set valid_to = '{BEFORE}' where ({where}) and valid_from < '{CHANGED}'",
    )


def execute(world: World, *statements: str) -> None:
    with duckdb.connect(str(world.settings.duckdb_file)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five months built twice: the tables of the first time are kept in schemas of their own."""
    made = varied_world(tmp_path_factory.mktemp("dated"))
    made.build(FIRST, LAST)
    for schema in SCHEMAS:
        tables = made.query(f"select table_name from information_schema.tables where table_schema = '{schema}'")
        execute(made, f"create schema {schema}_before")
        for row in tables:
            name = row["table_name"]
            execute(made, f"create table {schema}_before.{name} as select * from {schema}.{name}")
    replace_rule(made, "arpu_bands", "arpu_band = '0-30'", arpu_band="'0-35'", up_to_amount="35")
    replace_rule(made, "arpu_bands", "arpu_band = '30-50'", arpu_band="'35-50'", above_amount="35")
    replace_rule(made, "tenure_buckets", "tenure_bucket = '13-24'", tenure_bucket="'13-36'", to_month_number="36")
    execute(made, f"update rules.tenure_buckets set valid_to = '{BEFORE}' where tenure_bucket = '25-36'")
    replace_rule(made, "warning_clauses", "clause_code = 'dissatisfied'", warning_weight="3")
    replace_rule(made, "value_tiers", "value_tier = 'low'", risk_step="0")
    replace_rule(made, "value_tier_rules", "value_tier_rule = 'special'", value_tier="'mid'")
    replace_rule(made, "cost_caps", "value_tier = 'high'", care_arpu_share="0.5")
    replace_rule(made, "survey_causes", "answer_code = 'billing'", cause_code="'rival_brand'")
    replace_rule(made, "causes", "cause_code = 'rival_brand'", urgency="'high'")
    replace_rule(made, "exit_evidence", "code = 'rival_mobile'", churn_class="'unknown'")
    made.build(FIRST, LAST, seeds=False, tests=True)
    return made


def changed_months(world: World, table: str, columns: str = "*") -> set[str]:
    """Months in which a table has rows that it had not, or lacks rows that it had."""
    schema, name = table.split(".")
    rows = world.query(
        f"""
        (select {columns}, month as of_month from {table}
        except all select {columns}, month from {schema}_before.{name})
        union all
        (select {columns}, month as of_month from {schema}_before.{name}
        except all select {columns}, month from {table})
        """
    )
    return {row["of_month"] for row in rows}


def test_no_row_of_a_month_before_the_change_differs(world: World) -> None:
    for schema in SCHEMAS:
        tables = world.query(f"select table_name from information_schema.tables where table_schema = '{schema}_before'")
        assert tables
        for row in tables:
            earlier = {month for month in changed_months(world, f"{schema}.{row['table_name']}") if month < CHANGED}
            assert not earlier, row["table_name"]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("core.fct_subscriber_months", "arpu_band"),
        ("core.fct_subscriber_months", "tenure_bucket"),
        ("core.fct_subscriber_months", "warning_clause_count"),
        ("core.fct_subscriber_months", "value_tier"),
        ("retention.mart_churn_by_arpu_band", "arpu_band"),
        ("retention.mart_churn_by_tenure", "tenure_bucket"),
        ("retention.mart_work_lists", "care_cap_amount"),
        ("retention.mart_churn_cause", "cause_code"),
    ],
)
def test_the_months_from_the_change_on_follow_the_new_rule(world: World, table: str, column: str) -> None:
    assert changed_months(world, table, column) == {CHANGED, LAST}


def test_a_level_follows_the_new_weights_and_steps_once_it_has_its_months_of_history(world: World) -> None:
    assert changed_months(world, "core.fct_subscriber_months", "risk_level") == {LAST}


def test_a_band_is_read_by_the_edges_of_the_month_of_its_row(world: World) -> None:
    rows = world.query(
        "select distinct month, arpu_band from core.fct_subscriber_months"
        " where arpu3_amount > 30 and arpu3_amount <= 35"
    )
    held = {(row["month"], row["arpu_band"]) for row in rows}
    assert held
    assert all(band == ("0-35" if month >= CHANGED else "30-50") for month, band in held)
    assert {month for month, _ in held} & {CHANGED, LAST}


def test_a_window_over_the_change_loses_nobody(world: World) -> None:
    rows = world.query(
        f"""
        select tenure.month, tenure.churned, trend.churned as leavers
        from (
            select month, sum(churned_count) as churned from retention.mart_churn_by_tenure
            where window_months = 3 and scope_type = 'network' group by month
        ) as tenure
        inner join (
            select ends.month, sum(months.churned_count) as churned
            from retention.mart_churn_trend as ends
            inner join retention.mart_churn_trend as months
                on months.scope_type = 'network' and months.month between
                    case ends.month when '{LAST}' then '{BEFORE}' else '2011-03' end and ends.month
            where ends.scope_type = 'network' and ends.month in ('{CHANGED}', '{LAST}')
            group by ends.month
        ) as trend on tenure.month = trend.month
        """
    )
    assert {row["month"] for row in rows} == {CHANGED, LAST}
    assert all(row["churned"] == row["leavers"] for row in rows)
    labels = world.query(
        "select distinct tenure_bucket from retention.mart_churn_by_tenure"
        f" where month = '{LAST}' and window_months = 3"
    )
    assert {"13-24", "25-36", "13-36"} <= {row["tenure_bucket"] for row in labels}


def test_overlaps_gaps_and_holes_of_rule_tables_are_found(world: World) -> None:
    execute(
        world,
        # A month without a cap, two weights in one month, nobody's band, two buckets for one tenure, a threshold that
        # ends, a code with new edges.
        "update rules.cost_caps set valid_to = '2011-03' where value_tier = 'high' and valid_to = '2011-04'",
        "insert into rules.swap_evidence select * replace ('2011-05' as valid_from) from rules.swap_evidence"
        " where evidence = 'same_handset'",
        "update rules.arpu_bands set valid_to = '2011-08' where arpu_band = '50-100'",
        "insert into rules.tenure_buckets select * replace ('05-08' as tenure_bucket, 5 as from_month_number,"
        " 8 as to_month_number, '2011-05' as valid_from) from rules.tenure_buckets where tenure_bucket = '04-06'",
        "update rules.thresholds set valid_to = '2011-05' where key = 'grace_days'",
        "insert into rules.arpu_bands select * replace ('2011-06' as valid_from, 220 as above_amount)"
        " from rules.arpu_bands where arpu_band = '200+'",
        # A weight too much, and a target of what no scorecard has.
        "update rules.scorecard_weights set weight = 21 where unit_type = 'district' and kpi_code = 'net_churn'",
        "update rules.scorecard_targets set kpi_code = 'smiles' where kpi_code = 'cap_kept'",
    )
    with pytest.raises(BuildFailed) as found:
        run_dbt(world.settings, ["test", "--select", "resource_type:seed", "--indirect-selection", "cautious"])
    failed = set(re.findall(r"of \d+ FAIL \d+ (\w+)", str(found.value)))
    assert failed == {
        "cost_caps_hold_without_gap_or_overlap",
        "swap_evidence_hold_without_gap_or_overlap",
        "thresholds_hold_without_gap_or_overlap",
        "arpu_bands_hold_without_gap_or_overlap",
        "arpu_bands_cover_every_amount_once",
        "arpu_bands_keep_their_edges",
        "tenure_buckets_cover_every_tenure_once",
        "scorecard_weights_sum_to_100_in_every_month",
        "scorecard_targets_are_of_known_indicators",
    }
