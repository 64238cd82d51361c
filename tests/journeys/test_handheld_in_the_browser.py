"""The handheld in a real browser with a real server: issue by scan, hear "paid", hand over; and all of it cut off."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from organisation.staff.roles import Role
from pos_adapter.discounts.operations import new_code
from tests.foundation.page_checks import complaints_about, look
from tests.journeys.handheld_scene import (
    CREAM,
    LIPSTICK,
    SAMPLE,
    Scene,
    log_in,
    scan,
    scene,
    stored,
    wait_unsent,
)
from tests.organisation.factories import a_person, principal_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop(
    fresh_database: Mapping[str, str], environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("handheld")) as made:
        yield made


@pytest.fixture
def phone(new_page: "Callable[..., Page]") -> "Page":
    return new_page(width=360, height=740)


def number_shown(page: "Page") -> int:
    page.wait_for_selector("[data-number]")
    number = int(page.locator("[data-number]").inner_text())
    page.click(".hh-sheet .button.primary")
    return number


def test_a_scanned_ticket_is_paid_at_the_desk_and_handed_over_without_a_reload(phone: "Page", shop: Scene) -> None:
    complaints = log_in(phone, shop)
    scan(phone, LIPSTICK)
    scan(phone, LIPSTICK)
    phone.wait_for_selector("#basket .hh-line output:text-is('2')")
    assert "398.00" in phone.locator("#issue").inner_text()
    phone.click("#issue")
    number = number_shown(phone)
    [ticket] = [each for each in shop.tickets() if each["number"] == number]
    assert (ticket["amount"], ticket["lines"][0]["product"], ticket["state"]) == (39800, LIPSTICK, "issued")

    shop.settle(ticket)
    phone.wait_for_selector(f"[data-banner='{number}']")
    assert complaints_about(phone) == []
    phone.click("[data-view=tickets]")
    assert complaints_about(phone) == []
    phone.click(f"[data-release='{number}']")
    phone.wait_for_selector(f"[data-paid='{number}']", state="detached")
    assert phone.locator(f"[data-banner='{number}']").count() == 0
    assert [each["state"] for each in shop.tickets() if each["number"] == number] == ["released"]
    assert complaints == []


def test_what_lies_at_the_desk_is_not_to_be_handed_over_here_and_is_done_when_the_desk_gives_it_out(
    phone: "Page", shop: Scene
) -> None:
    log_in(phone, shop)
    scan(phone, LIPSTICK)
    phone.click("#issue")
    number = number_shown(phone)
    phone.click("[data-view=tickets]")
    settled = shop.settle(*[each for each in shop.tickets() if each["number"] == number])
    phone.wait_for_selector(f"[data-paid='{number}']")
    left = shop.call("POST", "/v1/parcels", {"store": "S01", "terminal": "D1", "settlement": settled["id"]}).json()
    phone.wait_for_selector(f"[data-paid='{number}']", state="detached")
    row = phone.locator(f".hh-row[data-ticket='{number}']")
    assert left["label"] in row.inner_text()
    row.click()
    assert phone.locator("dialog[open] .hh-actions .button.primary").count() == 0
    assert complaints_about(phone) == []
    phone.keyboard.press("Escape")
    shop.call("POST", f"/v1/parcels/{left['id']}/hand-out", {"terminal": "D1", "proof": "slip"})
    phone.wait_for_selector(f".hh-row[data-ticket='{number}'] .badge:text-is('Goods handed over')")


def test_a_price_is_typed_with_a_discount_and_a_product_without_one_asks_for_it(phone: "Page", shop: Scene) -> None:
    log_in(phone, shop)
    phone.click("#type-price")
    phone.get_by_label("Price of one").fill("100")
    phone.get_by_label("Quantity").fill("1.5")
    phone.locator(".hh-pair input").fill("10")
    phone.locator(".hh-pair select").select_option("percent")
    assert complaints_about(phone) == []
    phone.get_by_role("button", name="OK").click()
    scan(phone, SAMPLE)
    phone.get_by_role("button", name="OK").click()
    assert "Type a price" in phone.locator(".fault:not(:empty)").inner_text()
    phone.get_by_label("Price of one").fill("9.90")
    phone.get_by_role("button", name="OK").click()
    phone.click("#issue")
    number = number_shown(phone)

    [ticket] = [each for each in shop.tickets() if each["number"] == number]
    assert ticket["amount"] == 13500 + 990
    typed, box = ticket["lines"]
    assert (typed["quantity"], typed["unit_price"], typed["regular_amount"], typed["amount"]) == (
        "1.500",
        10000,
        15000,
        13500,
    )
    assert typed["discounts"] == [{"kind": "manual", "amount": 1500}]
    assert (box["product"], box["amount"]) == (SAMPLE, 990)


def test_a_scan_never_lands_in_a_field_that_is_being_filled_in(phone: "Page", shop: Scene) -> None:
    log_in(phone, shop)
    phone.fill("#find-input", "lip")
    phone.focus("#find-input")
    scan(phone, CREAM)
    phone.wait_for_selector("#basket .hh-line")
    assert phone.locator("#basket .hh-line").count() == 1
    assert "1,280.00" in phone.locator("#issue").inner_text()


def test_an_address_may_name_the_counter_and_a_wrong_one_is_looked_for(phone: "Page", shop: Scene) -> None:
    complaints = log_in(phone, shop)
    phone.goto(f"{shop.server.base_url}/handheld?store=S01&counter=C2")
    phone.wait_for_selector("html[data-ready]")
    phone.wait_for_selector("#place small:has-text('C2')")
    assert phone.url == f"{shop.server.base_url}/handheld"
    complaints.clear()
    phone.goto(f"{shop.server.base_url}/handheld?store=S01&counter=C77")
    phone.wait_for_selector("#place-counters .hh-none:has-text('C77')")
    assert len([said for said in complaints if "422" not in said]) == 0
    phone.fill("#place-filter", "")
    phone.click("[data-counter=C1]")
    phone.wait_for_selector("#place small:has-text('C1')")


def test_goods_are_found_by_name_and_a_ticket_is_changed_and_cancelled(phone: "Page", shop: Scene) -> None:
    log_in(phone, shop)
    phone.fill("#find-input", "rose lip")
    phone.locator("#found button").first.click()
    phone.click("#issue")
    number = number_shown(phone)
    phone.click("[data-view=tickets]")
    phone.click(f"[data-ticket='{number}']")
    phone.get_by_role("button", name="Change").click()
    phone.locator("#basket").get_by_role("button", name="One more").click()
    phone.click("#issue")
    phone.wait_for_selector(".toast")
    assert [each["amount"] for each in shop.tickets() if each["number"] == number] == [39800]

    phone.click("[data-view=tickets]")
    phone.click(f"[data-ticket='{number}']")
    phone.get_by_role("button", name="Cancel the ticket").click()
    phone.locator("dialog:has-text('no longer pay') .button.danger").click()
    phone.wait_for_selector(f".hh-row[data-ticket='{number}'] .badge:text-is('Cancelled')")
    assert [each["state"] for each in shop.tickets() if each["number"] == number] == ["cancelled"]


def test_three_tickets_issued_without_a_network_exist_once_after_a_reload_and_the_way_back(
    phone: "Page", shop: Scene
) -> None:
    log_in(phone, shop, "C2")
    assert shop.tickets("C2") == []
    phone.context.set_offline(True)
    for code in (LIPSTICK, CREAM, LIPSTICK):
        scan(phone, code)
        phone.wait_for_selector("#basket .hh-line")
        phone.click("#issue")
        phone.wait_for_selector(".hh-unsent")
        phone.get_by_role("button", name="Next ticket").click()
    wait_unsent(phone, 3)
    assert "3 not sent" in phone.locator("#sent").inner_text()
    assert complaints_about(phone) == []

    phone.reload()
    phone.wait_for_selector("html[data-ready]")
    wait_unsent(phone, 3)
    assert "No network" in phone.locator("#sent").inner_text()
    ids = {entry["id"] for entry in stored(phone, "outbox")}
    assert len(ids) == 3
    phone.click("[data-view=tickets]")
    assert phone.locator("[data-unsent]:not(#sent)").count() == 3

    phone.context.set_offline(False)
    wait_unsent(phone, 0)
    issued = shop.tickets("C2")
    assert {each["id"] for each in issued} == ids
    assert sorted(each["amount"] for each in issued) == [19900, 19900, 128000]
    assert stored(phone, "outbox") == []
    phone.wait_for_selector(f"[data-ticket='{issued[0]['number']}']")


def test_an_answer_that_was_lost_makes_no_second_ticket(phone: "Page", shop: Scene) -> None:
    log_in(phone, shop)
    before = len(shop.tickets())
    arrived: list[Any] = []

    def lose_the_answer(route: Any) -> None:
        arrived.append(route.fetch())
        route.abort()

    phone.route("**/v1/tickets", lose_the_answer, times=1)
    scan(phone, LIPSTICK)
    phone.click("#issue")
    phone.wait_for_selector("#sent[data-unsent='1']")
    number = number_shown(phone)
    assert arrived[0].json()["number"] == number
    assert len(shop.tickets()) == before + 1
    wait_unsent(phone, 0)


def test_paid_is_heard_by_asking_where_the_stream_is_refused(phone: "Page", shop: Scene) -> None:
    phone.route("**/v1/stores/*/events*", lambda route: route.fulfill(status=503))
    log_in(phone, shop)
    scan(phone, LIPSTICK)
    phone.click("#issue")
    number = number_shown(phone)
    phone.click("[data-view=tickets]")
    shop.settle(*[each for each in shop.tickets() if each["number"] == number])
    phone.wait_for_selector(f"[data-paid='{number}']")


def test_payments_are_refused_without_a_network_in_words(phone: "Page", shop: Scene) -> None:
    log_in(phone, shop)
    scan(phone, LIPSTICK)
    phone.click("#issue")
    phone.wait_for_selector("[data-number]")
    phone.context.set_offline(True)
    phone.get_by_role("button", name="Take the payment here").click()
    phone.wait_for_selector("[data-payment=offline]")
    assert "Points, e-coins and stored money cannot be used" in phone.locator("[data-payment=offline]").inner_text()
    assert complaints_about(phone) == []


def checking_out(page: "Page", shop: Scene) -> int:
    """A ticket whose checkout lies open; its number."""
    log_in(page, shop)
    scan(page, LIPSTICK)
    page.click("#issue")
    page.wait_for_selector("[data-number]")
    number = int(page.locator("[data-number]").inner_text())
    page.get_by_role("button", name="Take the payment here").click()
    page.wait_for_selector(".hh-rails")
    assert complaints_about(page) == []
    return number


def state_of(shop: Scene, number: int) -> str:
    [state] = [each["state"] for each in shop.tickets() if each["number"] == number]
    return str(state)


def test_a_card_that_is_declined_says_so_and_another_one_pays_on_the_spot(phone: "Page", shop: Scene) -> None:
    number = checking_out(phone, shop)
    shop.acquirer.faults(declined=1)
    phone.get_by_role("button", name="by card").click()
    phone.wait_for_selector("[data-payment=failed]")
    assert "Nothing was taken" in phone.locator("[data-payment=failed]").inner_text()
    assert complaints_about(phone) == []
    assert state_of(shop, number) == "issued"
    shop.acquirer.faults()
    phone.get_by_role("button", name="by card").click()
    phone.wait_for_selector("[data-payment=paid]")
    assert complaints_about(phone) == []
    phone.get_by_role("button", name="OK").click()
    phone.click("[data-view=tickets]")
    phone.click(f"[data-release='{number}']")
    phone.wait_for_selector(f"[data-paid='{number}']", state="detached")
    assert state_of(shop, number) == "released"


def test_a_scanned_payment_code_waits_while_the_payer_types_the_password(phone: "Page", shop: Scene) -> None:
    number = checking_out(phone, shop)
    shop.apps.faults(typed=1)
    scan(phone, "2800000000000042")
    phone.wait_for_selector("[data-payment=pending]")
    assert "password" in phone.locator("[data-payment=pending]").inner_text()
    assert complaints_about(phone) == []
    shop.apps.faults()
    phone.wait_for_selector("[data-payment=paid]", timeout=40_000)
    assert state_of(shop, number) == "paid"


def test_a_payment_that_nobody_knows_of_is_not_taken_again(phone: "Page", shop: Scene) -> None:
    number = checking_out(phone, shop)
    shop.acquirer.faults(silent=1)
    phone.get_by_role("button", name="by card").click()
    phone.wait_for_selector("[data-payment=pending]")
    for _ in range(60):
        with shop.database.transaction() as tx:
            tx.execute("UPDATE pos.payment SET state = 'unknown' WHERE state IN ('pending', 'reversing')")
        if phone.locator("[data-payment=unknown]").count():
            break
        phone.wait_for_timeout(300)
    phone.wait_for_selector("[data-payment=unknown]")
    assert phone.locator(".hh-rails").count() == 0
    phone.reload()
    phone.wait_for_selector("html[data-ready]")
    phone.click("[data-view=tickets]")
    phone.click(f".hh-row[data-ticket='{number}']")
    phone.get_by_role("button", name="Take the payment here").click()
    phone.wait_for_selector("[data-payment=pending], [data-payment=unknown]")
    assert phone.locator(".hh-rails").count() == 0
    shop.acquirer.faults()


def test_a_discount_beyond_the_limit_says_so_and_is_issued_with_a_manager_s_code(phone: "Page", shop: Scene) -> None:
    with shop.database.transaction() as tx:
        manager = a_person(tx, "M1", name="Li Na", role=Role.STORE_MANAGER, home_store="S01")
        code = new_code(tx, principal_of(tx, manager)).code
    log_in(phone, shop)
    phone.click("#type-price")
    phone.get_by_label("Price of one").fill("100")
    phone.locator(".hh-pair input").fill("60")
    phone.locator(".hh-pair select").select_option("percent")
    phone.get_by_role("button", name="OK").click()
    phone.click("#issue")
    phone.wait_for_selector("dialog .alert.danger")
    assert "A manager must approve it" in phone.locator("dialog").inner_text()
    assert complaints_about(phone) == []
    phone.get_by_label("Manager’s staff number").fill("M1")
    phone.get_by_label("Manager’s code").fill(code)
    phone.get_by_role("button", name="Issue with approval").click()
    number = number_shown(phone)
    assert [each["amount"] for each in shop.tickets() if each["number"] == number] == [4000]
    assert code not in str(stored(phone, "outbox")), "a code is never kept on the device"


def test_a_member_is_found_by_card_and_by_four_digits_and_named_masked(phone: "Page", shop: Scene) -> None:
    log_in(phone, shop)
    phone.click("#member")
    scan(phone, "vip00012345")
    phone.wait_for_selector("#member .hh-name:text-is('张*')")
    phone.click("#member")
    phone.get_by_label("Last four digits").fill("8000")
    phone.locator(".hh-inline").nth(1).get_by_role("button").click()
    phone.wait_for_selector(".hh-card")
    assert "138****8000" in phone.locator(".hh-card").inner_text()
    assert complaints_about(phone) == []
    phone.get_by_role("button", name="This member").click()
    scan(phone, LIPSTICK)
    phone.wait_for_selector("#basket .hh-line")
    phone.click("#issue")
    number = number_shown(phone)
    [ticket] = [each for each in shop.tickets() if each["number"] == number]
    assert ticket["member"] is not None


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [360, 390, 1440])
def test_every_view_fits_and_can_be_used_by_everybody(
    new_page: "Callable[..., Page]", shop: Scene, locale: str, width: int
) -> None:
    page, tag = new_page(locale=locale, width=width, height=780), f"handheld_{locale[:2]}"
    log_in(page, shop)
    look(page, f"{tag}_empty")
    scan(page, CREAM)
    page.wait_for_selector("#basket .hh-line")
    look(page, f"{tag}_basket")
    for control in ("#member", "#salesperson", "#place"):
        page.click(control)
        look(page, f"{tag}_{control[1:]}")
        if control == "#place":
            page.click("[data-view=issue]")
        else:
            page.keyboard.press("Escape")
    page.click("#issue")
    page.wait_for_selector("[data-number]")
    look(page, f"{tag}_issued")
    page.click(".hh-sheet .button.primary")
    page.click("[data-view=tickets]")
    look(page, f"{tag}_tickets")
    page.locator("[data-ticket]").first.click()
    look(page, f"{tag}_ticket")
