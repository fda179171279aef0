"""From a delivered file's bytes to UTF-8 text with plain line ends, and to the names in its header.

The encoding is found by a ladder that never guesses: byte order mark, strict UTF-8 over the whole
file, strict GB18030 (which contains GBK and GB2312), and if none holds the file is refused. Text is
streamed; no file is held in memory.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

DELIMITERS = (",", "\t", "|", ";")

_CHUNK = 1 << 20
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARY_SIGNATURES = (b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF")
_CONVINCING_UTF8 = 8
"""A file whose text holds that many non-ASCII characters in valid UTF-8 before the first bad byte is
damaged UTF-8; reading it as GB18030 would turn every name into other characters."""


class UnreadableDump(Exception):
    """A file that cannot be read at all: the month stops. ``code`` is the stable reason code."""

    def __init__(self, code: str, line: int | None = None, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.line = line
        self.facts = facts


@dataclass(frozen=True)
class DumpText:
    """A dump as UTF-8 text: ``lines`` are physical lines, ``blank_lines`` the empty ones of them."""

    path: Path
    encoding: str
    lines: int
    blank_lines: int
    has_quotes: bool


@dataclass(frozen=True)
class Header:
    """The delimiter and the column names of a dump; ``line`` is 0 when the file has no header row."""

    delimiter: str
    names: tuple[str, ...]
    line: int


def is_parquet(name: str) -> bool:
    """Whether a file name says Parquet."""
    return name.lower().endswith(".parquet")


def is_dump(name: str) -> bool:
    """Whether a file name has one of the suffixes of the contract."""
    return name.lower().endswith((".csv", ".csv.gz", ".parquet"))


def transcode(source: Path, target: Path, encoding: str | None = None) -> DumpText:
    """Write ``source`` to ``target`` as UTF-8 with ``\\n`` line ends and count what was written.

    Raises :class:`UnreadableDump` (empty_file, binary_file, truncated_file, undecodable).
    """
    start = _first_bytes(source)
    if not start:
        raise UnreadableDump("empty_file")
    if encoding:
        return _decode_into(source, target, encoding)
    for mark, marked in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return _decode_into(source, target, marked, skip=len(mark))
    if start.startswith(_BINARY_SIGNATURES):
        raise UnreadableDump("binary_file", 1)
    return _decode_by_ladder(source, target)


def _decode_by_ladder(source: Path, target: Path) -> DumpText:
    try:
        return _decode_into(source, target, "utf-8")
    except UnreadableDump as as_utf8:
        if as_utf8.code != "undecodable" or int(str(as_utf8.facts["decoded"])) >= _CONVINCING_UTF8:
            raise
        try:
            return _decode_into(source, target, "gb18030")
        except UnreadableDump as as_gb18030:
            if as_gb18030.code == "undecodable" and _offset(as_utf8) > _offset(as_gb18030):
                raise as_utf8 from None
            raise


def _offset(problem: UnreadableDump) -> int:
    return int(str(problem.facts["offset"]))


def _open(source: Path) -> IO[bytes]:
    if source.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(source, "rb"))
    return source.open("rb")


def _first_bytes(source: Path) -> bytes:
    return next(_chunks(source), b"")[:8]


def _chunks(source: Path) -> Iterator[bytes]:
    try:
        with _open(source) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise UnreadableDump("truncated_file", detail=str(problem)) from None


class _Tally:
    """Counts lines, blank lines and quotes of text that passes by in pieces."""

    def __init__(self) -> None:
        self.breaks = self.blanks = self.decoded = 0
        self.last = "\n"
        self.has_quotes = False

    def add(self, text: str) -> None:
        if not text:
            return
        if "\0" in text:
            raise UnreadableDump("binary_file", self.breaks + text[: text.index("\0")].count("\n") + 1)
        self.blanks += _blank_lines(self.last + text)
        self.breaks += text.count("\n")
        if self.decoded < _CONVINCING_UTF8:
            self.decoded += _non_ascii(text)
        self.has_quotes = self.has_quotes or '"' in text
        self.last = text[-1]

    @property
    def lines(self) -> int:
        return self.breaks + (self.last != "\n")


def _blank_lines(text: str) -> int:
    """Line ends that directly follow a line end; ``str.count`` would not count overlapping pairs."""
    pairs = text.count("\n\n")
    return sum(len(run) - 1 for run in _runs(text)) if pairs else 0


def _runs(text: str) -> Iterator[str]:
    position = text.find("\n\n")
    while position >= 0:
        end = position
        while end < len(text) and text[end] == "\n":
            end += 1
        yield text[position:end]
        position = text.find("\n\n", end)


def _non_ascii(text: str) -> int:
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))


def _decode_into(source: Path, target: Path, encoding: str, skip: int = 0) -> DumpText:
    """``skip`` bytes are a byte order mark."""
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    plain: codecs.IncrementalDecoder = codecs.getincrementaldecoder(name)("strict")
    decoder = io.IncrementalNewlineDecoder(plain, translate=True)
    tally = _Tally()
    fed = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as output:
        try:
            for chunk in _chunks(source):
                fed += len(chunk)
                text = decoder.decode(chunk[skip:] if fed == len(chunk) else chunk)
                tally.add(text)
                output.write(text)
            text = decoder.decode(b"", final=True)
            tally.add(text)
            output.write(text)
        except UnicodeDecodeError as problem:
            raise _undecodable(problem, fed, tally, encoding) from None
    if tally.lines == tally.blanks:
        raise UnreadableDump("empty_file")
    return DumpText(target, encoding, tally.lines, tally.blanks, tally.has_quotes)


def _undecodable(problem: UnicodeDecodeError, fed: int, tally: _Tally, encoding: str) -> UnreadableDump:
    before = problem.object[: problem.start].decode(problem.encoding, "ignore")
    return UnreadableDump(
        "undecodable",
        tally.breaks + before.count("\n") + 1,
        offset=fed - len(problem.object) + problem.start,
        encoding=encoding,
        decoded=tally.decoded + _non_ascii(before),
    )


def read_header(text: DumpText, delimiter: str | None = None, columns: Sequence[str] = ()) -> Header:
    """The header of a dump: its first line that is not blank, split at the delimiter that line shows.

    ``columns`` names the columns of a file without a header row.
    """
    with text.path.open(encoding="utf-8", newline="\n") as stream:
        number, line = next((n, s) for n, s in enumerate((s.rstrip("\n") for s in stream), 1) if s)
    found = delimiter or detect_delimiter(line)
    if columns:
        return Header(found, tuple(columns), 0)
    try:
        return Header(found, tuple(next(csv.reader([line], delimiter=found))), number)
    except csv.Error:
        raise UnreadableDump("binary_file", number) from None


def detect_delimiter(line: str) -> str:
    """The delimiter that separates most fields of a header line; quoted delimiters do not count."""
    outside = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def normal_name(name: str) -> str:
    """A header as it is compared: NFKC, trimmed, without invisible characters, lower case."""
    folded = unicodedata.normalize("NFKC", name)
    visible = "".join(character for character in folded if unicodedata.category(character) != "Cf")
    return visible.strip().lower()
