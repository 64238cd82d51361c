"""Row 12: the phone came back online and each invoice was posted twice. Handhelds have the tills' contract."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from tests.journeys.handheld_scene import CREAM, Scene, log_in, scan, scene, stored, wait_unsent

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
TIMES = 3


@pytest.fixture(scope="module")
def shop(
    fresh_database: Mapping[str, str], environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("row12")) as made:
        yield made


def test_a_phone_that_goes_and_comes_back_again_and_again_posts_each_ticket_once(
    new_page: "Callable[..., Page]", shop: Scene
) -> None:
    page = new_page(width=360, height=740)
    log_in(page, shop)
    for _ in range(TIMES):
        page.context.set_offline(True)
        scan(page, CREAM)
        page.wait_for_selector("#basket .hh-line")
        page.click("#issue")
        page.wait_for_selector(".hh-unsent")
        page.get_by_role("button", name="Next ticket").click()
        page.context.set_offline(False)
        # Cut off again before anybody knows whether it went.
        page.wait_for_timeout(150)
    wait_unsent(page, 0)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    wait_unsent(page, 0)
    assert len(shop.tickets()) == TIMES
    assert stored(page, "outbox") == []
