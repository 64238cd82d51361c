"""Goods left at the desk in a real browser: kept and handed out by the keyboard only, and on pages of their own."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from tests.foundation.page_checks import another_page, look
from tests.pos_adapter.desk_scene import MEMBER, Scene, press, says, scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LANGUAGES = [("en-US", 1440), ("zh-CN", 390), ("zh-CN", 360)]


@pytest.fixture(scope="module")
def store(
    environment: Any, fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("left") / "web.log") as found:
        yield found


def labels(store: Scene, state: str = "lying") -> list[Any]:
    items: list[Any] = store.call("GET", f"/v1/parcels?store=S01&state={state}").json()["items"]
    return items


def test_what_is_settled_is_kept_and_handed_out_for_its_slip_without_a_mouse(
    new_page: "Callable[..., Page]", store: Scene
) -> None:
    page = new_page()
    complaints = store.open_desk(page)
    page.evaluate("window.print = () => { window.printed = document.getElementById('paper').textContent }")
    ticket = store.issue("C1", 10_000, MEMBER)
    page.keyboard.type(str(ticket["number"]))
    press(page, "Enter")
    page.wait_for_selector(f"[data-ticket='{ticket['number']}'].chosen")
    press(page, "Shift+F1")
    says(page, "Only what is paid is kept here")
    press(page, "Shift+F9", "Enter", "Enter")
    page.wait_for_selector(".result.paid")

    press(page, "Shift+F1")
    page.keyboard.type("many")
    press(page, "Enter")
    says(page, "no number of pieces")
    page.keyboard.type("2 A3")
    look(page, "left_1_asked")
    press(page, "Enter")
    says(page, "The goods are kept as")
    [lying] = labels(store)
    page.wait_for_function("() => window.printed")
    printed = page.evaluate("window.printed")
    assert printed.count(lying["label"]) == 2, "one for the goods, one for the customer"
    assert "A3" in printed
    look(page, "left_2_kept")
    press(page, "Shift+F1", "Enter")
    says(page, f"lie here already, as {lying['label']}")

    press(page, "Escape", "Escape")
    page.keyboard.type("0101-9")
    press(page, "Enter")
    says(page, "Nothing lies here under 0101-9")
    page.keyboard.type(lying["label"])
    press(page, "Enter")
    says(page, "2 pieces · shelf A3")
    look(page, "left_3_called")
    press(page, "Escape")
    assert len(labels(store)) == 1, "Esc hands nothing out"
    page.keyboard.type(lying["label"])
    press(page, "Enter")
    says(page, "2 pieces")
    press(page, "Enter")
    says(page, f"{lying['label']} is handed out")
    assert labels(store) == []
    assert store.call("GET", f"/v1/tickets/{ticket['id']}").json()["state"] == "released"
    page.keyboard.type(lying["label"])
    press(page, "Enter")
    says(page, "was handed out already")
    assert [each for each in complaints if "409" not in each] == []


@pytest.mark.parametrize(("locale", "width"), LANGUAGES)
def test_the_pages_of_left_goods_and_of_what_nobody_collects(
    new_page: "Callable[..., Page]", store: Scene, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    base, tag = store.server.base_url, f"left_{locale[:2]}"
    store.open_desk(page, "D1", who="mona")
    tickets = [store.issue("C1", 10_000, MEMBER), store.issue("C2", 25_050, MEMBER)]
    settled = store.settle("D1", tickets).json()["id"]
    forgotten = store.issue("C3", 7_000)
    store.settle("D1", [forgotten])
    with store.database.transaction() as tx:
        tx.execute(
            "UPDATE pos.ticket SET changed_at = changed_at - interval '26 hours', business_date = business_date - 1"
            " WHERE id = :id",
            {"id": forgotten["id"]},
        )

    page.goto(f"{base}/uncollected")
    page.wait_for_selector(".table")
    look(page, f"{tag}_uncollected")
    page.goto(f"{base}/floor")
    page.wait_for_selector(".alert.warn")
    look(page, f"{tag}_floor")
    page.goto(f"{base}/settlements/{settled}")
    look(page, f"{tag}_settlement")
    with another_page(page):
        page.click(f"a[href='/parcels/new?settlement={settled}']")
    page.locator("[data-join]").nth(1).uncheck()
    page.fill("[name=pieces]", "3")
    page.fill("[name=place]", "Shelf B2")
    page.fill("[name=note]", "Glass, this side up")
    # The desk that this browser opened stands there by itself.
    page.wait_for_function("() => document.querySelector('#leave [name=terminal]').value === 'D1'")
    look(page, f"{tag}_new")
    page.click("#leave button[type=submit]")
    page.wait_for_url(lambda url: "/parcels/" in url and "/new" not in url)
    address = page.url
    look(page, f"{tag}_one")
    [lying] = labels(store)
    assert (lying["pieces"], lying["tickets"]) == (3, [tickets[0]["id"]])
    page.goto(f"{address}/label")
    look(page, f"{tag}_label")
    page.goto(f"{base}/parcels")
    look(page, f"{tag}_list")
    page.goto(f"{base}/parcels?label={lying['label']}")
    with another_page(page):
        page.click("td.head a")
    page.wait_for_selector("#hand-out")
    page.select_option("[name=proof]", "receipt")
    with another_page(page):
        page.click("#hand-out button[type=submit]")
    page.wait_for_selector("#hand-out", state="detached")
    look(page, f"{tag}_collected")
    page.goto(f"{base}/parcels?show=all")
    look(page, f"{tag}_all")
    assert store.call("GET", f"/v1/tickets/{tickets[0]['id']}").json()["state"] == "released"
    assert complaints == []
