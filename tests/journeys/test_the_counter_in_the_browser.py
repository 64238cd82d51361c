"""The scene that the trade knows, whole: three counters with their handhelds, one desk, a manager, in both languages.

A customer buys at three counters and pays once at the desk by e-coins, stored cash and card; three handhelds say "paid"
and the desk sees the goods go. Then a clerk takes a payment on the spot. Then one counter's goods come back, after some
of the e-coins that the purchase brought were spent. And once more with the network cut in the middle of everything.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from foundation.database import Database
from foundation.events import last_position
from foundation.partitions import ensure_months
from member_api.contract.ledger import Kind, Origin
from member_api.contract.members import Identifier, resolve_member
from member_api.earning.operations import publish_rules
from organisation.staff.roles import Role
from tests.field.shop import prove
from tests.foundation.page_checks import look
from tests.journeys import handheld_scene
from tests.journeys.handheld_scene import CREAM, LIPSTICK, Scene, furnish, log_in, scan, stored, wait_unsent
from tests.journeys.return_steps import Screen, approve_first, issue_red_ticket, refund_at_desk, shows
from tests.member_api.ledger.callers import balance, given
from tests.member_api.people import PHONE
from tests.organisation.factories import a_counter, a_person_with_login
from tests.pos_adapter.desk_scene import left, open_desk

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COUNTERS = ("C1", "C2", "C3")
LANGUAGES = [("en-US", 360), ("zh-CN", 390)]
LAST_FOUR = PHONE[-4:]
# A code of a wallet app is used once.
PAYMENT_CODES = {"en-US": "2800000000000042", "zh-CN": "2800000000000043"}
# Lipstick 199, cream 1,280 and two lipsticks 398: 1,877 earn 60 e-coins; without the first they earn none.
BROUGHT = {"C1": (LIPSTICK,), "C2": (CREAM,), "C3": (LIPSTICK, LIPSTICK)}
THRESHOLD, EARNED, SPENT = 170_000, 6_000, 4_500
ECOINS, STORED = 10_000, 15_000
RETURN_LIMIT = 10_000
NEWS_S = 2.0  # a page that hears of something has looked again after so long


def a_department_store(database: Database) -> None:
    """Three counters of two legal units with a clerk each, a desk and a manager; 满返 that the whole basket earns."""
    ensure_months(database, {database.clock.now().date()})
    furnish(database)
    with database.transaction() as tx:
        a_counter(tx, code="C3", name="Gifts", floor="3F", legal_unit="GIFTS")
        for number, name, role in (
            ("ling", "Ling", Role.COUNTER_STAFF),
            ("tao", "Tao", Role.COUNTER_STAFF),
            ("clara", "Clara", Role.SERVICE_DESK),
            ("mona", "Mona", Role.STORE_MANAGER),
        ):
            a_person_with_login(tx, number, name=name, role=role, home_store="S01")
        offer = {"name": "anniversary", "currency": "CNY", "spend": THRESHOLD, "get": EARNED, "repeat": False}
        publish_rules(tx, {"thresholds": [offer]}, tx.now, "", "test")
        tx.execute(
            "INSERT INTO pos.return_limit (amount, valid_from, set_by, set_at)"
            " VALUES (:limit, '2026-01-01', 'test', now())",
            {"limit": RETURN_LIMIT},
        )


@pytest.fixture(scope="module")
def shop(
    fresh_database: Mapping[str, str], environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with handheld_scene.scene(fresh_database, tmp_path_factory.mktemp("counter"), a_department_store) as made:
        yield made


class Customer:
    """The member who buys; what is on the accounts is topped up to the same for every run."""

    def __init__(self, shop: Scene) -> None:
        self.database = shop.database
        with self.database.transaction(read_only=True) as tx:
            self.id = resolve_member(tx, Identifier("phone", PHONE)).id
        soon = self.database.clock.now().date() + timedelta(days=30)
        for kind, amount, more in (
            (Kind.ECOIN, ECOINS, {"expires_on": soon}),
            (Kind.CASH, STORED, {"origin": Origin.TOPUP, "source": "topup"}),
        ):
            given(self.database, self.id, amount - balance(self.database, self.id, kind)[0], kind=kind, **more)

    def has(self, kind: Kind) -> int:
        return balance(self.database, self.id, kind)[0]


def names_the_member(phone: "Page") -> None:
    """By the last four digits: one masked choice."""
    phone.click("#member")
    phone.locator("dialog[open] input[maxlength='4']").fill(LAST_FOUR)
    phone.locator("dialog[open] form:has(input[maxlength='4']) button").click()
    phone.locator("dialog[open] .hh-card .button.primary").click()
    phone.wait_for_selector("#member .hh-name:has-text('张')")


def issues(phone: "Page", *codes: str) -> int:
    """A ticket of scanned goods for the member; its number."""
    names_the_member(phone)
    for code in codes:
        scan(phone, code)
    phone.wait_for_selector("#basket .hh-line")
    phone.click("#issue")
    phone.wait_for_selector("[data-number]")
    number = int(phone.locator("[data-number]").inner_text())
    phone.click(".hh-sheet .button.primary")
    return number


def ticket_of(shop: Scene, number: int) -> Any:
    found = shop.call("GET", f"/v1/tickets?store=S01&number={number}").json()["items"]
    assert len(found) == 1, "a ticket is there once"
    return found[0]


def pays_by(desk: "Page", *steps: tuple[str, str]) -> None:
    """Keys of tenders with what is typed for each (empty: all that can be used), then Enter settles."""
    for key, typed in steps:
        before = desk.locator("#tenders > *").count()
        desk.keyboard.press(key)
        desk.keyboard.type(typed)
        desk.keyboard.press("Enter")
        desk.wait_for_function("before => document.getElementById('tenders').children.length > before", arg=before)
    left(desk, "¥0.00")
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".result.paid", timeout=30_000)


@pytest.mark.parametrize(("locale", "width"), LANGUAGES)
def test_three_counters_one_payment_one_stop_checkout_and_one_counter_s_goods_come_back(
    new_page: "Callable[..., Page]", shop: Scene, locale: str, width: int
) -> None:
    customer, tag = Customer(shop), f"counter_{locale[:2]}"
    base = shop.server.base_url
    phones = {counter: new_page(locale=locale, width=width, height=780) for counter in COUNTERS}
    complaints = [
        log_in(phone, shop, counter, who)
        for (counter, phone), who in zip(phones.items(), ("wangfang", "ling", "tao"), strict=True)
    ]
    desk = new_page(locale=locale)
    complaints.append(open_desk(desk, base))

    # The customer buys at three counters; the desk calls one number and has all three tickets.
    numbers = {counter: issues(phone, *BROUGHT[counter]) for counter, phone in phones.items()}
    desk.wait_for_selector(f"[data-call='{numbers['C3']}']")
    look(desk, f"{tag}_1_waiting")
    desk.keyboard.type(str(numbers["C1"]))
    desk.keyboard.press("Enter")
    for number in numbers.values():
        desk.wait_for_selector(f"[data-ticket='{number}'].chosen")
    left(desk, "¥1,877.00")
    look(desk, f"{tag}_2_called")
    pays_by(desk, ("F7", ""), ("F8", ""), ("F9", ""))
    look(desk, f"{tag}_3_settled")
    assert (customer.has(Kind.ECOIN), customer.has(Kind.CASH)) == (EARNED, 0)

    # Three handhelds say so at once; each clerk hands over, and the desk sees it.
    for counter, phone in phones.items():
        phone.wait_for_selector(f"[data-banner='{numbers[counter]}']")
    look(phones["C1"], f"{tag}_4_paid")
    for counter, phone in phones.items():
        phone.locator(f"[data-banner='{numbers[counter]}'] button").click()
        phone.wait_for_selector(f"[data-banner='{numbers[counter]}']", state="detached")
    desk.wait_for_function(
        "() => document.querySelectorAll('.recent-row:first-child .ticket-mark.handed').length === 3"
    )
    look(desk, f"{tag}_5_handed_over")
    assert {ticket_of(shop, number)["state"] for number in numbers.values()} == {"released"}

    # One-stop: by the code of a wallet app, whose payer types a password first; and by card.
    shop.apps.faults(typed=1)
    by_code = pays_here(phones["C2"], lambda phone: scan(phone, PAYMENT_CODES[locale]), f"{tag}_6_code")
    shop.apps.faults()
    by_card = pays_here(phones["C3"], lambda phone: phone.locator(".hh-rail .button.primary").click(), "")
    assert {ticket_of(shop, number)["state"] for number in (by_code, by_card)} == {"paid"}

    # Some of the e-coins that the purchase brought are spent; then the first counter's goods come back.
    spent = issues(phones["C1"], LIPSTICK)
    desk.keyboard.press("Escape")
    desk.keyboard.type(str(spent))
    desk.keyboard.press("Enter")
    left(desk, "¥199.00")
    pays_by(desk, ("F7", str(SPENT // 100)), ("F10", ""))
    assert customer.has(Kind.ECOIN) == EARNED - SPENT
    clerk = Screen(new_page(locale=locale, width=width), base, "wangfang", f"{tag}_7_clerk")
    shown = issue_red_ticket(clerk, numbers["C1"])
    assert "45.00" in shown, "what comes off for spent e-coins, before anybody confirms"
    red = clerk.page.url.rpartition("/")[2]
    approve_first(Screen(new_page(locale=locale, width=width), base, "mona", f"{tag}_8_manager"))
    cashier = Screen(new_page(locale=locale), base, "clara", f"{tag}_9_desk")
    refund_at_desk(cashier, red)
    shows(cashier, red, "refunded")
    cashier.good("refunded")
    money_is_back_where_it_came_from(shop, customer, red)
    for said in (*complaints, clerk.complaints, cashier.complaints):
        assert said == []
    prove(shop.database)


def pays_here(phone: "Page", how: "Callable[[Page], None]", shot: str) -> int:
    """A ticket that its clerk takes the payment for; its number."""
    number = issues(phone, LIPSTICK)
    phone.click("[data-view=tickets]")
    phone.click(f".hh-row[data-ticket='{number}']")
    phone.locator("dialog[open] .hh-actions .button.primary").click()
    phone.wait_for_selector(".hh-rails")
    if shot:
        look(phone, f"{shot}_rails")
    how(phone)
    phone.wait_for_selector("[data-payment=pending], [data-payment=paid]")
    if shot:
        phone.wait_for_selector("[data-payment=pending]")
        look(phone, f"{shot}_pending")
    phone.wait_for_selector("[data-payment=paid]", timeout=40_000)
    if shot:
        look(phone, f"{shot}_paid")
    phone.click("[data-payment=paid] button")
    phone.click("[data-view=issue]")
    return number


def money_is_back_where_it_came_from(shop: Scene, customer: Customer, red: str) -> None:
    """199 of 1,877: each tender its share, 45 spent e-coins off the card's, 15 unspent ones taken back."""
    assert customer.has(Kind.CASH) == 15_90
    assert customer.has(Kind.ECOIN) == 10_60
    assert sorted(sale["refunded"] for sale in shop.acquirer.sales() if sale["amount"] == 1627_00)[-1] == 127_50


def test_a_page_misses_nothing_that_happens_before_its_stream_is_open(
    new_page: "Callable[..., Page]", shop: Scene
) -> None:
    red = a_red_ticket(new_page, shop)
    cashier = Screen(new_page(), shop.server.base_url, "clara", "counter_9_between")
    manager = Screen(new_page(), shop.server.base_url, "mona", "counter_9_manager")
    arrived = last_event(shop)

    def while_it_is_on_its_way(route: Any) -> None:
        approve_first(manager)
        until(lambda: last_event(shop) > arrived)
        route.continue_()

    cashier.page.route("**/v1/stores/*/events*", while_it_is_on_its_way, times=1)
    cashier.go(f"/returns/{red}")
    shows(cashier, red, "approved")


def test_a_page_that_somebody_leaves_does_not_hold_them_back_for_its_news(
    new_page: "Callable[..., Page]", shop: Scene
) -> None:
    red = a_red_ticket(new_page, shop)
    cashier = Screen(new_page(), shop.server.base_url, "clara", "counter_9_leaving")
    manager = Screen(new_page(), shop.server.base_url, "mona", "counter_9_manager")
    page = cashier.go(f"/returns/{red}")
    arrived = last_event(shop)

    def while_it_is_on_its_way(route: Any) -> None:
        approve_first(manager)
        until(lambda: last_event(shop) > arrived)
        time.sleep(NEWS_S)
        route.continue_()

    page.route("**/parcels", while_it_is_on_its_way, times=1)
    page.locator("a[href='/parcels']").first.click()
    page.wait_for_url(f"{shop.server.base_url}/parcels")


def a_red_ticket(new_page: "Callable[..., Page]", shop: Scene) -> str:
    """Goods that were sold and come back, so dear that a manager is asked; the red ticket's id."""
    phone = new_page(width=360, height=780)
    log_in(phone, shop)
    number = issues(phone, CREAM)
    shop.settle(ticket_of(shop, number))
    clerk = Screen(new_page(), shop.server.base_url, "wangfang", "counter_9_clerk")
    issue_red_ticket(clerk, number)
    return clerk.page.url.rpartition("/")[2]


def last_event(shop: Scene) -> int:
    with shop.database.transaction(read_only=True) as tx:
        return last_position(tx)


def until(happened: "Callable[[], bool]") -> None:
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("a minute has gone by")


def test_a_network_that_is_cut_in_the_middle_of_everything_leaves_every_ticket_once_and_paid_once(
    new_page: "Callable[..., Page]", shop: Scene
) -> None:
    customer = Customer(shop)
    phones = {counter: new_page(width=360, height=740) for counter in COUNTERS}
    for (counter, phone), who in zip(phones.items(), ("wangfang", "ling", "tao"), strict=True):
        log_in(phone, shop, counter, who)
    desk = new_page()
    open_desk(desk, shop.server.base_url, "D2")
    known = {ticket["id"] for counter in COUNTERS for ticket in shop.tickets(counter)}

    # One ticket has arrived; the answer to a second is lost; two more are issued while nothing goes out at all.
    first = issues(phones["C1"], LIPSTICK)
    desk.wait_for_selector(f"[data-call='{first}']")
    phones["C2"].route("**/v1/tickets", lose_the_answer, times=1)
    scan(phones["C2"], CREAM)
    phones["C2"].wait_for_selector("#basket .hh-line")
    phones["C2"].click("#issue")
    phones["C2"].wait_for_selector("#sent[data-unsent='1']")
    for phone in phones.values():
        phone.context.set_offline(True)
    for _ in range(2):
        scan(phones["C3"], LIPSTICK)
        phones["C3"].wait_for_selector("#basket .hh-line")
        phones["C3"].click("#issue")
        phones["C3"].wait_for_selector(".hh-unsent")
        phones["C3"].get_by_role("button", name="Next ticket").click()
    wait_unsent(phones["C3"], 2)
    look(phones["C3"], "counter_cut_phone")

    # The desk settles the first; the answer is lost, and then the desk is cut off as well, and opened anew.
    desk.keyboard.type(str(first))
    desk.keyboard.press("Enter")
    desk.wait_for_selector(f"[data-ticket='{first}'].chosen")
    desk.route("**/v1/settlements", lose_the_answer_of_a_post, times=1)
    desk.keyboard.press("Shift+F9")
    desk.keyboard.press("Enter")
    left(desk, "¥0.00")
    desk.keyboard.press("Enter")
    desk.wait_for_selector("#said.danger")
    desk.context.set_offline(True)
    for name in ("C1", "C3"):
        phones[name].reload()
        phones[name].wait_for_selector("html[data-ready]")
    wait_unsent(phones["C3"], 2)
    kept = {entry["id"] for entry in stored(phones["C3"], "outbox")}
    desk.context.set_offline(False)
    desk.reload()
    desk.wait_for_selector(".result.paid", timeout=30_000)

    # Back: everything is there once; "paid" has found its way to the counter that was away.
    for phone in phones.values():
        phone.context.set_offline(False)
    for phone in phones.values():
        wait_unsent(phone, 0)
    phones["C1"].click("[data-view=tickets]")
    phones["C1"].wait_for_selector(f"[data-paid='{first}']")
    came = [ticket for counter in COUNTERS for ticket in shop.tickets(counter) if ticket["id"] not in known]
    assert sorted(ticket["amount"] for ticket in came) == [199_00, 199_00, 199_00, 1280_00]
    assert kept < {ticket["id"] for ticket in came}
    settled = shop.call("GET", "/v1/settlements?store=S01&terminal=D2").json()["items"]
    assert [(each["state"], each["amount"]) for each in settled] == [("paid", 199_00)]
    with shop.database.transaction(read_only=True) as tx:
        posted = tx.execute("SELECT count(*) FROM pos.sale WHERE terminal = 'D2'").scalar_one()
    assert posted == 1
    assert customer.has(Kind.CASH) == STORED, "nobody paid with anything else"
    prove(shop.database)


def lose_the_answer(route: Any) -> None:
    """The request arrives; its answer does not."""
    route.fetch()
    route.abort()


def lose_the_answer_of_a_post(route: Any) -> None:
    if route.request.method == "POST":
        lose_the_answer(route)
    else:
        route.continue_()
