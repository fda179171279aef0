"""The metric dictionary's parts: where a definition comes from, how a formula reads, what decides a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagster_project.lib import rules
from dagster_project.lib.exports import metrics
from dagster_project.lib.exports.catalog import InvalidCatalog, ModelColumn, threshold_keys
from dagster_project.lib.exports.states import in_force
from tests.editions import catalog, list_export


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("The headline rate (domain 3.3, 3.0; S0 3.85 %).", "domain 3.3, 3.0; S0"),
        ("Definitions: domain 3.21, G40 to G42 (S1 slides 13 to 17).", "domain 3.21; G40 to G42; S1 slides 13 to 17"),
        ("Domain 3.3 and S0, S0 again.", "S0"),
        ("Nothing said.", ""),
    ],
)
def test_a_description_names_its_sources_once(description: str, expected: str) -> None:
    assert metrics.basis(description) == expected


def test_a_chinese_formula_has_headings_words_and_signs() -> None:
    rate = ModelColumn("rate", "double", "", {"zh": "比率"}, "sum of churned_count over the plan / closing_count")
    columns = {
        "rate": rate,
        "churned_count": ModelColumn("churned_count", "bigint", "", {"zh": "流失"}),
        "closing_count": ModelColumn("closing_count", "bigint", "", {"zh": "期末在网"}),
    }
    model = replace(catalog().model("mart_churn_trend"), columns=columns)
    assert metrics.formula(model, rate, "zh") == "合计 流失 （本套餐） ÷ 期末在网"
    assert metrics.formula(model, rate, "en") == rate.formula


def test_a_threshold_in_a_formula_is_called_by_its_name() -> None:
    flag = ModelColumn("flag", "boolean", "", {"zh": "标记"}, "abs(flag) >= outlier_score_limit")
    model = replace(catalog().model("mart_churn_trend"), columns={"flag": flag})
    assert metrics.formula(model, flag, "zh") == "绝对值(标记) >= 异常得分界限"


def test_the_keys_of_a_model_are_read_from_its_sql() -> None:
    sql = "with thresholds as (\n{{ thresholds([\n'b_key', \"a_key\",\n]) }}\n), more as ({{ thresholds(['b_key']) }})"
    assert threshold_keys("mart_x", sql) == ("a_key", "b_key")
    assert threshold_keys("mart_x", "select thresholds.month from thresholds") == ()


def test_keys_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(InvalidCatalog, match="mart_x: give thresholds"):
        threshold_keys("mart_x", "{{ thresholds(my_keys) }}")


def test_a_tables_rules_are_its_own_and_those_of_what_it_is_made_from() -> None:
    found = catalog()
    given = dict(found.models)
    given["mart_churn_trend"] = replace(given["mart_churn_trend"], sources=("int_x",), threshold_keys=("own",))
    given["int_x"] = replace(
        given["mart_churn_trend"], name="int_x", sources=("arpu_bands", "int_x"), threshold_keys=("far",)
    )
    made = replace(found, models=given)
    assert made.threshold_keys("mart_churn_trend") == ("far", "own")
    assert made.ancestors("mart_churn_trend") == {"int_x", "arpu_bands"}
    assert metrics.decided_by(made, "mart_churn_trend") == metrics.Decision(("far", "own"), ("arpu_bands",), ())
    assert metrics.deciders(made)["far"] == metrics.deciders(made)["arpu_bands"] == ("mart_churn_trend",)


def test_a_table_made_from_a_published_one_refers_to_its_thresholds() -> None:
    found = catalog()
    given = dict(found.models)
    given["mart_churn_trend"] = replace(given["mart_churn_trend"], sources=("int_x",), threshold_keys=("own",))
    given["int_x"] = replace(given["mart_churn_trend"], name="int_x", sources=("fct_subscriber_months",))
    given["fct_subscriber_months"] = replace(given["fct_subscriber_months"], threshold_keys=("far",))
    made = replace(found, models=given)
    assert metrics.decided_by(made, "mart_churn_trend") == metrics.Decision(("own",), (), ("fct_subscriber_months",))
    assert metrics.deciders(made) == {"own": ("mart_churn_trend",), "far": ("fct_subscriber_months",)}


def test_an_output_names_its_thresholds_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        rules.Threshold("expiring_days", "60", "2000-01", "2011-09", "domain 3.9", "days"),
        rules.Threshold("expiring_days", "90", "2011-10", "", "domain 3.9", "days"),
    ]
    monkeypatch.setattr(rules, "seed", lambda _: [vars(row) for row in rows])
    export = list_export("expiring", "合约套餐到期", ())
    named = replace(export, meta={**export.meta, "thresholds": ["expiring_days"]})
    assert in_force(named, "2011-09", "zh") == "合约到期清单提前天数：60（2000-01 至 2011-09，口径 3.9）"
    assert in_force(named, "2011-10", "en") == "days: 90 (since 2011-10; domain 3.9)"
    assert in_force(export, "2011-10", "zh") == "无"
    wrong = replace(export, meta={**export.meta, "thresholds": ["expiring_dais"]})
    with pytest.raises(rules.UnknownThreshold, match="expiring_dais"):
        in_force(wrong, "2011-10", "zh")
