"""The report's chapter on measures: an effect is told against the control group, or it is said why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from dagster_project.lib.exports import report_measures
from dagster_project.lib.exports.catalog import Catalog, Export, Model, ModelColumn
from dagster_project.lib.exports.headlines import View
from dagster_project.lib.exports.report_figures import ReportFigures
from dagster_project.lib.exports.report_story import Story

Row = Mapping[str, Any]

EFFECT: Row = {
    "list_month": "2011-06",
    "list_type": "warning",
    "treated_count": 1_000,
    "control_count": 900,
    "churn_rate_treated": 0.60,
    "churn_rate_control": 0.65,
    "effect": 0.05,
    "ci_low": 0.0064,
    "ci_high": 0.0933,
    "is_distinguishable": True,
    "saves": 50.0,
    "retained_rate_naive": 0.4,
    "spend_amount": Decimal("2000.00"),
    "cost_per_save_amount": Decimal("40.00"),
    "net_benefit_amount": Decimal("18000.00"),
    "contaminated_share": 0.0,
    "is_contaminated": False,
    "is_small": False,
}
PILOT: Row = {
    "pilot_id": "care",
    "pilot_name": "新入网关怀试点",
    "pilot_name_en": "new-customer care pilot",
    "arm": "treated",
    "enrolled_count": 410,
    "matured_month_count": 2,
    "matured_count": 300,
    "churn_rate": 0.2,
    "behavioural_churn_rate": 0.25,
    "arpu_amount": Decimal("61.00"),
    "second_topup_rate": 0.8,
    "spend_amount": Decimal("900.00"),
    "churn_rate_treated": 0.2,
    "churn_rate_control": 0.25,
    "effect": 0.05,
    "ci_low": -0.0168,
    "ci_high": 0.1163,
    "net_benefit_per_treated_amount": Decimal("12.00"),
    "net_benefit_per_treated_low_amount": Decimal("-5.10"),
    "power": 0.31,
    "needed_count": 1_094,
    "verdict_name": "为时尚早",
    "verdict_name_en": "too early",
    "is_small": False,
}
PILOT_ARMS = (PILOT, {**PILOT, "arm": "control", "enrolled_count": 409, "matured_count": 299})


def story(
    effects: Sequence[Row] = (), pilots: Sequence[Row] = (), *, language: str = "zh", missing: tuple[str, ...] = ()
) -> Story:
    lists = {"all": {"warning": {"row_count": 1_200, "monthly_amount": Decimal("90000.00")}}}
    figures = SimpleNamespace(month="2011-09", lists=lists)
    marts = {"mart_retention_effect": list(effects), "mart_pilot": list(pilots)}
    exports = (export("warning", "离网预警", "Churn warnings"), export("silent", "沉默", "Silent customers"))
    names = {"mart_retention_effect": EFFECT, "mart_pilot": PILOT, "mart_work_lists": {}}
    catalog = Catalog(exports, {name: model(name, tuple(row)) for name, row in names.items()})
    return Story(View(figures, "all", language, missing), ReportFigures(marts, (), ()), catalog)


def export(code: str, zh: str, en: str) -> Export:
    return Export(f"list_{code}", "list", {"zh": zh, "en": en}, "", "", (), {"list_type": code})


def model(name: str, columns: tuple[str, ...]) -> Model:
    wanted = (*columns, "list_type", "subscriber_id", "arpu3_amount")
    described = {column: ModelColumn(column, "", "", {"zh": column, "en": column}) for column in wanted}
    return Model(name, name, {}, {"zh": f"{name} 说明", "en": f"about {name}"}, "", (), False, (), described)


def told(made: Story) -> list[str]:
    return [statement.text for statement in report_measures.measures(made)]


def test_an_effect_is_told_with_its_interval_its_saves_and_its_cost() -> None:
    _, effect, naive, cost, _ = told(story([EFFECT]))
    assert effect == (
        "2011 年 6 月的离网预警清单：处理组离网 60.00%，对照组 65.00%，少离网 5.00 个百分点"
        "（95% 区间 0.64 至 9.33），约挽留 50 户。"
    )
    assert "40.00% 没有离网，但这不是效果" in naive
    assert "35.00% 没有离网" in naive
    assert "每挽留一户 40.00 元，净收益 18,000.00 元" in cost


def test_an_effect_whose_interval_holds_zero_is_not_called_one() -> None:
    sentences = told(story([{**EFFECT, "ci_low": -0.01, "is_distinguishable": False}], language="en"))
    assert sentences[1].endswith(
        "5.00 points apart; the 95% interval (-1.00 to 9.33) holds zero, so no effect is seen."
    )
    assert not any("a save" in sentence for sentence in sentences)


def test_a_list_that_makes_more_leave_is_named() -> None:
    worse = {**EFFECT, "effect": -0.05, "ci_low": -0.09, "ci_high": -0.01, "saves": -50.0}
    sentences = told(story([worse]))
    assert "反而多离网 5.00 个百分点（95% 区间 -9.00 至 -1.00）" in sentences[1]
    assert not any("净收益" in sentence for sentence in sentences)


def test_contacts_with_the_control_group_are_told() -> None:
    rows = [{**EFFECT, "is_contaminated": True, "contaminated_share": share} for share in (0.03, 0.05)]
    (spoiled,) = [sentence for sentence in told(story(rows)) if "有人被接触" in sentence]
    assert "最高 5.00%" in spoiled


def test_before_anything_is_three_months_old_it_is_said() -> None:
    assert told(story())[1:] == ["还没有满三个月的清单，效果暂不能算。", "没有带对照组的试点。"]
    small = [{**EFFECT, "is_small": True}]
    assert told(story(small))[1] == "2011 年 6 月的清单已满三个月，但处理组或对照组人数太少，不作比较。"


def test_without_contacts_the_effect_is_told_and_what_is_missing() -> None:
    row = {**EFFECT, **dict.fromkeys(("retained_rate_naive", "spend_amount", "net_benefit_amount"))}
    sentences = told(story([row], missing=("crm_contacts",)))
    assert "少离网 5.00 个百分点" in sentences[1]
    assert "客户接触" in sentences[2]
    assert not any("没有离网，但这不是效果" in sentence for sentence in sentences)


def test_a_pilot_is_told_with_its_verdict_and_what_its_arms_can_show() -> None:
    *_, pilot, power = told(story(pilots=PILOT_ARMS))
    assert pilot == (
        "新入网关怀试点：处理组离网 20.00%，对照组 25.00%，效果 +5.00 个百分点（95% 区间 -1.68 至 11.63），"
        "每户净收益 12.00 元（90% 区间下限 -5.10 元）。结论：为时尚早。"
    )
    assert power.startswith("新入网关怀试点目前的人数，发现离网率下降 20.00% 的把握为 31.00%；")
    assert power.endswith("要有 80% 的把握，每组须 1,094 户。")
    strong = [{**row, "power": 0.81} for row in PILOT_ARMS]
    assert told(story(pilots=strong))[-1] == pilot


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"matured_month_count": 0, "effect": None},
            "new-customer care pilot: 410 customers are treated and 409 customers are the control group;"
            " none is three months old yet. Verdict: too early.",
        ),
        (
            {"is_small": True},
            "new-customer care pilot: 300 customers treated and 299 customers of the control group"
            " are three months old, too few to be compared. Verdict: too early.",
        ),
    ],
)
def test_a_pilot_without_a_comparison_has_its_counts(changes: Row, expected: str) -> None:
    rows = [{**row, **changes} for row in PILOT_ARMS]
    assert told(story(pilots=rows, language="en"))[-1] == expected


def test_tables_show_no_rate_of_small_arms() -> None:
    made = story([{**EFFECT, "is_small": True}], [{**row, "is_small": True} for row in PILOT_ARMS])
    (effect,) = report_measures.effect_table(made).table.rows
    assert effect == ("离网预警", 1_000, 900, *[None] * 6, Decimal("2000.00"), None, None)
    treated, control = report_measures.pilot_table(made).table.rows
    assert treated == ("新入网关怀试点", "处理组", 410, 300, None, None, None, None, Decimal("900.00"))
    assert control[1:4] == ("对照组", 409, 299)


def test_every_statement_names_its_mart_and_its_definition() -> None:
    made = report_measures.measures(story([EFFECT], PILOT_ARMS))
    assert {statement.mart for statement in made} == {"mart_work_lists", "mart_retention_effect", "mart_pilot"}
    assert {statement.definition for statement in made} == {f"{statement.mart} 说明" for statement in made}
