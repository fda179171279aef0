"""Zip packages of parts that may be compressed already.

The standard library has no way to add compressed data to a package, and compressing the same rows for everybody anew
takes most of a copy's time. Parts have one date, so that the same content gives the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LEVEL = 3
"""As published workbooks are compressed."""
_RAW = -zlib.MAX_WBITS
_VERSION, _DEFLATED, _TIME, _DATE = 20, 8, 0, 0x21
"""What it takes to unpack, the way of compression, and midnight of the first day that a package can name."""
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True)
class Part:
    """A part of a package: its name, CRC-32, bytes unpacked and packed, and the packed bytes, to be read once."""

    name: str
    crc: int
    size: int
    packed_size: int
    packed: Iterable[bytes]


@dataclass(frozen=True)
class Run:
    """How far a compression has come: CRC-32, bytes unpacked and packed."""

    crc: int = 0
    size: int = 0
    packed_size: int = 0


def deflated(name: str, chunks: Iterable[bytes]) -> Part:
    """A part of plain bytes; they pass one by one, only what is packed is kept."""
    return continued(name, Run(), (), chunks)


def continued(name: str, run: Run, packed: Iterable[bytes], chunks: Iterable[bytes]) -> Part:
    """A part that begins with what ``run`` packed and goes on with plain bytes."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
    crc, size, rest = run.crc, run.size, []
    for chunk in chunks:
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        rest.append(compressor.compress(chunk))
    rest.append(compressor.flush())
    return Part(name, crc, size, run.packed_size + sum(map(len, rest)), _chained(packed, rest))


def packed_open(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, Run]]:
    """Pack bytes so that others can follow: every packed chunk, and how far the run is with it.

    A full flush ends the last one: it ends on a byte, is not marked as the last block, and what follows refers to
    nothing in it.
    """
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
    run = Run()
    for chunk in chunks:
        packed = compressor.compress(chunk)
        run = Run(zlib.crc32(chunk, run.crc), run.size + len(chunk), run.packed_size + len(packed))
        yield packed, run
    packed = compressor.flush(zlib.Z_FULL_FLUSH)
    yield packed, Run(run.crc, run.size, run.packed_size + len(packed))


def zipped(parts: Iterable[Part]) -> Iterator[bytes]:
    """The package, piece by piece. Parts have ASCII names and less than four gigabytes (:class:`struct.error`)."""
    directory, position, count = bytearray(), 0, 0
    for part in parts:
        name = part.name.encode("ascii")
        common = (0, _DEFLATED, _TIME, _DATE, part.crc, part.packed_size, part.size, len(name), 0)
        yield _LOCAL.pack(b"PK\x03\x04", _VERSION, *common) + name
        yield from part.packed
        directory += _CENTRAL.pack(b"PK\x01\x02", _VERSION, _VERSION, *common, 0, 0, 0, 0, position) + name
        position += _LOCAL.size + len(name) + part.packed_size
        count += 1
    yield bytes(directory)
    yield _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), position, 0)


def _chained(first: Iterable[bytes], second: Iterable[bytes]) -> Iterator[bytes]:
    yield from first
    yield from second
