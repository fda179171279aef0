"""A person's copy of a workbook: the plate of it, and around that what names the person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import IO
from xml.sax.saxutils import escape, unescape

from dagster_project.portal.copies.codes import codes
from dagster_project.portal.copies.layout import Cut, retitled
from dagster_project.portal.copies.marks import Mark, mark_of
from dagster_project.portal.copies.package import Part, continued, deflated, zipped
from dagster_project.portal.copies.plates import STRINGS, Plate, packed_rows, string_text
from dagster_project.portal.models import Copy

_CONTENT_TYPES = "[Content_Types].xml"
_RELATIONS = "_rels/.rels"
_CORE = "docProps/core.xml"
_CUSTOM = "docProps/custom.xml"
_CUSTOM_TYPE = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_TYPES = "http://schemas.openxmlformats.org"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_BATCH = 4096


def workbook(file: IO[bytes], plate: Plate, copy: Copy, cut: Cut, language: str) -> Iterator[bytes]:
    """The copy's bytes, of an open plate: mark in the title, in print, in the properties, and a code in every row."""
    mark = mark_of(copy, language)
    titles = {place: _title(plate, place, cut, language) for place in plate.titles}
    parts = _marked_parts(plate, mark, titles[plate.titles[0]])
    strings = list(plate.strings)
    for place, title in titles.items():
        strings[place] = f"<si><t>{escape(f'{title} · {mark.line}')}</t></si>"
    sheets = (
        continued(sheet.name, sheet.run, packed_rows(file, sheet), [_printed(sheet.tail, mark).encode()])
        for sheet in plate.sheets
    )
    small = (deflated(name, [part.encode()]) for name, part in parts.items())
    return zipped(chain(small, sheets, (_strings(plate, strings, mark, copy),)))


def _title(plate: Plate, place: int, cut: Cut, language: str) -> str:
    published = unescape(string_text(plate.strings[place]))
    return published if cut.owner is None else retitled(published, plate.rows, cut.owner, language)


def _strings(plate: Plate, strings: list[str], mark: Mark, copy: Copy) -> Part:
    """The texts that cells share: the list's own, the heading of the codes, and the codes."""
    unique = len(strings) + 1 + plate.rows
    head = (
        f'{_XML}<sst xmlns="{_TYPES}/spreadsheetml/2006/main" count="{plate.uses}" uniqueCount="{unique}">'
        f"{''.join(strings)}<si><t>{escape(mark.code_heading)}</t></si>"
    )
    return deflated(STRINGS, chain([head.encode()], _code_strings(copy, plate.rows), [b"</sst>"]))


def _code_strings(copy: Copy, rows: int) -> Iterator[bytes]:
    numbered = islice(codes(copy), rows)
    while batch := "</t></si><si><t>".join(islice(numbered, _BATCH)):
        yield f"<si><t>{batch}</t></si>".encode()


def _printed(tail: str, mark: Mark) -> str:
    """The end of a sheet, with the mark above and below every page."""
    line = escape(mark.line.replace("&", "&&"))
    tail = tail.replace("<headerFooter><oddFooter>", f"<headerFooter><oddHeader>&amp;L{line}</oddHeader><oddFooter>")
    return tail.replace("&amp;L&amp;A&amp;R", f"&amp;L&amp;A&amp;C{line}&amp;R")


def _marked_parts(plate: Plate, mark: Mark, title: str) -> dict[str, str]:
    """The small parts, with the mark among the properties of the document."""
    parts = dict(plate.parts)
    override = f'<Override PartName="/{_CUSTOM}" ContentType="{_CUSTOM_TYPE}"/></Types>'
    parts[_CONTENT_TYPES] = parts[_CONTENT_TYPES].replace("</Types>", override)
    kind = f"{_TYPES}/officeDocument/2006/relationships/custom-properties"
    relation = f'<Relationship Id="rIdCopy" Type="{kind}" Target="{_CUSTOM}"/></Relationships>'
    parts[_RELATIONS] = parts[_RELATIONS].replace("</Relationships>", relation)
    described = f"<dc:description>{escape(mark.line)}</dc:description><cp:lastModifiedBy>"
    core = parts[_CORE].replace("<cp:lastModifiedBy>", described)
    parts[_CORE] = re.sub("<dc:title>[^<]*", lambda _: f"<dc:title>{escape(title)}", core)
    return {_CONTENT_TYPES: parts.pop(_CONTENT_TYPES), **parts, _CUSTOM: _custom(mark)}


def _custom(mark: Mark) -> str:
    """Properties of the document that are the site's own."""
    facts = {"RetentionCopy": mark.number, "RetentionAccount": mark.username}
    properties = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{pid}" name="{name}">'
        f"<vt:lpwstr>{escape(fact)}</vt:lpwstr></property>"
        for pid, (name, fact) in enumerate(facts.items(), start=2)
    )
    spaces = (
        f'xmlns="{_TYPES}/officeDocument/2006/custom-properties" xmlns:vt="{_TYPES}/officeDocument/2006/docPropsVTypes"'
    )
    return f"{_XML}<Properties {spaces}>{properties}</Properties>"
