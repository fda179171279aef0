"""What a text in a dump means: SQL that types every value of a data set in one pass.

Each value takes a cheap reading first; only what that does not read is normalised (full-width
characters, thousands separators, other date forms) and tried again. What cannot be read becomes null
and shows as a problem, never as a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from dagster_project.lib import months
from dagster_project.lib.contract import Column, DataSet, Kind, Period

_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000\u00a0\u202f\u2212"
_ASCII = "".join(chr(code) for code in range(0x21, 0x7F)) + "   -"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_WIDE_CLASS = "\uff01-\uff5e\u3000\u00a0\u202f\u2212" + _INVISIBLE
_TEXT_EDGES = " \t\u3000\u00a0\u202f" + _INVISIBLE

_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_CLOCK = r"(?:[T ]+(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?"
_COMPACT = r"(\d{4})(\d{2})(\d{2})"
_COMPACT_CLOCK = r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})"
_THOUSANDS = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"
_PLAIN_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_MONTH = r"(\d{4})[-/]?(0[1-9]|1[0-2])"
_MONTH_AS_DATE = r"(\d{4})-(0[1-9]|1[0-2])-01( 00:00:00(\.0+)?)?"
_DAMAGED = r"\d+(\.\d+)?[eE]\+\d+|\d\.\d+[eE]\d+|\d+\.0+"

_TRUE = ("true", "1", "y", "是", "1.0")
_FALSE = ("false", "0", "n", "否", "0.0")

_REFERENCE_CODES = {"crm_districts": "unknown_district", "crm_plans": "unknown_plan"}


@dataclass(frozen=True)
class Check:
    """One way in which a row can break the contract; ``condition`` is SQL over the parsed columns."""

    column: str
    code: str
    condition: str


@dataclass(frozen=True)
class Scope:
    """What the rows are judged against: the month, the known codes, the delivered columns."""

    month: str
    msisdn_pattern: str
    delivered: tuple[str, ...]
    references: tuple[str, ...]
    """Columns whose values are looked up in ``known_<column>``."""
    knows_subscribers: bool
    skips_other_months: bool
    in_fen: bool = False


def literal(text: str) -> str:
    """``text`` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def define_readings(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros that the typed pass uses."""
    for name, body in _macros().items():
        connection.execute(f"create or replace temp macro {name} as {body}")


def _macros() -> dict[str, str]:
    wide = f"translate(translate(v, {literal(_INVISIBLE)}, ''), {literal(_WIDE)}, {literal(_ASCII)})"
    dashed = "case when contains(v, '-') then v else replace(v, '/', '-') end"
    true, false = (", ".join(literal(word) for word in words) for words in (_TRUE, _FALSE))
    return {
        "ascii_trimmed(v)": "case when contains(v, ' ') or contains(v, '\t') then trim(v, ' \t') else v end",
        "plain_of(v)": (
            "nullif(case when strlen(v) = length(v) then ascii_trimmed(v)"
            f" when regexp_matches(v, '[{_WIDE_CLASS}]') then trim({wide}, ' \t') else ascii_trimmed(v) end, '')"
        ),
        "text_of(v)": (
            "nullif(case when strlen(v) = length(v) then ascii_trimmed(v)"
            f" when regexp_matches(v, '^[{_TEXT_EDGES}]|[{_TEXT_EDGES}]$')"
            f" then trim(v, {literal(_TEXT_EDGES)}) else v end, '')"
        ),
        "is_damaged(v)": f"(contains(v, '.') or contains(v, '+')) and regexp_full_match(v, '{_DAMAGED}')",
        "within_reason(d)": "case when d >= timestamp '1900-01-01' and d < timestamp '10000-01-01' then d end",
        "separated_moment(v)": (
            f"case when regexp_full_match(v, '{_DATE}{_CLOCK}')"
            f" then try_cast(trim(regexp_replace(v, '^{_DATE}{_CLOCK}$', '\\1-\\2-\\3 \\4')) as timestamp) end"
        ),
        "compact_moment(v)": (
            f"case when regexp_full_match(v, '{_COMPACT}{_CLOCK}')"
            f" then try_cast(trim(regexp_replace(v, '^{_COMPACT}{_CLOCK}$', '\\1-\\2-\\3 \\4')) as timestamp)"
            f" when regexp_full_match(v, '{_COMPACT_CLOCK}')"
            f" then try_cast(regexp_replace(v, '^{_COMPACT_CLOCK}$', '\\1-\\2-\\3 \\4:\\5:\\6') as timestamp) end"
        ),
        "any_moment(v)": f"within_reason(coalesce(separated_moment({dashed}), compact_moment(v)))",
        "same_date(d, v)": f"case when {_same('d')} and d >= date '1900-01-01' then d end",
        "same_moment(t, v)": f"case when {_same('t')} and t >= timestamp '1900-01-01' then t end",
        "date_of(v)": (
            "coalesce(same_date(try_cast(v as date), v),"
            " cast(same_moment(try_cast(v as timestamp), v) as date), cast(any_moment(v) as date))"
        ),
        "moment_of(v)": "coalesce(same_moment(try_cast(v as timestamp), v), any_moment(v))",
        "odd_number(v)": (
            f"case when regexp_full_match(v, '{_THOUSANDS}') then try_cast(replace(v, ',', '') as decimal(18, 6))"
            f" when regexp_full_match(v, '{_PLAIN_NUMBER}') then try_cast(v as decimal(18, 6)) end"
        ),
        "number_of(v)": (
            "coalesce(case when not contains(v, '_') then try_cast(v as decimal(18, 6)) end, odd_number(v))"
        ),
        "is_number(v)": f"(regexp_full_match(v, '{_PLAIN_NUMBER}') or regexp_full_match(v, '{_THOUSANDS}'))",
        "money_of(d)": "case when abs(d - round(d, 2)) < 0.00005 then cast(round(d, 2) as decimal(18, 2)) end",
        "fen_of(d)": "case when abs(d - round(d, 0)) < 0.005 then cast(round(d, 0) / 100 as decimal(18, 2)) end",
        "bool_of(v)": f"case when lower(v) in ({true}) then true when lower(v) in ({false}) then false end",
        "month_of(v)": (
            f"case when regexp_full_match(v, '{_MONTH}') then regexp_replace(v, '^{_MONTH}$', '\\1-\\2')"
            f" when regexp_full_match(v, '{_MONTH_AS_DATE}') then left(v, 7) end"
        ),
    }


def _same(name: str) -> str:
    """A reading that is written just as it was read took nothing in silence."""
    return f"isfinite({name}) and cast({name} as varchar) = v"


_NUMERIC = (Kind.MONEY, Kind.NUMBER, Kind.COUNT)


def typed_query(data_set: DataSet, scope: Scope, checks: tuple[Check, ...]) -> str:
    """SQL over ``records`` giving file_no, row_no, line, every contract column typed, and ``problem``.

    ``problem`` is the index of the first check that a row fails, -1 for a row of another month that
    is none of this delivery's business, null for a good row. Texts are in ``v_``, numbers in ``d_``.
    """
    delivered = [column for column in data_set.columns if column.name in scope.delivered]
    missing = [column for column in data_set.columns if column.name not in scope.delivered]
    cleaned = [f"{_clean(column)} as v_{column.name}" for column in delivered]
    parsed = [f"{sql} as {name}" for column in delivered for name, sql in _parsed(column, scope)]
    finished = [f"{_finished(column, scope)} as {column.name}" for column in delivered if column.kind in _NUMERIC]
    empty = [f"cast(null as {column.kind.sql_type}) as {column.name}" for column in missing]
    names = ", ".join(column.name for column in data_set.columns)
    return f"""
        with cleaned as (select file_no, row_no, line, {", ".join(cleaned)} from records),
        parsed as (select *, {", ".join([*parsed, *empty])} from cleaned),
        finished as (select *{"".join(", " + item for item in finished)} from parsed)
        select file_no, row_no, line, {names}, cast({_problem(data_set, scope, checks)} as smallint) as problem
        from finished
    """


def _clean(column: Column) -> str:
    return f"{'text_of' if column.kind is Kind.TEXT else 'plain_of'}({column.name})"


def _parsed(column: Column, scope: Scope) -> Iterator[tuple[str, str]]:
    text = f"v_{column.name}"
    if column.kind in _NUMERIC:
        yield f"d_{column.name}", f"number_of({text})"
        return
    yield column.name, _READINGS[column.kind](text, column, scope)


def _enum_reading(text: str, column: Column, _: Scope) -> str:
    pairs = [(code, code) for code in column.values] + [(word, code) for code, word in column.values.items()]
    whens = " ".join(f"when {literal(word.lower())} then {literal(code)}" for word, code in pairs)
    return f"case lower({text}) {whens} end"


def _msisdn_reading(text: str, _: Column, scope: Scope) -> str:
    pattern = scope.msisdn_pattern.removeprefix("^").removesuffix("$")
    return f"case when regexp_full_match({text}, {literal(pattern)}) then {text} end"


_READINGS: Mapping[Kind, Callable[[str, Column, Scope], str]] = {
    Kind.MONTH: lambda text, _, scope: f"case when {text} = '{scope.month}' then {text} else month_of({text}) end",
    Kind.TEXT: lambda text, _, __: text,
    Kind.IDENTIFIER: lambda text, _, __: f"case when not is_damaged({text}) then {text} end",
    Kind.MSISDN: _msisdn_reading,
    Kind.ENUM: _enum_reading,
    Kind.DATE: lambda text, _, __: f"date_of({text})",
    Kind.TIMESTAMP: lambda text, _, __: f"moment_of({text})",
    Kind.BOOL: lambda text, _, __: f"bool_of({text})",
}


def _finished(column: Column, scope: Scope) -> str:
    number = f"d_{column.name}"
    if column.kind is Kind.MONEY:
        return f"{'fen_of' if scope.in_fen else 'money_of'}({number})"
    if column.kind is Kind.COUNT:
        return f"case when {number} = trunc({number}) then cast({number} as bigint) end"
    return f"cast({number} as decimal(18, 4))"


def _problem(data_set: DataSet, scope: Scope, checks: tuple[Check, ...]) -> str:
    whens = [f"when {check.condition} then {index}" for index, check in enumerate(checks)]
    if scope.skips_other_months and (dated := month_column(data_set)) and dated.name in scope.delivered:
        other = ">" if data_set.is_standing else "<>"
        whens.insert(0, f"when {_month_text(dated)} {other} '{scope.month}' then -1")
    return f"case {' '.join(whens)} end" if whens else "null"


def month_column(data_set: DataSet) -> Column | None:
    """The column that says which month a row belongs to: its month, else the date of the event."""
    dated = [column for column in data_set.columns if column.period and column.required]
    return min(dated, key=lambda column: (column.period is Period.NOT_LATER, column.kind is Kind.MONTH), default=None)


def _month_text(column: Column) -> str:
    return column.name if column.kind is Kind.MONTH else f"left(cast({column.name} as varchar), 7)"


def checks_of(data_set: DataSet, scope: Scope) -> tuple[Check, ...]:
    """Every check of a data set, in the order that decides which reason a row gets."""
    delivered = [column for column in data_set.columns if column.name in scope.delivered]
    return (
        *(check for column in delivered for check in _value_checks(column)),
        *(check for column in delivered for check in _presence_checks(data_set, column)),
        *(check for column in delivered for check in _period_checks(column, scope.month)),
        *(_reference_check(column) for column in delivered if column.name in scope.references),
        *_total_checks(data_set),
        *_subscriber_checks(data_set, scope),
    )


def _value_checks(column: Column) -> Iterator[Check]:
    name, unread = column.name, f"({column.name} is null and v_{column.name} is not null)"
    if column.kind in (Kind.IDENTIFIER, Kind.MSISDN):
        yield Check(name, "damaged_identifier", f"{unread} and is_damaged(v_{name})")
    if column.kind is Kind.MSISDN:
        yield Check(name, "invalid_msisdn", unread)
    elif column.kind is Kind.ENUM:
        yield Check(name, "unknown_value", unread)
    elif column.kind in _NUMERIC:
        yield from _number_checks(column, unread)
    elif column.kind not in (Kind.TEXT, Kind.IDENTIFIER):
        yield Check(name, "unparsable_value", unread)


def _number_checks(column: Column, unread: str) -> Iterator[Check]:
    name = column.name
    yield Check(name, "out_of_range", f"{unread} and d_{name} is null and is_number(v_{name})")
    if column.kind is Kind.MONEY:
        yield Check(name, "too_many_decimals", f"{unread} and d_{name} is not null")
    yield Check(name, "unparsable_value", unread)
    bounds = ((column.at_least, "<"), (column.at_most, ">"))
    beyond = [f"{name} {sign} {bound}" for bound, sign in bounds if bound is not None]
    if beyond:
        yield Check(name, "out_of_range", " or ".join(beyond))


def _presence_checks(data_set: DataSet, column: Column) -> Iterator[Check]:
    if column.required:
        code = "missing_key" if column.name in data_set.key else "missing_required_value"
        yield Check(column.name, code, f"{column.name} is null")


def _period_checks(column: Column, month: str) -> Iterator[Check]:
    if column.period is None:
        return
    text = _month_text(column)
    if column.period is Period.SAME_MONTH:
        yield Check(column.name, "wrong_month", f"{text} <> '{month}'")
    elif column.kind is Kind.MONTH:
        yield Check(column.name, "wrong_month", f"{text} > '{month}'")
    else:
        after = months.first_day(months.shift(month, 1))
        yield Check(column.name, "date_after_month", f"{column.name} >= date '{after}'")


def _reference_check(column: Column) -> Check:
    code = _REFERENCE_CODES[str(column.references).partition(".")[0]]
    known = f"(select code from known_{column.name})"
    return Check(column.name, code, f"{column.name} is not null and {column.name} not in {known}")


_FEES = ("rent_fee", "voice_fee", "data_fee", "sms_fee", "vas_fee", "other_fee")


def _total_checks(data_set: DataSet) -> Iterator[Check]:
    """total_fee = fees - discount within 0.01 (inputs.md, billing_bills), where fees are delivered."""
    if data_set.name == "billing_bills":
        fees = " + ".join(f"coalesce({fee}, 0)" for fee in _FEES)
        any_fee = f"coalesce({', '.join(_FEES)}) is not null"
        wrong = f"abs(total_fee - ({fees} - coalesce(discount, 0))) > 0.01"
        yield Check("total_fee", "total_mismatch", f"{any_fee} and {wrong}")


def _subscriber_checks(data_set: DataSet, scope: Scope) -> Iterator[Check]:
    if data_set.subscribers_must_be_known and scope.knows_subscribers:
        known = "(select subscriber_id from known_subscribers)"
        yield Check("subscriber_id", "unknown_subscriber", f"subscriber_id not in {known}")
