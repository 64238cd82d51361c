"""Charts as plain SVG inside the page: drawn here, by Vega-Lite through altair and vl-convert; nothing from a CDN.

A chart is drawn twice, for a wide place and for a phone, and shown by `{{ chart(...) }}` of shell/charts.html together
with its title, a sentence that says what is to be seen, and the figures as a table for whoever cannot see it. Texts use
the page's fonts; marks say their figures under the mouse and may be links. Words come translated from the caller.

    bars(title, description, [Point("Mon", 1200.0), ...], say=lambda v: money(...))
    lines(...)      one or more series over labels         curve(...)       a line over numbers, beside a diagonal
    heat_map(...)   figures by row and column              intervals(...)   an estimate with its interval a row
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET

from flask_babel import get_locale
from markupsafe import Markup

WIDE, FULL, NARROW = 560, 1110, 320
# Where drawings are kept: the same figures are asked for again until the next sale or run. About 10 KB each.
KEPT = 256
POINTS_MAX = 2_000
LETTER_PX, HAN_PX, LABEL_PX_MAX = 7.4, 12.5, 150

INK, SOFT, LINE, ACCENT = "#1b2622", "#55635d", "#dde2df", "#0e6a5a"
COLOURS = (ACCENT, "#d08a1d", "#215c9c", "#ad2720", "#7a5ea8", "#76837d")
GOOD, BAD, QUIET = "#1b6e3c", "#ad2720", "#c3cbc7"
HEAT = ("#f1f6f4", "#bfe0d7", "#6fb5a5", "#2c8573", "#0a5347")
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
# Vega resolves addresses against this one; ours are of this house.
VEGA_BASE = "https://vega.github.io/vega-datasets/"

Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Point:
    """One value over a label. `words` are said under the mouse in place of the value; `value` None leaves a gap."""

    label: str
    value: float | None
    series: str = ""
    words: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a heat map. `value` decides its colour, `text` stands in it (in two lines, if it has a line break),
    `words` are said under the mouse."""

    row: str
    column: str
    value: float
    text: str
    words: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its interval; `middle` None says that there is too little to tell."""

    label: str
    low: float | None
    middle: float | None
    high: float | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """What shell/charts.html shows: the drawing for a wide and for a narrow place, and the figures as words."""

    title: str
    description: str
    wide: Markup
    narrow: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    full: bool = False


def plain(value: float) -> str:
    """A figure with separators and at most one digit after the point."""
    return f"{value:,.1f}".removesuffix(".0")


def bars(
    title: str,
    description: str,
    points: Sequence[Point],
    *,
    say: Say = plain,
    columns: tuple[str, str] = ("", ""),
    sideways: bool = False,
    stacked: bool = False,
    full: bool = False,
    height: int = 220,
) -> Chart:
    """Bars over labels, in the order given. `sideways` with long labels; `stacked` puts series upon each other."""
    rows = _rows(points, say)
    width = FULL if full else WIDE

    def draw(narrow: bool) -> str:
        if sideways:
            return _sideways(rows, NARROW if narrow else width)
        return _upright(rows, NARROW if narrow else width, height, stacked=stacked)

    return _chart(title, description, draw, _table(points, say, columns), full=full)


def lines(
    title: str,
    description: str,
    points: Sequence[Point],
    *,
    say: Say = plain,
    columns: tuple[str, str] = ("", ""),
    from_zero: bool = True,
    full: bool = False,
    height: int = 220,
) -> Chart:
    """One line for each series over the labels, in the order given."""
    rows = _rows(points, say)
    width = FULL if full else WIDE

    def draw(narrow: bool) -> str:
        alt = _altair()
        base = alt.Chart(alt.Data(values=rows)).encode(
            x=alt.X("label:O", sort=None, title=None, axis=_label_axis(rows, NARROW if narrow else width)),
            y=alt.Y("value:Q", title=None, axis=_value_axis(), scale=alt.Scale(zero=from_zero, nice=True)),
            color=_series_colour(rows),
        )
        drawn = base.mark_line(strokeWidth=2.2, interpolate="monotone")
        dots = base.mark_circle(size=28, opacity=1).encode(description="words:N")
        return _svg_of(alt.layer(drawn, dots), NARROW if narrow else width, height)

    return _chart(title, description, draw, _table(points, say, columns), full=full)


def curve(
    title: str,
    description: str,
    points: Sequence[tuple[float, float]],
    *,
    axes: tuple[str, str],
    diagonal: bool = False,
    height: int = 260,
    shown: Sequence[float] = (0.1, 0.2, 0.5, 0.8),
) -> Chart:
    """Shares over shares, both from 0 to 1: how concentrated something is. The table names a few points of it."""
    rows = [{"x": x, "y": y} for x, y in _thinned(points, 120)]

    def draw(narrow: bool) -> str:
        alt = _altair()
        scale = alt.Scale(domain=[0, max(1.0, *(row["x"] for row in rows))] if rows else [0, 1])
        base = alt.Chart(alt.Data(values=rows)).encode(
            x=alt.X("x:Q", title=axes[0], axis=_share_axis(), scale=scale),
            y=alt.Y("y:Q", title=axes[1], axis=_share_axis(grid=True)),
        )
        area = base.mark_area(color=ACCENT, opacity=0.14, line={"color": ACCENT, "strokeWidth": 2.2})
        parts = [area]
        if diagonal:
            ends = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])).encode(x="x:Q", y="y:Q")
            parts.append(ends.mark_line(color=QUIET, strokeDash=[4, 4], strokeWidth=1.3))
        return _svg_of(alt.layer(*parts), NARROW if narrow else WIDE, height)

    table = tuple((f"{x:.0%}", f"{_at(points, x):.1%}") for x in shown) if points else ()
    return _chart(title, description, draw, (axes, table))


def heat_map(
    title: str,
    description: str,
    cells: Sequence[Cell],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    axes: tuple[str, str],
    full: bool = False,
) -> Chart:
    """Fields by row (the first at the top) and column; the darker, the larger the value. Fields may be links."""
    highest = max((cell.value for cell in cells), default=0) or 1
    two_lines = any("\n" in cell.text for cell in cells)
    values = [
        {
            "row": cell.row,
            "column": cell.column,
            # The square root lets small fields be told from empty ones beside a large one.
            "value": math.sqrt(max(cell.value, 0) / highest),
            "text": cell.text,
            "words": cell.words or f"{cell.row} · {cell.column}: {_one_line(cell.text)}",
            **({"href": cell.href} if cell.href else {}),
        }
        for cell in cells
    ]

    def draw(narrow: bool) -> str:
        alt = _altair()
        linked = any(cell.href for cell in cells)
        base = alt.Chart(alt.Data(values=values)).encode(
            x=alt.X("column:N", sort=list(columns), title=axes[1], axis=_column_axis(split=narrow)),
            y=alt.Y("row:N", sort=list(rows), title=None, axis=_name_axis(list(rows))),
        )
        fields = base.mark_rect(cornerRadius=4, stroke="#ffffff", strokeWidth=2).encode(
            color=alt.Color("value:Q", scale=alt.Scale(domain=[0, 1], range=list(HEAT)), legend=None),
            description="words:N",
            # The field is the link; its text lets the mouse through, so that there is one link to come to, not two.
            **({"href": alt.Href("href:N")} if linked else {}),
        )
        texts = base.mark_text(fontSize=11 if narrow else 12.5, lineBreak="\n", dy=-7 if two_lines else 0).encode(
            text="text:N",
            color=alt.condition("datum.value > 0.55", alt.value("#ffffff"), alt.value(INK)),
        )
        width = NARROW if narrow else FULL if full else WIDE
        return _svg_of(alt.layer(fields, texts), width, (54 if two_lines else 44) * max(len(rows), 1) + 44)

    by_place = {(cell.row, cell.column): _one_line(cell.text) for cell in cells}
    table = tuple((row, *(by_place.get((row, column), "–") for column in columns)) for row in rows)
    return _chart(title, description, draw, ((axes[0], *columns), table), full=full)


def intervals(
    title: str,
    description: str,
    estimates: Sequence[Interval],
    *,
    say: Say = plain,
    columns: tuple[str, str] = ("", ""),
    nothing: float = 0.0,
    unknown: str = "–",
) -> Chart:
    """A row for each estimate: its interval as a bar, the estimate as a dot, and a line where nothing would be.

    Green where the whole interval lies above `nothing`, red where below, grey where it cannot be told.
    """
    rows = [
        {
            "label": each.label,
            "low": each.low,
            "middle": each.middle,
            "high": each.high,
            "words": _words_of(each, say, unknown),
            "kind": _kind(each, nothing),
        }
        for each in estimates
    ]

    def draw(narrow: bool) -> str:
        alt = _altair()
        labels = [each.label for each in estimates]
        colour = alt.Color(
            "kind:N", legend=None, scale=alt.Scale(domain=["good", "bad", "open"], range=[GOOD, BAD, SOFT])
        )
        base = alt.Chart(alt.Data(values=rows)).encode(
            y=alt.Y("label:N", scale=alt.Scale(domain=labels), title=None, axis=_name_axis(labels)), color=colour
        )
        bar = base.mark_rule(strokeWidth=3, strokeCap="round").encode(
            x=alt.X("low:Q", title=None, axis=_value_axis(), scale=alt.Scale(nice=True, padding=10)),
            x2="high:Q",
            description="words:N",
        )
        dot = base.mark_circle(size=90, opacity=1).encode(x="middle:Q", description="words:N")
        zero = (
            alt.Chart(alt.Data(values=[{"at": nothing}]))
            .mark_rule(color=INK, strokeDash=[3, 3], strokeWidth=1)
            .encode(x="at:Q")
        )
        return _svg_of(alt.layer(zero, bar, dot), NARROW if narrow else WIDE, 40 * max(len(rows), 1) + 36)

    table = tuple((each.label, _words_of(each, say, unknown)) for each in estimates)
    return _chart(title, description, draw, (columns, table))


# ------------------------------------------------------------------------------------------------ marks
def _upright(rows: list[dict[str, Any]], width: int, height: int, *, stacked: bool) -> str:
    alt = _altair()
    many = len({row["series"] for row in rows}) > 1
    encoded: dict[str, Any] = {}
    if many and not stacked:
        encoded["xOffset"] = alt.XOffset("series:N", sort=None)
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(cornerRadiusTopLeft=0 if stacked else 3, cornerRadiusTopRight=0 if stacked else 3)
        .encode(
            x=alt.X(
                "label:O", sort=None, title=None, axis=_label_axis(rows, width), scale=alt.Scale(paddingInner=0.22)
            ),
            y=alt.Y("value:Q", title=None, axis=_value_axis(), stack="zero" if stacked else None),
            color=_series_colour(rows),
            description="words:N",
            **encoded,
            **_links(rows),
        )
    )
    return _svg_of(chart, width, height)


def _sideways(rows: list[dict[str, Any]], width: int) -> str:
    """Bars to the right with their figures at the end."""
    alt = _altair()
    highest = max((row["value"] or 0 for row in rows), default=0) or 1
    room = 1 + 7.4 * max((len(row["said"]) for row in rows), default=0) / (width - LABEL_PX_MAX)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("label:N", sort=None, title=None, axis=_name_axis([row["label"] for row in rows])),
        x=alt.X("value:Q", title=None, axis=None, stack=None, scale=alt.Scale(domainMax=highest * room, nice=False)),
    )
    bar = base.mark_bar(cornerRadiusEnd=3, height=alt.RelativeBandSize(0.66)).encode(
        color=_series_colour(rows), description="words:N", **_links(rows)
    )
    text = base.mark_text(align="left", dx=6, fontSize=12, color=INK).encode(text="said:N")
    return _svg_of(alt.layer(bar, text), width, 30 * max(len(rows), 1) + 10)


def _links(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"href": _altair().Href("href:N")} if any("href" in row for row in rows) else {}


def _series_colour(rows: Sequence[dict[str, Any]]) -> Any:
    alt = _altair()
    series = list(dict.fromkeys(row["series"] for row in rows))
    if len(series) <= 1:
        return alt.value(ACCENT)
    legend = alt.Legend(title=None, orient="top", labelLimit=LABEL_PX_MAX, symbolType="square", columns=3)
    scale = alt.Scale(domain=series, range=list(COLOURS[: len(series)]))
    return alt.Color("series:N", legend=legend, scale=scale, sort=None)


# ------------------------------------------------------------------------------------------------ axes
def _label_axis(rows: Sequence[dict[str, Any]], width: int) -> Any:
    """Labels under the bars: as many as fit, always upright."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    room = max(1, int((width - 50) / max(max((_width(label) for label in labels), default=1) + 10, 1)))
    shown = labels[:: max(1, math.ceil(len(labels) / room))]
    return _altair().Axis(labelAngle=0, ticks=False, values=shown, labelOverlap=True, labelPadding=6, grid=False)


def _name_axis(labels: Sequence[str]) -> Any:
    # The drawing program may have no Chinese font and would take too little room: say how much it needs.
    extent = min(max((_width(label) for label in labels), default=0), LABEL_PX_MAX)
    return _altair().Axis(ticks=False, domain=False, labelPadding=8, labelLimit=LABEL_PX_MAX, minExtent=extent)


def _column_axis(*, split: bool) -> Any:
    """Labels under columns; in a narrow place a word a line."""
    options = {"labelExpr": "split(datum.label, ' ')"} if split else {}
    return _altair().Axis(labelAngle=0, ticks=False, domain=False, labelPadding=6, **options)


def _value_axis() -> Any:
    return _altair().Axis(
        domain=False, ticks=False, grid=True, tickCount=4, labelPadding=6, labelExpr=_short_numbers(), minExtent=30
    )


def _share_axis(*, grid: bool = False) -> Any:
    return _altair().Axis(format=".0%", ticks=False, grid=grid, tickCount=5, domain=not grid, labelPadding=6)


def _short_numbers() -> str:
    """12,000 as 12k in English and 1.2万 in Chinese."""
    if str(get_locale() or "en").startswith("zh"):
        return (
            "abs(datum.value) >= 1e8 ? format(datum.value / 1e8, '~g') + '亿' : "
            "abs(datum.value) >= 1e4 ? format(datum.value / 1e4, '~g') + '万' : format(datum.value, ',~g')"
        )
    return (
        "abs(datum.value) >= 1e9 ? format(datum.value / 1e9, '~g') + 'bn' : "
        "abs(datum.value) >= 1e6 ? format(datum.value / 1e6, '~g') + 'm' : "
        "abs(datum.value) >= 1e4 ? format(datum.value / 1e3, '~g') + 'k' : format(datum.value, ',~g')"
    )


def _width(text: str) -> float:
    return sum(HAN_PX if unicodedata.east_asian_width(letter) in "WF" else LETTER_PX for letter in text)


# ------------------------------------------------------------------------------------------------ words
def _rows(points: Sequence[Point], say: Say) -> list[dict[str, Any]]:
    if len(points) > POINTS_MAX:
        raise ValueError(f"{len(points)} points are not a chart; at most {POINTS_MAX}")
    return [
        {
            "label": point.label,
            "value": point.value,
            "series": point.series,
            "said": _said(point.value, say),
            "words": point.words
            or " · ".join(part for part in (point.label, point.series, _said(point.value, say)) if part),
            **({"href": point.href} if point.href else {}),
        }
        for point in points
    ]


def _table(
    points: Sequence[Point], say: Say, columns: tuple[str, str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    labels = tuple(dict.fromkeys(point.label for point in points))
    series = tuple(dict.fromkeys(point.series for point in points))
    values = {(point.label, point.series): _said(point.value, say) for point in points}
    heads = (columns[0], *series) if len(series) > 1 else columns
    return heads, tuple((label, *(values.get((label, each), "–") for each in series)) for label in labels)


def _one_line(text: str) -> str:
    return text.replace("\n", " · ")


def _said(value: float | None, say: Say) -> str:
    return "–" if value is None else say(value)


def _words_of(each: Interval, say: Say, unknown: str) -> str:
    if each.words:
        return each.words
    if each.middle is None or each.low is None or each.high is None:
        return unknown
    return f"{say(each.middle)} ({say(each.low)} … {say(each.high)})"


def _kind(each: Interval, nothing: float) -> str:
    if each.low is not None and each.low > nothing:
        return "good"
    return "bad" if each.high is not None and each.high < nothing else "open"


def _at(points: Sequence[tuple[float, float]], x: float) -> float:
    """The curve at x, between its points."""
    before = points[0]
    for point in points:
        if point[0] >= x:
            span = point[0] - before[0]
            return point[1] if span <= 0 else before[1] + (point[1] - before[1]) * (x - before[0]) / span
        before = point
    return before[1]


def _thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    step = max(1, math.ceil(len(points) / most))
    kept = list(points[::step])
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]


# ------------------------------------------------------------------------------------------------ drawing
def _chart(
    title: str,
    description: str,
    draw: Callable[[bool], str],
    table: tuple[tuple[str, ...], tuple[tuple[str, ...], ...]],
    *,
    full: bool = False,
) -> Chart:
    wide, narrow = (_labelled(draw(is_narrow), title, description) for is_narrow in (False, True))
    return Chart(title, description, wide, narrow, table[0], table[1], full)


def _labelled(svg: str, title: str, description: str) -> Markup:
    return Markup('{}role="img" aria-label="{}"{}').format(
        Markup("<svg "),
        f"{title}. {description}",
        Markup(svg.removeprefix("<svg")),  # noqa: S704 - the drawing is ours; its words were escaped when it was written
    )


def _svg_of(chart: Any, width: int, height: int) -> str:
    alt = _altair()
    sized = chart.properties(
        width=width, height=height, background="transparent", padding={"left": 6, "right": 10, "top": 6, "bottom": 2}
    )
    sized.autosize = alt.AutoSizeParams(type="fit", contains="padding")
    styled = (
        sized.configure_view(stroke=None)
        .configure_axis(
            labelColor=SOFT, labelFontSize=12, titleColor=SOFT, titleFontSize=12, titleFontWeight="normal",
            gridColor=LINE, domainColor=LINE, titlePadding=8,
        )
        .configure_legend(labelColor=INK, labelFontSize=12.5, symbolSize=80, offset=8)
    )  # fmt: skip
    return _drawn(json.dumps(styled.to_dict(), separators=(",", ":"), sort_keys=True))


@lru_cache(maxsize=KEPT)
def _drawn(specification: str) -> str:
    import vl_convert

    return lean(vl_convert.vegalite_to_svg(specification))


def _altair() -> Any:
    """altair takes 0.4 s to come in: only a process that draws waits for it."""
    import altair as alt

    return alt


NOT_NEEDED = (
    "aria-roledescription", "aria-hidden", "role", "class", "pointer-events", "font-family", "stroke-miterlimit",
    "version",
)  # fmt: skip
DEFAULTS = {"opacity": "1", "stroke-width": "1", "text-anchor": "start", "fill-opacity": "1", "stroke-opacity": "1"}
LONG_FRACTION = re.compile(r"(\d+\.\d{2})\d+")


def lean(svg: str) -> str:
    """Vega's SVG without what a page does not need: less than half of the bytes, the same picture.

    What it says to screen readers mark by mark becomes the title of the mark, which a mouse shows as well.
    """
    root = ET.fromstring(svg)  # noqa: S314 - drawn by our own program
    _lighten(root)
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    ET.register_namespace("", SVG.strip("{}"))
    text = ET.tostring(root, encoding="unicode")
    text = text.replace("xlink:href", "href").replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    return LONG_FRACTION.sub(r"\1", text).replace(' xmlns="http://www.w3.org/2000/svg"', "")


def _lighten(element: ET.Element) -> None:
    kind = element.get("class", "")
    is_mark = element.get("role") == "graphics-symbol" and "role-axis" not in kind and "role-legend" not in kind
    label = element.attrib.pop("aria-label", "")
    for name in NOT_NEEDED:
        element.attrib.pop(name, None)
    for name, value in DEFAULTS.items():
        if element.get(name) == value:
            del element.attrib[name]
    if (address := element.attrib.pop(LINK, None)) is not None:
        element.set("href", address.removeprefix(VEGA_BASE))
    kept: list[ET.Element] = []
    for child in list(element):
        _lighten(child)
        element.remove(child)
        kept += _unwrapped(child)
    element.extend(kept)
    if is_mark and label and element.tag != f"{SVG}text":
        title = ET.Element(f"{SVG}title")
        title.text = label
        element.insert(0, title)


def _unwrapped(child: ET.Element) -> list[ET.Element]:
    """Nothing for what shows nothing, the content of a group that does nothing, else the element itself."""
    if child.tag == f"{SVG}path" and (not child.get("d") or child.get("display") == "none" or _invisible(child)):
        return []
    if child.tag == f"{SVG}g":
        if child.get("transform") in ("translate(0,0)", None):
            child.attrib.pop("transform", None)
        if not len(child):
            return []
        if not child.attrib:
            return list(child)
    return [child]


def _invisible(path: ET.Element) -> bool:
    return path.get("fill") in (None, "none", "transparent") and path.get("stroke") in (None, "none", "transparent")
