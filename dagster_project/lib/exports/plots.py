"""Plots as inline SVG: text stays text, colours come with shapes and labels, the same data gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.etree import ElementTree as ET

from dagster_project.lib.exports.numbers import shown
from dagster_project.lib.exports.workbook import Kind

_WIDTH = 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 28, 30
_TICKS = 4
_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_WIDE_CHARACTER = 0x2E7F
_LEAST_SPAN = 0.02
"""A small line shows no less than this part of its value, so that next to nothing does not look like a swing."""


@dataclass(frozen=True)
class Series:
    """A line: a value per position, None where there is none; ``css`` is its class in the style sheet."""

    label: str
    values: Sequence[float | None]
    css: str


@dataclass(frozen=True)
class Mark:
    """A sign under a position of the axis; ``title`` says what it stands for."""

    position: int
    sign: str
    title: str


@dataclass(frozen=True)
class Interval:
    """A dot with whiskers; ``value`` is None when the unit has too few cases.

    ``rank`` is its place, which others may share, and ``place`` the places that it can be in words, where it has one;
    ``is_clear`` says that it really differs from the others.
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    is_own: bool
    rank: int | None = None
    place: str = ""
    is_clear: bool = False


@dataclass(frozen=True)
class Scale:
    """What lies between ``left`` and ``right`` of a plot, and whether it is shown in per cent or in points."""

    low: float
    high: float
    left: float
    right: float
    is_percent: bool

    def x(self, value: float) -> float:
        """Where a value lies."""
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)

    def figure(self, value: float) -> str:
        """A value as it is written beside the plot."""
        return _figure(value, is_percent=True) if self.is_percent else shown(value, Kind.NUMBER)


@dataclass(frozen=True)
class Frame:
    """A plot's size and the scale of its values."""

    height: int
    top_value: float
    bottom_value: float = 0.0
    left: int = _LEFT

    def x(self, position: float, count: int) -> float:
        """Where the middle of one of ``count`` equal slots lies."""
        return self.left + (position + 0.5) * (_WIDTH - self.left - _RIGHT) / max(count, 1)

    def y(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.bottom_value) / (self.top_value - self.bottom_value)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)


def sparkline(values: Sequence[float | None], reference: Sequence[float | None], description: str) -> str:
    """A line without axes for a headline figure, a thin line for the branch's median, a dot for this month."""
    known = [value for value in (*values, *reference) if value is not None]
    root = _svg("spark", 160, 40, description)
    if not known:
        return _text_of(root)
    middle = (min(known) + max(known)) / 2
    span = max(max(known) - min(known), abs(middle) * _LEAST_SPAN) or 1.0
    places = [8 + index * 144 / max(len(values) - 1, 1) for index in range(len(values))]

    def height(value: float) -> float:
        return 20 - (value - middle) / span * 28

    for line, css in ((reference, "median"), (values, "own")):
        for piece in _pieces([(x, height(v)) if v is not None else None for x, v in zip(places, line, strict=True)]):
            _add(root, "polyline", points=_points(piece), cls=css)
    if values and values[-1] is not None:
        _add(root, "circle", cx=places[-1], cy=height(values[-1]), r=3.5, cls="own-dot")
    return _text_of(root)


def trend(
    series: Sequence[Series], labels: Sequence[str], axis: str, description: str, marks: Sequence[Mark] = ()
) -> str:
    """Lines over months, each labelled at its last point, on a scale from zero in per cent; marks under the axis."""
    frame = Frame(240, _nice_top([value for line in series for value in line.values]))
    root = _svg("plot", _WIDTH, frame.height, description)
    _axis(root, frame, axis)
    count = len(labels)
    for position, label in enumerate(labels):
        if label:
            at_end = position == count - 1
            x = _WIDTH - 2 if at_end else frame.x(position, count)
            _add(root, "text", label, x=x, y=frame.height - 10, cls="tick end" if at_end else "tick middle")
    for line in series:
        places = [
            (frame.x(position, count), frame.y(value)) if value is not None else None
            for position, value in enumerate(line.values)
        ]
        for piece in _pieces(places):
            _add(root, "polyline", points=_points(piece), cls=line.css)
        last = next((place for place in reversed(places) if place), None)
        if last and line.css == "own":
            _add(root, "circle", cx=last[0], cy=last[1], r=4, cls="own-dot")
    for mark in marks:
        x, y = frame.x(mark.position, count), frame.height - _BOTTOM + 9
        sign = _add(root, "text", mark.sign, cls="event middle", x=x, y=y)
        ET.SubElement(sign, "title").text = mark.title
    _key(root, series)
    return _text_of(root)


def bars(
    labels: Sequence[str],
    own: Sequence[float | None],
    other: Sequence[float | None],
    *,
    names: tuple[str, str],
    axis: str,
    description: str,
    is_percent: bool = True,
) -> str:
    """A bar for every label with its figure, and a dash across for what it is compared with; from zero."""
    frame = Frame(250, _nice_top([*own, *other]))
    root = _svg("plot", _WIDTH, frame.height, description)
    _axis(root, frame, axis, is_percent=is_percent)
    width = (_WIDTH - frame.left - _RIGHT) / max(len(labels), 1)
    for position, (label, value, compared) in enumerate(zip(labels, own, other, strict=True)):
        x = frame.x(position, len(labels))
        _add(root, "text", label, x=x, y=frame.height - 10, cls="tick middle")
        if value is None:
            _add(root, "text", "—", x=x, y=frame.y(0) - 6, cls="figure middle")
        else:
            top = frame.y(value)
            _add(root, "rect", x=x - width * 0.32, y=top, width=width * 0.64, height=frame.y(0) - top, cls="own-bar")
            _add(root, "text", _figure(value, is_percent), x=x, y=top - 6, cls="figure middle")
        if compared is not None:
            level = frame.y(compared)
            _add(root, "line", x1=x - width * 0.42, x2=x + width * 0.42, y1=level, y2=level, cls="compared")
    _key(root, (Series(names[0], (), "own-key"), *([Series(names[1], (), "compared-key")] if names[1] else [])))
    return _text_of(root)


def shares(rows: Sequence[tuple[str, float, str]], description: str) -> str:
    """Horizontal bars from zero, each with its label before and its figure after it."""
    left = _label_width([label for label, _, _ in rows])
    height = 8 + 30 * len(rows)
    root = _svg("plot", _WIDTH, height, description)
    widest = max((share for _, share, _ in rows), default=0) or 1.0
    room = _WIDTH - left - 12 - max((_text_width(figure) for _, _, figure in rows), default=0.0)
    for position, (label, share, figure) in enumerate(rows):
        y = 6 + position * 30
        _add(root, "text", label, x=left - 8, y=y + 15, cls="tick end")
        _add(root, "rect", x=left, y=y, width=room * share / widest, height=20, cls="own-bar")
        _add(root, "text", figure, x=left + room * share / widest + 6, y=y + 15, cls="figure")
    return _text_of(root)


def intervals(rows: Sequence[Interval], median: float | None, axis: str, description: str) -> str:
    """Dots with whiskers on one scale in per cent, and a line for the median: who really differs is seen."""
    known = [value for row in rows for value in (row.value, row.low, row.high) if value is not None] or [0.0, 0.01]
    margin = (max(known) - min(known)) * 0.1 or max(known) * 0.1
    left = _label_width([row.label for row in rows])
    scale = Scale(max(min(known) - margin, 0.0), max(known) + margin, left, _WIDTH - 72, is_percent=True)
    return _text_of(_dots(rows, median, scale, axis, description))


def standings(rows: Sequence[Interval], median: float | None, axis: str, description: str) -> str:
    """Scores from 0 to 100 with whiskers, the best first, each with its place; one bracket holds those who share it.

    A diamond is a unit that really differs from the others, a circle one that does not.
    """
    labels = _label_width([row.label for row in rows])
    places = max((_text_width(row.place) for row in rows), default=0.0) + 14
    scale = Scale(0.0, 100.0, labels + places, _WIDTH - 60, is_percent=False)
    root = _dots(rows, median, scale, axis, description)
    for position, row in enumerate(rows):
        _add(root, "text", row.place, x=scale.left - 12, y=_row_height(position) + 5, cls="tick end")
    for first, last in _runs([row.rank for row in rows]):
        x, top, bottom = scale.left - 6, _row_height(first) - 7, _row_height(last) + 7
        _add(root, "polyline", points=_points([(x - 3, top), (x, top), (x, bottom), (x - 3, bottom)]), cls="bracket")
    return _text_of(root)


def _runs(ranks: Sequence[int | None]) -> list[tuple[int, int]]:
    """First and last position of neighbours who share a rank."""
    found: list[tuple[int, int]] = []
    for rank, group in groupby(range(len(ranks)), key=lambda position: ranks[position]):
        positions = list(group)
        if rank is not None and len(positions) > 1:
            found.append((positions[0], positions[-1]))
    return found


def _row_height(position: int) -> float:
    return 18 + position * 24


def _dots(rows: Sequence[Interval], median: float | None, scale: Scale, axis: str, description: str) -> ET.Element:
    height = 44 + 24 * len(rows)
    root = _svg("plot", _WIDTH, height, description)
    if median is not None:
        _add(root, "line", x1=scale.x(median), x2=scale.x(median), y1=6, y2=height - 34, cls="compared thin")
    labels = _label_width([row.label for row in rows])
    for position, row in enumerate(rows):
        y = _row_height(position)
        _add(root, "text", row.label, x=labels - 8, y=y + 5, cls="tick end strong" if row.is_own else "tick end")
        if row.value is None:
            _add(root, "text", "—", x=scale.left + 4, y=y + 5, cls="figure")
            continue
        if row.low is not None and row.high is not None:
            _add(root, "line", x1=scale.x(row.low), x2=scale.x(row.high), y1=y, y2=y, cls="whisker")
        _dot(root, row, scale.x(row.value), y)
        _add(root, "text", scale.figure(row.value), x=_WIDTH - 4, y=y + 5, cls="figure end")
    for tick in range(_TICKS + 1):
        value = scale.low + (scale.high - scale.low) * tick / _TICKS
        label = scale.figure(value) if scale.is_percent else f"{value:g}"
        _add(root, "text", label, x=scale.x(value), y=height - 20, cls="tick middle")
    _add(root, "text", axis, x=scale.left, y=height - 4, cls="tick")
    return root


def _dot(root: ET.Element, row: Interval, x: float, y: float) -> None:
    css = "own-dot" if row.is_own else "other-dot"
    if row.is_clear:
        _add(root, "polygon", points=_points([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)]), cls=css)
    else:
        _add(root, "circle", cx=x, cy=y, r=5, cls=css)


def _nice_top(values: Sequence[float | None]) -> float:
    """A round number at or above all values, at which an axis from zero can end."""
    highest = max((value for value in values if value is not None), default=0.0)
    if highest <= 0:
        return 0.01
    size = 1.0
    while size > highest:
        size /= 10
    while size * 10 <= highest:
        size *= 10
    return next(step * size for step in _STEPS if step * size >= highest * 0.999)


def _axis(root: ET.Element, frame: Frame, title: str, *, is_percent: bool = True) -> None:
    for tick in range(_TICKS + 1):
        value = frame.top_value * tick / _TICKS
        level = frame.y(value)
        _add(root, "line", x1=frame.left, x2=_WIDTH - _RIGHT, y1=level, y2=level, cls="grid")
        label = _tick(value) if is_percent else f"{value:.2f}".rstrip("0").rstrip(".")
        _add(root, "text", label, x=frame.left - 6, y=level + 4, cls="tick end")
    _add(root, "text", title, x=4, y=14, cls="tick")


def _key(root: ET.Element, series: Sequence[Series]) -> None:
    """Names of the lines in a row above the plot, each with its own mark."""
    x = float(_WIDTH - _RIGHT)
    for line in reversed(series):
        x -= _text_width(line.label)
        _add(root, "text", line.label, x=x, y=14, cls="tick")
        x -= 26
        _add(root, "line", x1=x, x2=x + 20, y1=10, y2=10, cls=line.css)
        x -= 12


def _tick(value: float) -> str:
    return f"{value * 100:.2f}".rstrip("0").rstrip(".") + "%"


def _figure(value: float, is_percent: bool) -> str:
    return f"{value * 100:.2f}%" if is_percent else f"{value:.2f}"


def _text_width(label: str) -> float:
    return sum(13.0 if ord(character) > _WIDE_CHARACTER else 7.0 for character in label)


def _label_width(labels: Sequence[str]) -> float:
    return min(max((_text_width(label) for label in labels), default=40.0) + 14, 170.0)


def _pieces(places: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """The stretches without a gap; a single point becomes a short dash."""
    stretches = [
        [place for place in group if place]
        for known, group in groupby(places, key=lambda place: place is not None)
        if known
    ]
    return [
        [(x[0] - 2, x[1]), (x[0] + 2, x[1])] if len(piece) == 1 else piece for piece in stretches for x in piece[:1]
    ]


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _svg(css: str, width: float, height: float, description: str) -> ET.Element:
    attributes = {"class": css, "viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": description}
    root = ET.Element("svg", attributes)
    ET.SubElement(root, "title").text = description
    return root


def _add(parent: ET.Element, tag: str, text: str | None = None, *, cls: str, **attributes: float | str) -> ET.Element:
    values = {key: value if isinstance(value, str) else f"{value:.1f}" for key, value in attributes.items()}
    element = ET.SubElement(parent, tag, {"class": cls, **values})
    element.text = text
    return element


def _text_of(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")
