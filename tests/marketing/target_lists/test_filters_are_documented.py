"""Every measure that a filter may ask, and every bound of the language, stands in docs/filters.md."""

from pathlib import Path

from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.filters import BYTES_MAX, CONDITIONS_MAX, DEPTH_MAX, WIDTH_MAX

DOCUMENT = (Path(__file__).parents[3] / "docs" / "filters.md").read_text()


def test_every_measure_is_documented() -> None:
    assert [name for name in MEASURES if f"`{name}`" not in DOCUMENT] == []


def test_the_bounds_are_those_of_the_code() -> None:
    bounds = f"nested to {DEPTH_MAX} levels, {WIDTH_MAX} parts a group, {CONDITIONS_MAX} conditions"
    assert f"{bounds}, {BYTES_MAX // 1024} KiB" in " ".join(DOCUMENT.split())
