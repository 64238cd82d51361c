"""Charts: drawn on the server, light, readable without eyes and without a CDN."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import flask
import flask_babel
import pytest

from foundation.pages.charts import Cell, Chart, Interval, Point, bars, curve, heat_map, intervals, lines


@pytest.fixture(autouse=True)
def request_of_nobody() -> Iterator[None]:
    app = flask.Flask(__name__)
    flask_babel.Babel(app)
    with app.test_request_context():
        yield


def yuan(value: float) -> str:
    return f"¥{value:,.0f}"


def every_chart() -> list[Chart]:
    week = [Point(day, value) for day, value in (("Mon", 1200.0), ("Tue", 900.0), ("Wed", None), ("Thu", 2500.0))]
    both = [Point(point.label, point.value, series) for series in ("会员", "其他") for point in week]
    cells = [Cell("金", "rising", 12, "12", href="/target-lists/new?class=gold&direction=rising")]
    return [
        bars("Sales", "Thursday was best", week, say=yuan, columns=("Day", "Sales")),
        bars("Sales", "Thursday was best", week, say=yuan, sideways=True),
        bars("Sales", "Members first", both, stacked=True),
        bars("Sales", "Members first", both, full=True),
        lines("Sales", "Rising", both, say=yuan),
        curve("Profit", "Few bring most", [(0, 0), (0.2, 0.7), (1, 1)], axes=("Members", "Profit"), diagonal=True),
        heat_map("Map", "Gold rises", cells, rows=["金"], columns=["rising"], axes=("Class", "Direction")),
        intervals("Lift", "It works", [Interval("Sales", 1, 2, 3), Interval("Visits", None, None, None)]),
    ]  # fmt: skip


@pytest.mark.parametrize("chart", range(8))
def test_a_chart_is_one_well_formed_picture_with_words_and_nothing_from_elsewhere(chart: int) -> None:
    drawn = every_chart()[chart]
    for picture in (drawn.wide, drawn.narrow):
        root = ET.fromstring(picture)
        assert root.get("role") == "img"
        assert root.get("aria-label") == f"{drawn.title}. {drawn.description}"
        assert "http" not in picture
        assert "style=" not in picture  # the policy of pages lets no style in
        assert "clip" not in picture  # several charts stand on one page: no ids
        assert 'id="' not in picture
        assert len(picture) < 12_000
    assert drawn.rows


def test_every_mark_says_its_figure_and_the_table_has_it_too() -> None:
    drawn = bars("Sales", "", [Point("Mon", 1200), Point("Tue", 900)], say=yuan, columns=("Day", "Sales"))
    assert "<title>Mon · ¥1,200</title>" in drawn.wide
    assert drawn.columns == ("Day", "Sales")
    assert drawn.rows == (("Mon", "¥1,200"), ("Tue", "¥900"))


def test_a_field_of_a_heat_map_links_within_the_house_and_its_words_cannot_break_out() -> None:
    cell = Cell("<b>", "x", 1, "1", words='"><script>', href="/lists/new?a=1&b=2")
    drawn = heat_map('"T"', "<d>", [cell], rows=["<b>"], columns=["x"], axes=("a", "b"))
    assert 'href="/lists/new?a=1&amp;b=2"' in drawn.wide
    assert "<script" not in drawn.wide
    assert ET.fromstring(drawn.wide).get("aria-label") == '"T". <d>'


def test_a_curve_is_read_between_its_points() -> None:
    drawn = curve("C", "", [(0, 0), (0.5, 0.8), (1, 1)], axes=("Members", "Profit"))
    assert drawn.rows == (("10%", "16.0%"), ("20%", "32.0%"), ("50%", "80.0%"), ("80%", "92.0%"))


def test_what_cannot_be_told_is_said_and_drawn_grey() -> None:
    drawn = intervals(
        "Lift",
        "",
        [Interval("A", 1, 2, 3), Interval("B", -3, -2, -1), Interval("C", -1, 1, 3), Interval("D", None, None, None)],
        unknown="not enough members to tell",
    )
    assert drawn.rows[3] == ("D", "not enough members to tell")
    assert [drawn.wide.count(colour) > 0 for colour in ("#1b6e3c", "#ad2720", "#55635d")] == [True, True, True]


def test_large_figures_are_counted_in_ten_thousands_in_chinese() -> None:
    app = flask.Flask("zh")
    flask_babel.Babel(app, locale_selector=lambda: "zh")
    with app.test_request_context():
        drawn = bars("销售", "", [Point("一", 52_000.0)])
    assert re.search(r">[2-5]万<", drawn.wide)


def test_more_points_than_a_picture_can_show_are_refused() -> None:
    with pytest.raises(ValueError, match="not a chart"):
        bars("x", "", [Point(str(n), 1) for n in range(2_001)])


def test_labels_that_json_must_escape_come_out_as_they_are() -> None:
    drawn = bars("x", "", [Point('a"b\\', 1)])
    assert 'a"b\\' in ET.fromstring(drawn.wide).findtext(".//text", "")
