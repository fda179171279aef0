from __future__ import annotations

from dagster_project.lib import contract, dumps
from dagster_project.lib.contract import DATA_SETS


def test_every_key_column_and_reference_exists() -> None:
    for data_set in DATA_SETS.values():
        names = [column.name for column in data_set.columns]
        assert len(names) == len(set(names))
        assert set(data_set.key) <= set(names)
        for column in data_set.columns:
            if column.references:
                referred, _, key = column.references.partition(".")
                assert DATA_SETS[referred].is_reference
                assert DATA_SETS[referred].key == (key,)


def test_what_is_referred_to_comes_first() -> None:
    order = list(DATA_SETS)
    for data_set in DATA_SETS.values():
        for column in data_set.columns:
            if column.references:
                assert order.index(column.references.partition(".")[0]) <= order.index(data_set.name)
        if data_set.subscribers_must_be_known:
            assert order.index("crm_subscribers") < order.index(data_set.name)


def test_no_two_spellings_of_a_data_set_collide() -> None:
    for data_set in DATA_SETS.values():
        spellings = [dumps.normal_name(text) for column in data_set.columns for text in (column.name, column.alias)]
        assert len(spellings) == len(set(spellings))


def test_the_required_data_sets_are_those_without_which_no_month_can_be_told() -> None:
    required = {name for name, data_set in DATA_SETS.items() if data_set.required}
    assert required == {"crm_districts", "crm_plans", "crm_subscribers", "billing_bills"}


def test_a_data_set_names_its_system() -> None:
    assert {data_set.system for data_set in DATA_SETS.values()} == {"crm", "billing", "finance"}
    assert contract.DATA_SETS["crm_plans"].column("plan_code").required
