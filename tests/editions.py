"""Staged publications for tests: marts written as Parquet, with the columns of the output contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from dagster_project.lib import contract, months
from dagster_project.lib.exports.catalog import Catalog, Export, Model, ModelColumn
from dagster_project.lib.exports.edition import Edition, Written, record, stage, written_file
from dagster_project.settings import Settings
from tests import scores

DISTRICTS: Mapping[str, tuple[str, int]] = {
    "D01": ("雁江", 800_000),
    "D02": ("安岳", 420_000),
    "D03": ("乐至", 260_000),
    "D04": ("简阳", 310_000),
    "D09": ("三户村", 3),
}
"""Code, name and size of the made-up districts: one very large, one with three subscribers."""

_LIST_COLUMNS: Mapping[str, tuple[str, str]] = {
    "month": ("string", "月份"),
    "list_month": ("string", "名单月份"),
    "list_type": ("string", "清单"),
    "district_code": ("string", "区县编码"),
    "district": ("string", "区县"),
    "account_manager": ("string", "客户经理"),
    "subscriber_id": ("string", "用户编号"),
    "msisdn": ("string", "手机号码"),
    "brand": ("string", "品牌"),
    "plan_name": ("string", "套餐"),
    "value_tier": ("string", "价值等级"),
    "lifecycle_stage": ("string", "生命周期"),
    "tenure_month": ("int", "入网月数"),
    "arpu3_amount": ("decimal(18,2)", "前三月平均消费"),
    "total_fee_amount": ("decimal(18,2)", "本月话费"),
    "mou": ("decimal(18,4)", "通话分钟"),
    "reason": ("string", "原因"),
    "reason_en": ("string", "原因(英文)"),
    "risk_level": ("string", "预警级别"),
    "churn_probability": ("double", "离网概率"),
    "expected_loss_amount": ("decimal(18,2)", "预计损失"),
    "measure_codes": ("string", "措施编码"),
    "measure_names": ("string", "建议措施"),
    "measure_names_en": ("string", "建议措施(英文)"),
    "care_cap_amount": ("decimal(18,2)", "月度关怀上限"),
    "retention_cap_amount": ("decimal(18,2)", "挽留总上限"),
    "is_holdout": ("boolean", "对照组"),
    "sort_order": ("bigint", "排序"),
    "termination_on": ("date", "离网日期"),
    "churn_kind": ("string", "离网类别"),
    "status": ("string", "状态"),
    "fee_change_rate": ("double", "话费变化"),
    "contract_end_on": ("date", "合约到期日"),
    "warning_clauses": ("string", "预警迹象"),
}
_ORDER_COLUMNS: Mapping[str, tuple[str, str]] = {
    **{name: column for name, column in _LIST_COLUMNS.items() if name != "is_holdout"},
    "owner_order": ("bigint", "负责人序号"),
    "main_list_type": ("string", "主要名单"),
    "work_order_reason": ("string", "工单原因"),
    "other_list_types": ("string", "其他名单"),
    "arrears_amount": ("decimal(18,2)", "欠费"),
    "care_planned_amount": ("decimal(18,2)", "计划关怀成本"),
    "retention_planned_amount": ("decimal(18,2)", "计划挽留成本"),
    "is_planned": ("boolean", "列入工单"),
    "suppressed_because": ("string", "未列入的原因"),
}
ORDER_EVIDENCE = (
    "owner_order",
    "main_list_type",
    "work_order_reason",
    "other_list_types",
    "contract_end_on",
    "arrears_amount",
    "care_planned_amount",
    "retention_planned_amount",
)
"""The columns that work orders have beside those of every list."""
_MARTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "mart_churn_trend": (
        ("month", "scope_type", "scope_code"),
        "month string, scope_type string, scope_code string, scope_name string, opening_count bigint, new_count bigint,"
        " reinstated_count bigint, appeared_count bigint, moved_in_count bigint, moved_out_count bigint,"
        " vanished_count bigint, churned_count bigint, same_month_churned_count bigint,"
        " passive_churned_count bigint, active_churned_count bigint, closing_count bigint,"
        " churn_rate_opening double, ci_low double, ci_high double, is_small boolean, ytd_churned_count bigint,"
        " is_record_high boolean, event_kinds string, event_titles string, event_titles_en string",
    ),
    "mart_churn_by_tenure": (
        ("month", "window_months", "scope_type", "scope_code", "tenure_bucket"),
        "month string, window_months int, scope_type string, scope_code string, scope_name string,"
        " tenure_bucket string, churned_count bigint, at_risk_count bigint, closing_count bigint,"
        " churn_rate_exposure double, ci_low double, ci_high double, is_small boolean,"
        " churned_share double, base_share double",
    ),
    "mart_churn_by_plan": (
        ("month", "window_months", "plan_code"),
        "month string, window_months int, plan_code string, plan_name string, churned_count bigint,"
        " closing_count bigint, churn_rate_exposure double, churned_share double, churned_rank bigint,"
        " is_small boolean",
    ),
    "mart_churn_by_plan_tenure": (
        ("month", "window_months", "plan_code", "tenure_bucket"),
        "month string, window_months int, plan_code string, plan_name string, tenure_bucket string,"
        " churned_count bigint, at_risk_count bigint, churn_rate_exposure double, is_small boolean",
    ),
    "mart_churn_by_arpu_band": (
        ("month", "window_months", "arpu_band"),
        "month string, window_months int, arpu_band string, churned_count bigint, closing_count bigint,"
        " churned_share double, base_share double, band_index double, is_small boolean",
    ),
    "mart_lifecycle_cube": (
        ("month", "district_code", "brand", "lifecycle_stage", "value_tier"),
        "month string, district_code string, brand string, lifecycle_stage string, value_tier string,"
        " subscriber_count bigint, billed_count bigint, billed_revenue_amount decimal(18,2),"
        " arpu_amount decimal(18,2), churned_next_month_count bigint",
    ),
    "mart_list_quality": (
        ("month", "list_month", "list_type", "scope_type", "scope_code"),
        "month string, list_month string, list_type string, scope_type string, scope_code string,"
        " listed_count bigint, holdout_count bigint, hit_rate_holdout double, ci_low double, ci_high double,"
        " hit_rate_naive double, coverage_rate double, lift double, left_count bigint,"
        " missed_not_eligible_count bigint, missed_not_listed_count bigint, missed_not_reached_count bigint,"
        " reached_left_count bigint, holdout_left_count bigint, is_small boolean, is_small_naive boolean",
    ),
    "mart_satisfaction": (
        ("month", "scope_type", "scope_code", "topic"),
        "month string, scope_type string, scope_code string, scope_name string, topic string, answers_count bigint,"
        " mean_score double, complaints_count bigint, rated_complaints_count bigint, dissatisfied_count bigint,"
        " dissatisfied_share double, ci_low double, ci_high double, is_small boolean, due_count bigint,"
        " followed_up_count bigint, followed_up_share double, followed_up_low double, followed_up_high double,"
        " is_due_small boolean, outcome_month string, outcome_dissatisfied_count bigint,"
        " outcome_followed_up_count bigint, resolved_count bigint, resolved_share double, resolved_low double,"
        " resolved_high double, is_outcome_small boolean, answered_again_count bigint, score_change_mean double,"
        " answered_again_followed_up_count bigint, score_change_mean_followed_up double,"
        " answered_again_not_followed_up_count bigint, score_change_mean_not_followed_up double,"
        " score_change_difference double, score_change_difference_low double, score_change_difference_high double,"
        " followed_up_subscriber_count bigint, followed_up_churned_count bigint, churned_share_followed_up double,"
        " churned_low_followed_up double, churned_high_followed_up double, not_followed_up_subscriber_count bigint,"
        " not_followed_up_churned_count bigint, churned_share_not_followed_up double,"
        " churned_low_not_followed_up double, churned_high_not_followed_up double, churned_difference double,"
        " churned_difference_low double, churned_difference_high double, is_comparison_small boolean",
    ),
    "mart_delivery_quality": (
        ("month", "data_set"),
        "month string, data_set string, is_delivered boolean, files bigint, lines_read bigint, loaded_count bigint,"
        " quarantined_count bigint, duplicate_count bigint, share double, status string",
    ),
}
_FACT_COLUMNS = "month string, subscriber_id string, district_code string, is_on_net_close boolean, is_silent boolean"
_BUCKETS = ("01-03", "04-06", "07-12", "13-24", "25-36", "37-60", "61+")
_HAZARDS = (0.0063, 0.0878, 0.0684, 0.0347, 0.0205, 0.016, 0.0111)
_BANDS = ("0", "0-30", "30-50", "50-100", "100-200", "200+", "(unknown)")
_EVENTS = {
    "05": ("holiday+competitor", "劳动节、竞争对手促销", "Labour Day, Competitor campaign"),
    "10": ("holiday", "国庆节", "National Day"),
}
"""Kinds and titles of events by calendar month."""
_STAGES = ("identification", "growth", "stable", "warning", "sunk")


def catalog() -> Catalog:
    """Exports and models like those of the dbt project, but no more than the tests need."""
    models = {name: _model(name, grain, columns) for name, (grain, columns) in _MARTS.items()}
    for name, (grain, kinds) in scores.MARTS.items():
        models[name] = _model(name, grain, ", ".join(f"{column} {kind}" for column, kind in kinds.items()))
    models["mart_work_lists"] = _list_model("mart_work_lists", "工单清单", _LIST_COLUMNS)
    models["mart_work_orders"] = _list_model("mart_work_orders", "客户经理工单", _ORDER_COLUMNS)
    models["fct_subscriber_months"] = replace(
        _model("fct_subscriber_months", ("month", "subscriber_id"), _FACT_COLUMNS), is_restricted=True
    )
    public = (*_MARTS, *scores.MARTS)
    exports = (
        _export("comparison", "comparison", tuple(scores.MARTS)),
        _export("data_dictionary", "data_dictionary", (*public, "mart_work_lists")),
        list_export("silent", "沉默(未上网)", (), needs=("billing_usage",)),
        list_export("warning", "离网预警", ("warning_clauses", "fee_change_rate", "contract_end_on")),
        _export("marts", "marts", public),
        _export("restricted_marts", "restricted", ("mart_work_lists", "mart_work_orders", "fct_subscriber_months")),
        _export("scorecard", "scorecard", public),
    )
    return Catalog(exports, models)


def _list_model(name: str, title: str, columns: Mapping[str, tuple[str, str]]) -> Model:
    described = {
        column: ModelColumn(column, kind, "", {"zh": zh, "en": column.replace("_", " ").capitalize()})
        for column, (kind, zh) in columns.items()
    }
    return Model(
        name=name,
        relation=f"retention.{name}",
        titles={"zh": title, "en": name},
        descriptions={"zh": "每月每清单每用户一行。", "en": "One row per month, list and subscriber."},
        owner="team:retention",
        grain=("month", "list_type", "subscriber_id"),
        is_restricted=True,
        sources=(),
        columns=described,
    )


def order_export() -> Export:
    """The exposure of the work orders."""
    export = list_export("work_order", "客户经理工单", ORDER_EVIDENCE)
    return replace(export, depends_on=("mart_work_orders",))


def list_export(list_type: str, title: str, evidence: Sequence[str], needs: Sequence[str] = ()) -> Export:
    """The exposure of a list."""
    meta = {
        "list_type": list_type,
        "position": len(evidence),
        "evidence": list(evidence),
        "needs": list(needs),
        "definitions": {"zh": "口径说明", "en": "The rule."},
    }
    titles = {"zh": title, "en": f"{list_type.capitalize()} list"}
    return Export(f"list_{list_type}", "list", titles, "", "Owner", ("mart_work_lists",), meta)


def _export(name: str, kind: str, depends_on: Sequence[str]) -> Export:
    return Export(name, kind, {"zh": name, "en": name}, "", "Owner", tuple(depends_on), {"kind": kind})


def _model(name: str, grain: tuple[str, ...], columns: str) -> Model:
    parts = [part.strip().split(" ") for part in columns.replace("decimal(18,2)", "decimal(18.2)").split(",")]
    described = {
        column: ModelColumn(column, kind.replace("18.2", "18,2"), "What it means.", {"zh": column, "en": column})
        for column, kind in parts
    }
    descriptions = {"zh": "每月一行。", "en": "One row per month."}
    titles = {"zh": name, "en": name}
    return Model(name, f"retention.{name}", titles, descriptions, "team:retention", grain, False, (), described)


def settings(home: Path, language: str = "zh") -> Settings:
    """Settings for a made-up branch under ``home``."""
    return Settings(home=home, landing=home / "landing", language=language, memory_limit="2GB")


def stage_month(
    edition: Edition,
    list_rows: Sequence[Mapping[str, object]] = (),
    order_rows: Sequence[Mapping[str, object]] = (),
    *,
    without: Sequence[str] = (),
    trend: float = 0.0,
    manager_count: int = 12,
) -> Edition:
    """Stage marts of ``edition`` for :data:`DISTRICTS`, ``list_rows`` and ``order_rows``.

    Data sets ``without`` are not delivered.
    """
    stage(edition)
    scores.write_scores(edition, DISTRICTS, manager_count)
    with duckdb.connect() as connection:
        for name, (_, columns) in _MARTS.items():
            connection.execute(f"create table {name} ({columns})")
        _fill(connection, edition.month, without, trend)
        if months.shift(edition.month, -3) in edition.history:
            _fill_list_quality(connection, edition.month, without)
        write_work_lists(connection, edition, list_rows)
        write_work_orders(connection, edition, order_rows)
        _write_fact(connection, edition, without)
        for name in _MARTS:
            _copy(connection, name, edition)
    _note(edition)
    return edition


def _note(edition: Edition) -> None:
    for kind in ("marts", "restricted"):
        for export in edition.catalog.of_kind(kind):
            files = tuple(written_file(edition, edition.mart(name), 0) for name in export.depends_on)
            record(edition, Written(export.name, files))


def _copy(connection: duckdb.DuckDBPyConnection, name: str, edition: Edition) -> None:
    target = edition.mart(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy (select * from {name} order by all) to '{target}' (format parquet)")


def write_work_lists(
    connection: duckdb.DuckDBPyConnection, edition: Edition, rows: Sequence[Mapping[str, object]]
) -> None:
    """Write ``rows`` of mart_work_lists; what a row does not say is null."""
    _write_listed(connection, edition, "mart_work_lists", rows)


def write_work_orders(
    connection: duckdb.DuckDBPyConnection, edition: Edition, rows: Sequence[Mapping[str, object]]
) -> None:
    """Write ``rows`` of mart_work_orders; what a row does not say is null."""
    _write_listed(connection, edition, "mart_work_orders", rows)


def _write_listed(
    connection: duckdb.DuckDBPyConnection, edition: Edition, mart: str, rows: Sequence[Mapping[str, object]]
) -> None:
    kinds = _ORDER_COLUMNS if mart == "mart_work_orders" else _LIST_COLUMNS
    connection.execute(f"create table {mart} ({', '.join(f'{name} {kind}' for name, (kind, _) in kinds.items())})")
    listed = []
    for index, row in enumerate(rows):
        given = {
            "month": edition.month,
            "list_month": edition.month,
            "list_type": "warning",
            "district_code": "D01",
            "district": DISTRICTS["D01"][0],
            "subscriber_id": f"S{index:06}",
            "msisdn": f"138{index:08}",
            "is_holdout": False,
            "sort_order": index,
            **row,
        }
        listed.append([given.get(name) for name in kinds])
    if listed:
        _insert(connection, mart, listed)
    _copy(connection, mart, edition)


def _write_fact(connection: duckdb.DuckDBPyConnection, edition: Edition, without: Sequence[str]) -> None:
    """A hundredth of each district's subscribers; every twentieth is silent, when usage was delivered."""
    connection.execute(f"create table fct_subscriber_months ({_FACT_COLUMNS})")
    for code, (_, size) in DISTRICTS.items():
        silent = "null" if "billing_usage" in without else "i % 20 = 0"
        connection.execute(
            f"insert into fct_subscriber_months select ?, ? || i, ?, true, {silent} from range(?) as ids(i)",
            [edition.month, code, code, max(size // 100, 3)],
        )
    _copy(connection, "fct_subscriber_months", edition)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
    connection.execute(f"insert into {table} values {marks}", [value for row in rows for value in row])


def _fill(connection: duckdb.DuckDBPyConnection, month: str, without: Sequence[str], trend: float) -> None:
    phase = months.distance("2009-01", month)
    _fill_scopes(connection, month, phase, trend)
    _fill_plans(connection, month)
    _fill_cube(connection, month)
    _fill_satisfaction(connection, month, without)
    quality = []
    for name in contract.DATA_SETS:
        delivered = name not in without
        counts = (1, 1000, 990, 8, 2, 0.008) if delivered else (None,) * 6
        quality.append([month, name, delivered, *counts, "accepted" if delivered else "not_delivered"])
    _insert(connection, "mart_delivery_quality", quality)


def _fill_scopes(connection: duckdb.DuckDBPyConnection, month: str, phase: int, trend: float) -> None:
    scopes = [("district", code, name, size) for code, (name, size) in DISTRICTS.items()]
    scopes.append(("network", "all", "全网", sum(size for _, size in DISTRICTS.values())))
    trend_rows: list[list[object]] = []
    cells: list[list[object]] = []
    for index, (kind, code, name, size) in enumerate(scopes):
        is_small = size < 100
        rate = 0.0285 + 0.004 * ((phase * 7 + index * 3) % 5 - 2) / 2 + trend + (index - 2) * 0.001
        churned = max(round(size * rate), 1)
        new = round(size * 0.035)
        row = [month, kind, code, name, size, new, 0, 0, 0, 0, 0, churned, churned // 20]
        row += [churned * 3 // 10, churned - churned * 3 // 10, size + new - churned]
        row += [churned / size, churned / size * 0.98, churned / size * 1.02]
        row += [is_small, churned * 3, False, *_EVENTS.get(month[5:], (None, None, None))]
        trend_rows.append(row)
        for bucket, hazard in zip(_BUCKETS, _HAZARDS, strict=True):
            for window in (1, 3):
                base = max(size * window // len(_BUCKETS), 3)
                lost = max(round(base * hazard), 1)
                rates = [lost / base, lost / base * 0.95, lost / base * 1.05]
                cell = [month, window, kind, code, name, bucket, lost, base, base, *rates, is_small]
                cell += [hazard / sum(_HAZARDS), 1 / len(_BUCKETS)]
                cells.append(cell)
    _insert(connection, "mart_churn_trend", trend_rows)
    _insert(connection, "mart_churn_by_tenure", cells)


def _fill_list_quality(connection: duckdb.DuckDBPyConnection, month: str, without: Sequence[str]) -> None:
    """Two lists of three months ago; silent ones are too few for a hold-out outside the largest districts."""
    scopes = [("district", code, size) for code, (_, size) in DISTRICTS.items()]
    scopes.append(("network", "all", sum(size for _, size in DISTRICTS.values())))
    rows: list[list[object]] = []
    for kind, code, size in scopes:
        left = size * 8 // 100
        for list_type, one_in, hit in (("warning", 20, 0.24), ("silent", 500, 0.4)):
            listed = max(size // one_in, 1)
            held_out = listed // 10
            hits = round(listed * hit * 3 / 4)
            rates = [hit, hit * 0.9, hit * 1.1, hits / listed, 0.15, hit / 0.08] if held_out else [None] * 6
            reached = (None, None) if "crm_contacts" in without else (hits // 2, hits - hits // 2 - hits // 10)
            missed = [left // 4, left - left // 4 - hits, *reached, hits // 10]
            row = [month, months.shift(month, -3), list_type, kind, code, listed, held_out, *rates, left, *missed]
            rows.append([*row, held_out < 100, listed < 100])
    _insert(connection, "mart_list_quality", rows)


def _fill_plans(connection: duckdb.DuckDBPyConnection, month: str) -> None:
    plan_rows: list[list[object]] = []
    cells: list[list[object]] = []
    band_rows: list[list[object]] = []
    plans = ("动感学习", "神州行城市卡", "家园卡升级版", "家园卡单向版", "贺岁卡", "移动座机", "试用卡")
    for rank, plan in enumerate(plans, start=1):
        is_tiny = plan == "试用卡"
        counts = [30, 20] if is_tiny else [50_000 // rank, 400_000 // rank]
        rate = 30 / 47 if is_tiny else 0.12 / rank
        plan_rows.append([month, 3, f"P{rank}", plan, *counts, rate, 0.4 / rank, rank, is_tiny])
        for bucket, hazard in zip(_BUCKETS, _HAZARDS, strict=True):
            is_small = is_tiny or (rank == 5 and bucket == "04-06")
            cell = [month, 3, f"P{rank}", plan, bucket, 452, 461 if is_small else 5000 * rank]
            cell += [452 / 461 if is_small else hazard * 3 / (1 + rank / 4), is_small]
            cells.append(cell)
    shares = ((0.25, 0.08), (0.3, 0.22), (0.24, 0.3), (0.12, 0.25), (0.06, 0.1), (0.03, 0.05))
    for band, (lost, base) in zip(_BANDS, (*shares, (None, None)), strict=True):
        index = lost / base if lost and base else None
        row = [
            month,
            3,
            band,
            round((lost or 0) * 146_979),
            round((base or 0) * 1_535_376),
            lost,
            base,
            index,
            not index,
        ]
        band_rows.append(row)
    _insert(connection, "mart_churn_by_plan", plan_rows)
    _insert(connection, "mart_churn_by_plan_tenure", cells)
    _insert(connection, "mart_churn_by_arpu_band", band_rows)


def _fill_cube(connection: duckdb.DuckDBPyConnection, month: str) -> None:
    rows: list[list[object]] = []
    for code, (_, size) in DISTRICTS.items():
        for position, stage_name in enumerate(_STAGES):
            for tier, share in (("high", 0.1), ("mid", 0.3), ("low", 0.5), ("group", 0.08), ("U", 0.02)):
                count = round(size * share * (0.05, 0.1, 0.6, 0.15, 0.1)[position])
                billed = count * 9 // 10
                row = [month, code, "神州行", stage_name, tier, count, billed, billed * 42, 42, None]
                rows.append(row)
    _insert(connection, "mart_lifecycle_cube", rows)


def _fill_satisfaction(connection: duckdb.DuckDBPyConnection, month: str, without: Sequence[str]) -> None:
    """A hundredth of a scope says something, a quarter of them that they are dissatisfied, half of whom are called."""
    scopes = [("district", code, name, size) for code, (name, size) in DISTRICTS.items()]
    scopes.append(("network", "all", "全网", sum(size for _, size in DISTRICTS.values())))
    for kind, code, name, size in scopes:
        for topic, part in (("all", 1.0), ("network", 0.6), ("price", 0.39), ("other", 0.01)):
            said = round(size * part / 100)
            bad, called = said // 4, said // 8
            small = said < 100
            row: dict[str, object] = {"month": month, "scope_type": kind, "scope_code": code, "scope_name": name}
            row |= {"topic": topic, "is_small": small, "is_due_small": small, "is_outcome_small": small}
            row |= {"is_comparison_small": small, "outcome_month": months.shift(month, -3)}
            row |= {} if "crm_surveys" in without else _satisfied(said, bad, called)
            columns, values = ", ".join(row), list(row.values())
            marks = ", ".join("?" * len(row))
            connection.execute(f"insert into mart_satisfaction ({columns}) values ({marks})", values)


def _satisfied(said: int, bad: int, called: int) -> dict[str, object]:
    left, others, others_left = called // 20, bad - called, (bad - called) // 10
    shares = {"dissatisfied_share": (bad, said, "ci"), "followed_up_share": (called, bad, "followed_up")}
    shares |= {"resolved_share": (called // 2, bad, "resolved")}
    row: dict[str, object] = {"answers_count": said, "complaints_count": said // 9, "rated_complaints_count": 0}
    row |= {"mean_score": 7.25 if said else None, "dissatisfied_count": bad, "due_count": bad}
    row |= {"followed_up_count": called, "outcome_dissatisfied_count": bad, "outcome_followed_up_count": called}
    row |= {"resolved_count": called // 2, "answered_again_followed_up_count": called // 3}
    row |= {"answered_again_not_followed_up_count": called // 4, "answered_again_count": called // 3 + called // 4}
    row |= {"followed_up_subscriber_count": called, "followed_up_churned_count": left}
    row |= {"not_followed_up_subscriber_count": others, "not_followed_up_churned_count": others_left}
    for column, (part, whole, prefix) in shares.items():
        if whole:
            share = part / whole
            row |= {column: share, f"{prefix}_low": share * 0.9, f"{prefix}_high": share * 1.1}
    if called > 8:
        row |= {"score_change_mean_followed_up": 2.84, "score_change_mean_not_followed_up": 0.91}
        row |= {"score_change_difference": 1.93, "score_change_difference_low": 1.2}
        row |= {"score_change_difference_high": 2.66, "score_change_mean": 1.9}
        one, other = left / called, others_left / others
        row |= {"churned_share_followed_up": one, "churned_low_followed_up": one * 0.8}
        row |= {"churned_high_followed_up": one * 1.2, "churned_share_not_followed_up": other}
        row |= {"churned_low_not_followed_up": other * 0.8, "churned_high_not_followed_up": other * 1.2}
        row |= {"churned_difference": one - other, "churned_difference_low": one - other - 0.02}
        row |= {"churned_difference_high": one - other + 0.02}
    return row
