"""Arrow columns from the demo operator's integers: identifiers, hashes, money, dates, codes.

Nothing here loops over rows in Python; a column of a block of subscribers is made at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SUBSCRIBER_BASE = 20_000_000_000
_MSISDN_BASE = 13_000_000_000
_MSISDN_RANGE = 1_000_000_000
_MSISDN_STEP = 618_034_153
"""Odd and not divisible by five, so that every line has a number of its own."""
_HEX = np.array([f"{value:04x}" for value in range(65_536)], dtype="S4")

Table = dict[str, pa.Array]


def subscriber_ids(line: np.ndarray) -> pa.Array:
    """The subscriber_id of every line: eleven digits, so that a spreadsheet can damage it."""
    return pa.array(line + SUBSCRIBER_BASE).cast(pa.string())


def phone_numbers(line: np.ndarray) -> pa.Array:
    """An invented phone number a line, unique."""
    return pa.array(_MSISDN_BASE + (line * _MSISDN_STEP) % _MSISDN_RANGE).cast(pa.string())


def hashes(values: np.ndarray, salt: int) -> pa.Array:
    """Sixteen hexadecimal digits a value; equal values and salts give equal digits."""
    mixed = values.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    digits = np.ascontiguousarray(_HEX[mixed.view(np.uint16)])
    offsets = np.arange(0, 16 * len(values) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(digits))


def decimals(hundredths: np.ndarray, is_null: np.ndarray | None = None) -> pa.Array:
    """DECIMAL(18,2) from whole hundredths (fen)."""
    words = np.empty((len(hundredths), 2), dtype=np.int64)
    words[:, 0] = hundredths
    words[:, 1] = words[:, 0] >> 63
    column = pa.Array.from_buffers(pa.decimal128(18, 2), len(hundredths), [None, pa.py_buffer(words)])
    return column if is_null is None else nulled(column, is_null)


def counts(values: np.ndarray) -> pa.Array:
    """Whole numbers."""
    return pa.array(values.astype(np.int64))


def dates(days: np.ndarray, is_null: np.ndarray | None = None) -> pa.Array:
    """Dates from days since 1970-01-01."""
    return pa.array(days.astype(np.int32), mask=is_null).cast(pa.date32())


def times(seconds: np.ndarray, is_null: np.ndarray | None = None) -> pa.Array:
    """Timestamps from seconds since 1970-01-01."""
    return pa.array(seconds.astype(np.int64), mask=is_null).cast(pa.timestamp("s"))


def picked(values: Sequence[str | None], index: np.ndarray) -> pa.Array:
    """The text at each index; an index below zero gives null."""
    return pa.array(values, type=pa.string()).take(pa.array(index.astype(np.int64), mask=index < 0))


def numbered(prefix: str, values: np.ndarray, width: int = 0) -> pa.Array:
    """A text a number: prefix and digits, filled with zeros to a width."""
    digits = pa.array(values.astype(np.int64)).cast(pa.string())
    filled = pc.utf8_lpad(digits, width, "0") if width else digits
    return pc.binary_join_element_wise(pa.scalar(prefix), filled, "")


def repeated(value: str, count: int) -> pa.Array:
    """The same text in every row."""
    return pa.repeat(pa.scalar(value, pa.string()), count)


def nulled(column: pa.Array, is_null: np.ndarray) -> pa.Array:
    """The column with nulls where asked."""
    return pc.if_else(pa.array(is_null), pa.scalar(None, column.type), column)


def table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """An Arrow table of the columns, in their order."""
    return pa.table(dict(columns))
