"""Row 10: the server's id was lost on a time-out, the order came twice; two tabs sent the same queue.

Here the handheld makes the id and has it on the disk before anything leaves."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.handheld_scene import LIPSTICK, Scene, log_in, scan, scene, stored, wait_unsent

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop(
    fresh_database: Mapping[str, str], environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("row10")) as made:
        yield made


def issue(page: "Page") -> None:
    scan(page, LIPSTICK)
    page.wait_for_selector("#basket .hh-line")
    page.click("#issue")


def test_the_ticket_lies_on_the_device_before_it_leaves_and_a_lost_answer_makes_no_second_one(
    new_page: "Callable[..., Page]", shop: Scene
) -> None:
    page = new_page(width=360, height=740)
    log_in(page, shop)
    sent: list[Any] = []
    kept: list[Any] = []

    def lose_the_answer(route: Any) -> None:
        sent.append((route.request.post_data_json, route.request.headers["idempotency-key"]))
        route.fetch()
        route.abort()

    page.route("**/v1/tickets", lose_the_answer, times=2)
    issue(page)
    page.wait_for_selector("#sent[data-unsent='1']")
    kept = stored(page, "outbox")
    wait_unsent(page, 0)

    assert kept[0]["id"] == sent[0][0]["id"] == sent[0][1], "the id is the device's, and the key of the request"
    assert all(again == sent[0] for again in sent), "the same id, the same content, the same key"
    assert [ticket["id"] for ticket in shop.tickets()] == [kept[0]["id"]]


def test_two_tabs_that_send_the_same_queue_make_each_ticket_once(new_page: "Callable[..., Page]", shop: Scene) -> None:
    first = new_page(width=360, height=740)
    log_in(first, shop, "C2")
    first.context.set_offline(True)
    for _ in range(3):
        issue(first)
        first.wait_for_selector(".hh-unsent")
        first.get_by_role("button", name="Next ticket").click()
    second = first.context.new_page()
    second.goto(f"{shop.server.base_url}/handheld")
    second.wait_for_selector("html[data-ready]")
    wait_unsent(second, 3)

    first.context.set_offline(False)
    wait_unsent(first, 0)
    wait_unsent(second, 0)
    assert [ticket["amount"] for ticket in shop.tickets("C2")] == [19900] * 3
