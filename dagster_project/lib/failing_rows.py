"""The rows that fail an expectation, as SQL of our own, because Great Expectations lists values, not keys.

Each query mirrors the meaning of its expectation type; rows in which a compared value is null do
not fail, as there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from dagster_project.lib import contract
from dagster_project.lib.checks import SHOWN_KEYS
from dagster_project.lib.contract import Kind
from dagster_project.settings import Settings

Kwargs = Mapping[str, Any]

_CERTIFICATE = re.compile(r"\d{15}|\d{17}[\dXx]")
_UNNAMED = ("contact_hash",)
"""Key columns that are about somebody else than the row's subscriber."""

_OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class Condition:
    """A condition in DuckDB's SQL with its ``?`` parameters in order."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) and ({other.sql})", (*self.parameters, *other.parameters))


class NoFailingRows(ValueError):
    """An expectation type whose failing rows cannot be listed, for example one of a mean."""


def query(expectation_type: str, kwargs: Kwargs, view: str) -> Condition:
    """A select of the rows of ``view`` that fail the expectation, or raise :class:`NoFailingRows`."""
    if expectation_type == "unexpected_rows_expectation":
        return Condition(kwargs["unexpected_rows_query"].format(batch=view))
    if expectation_type not in _FAILING:
        raise NoFailingRows(expectation_type)
    scope = _row_condition(kwargs)
    if expectation_type == "expect_compound_columns_to_be_unique":
        return _repeated(kwargs, view, scope)
    failing = _FAILING[expectation_type](kwargs) & scope
    return Condition(f"select * from {view} where {failing.sql}", failing.parameters)


def identifiers(
    connection: duckdb.DuckDBPyConnection, settings: Settings, data_set: str, failing: Condition
) -> tuple[str, ...]:
    """Which rows of ``data_set`` a select of failing rows holds: their keys, sorted, :data:`SHOWN_KEYS` at most.

    Months are left out of the keys, and what looks like a phone or certificate number is masked.
    """
    of_data_set = contract.DATA_SETS[data_set]
    names = [name for name in of_data_set.key if of_data_set.column(name).kind is not Kind.MONTH]
    shown = ", ".join(name for name in names if name not in _UNNAMED)
    rows = connection.execute(
        f"select distinct {shown} from ({failing.sql}) as failing order by all limit {SHOWN_KEYS}",
        list(failing.parameters),
    ).fetchall()
    return masked(settings, (" / ".join(str(part) for part in row) for row in rows))


def masked(settings: Settings, values: Iterable[str]) -> tuple[str, ...]:
    """``values`` with those that are a phone or certificate number cut down to their last two characters."""
    phone = re.compile(settings.msisdn_pattern)
    return tuple(
        "*" * (len(value) - 2) + value[-2:] if phone.search(value) or _CERTIFICATE.fullmatch(value) else value
        for value in values
    )


def is_of_rows(expectation_type: str) -> bool:
    """Whether the expectation is of each row, so that no part of the rows fails when no row of the whole does."""
    return expectation_type in _FAILING or expectation_type == "unexpected_rows_expectation"


def _between(kwargs: Kwargs) -> Condition:
    bounds = (("<", kwargs.get("min_value")), (">", kwargs.get("max_value")))
    given = [(operator, bound) for operator, bound in bounds if bound is not None]
    return Condition(
        " or ".join(f"{kwargs['column']} {operator} ?" for operator, _ in given), tuple(bound for _, bound in given)
    )


def _outside_set(kwargs: Kwargs) -> Condition:
    marks = ", ".join("?" for _ in kwargs["value_set"])
    return Condition(f"{kwargs['column']} not in ({marks})", tuple(kwargs["value_set"]))


def _missing(kwargs: Kwargs) -> Condition:
    return Condition(f"{kwargs['column']} is null")


def _not_greater(kwargs: Kwargs) -> Condition:
    operator = "<" if kwargs.get("or_equal") else "<="
    return Condition(f"{kwargs['column_A']} {operator} {kwargs['column_B']}")


def _different(kwargs: Kwargs) -> Condition:
    return Condition(f"{kwargs['column_A']} <> {kwargs['column_B']}")


def _repeated(kwargs: Kwargs, view: str, scope: Condition) -> Condition:
    columns = kwargs["column_list"]
    known = " and ".join(f"{column} is not null" for column in columns)
    return Condition(
        f"select * from {view} where {known} and ({scope.sql})"
        f" qualify count(*) over (partition by {', '.join(columns)}) > 1",
        scope.parameters,
    )


def _row_condition(kwargs: Kwargs) -> Condition:
    condition = kwargs.get("row_condition")
    if condition is None:
        return Condition("true")
    column, operator, value = condition["column"]["name"], condition["operator"], condition["parameter"]
    if operator == "IN":
        return Condition(f"{column} in ({', '.join('?' for _ in value)})", tuple(value))
    return Condition(f"{column} {_OPERATORS[operator]} ?", (value,))


_FAILING: Mapping[str, Callable[[Kwargs], Condition]] = {
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _outside_set,
    "expect_column_values_to_not_be_null": _missing,
    "expect_column_pair_values_a_to_be_greater_than_b": _not_greater,
    "expect_column_pair_values_to_be_equal": _different,
    "expect_compound_columns_to_be_unique": lambda kwargs: Condition("true"),
}
