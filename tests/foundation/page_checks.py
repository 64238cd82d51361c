"""What every page of every package must keep; for browser tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.foundation.axe import axe_complaints

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECKS = (Path(__file__).parent / "page_checks.js").read_text()
PHONE_WIDTH_MAX = 600
# What is said of a page that is left between two of the questions about it.
LEFT = ("Execution context was destroyed", "axe is not defined")
# A folder for pictures of what the browser tests look at; empty: none are taken.
SHOTS = os.environ.get("SHOTS")


def complaints_about(page: "Page") -> list[str]:
    """What is wrong with the page that is shown: too wide, controls without a name or too small, low contrast.

    And what axe-core calls serious or critical. An empty list is a good page. A window narrower than 600 px is a phone.
    A page that is left while it is looked at, as what was pressed reloads it, is looked at when it has come.
    """
    from playwright.sync_api import Error

    page.wait_for_load_state("load")
    try:
        return _complaints(page)
    except Error as error:
        if not any(words in error.message for words in LEFT):
            raise
    page.wait_for_load_state("load")
    return _complaints(page)


def _complaints(page: "Page") -> list[str]:
    size = page.viewport_size
    found: list[str] = page.evaluate(CHECKS, size is not None and size["width"] < PHONE_WIDTH_MAX)
    return found + axe_complaints(page)


def look(page: "Page", name: str) -> None:
    """The page that is shown is a good one; a picture of it, `<name>_<width>.png`, where SHOTS names a folder."""
    assert looked_at(page, name) == [], name


def looked_at(page: "Page", name: str) -> list[str]:
    """What is wrong with the page that is shown; a picture of it, `<name>_<width>.png`, where SHOTS names a folder."""
    page.wait_for_load_state("load")
    if SHOTS:
        size = page.viewport_size
        page.screenshot(path=Path(SHOTS) / f"{name}_{size and size['width']}.png", full_page=True)
    return complaints_about(page)


@contextmanager
def another_page(page: "Page") -> Iterator[None]:
    """What is done in this block leads to another page, or to the same one anew; it has come at the block's end."""
    page.evaluate("() => { window.isLeft = true; }")
    yield
    page.wait_for_function("() => !window.isLeft && document.readyState === 'complete'")
