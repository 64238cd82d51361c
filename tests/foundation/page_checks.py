"""What every page of every package must keep; for browser tests."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.foundation.axe import axe_complaints

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECKS = (Path(__file__).parent / "page_checks.js").read_text()
PHONE_WIDTH_MAX = 600
# A folder for pictures of what the browser tests look at; empty: none are taken.
SHOTS = os.environ.get("SHOTS")


def complaints_about(page: "Page") -> list[str]:
    """What is wrong with the page that is shown: too wide, controls without a name or too small, low contrast.

    And what axe-core calls serious or critical. An empty list is a good page. A window narrower than 600 px is a phone.
    """
    size = page.viewport_size
    found: list[str] = page.evaluate(CHECKS, size is not None and size["width"] < PHONE_WIDTH_MAX)
    return found + axe_complaints(page)


def look(page: "Page", name: str) -> None:
    """The page that is shown is a good one; a picture of it, `<name>_<width>.png`, where SHOTS names a folder."""
    assert looked_at(page, name) == [], name


def looked_at(page: "Page", name: str) -> list[str]:
    """What is wrong with the page that is shown; a picture of it, `<name>_<width>.png`, where SHOTS names a folder."""
    if SHOTS:
        size = page.viewport_size
        page.screenshot(path=Path(SHOTS) / f"{name}_{size and size['width']}.png", full_page=True)
    return complaints_about(page)
