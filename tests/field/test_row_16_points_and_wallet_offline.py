"""Row 16: points of offline sales were lost, and merchants want to redeem offline.

Here an account pays only where its balance can be seen: without a network handheld and desk say so in plain words, take
nothing, and go on by themselves when it is back. (A signed, bounded lease that a till may spend offline comes later.)
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from foundation.database import use_database
from member_api.contract.ledger import Kind, Origin
from organisation.staff.roles import Role
from tests.foundation.page_checks import complaints_about
from tests.journeys.handheld_scene import LIPSTICK, Scene, log_in, scan, scene, stored
from tests.member_api.ledger.callers import given
from tests.member_api.people import a_member
from tests.organisation.factories import a_person_with_login
from tests.pos_adapter import desk_scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
MEMBER = {"kind": "phone", "value": "+8613900139001"}
PAY_HERE = {"en-US": "Take the payment here", "zh-CN": "在此收款"}
AT_HANDHELD = {
    "en-US": "Points, e-coins and stored money cannot be used either, because nobody can see the balance",
    "zh-CN": "积分、电子币和储值也不能使用，因为查不到余额",
}
AT_DESK = {
    "en-US": "No network: points, e-coins, stored money and coupons cannot be used",
    "zh-CN": "没有网络，积分、电子币、储值和优惠券都不能使用",
}


@pytest.fixture(scope="module")
def shop(
    fresh_database: Mapping[str, str], environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("row16")) as made:
        use_database(made.database)
        member = a_member(made.database, MEMBER["value"].removeprefix("+86"))
        given(made.database, member, 100_000, kind=Kind.POINTS)
        given(made.database, member, 3_000, kind=Kind.ECOIN)
        given(made.database, member, 50_000, kind=Kind.CASH, origin=Origin.TOPUP, source="topup")
        with made.database.transaction() as tx:
            a_person_with_login(tx, "clara", name="Clara", role=Role.SERVICE_DESK, home_store="S01")
        yield made
        use_database(None)


def books(shop: Scene) -> list[Any]:
    """Everything that was ever taken from or set aside on an account, and every settlement."""
    with shop.database.transaction(read_only=True) as tx:
        return [
            tx.execute(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("member.entry", "member.hold", "pos.settlement")
        ]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_handheld_without_a_network_says_that_no_account_can_pay_and_takes_nothing(
    new_page: "Callable[..., Page]", shop: Scene, locale: str
) -> None:
    page = new_page(width=360, height=740, locale=locale)
    log_in(page, shop)
    scan(page, LIPSTICK)
    page.click("#issue")
    page.wait_for_selector("[data-number]")
    page.get_by_role("button", name=PAY_HERE[locale]).click()
    page.wait_for_selector(".hh-rails")
    before = books(shop)

    page.context.set_offline(True)
    told = page.locator("[data-payment=offline]").inner_text()
    assert AT_HANDHELD[locale] in told
    assert page.locator(".hh-rails").count() == 0, "there is nothing to press"
    assert complaints_about(page) == []
    scan(page, "2800000000000042")
    assert stored(page, "payments") == []

    page.context.set_offline(False)
    page.wait_for_selector(".hh-rails")
    assert books(shop) == before


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_desk_without_a_network_says_that_no_account_can_pay_and_goes_on_when_it_is_back(
    new_page: "Callable[..., Page]", shop: Scene, locale: str
) -> None:
    lines = [{"line": 1, "quantity": "1", "amount": 2_000}]
    issued = {"store": "S01", "counter": "C1", "member": MEMBER, "lines": lines}
    ticket = shop.call("POST", "/v1/tickets", issued).json()
    page = new_page(locale=locale)
    desk_scene.Scene(shop.server, shop.database, shop.token, shop.acquirer).open_desk(page, f"D{locale[0]}".upper())
    page.keyboard.type(str(ticket["number"]))
    page.keyboard.press("Enter")
    page.wait_for_selector(f"[data-ticket='{ticket['number']}'].chosen")
    before = books(shop)

    page.context.set_offline(True)
    for key in ("F4", "F6", "F7", "F8"):
        page.evaluate("document.getElementById('said').textContent = ''")
        page.keyboard.press(key)
        page.wait_for_function(
            "words => document.getElementById('said').textContent.includes(words)", arg=AT_DESK[locale]
        )
    assert page.locator("#tenders .sum-line").count() == 0
    assert complaints_about(page) == []
    assert books(shop) == before

    page.context.set_offline(False)
    page.keyboard.press("F8")
    page.wait_for_function("() => document.getElementById('entry').value !== ''")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector(".result.paid")
    assert shop.call("GET", f"/v1/tickets/{ticket['id']}").json()["state"] == "paid"
