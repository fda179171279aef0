"""Named ways to spoil a generated delivery, each with what the pipeline must make of it.

A fault changes only what its description says, always in the same places. Row-level faults touch
about one row in a thousand, three at least. The manifest stays true to the spoiled files (rows,
hash, totals) unless the manifest is what the fault spoils.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from dagster_project.lib import months
from dagster_project.lib.months import InvalidMonth
from dagster_project.synth.editing import Delivery, Dump, spread
from dagster_project.synth.forms import MANIFEST, write_manifest

Outcome = Literal["harmless", "quarantine", "warning", "refusal"]
_Change = Callable[[str, int], str]
_Spoiler = Callable[[Delivery], None]

_FEWEST_ROWS = 3
_ONE_ROW_IN = 1000
_TERMINAL = ("销号", "局拆", "携出")
_FULL_WIDTH = str.maketrans("0123456789.-", "０１２３４５６７８９．－")


class FaultNotApplicable(ValueError):
    """The landing has nothing that this fault could spoil; the message says what is missing."""


@dataclass(frozen=True)
class Fault:
    """A way to spoil a month's delivery.

    ``outcome``: rows go to quarantine with ``reason_code``; the delivery is refused with it; it is
    accepted with a warning (the failed check, or None where a report says so); or nothing at all is
    amiss (harmless). A refusal by a check and a warning carry the check's name.
    """

    name: str
    data_set: str | None
    outcome: Outcome
    reason_code: str | None
    description: str
    apply: _Spoiler


def spoil(out: Path, fault: str, month: str | None = None) -> None:
    """Spoil one month of the landing ``out``: the given one, or the last.

    ``missing_month`` takes away the given month, or the last but one. Raises :class:`UnknownFault`,
    :class:`FaultNotApplicable`, and :class:`~dagster_project.lib.months.InvalidMonth`.
    """
    if fault not in FAULTS:
        raise UnknownFault(f"unknown fault {fault!r}; use one of: {', '.join(FAULTS)}")
    chosen = month and months.parse(month)
    delivered = sorted(path.name for path in out.iterdir() if _is_month(path.name) and path.is_dir())
    default = -2 if fault == "missing_month" else -1
    if chosen is None and len(delivered) < -default:
        raise FaultNotApplicable(f"{out} has {len(delivered)} months; {fault} needs {-default}")
    folder = out / (chosen or delivered[default])
    if not folder.is_dir():
        raise FaultNotApplicable(f"{out} has no month {chosen}; it has: {', '.join(delivered)}")
    FAULTS[fault].apply(Delivery(folder))


class UnknownFault(ValueError):
    """There is no fault of that name; the message names them all."""


def _is_month(name: str) -> bool:
    try:
        return months.parse(name) == name
    except InvalidMonth:
        return False


def _few(dump: Dump) -> list[int]:
    return spread(max(_FEWEST_ROWS, len(dump.rows) // _ONE_ROW_IN), len(dump.rows))


def _values(data_set: str, column: str, change: _Change, one_in: int | None = None) -> _Spoiler:
    """Change a column's text in a few rows of the first part, or in one row in ``one_in``."""

    def apply(delivery: Delivery) -> None:
        dump = delivery.read(delivery.files(data_set)[0], data_set)
        position = dump.position(column)
        chosen = spread(len(dump.rows) // one_in, len(dump.rows)) if one_in else _few(dump)
        for number, index in enumerate(chosen):
            dump.rows[index][position] = change(dump.rows[index][position], number)
        delivery.write(dump)

    return apply


def _to(text: str) -> _Change:
    return lambda value, number: text


def _rows(data_set: str, change: Callable[[Dump, list[int]], None]) -> _Spoiler:
    """Change a few whole rows of the first part."""

    def apply(delivery: Delivery) -> None:
        dump = delivery.read(delivery.files(data_set)[0], data_set)
        change(dump, _few(dump))
        delivery.write(dump)

    return apply


def _repeat(dump: Dump, chosen: list[int]) -> None:
    for index in reversed(chosen):
        dump.rows.insert(index + 1, list(dump.rows[index]))


def _repeat_with_other_content(dump: Dump, chosen: list[int]) -> None:
    changed = [dump.position("vas_fee"), dump.position("total_fee")]
    for index in reversed(chosen):
        row = list(dump.rows[index])
        for position in changed:
            row[position] = str(Decimal(row[position]) + 1)
        dump.rows.insert(index + 1, row)


def _add_field(dump: Dump, chosen: list[int]) -> None:
    for index in chosen:
        dump.rows[index].append("0")


def _leave_quote_open(dump: Dump, chosen: list[int]) -> None:
    for index in chosen:
        dump.rows[index][1] = '"' + dump.rows[index][1]


def _widen(dump: Dump, chosen: list[int]) -> None:
    fees = [dump.position(name) for name in ("rent_fee", "voice_fee", "total_fee")]
    for index in chosen:
        for position in fees:
            dump.rows[index][position] = dump.rows[index][position].translate(_FULL_WIDTH)


def _columns(data_set: str, change: Callable[[Dump], None]) -> _Spoiler:
    """Change the columns of every part."""

    def apply(delivery: Delivery) -> None:
        for path in delivery.files(data_set):
            dump = delivery.read(path, data_set)
            change(dump)
            delivery.write(dump)

    return apply


def _drop_join_date(dump: Dump) -> None:
    position = dump.position("join_date")
    for row in (dump.header, *dump.rows):
        del row[position]


def _add_column(dump: Dump) -> None:
    dump.header.append("handset_model")
    for row in dump.rows:
        row.append("X1")


def _repeat_column(dump: Dump) -> None:
    position = dump.position("data_mb")
    for row in (dump.header, *dump.rows):
        row.append(row[position])


def _halve(dump: Dump) -> None:
    del dump.rows[1::2]


def _bytes(data_set: str, change: Callable[[bytes], bytes]) -> _Spoiler:
    """Change the bytes of the first part; the manifest states the hash of the spoiled file."""

    def apply(delivery: Delivery) -> None:
        path = delivery.files(data_set)[0]
        delivery.write_bytes(path, change(path.read_bytes()))

    return apply


def _truncate(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def _zip(content: bytes) -> bytes:
    """What an .xlsx renamed to .csv looks like."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("xl/worksheets/sheet1.xml"), content)
    return sink.getvalue()


def _break_encoding(content: bytes) -> bytes:
    end_of_a_line = content.index(b"\n", len(content) // 2)
    return content[:end_of_a_line] + b"\xff\xff" + content[end_of_a_line:]


def _statement(data_set: str, key: str, change: Callable[[Any], Any]) -> _Spoiler:
    """Change what the manifest says of a data set's first part."""

    def apply(delivery: Delivery) -> None:
        name = delivery.files(data_set)[0].name
        said = next(entry for entry in delivery.manifest()["files"] if entry["name"] == name)
        delivery.state(name, {key: change(said[key])})

    return apply


def _more_total(totals: Mapping[str, float]) -> Mapping[str, float]:
    return {name: round(total + 100, 2) for name, total in totals.items()}


def _state_other_month(delivery: Delivery) -> None:
    write_manifest(delivery.folder, delivery.manifest() | {"month": months.shift(delivery.month, -1)})


def _break_manifest(delivery: Delivery) -> None:
    (delivery.folder / MANIFEST).write_text('{"month": ', encoding="utf-8")


def _lose_listed_file(delivery: Delivery) -> None:
    delivery.files("crm_surveys")[0].unlink()


def _previous_month(value: str, number: int) -> str:
    return months.shift(value.replace("/", "-"), -1).replace("-", "/")


def _vanish(share: float, fewest: int) -> _Spoiler:
    """Take subscribers who were on the network at the month's opening out of its snapshot."""

    def apply(delivery: Delivery) -> None:
        before = Delivery(delivery.folder.parent / months.shift(delivery.month, -1))
        if not before.folder.is_dir():
            raise FaultNotApplicable(f"{delivery.month} has no month before it from which subscribers could vanish")
        opening = set(_on_net(before).values())
        path = delivery.files("crm_subscribers")[0]
        dump = delivery.read(path, "crm_subscribers")
        still = [index for index, identifier in _on_net(delivery).items() if identifier in opening]
        count = max(fewest, int(share * len(opening)))
        vanished = {still[position] for position in spread(count, len(still))}
        delivery.write(replace(dump, rows=[row for index, row in enumerate(dump.rows) if index not in vanished]))

    return apply


def _on_net(delivery: Delivery) -> dict[int, str]:
    """Row and identifier of every counted subscriber on the network at the month's close."""
    dump = delivery.read(delivery.files("crm_subscribers")[0], "crm_subscribers")
    columns = zip(dump.values("subscriber_id"), dump.values("status"), dump.values("is_countable"), strict=True)
    return {
        index: identifier
        for index, (identifier, status, countable) in enumerate(columns)
        if status not in _TERMINAL and countable == "是"
    }


def _remove(data_set: str) -> _Spoiler:
    return lambda delivery: delivery.remove(data_set)


def _remove_month(delivery: Delivery) -> None:
    shutil.rmtree(delivery.folder)


_SUBSCRIBERS, _BILLS, _USAGE, _PAYMENTS = "crm_subscribers", "billing_bills", "billing_usage", "billing_payments"


def _strange(value: str, number: int) -> str:
    return str(29_999_999_000 + number)


def _dearer(value: str, number: int) -> str:
    return str(Decimal(value) + 5)


_ROW_FAULTS = (
    Fault(
        "unparsable_value",
        _USAGE,
        "quarantine",
        "unparsable_value",
        "Outgoing minutes are words in a few usage rows.",
        _values(_USAGE, "mou_out", _to("约一百")),
    ),
    Fault(
        "missing_key",
        _USAGE,
        "quarantine",
        "missing_key",
        "A few usage rows have no subscriber.",
        _values(_USAGE, "subscriber_id", _to("")),
    ),
    Fault(
        "missing_required_value",
        _BILLS,
        "quarantine",
        "missing_required_value",
        "A few bills have no total.",
        _values(_BILLS, "total_fee", _to("")),
    ),
    Fault(
        "exact_duplicates",
        _PAYMENTS,
        "harmless",
        None,
        "A few payments are delivered twice, word for word; they load once and are counted.",
        _rows(_PAYMENTS, _repeat),
    ),
    Fault(
        "repeated_key",
        _BILLS,
        "quarantine",
        "repeated_key",
        "A few subscribers have two bills of the month with different amounts.",
        _rows(_BILLS, _repeat_with_other_content),
    ),
    Fault(
        "unknown_enum",
        _SUBSCRIBERS,
        "quarantine",
        "unknown_value",
        "A few subscribers have a payment type that the contract does not know.",
        _values(_SUBSCRIBERS, "payment_type", _to("包年")),
    ),
    Fault(
        "wrong_month",
        _USAGE,
        "quarantine",
        "wrong_month",
        "A few usage rows are of the month before.",
        _values(_USAGE, "usage_month", _previous_month),
    ),
    Fault(
        "joined_after_month",
        _SUBSCRIBERS,
        "quarantine",
        "date_after_month",
        "A few subscribers join in a year to come.",
        _values(_SUBSCRIBERS, "join_date", _to("2031/01/01")),
    ),
    Fault(
        "total_mismatch",
        _BILLS,
        "quarantine",
        "total_mismatch",
        "A few bills' totals are five yuan more than their parts.",
        _values(_BILLS, "total_fee", _dearer),
    ),
    Fault(
        "unknown_district",
        _SUBSCRIBERS,
        "quarantine",
        "unknown_district",
        "A few subscribers are in a district that crm_districts does not list.",
        _values(_SUBSCRIBERS, "district_code", _to("599999")),
    ),
    Fault(
        "unknown_plan",
        _SUBSCRIBERS,
        "quarantine",
        "unknown_plan",
        "A few subscribers have a plan that crm_plans does not list.",
        _values(_SUBSCRIBERS, "plan_code", _to("T999")),
    ),
    Fault(
        "unknown_subscriber",
        _BILLS,
        "quarantine",
        "unknown_subscriber",
        "A few bills are of subscribers who never were in a snapshot.",
        _values(_BILLS, "subscriber_id", _strange),
    ),
    Fault(
        "damaged_identifier",
        _SUBSCRIBERS,
        "quarantine",
        "damaged_identifier",
        "A spreadsheet has turned a few phone numbers into 1.38E+10.",
        _values(_SUBSCRIBERS, "msisdn", _to("1.38E+10")),
    ),
    Fault(
        "invalid_msisdn",
        _SUBSCRIBERS,
        "quarantine",
        "invalid_msisdn",
        "A few phone numbers have ten digits.",
        _values(_SUBSCRIBERS, "msisdn", lambda value, number: value[:-1]),
    ),
    Fault(
        "out_of_range",
        _USAGE,
        "quarantine",
        "out_of_range",
        "A few usage rows have a negative number of calls.",
        _values(_USAGE, "calls_out", _to("-1")),
    ),
    Fault(
        "too_many_decimals",
        _BILLS,
        "quarantine",
        "too_many_decimals",
        "A few bills' arrears have three decimals.",
        _values(_BILLS, "arrears", _to("1.005")),
    ),
    Fault(
        "full_width_digits",
        _BILLS,
        "harmless",
        None,
        "A few bills are written with full-width digits, which mean the same.",
        _rows(_BILLS, _widen),
    ),
    Fault(
        "wrong_column_count",
        _USAGE,
        "quarantine",
        "wrong_column_count",
        "A few usage rows have a field more than the header.",
        _rows(_USAGE, _add_field),
    ),
    Fault(
        "stray_quote",
        _USAGE,
        "quarantine",
        "broken_quote",
        "A few usage rows open a quotation mark and never close it.",
        _rows(_USAGE, _leave_quote_open),
    ),
)

_DATA_SET_FAULTS = (
    Fault(
        "too_many_bad_rows",
        _USAGE,
        "refusal",
        "too_many_quarantined",
        "Two usage rows in a hundred cannot be read.",
        _values(_USAGE, "mou_out", _to("#VALUE!"), one_in=50),
    ),
    Fault(
        "missing_column",
        _SUBSCRIBERS,
        "refusal",
        "missing_column",
        "The snapshot has no join dates.",
        _columns(_SUBSCRIBERS, _drop_join_date),
    ),
    Fault(
        "repeated_column",
        _USAGE,
        "refusal",
        "duplicate_column",
        "The usage file has the data volume twice.",
        _columns(_USAGE, _repeat_column),
    ),
    Fault(
        "extra_column",
        _USAGE,
        "warning",
        None,
        "The usage file has a column that the contract does not know; it is kept out and reported.",
        _columns(_USAGE, _add_column),
    ),
    Fault(
        "volume_drop",
        _BILLS,
        "warning",
        "billing_bills_volume_is_near_earlier_months",
        "Half of the month's bills are missing.",
        _columns(_BILLS, _halve),
    ),
    Fault(
        "missing_required_data_set",
        _BILLS,
        "refusal",
        "missing_data_set",
        "The month has no bills.",
        _remove(_BILLS),
    ),
    Fault(
        "missing_optional_data_set",
        _USAGE,
        "warning",
        "billing_usage_volume_is_near_earlier_months",
        "The month has no usage; what it would have fed is not available.",
        _remove(_USAGE),
    ),
    Fault(
        "vanished_above_threshold",
        _SUBSCRIBERS,
        "refusal",
        "few_subscribers_vanished",
        "One subscriber in a hundred is gone from the snapshot without having left.",
        _vanish(0.01, 3),
    ),
    Fault(
        "vanished_below_threshold",
        _SUBSCRIBERS,
        "warning",
        "no_subscriber_vanished",
        "One subscriber in two thousand is gone from the snapshot without having left.",
        _vanish(0.0005, 1),
    ),
    Fault(
        "missing_month",
        None,
        "warning",
        "the_month_before_was_delivered",
        "The month before the last was never delivered.",
        _remove_month,
    ),
)

_FILE_FAULTS = (
    Fault(
        "truncated_gzip",
        _PAYMENTS,
        "refusal",
        "truncated_file",
        "The compressed payments break off after two thirds.",
        _bytes(_PAYMENTS, _truncate),
    ),
    Fault(
        "binary_as_csv",
        _SUBSCRIBERS,
        "refusal",
        "binary_file",
        "The snapshot is a workbook that was renamed to .csv.",
        _bytes(_SUBSCRIBERS, _zip),
    ),
    Fault(
        "zero_bytes",
        _USAGE,
        "refusal",
        "empty_file",
        "The usage file is empty.",
        _bytes(_USAGE, lambda content: b""),
    ),
    Fault(
        "undecodable_bytes",
        _SUBSCRIBERS,
        "refusal",
        "undecodable",
        "Two bytes in the middle of the snapshot are no text in any encoding.",
        _bytes(_SUBSCRIBERS, _break_encoding),
    ),
)

_MANIFEST_FAULTS = (
    Fault(
        "manifest_rows",
        _BILLS,
        "refusal",
        "manifest_rows",
        "The manifest states one row more than a bills file has.",
        _statement(_BILLS, "rows", lambda rows: rows + 1),
    ),
    Fault(
        "manifest_sha256",
        _BILLS,
        "refusal",
        "manifest_sha256",
        "The manifest states another hash for a bills file.",
        _statement(_BILLS, "sha256", lambda digest: digest[::-1]),
    ),
    Fault(
        "manifest_totals",
        _BILLS,
        "refusal",
        "manifest_totals",
        "The manifest states 100 yuan more than a bills file adds up to.",
        _statement(_BILLS, "totals", _more_total),
    ),
    Fault(
        "manifest_month",
        None,
        "refusal",
        "manifest_month",
        "The manifest states the month before.",
        _state_other_month,
    ),
    Fault(
        "manifest_missing_file",
        "crm_surveys",
        "refusal",
        "manifest_missing_file",
        "The manifest lists the surveys, which were not delivered.",
        _lose_listed_file,
    ),
    Fault(
        "manifest_malformed",
        None,
        "refusal",
        "malformed_manifest",
        "The manifest breaks off.",
        _break_manifest,
    ),
)

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for fault in (*_ROW_FAULTS, *_DATA_SET_FAULTS, *_FILE_FAULTS, *_MANIFEST_FAULTS)
}
"""Every fault by name."""
