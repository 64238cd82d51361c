"""axe-core is really asked: a page with a fault is told of it, a good one is not."""

from typing import TYPE_CHECKING

import pytest

from tests.foundation.axe import axe_complaints, installed
from tests.foundation.page_checks import complaints_about

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGE = '<!doctype html><html lang="en"><title>Counter</title><main><h1>Counter</h1>{}</main></html>'


def test_a_picture_without_words_is_a_serious_fault_and_named(page: "Page") -> None:
    page.set_content(PAGE.format('<img src="data:,">'))
    assert [each.partition(":")[0] for each in complaints_about(page)] == ["axe critical image-alt"]


def test_a_list_item_outside_a_list_is_told_with_its_place_in_the_page(page: "Page") -> None:
    page.set_content(PAGE.format("<ul><div>one</div></ul>"))
    [found] = axe_complaints(page)
    assert "<ul>" in found


def test_a_good_page_has_no_complaint(page: "Page") -> None:
    page.set_content(PAGE.format("<p>Paid</p>"))
    assert complaints_about(page) == []


def test_the_version_is_the_one_of_the_lock_file(page: "Page") -> None:
    page.set_content(PAGE.format(""))
    assert axe_complaints(page) == []
    version = page.evaluate("axe.version")
    assert f'"version": "{version}"' in (installed().parents[2] / "package-lock.json").read_text()
