"""The pages of payments in a real browser: what hangs, why, asked again by hand; a compared day."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from organisation.staff.roles import Role
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.operations import sweep
from pos_adapter.payments.rails import register_rail
from pos_adapter.payments.reconciling import reconcile
from pos_adapter.payments.refunds import refund, sweep_refunds
from tests.foundation.page_checks import another_page, look
from tests.organisation.factories import PASSWORD, a_person_with_login
from tests.pos_adapter.desk_scene import ANSWER_S, Scene, scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HASTE_S = 0.5


@pytest.fixture(scope="module")
def store(
    environment: Any, fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("payments") / "web.log") as found:
        with found.database.transaction() as tx:
            a_person_with_login(tx, "olga", name="Olga", role=Role.HEAD_OFFICE)
        yield found


@contextmanager
def no_answer_comes(store: Scene) -> Iterator[None]:
    """The acquirer does not answer, and nobody waits long for it, until the block ends."""
    store.acquirer.faults(lost=1)
    register_rail("card", lambda: CardRail(store.acquirer.address, HASTE_S))
    yield
    register_rail("card", lambda: CardRail(store.acquirer.address, ANSWER_S))
    store.acquirer.faults()


def pay(store: Scene, amount: int) -> str:
    """A settlement that waits for a card; the payment's id."""
    ticket = store.issue("C1", amount)
    tender = {"kind": "card", "amount": amount, "payment": {"rail": "card"}}
    body = {"store": "S01", "terminal": "D1", "tickets": [ticket["id"]], "tenders": [tender]}
    settlement = store.call("POST", "/v1/settlements", body).json()["id"]
    sweep(store.database)
    with store.database.transaction(read_only=True) as tx:
        return str(tx.execute("SELECT id FROM pos.payment WHERE settlement_id = :id", {"id": settlement}).scalar_one())


def open_as(page: "Page", store: Scene, who: str, path: str) -> None:
    page.goto(f"{store.server.base_url}/login?next={path}")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{store.server.base_url}{path}")


@pytest.fixture(scope="module")
def hanging(store: Scene) -> str:
    """A payment that the acquirer does not answer about, beside one that was paid and given back in part."""
    paid = pay(store, 299_00)
    with store.database.transaction() as tx:
        refund(tx, tx.execute("SELECT id FROM pos.payment").scalar_one(), 99_00, "R-1042", "one of three shirts")
    sweep_refunds(store.database)
    today = store.database.clock.now().date()
    lines = store.acquirer.file(today.isoformat()).splitlines()
    with store.database.transaction() as tx:
        changed = [line.replace("29900", "29000") for line in lines if not line.startswith("refund")]
        reconcile(tx, "card", today, "\n".join([*changed, "sale,9,D7,000042,000000000077,156,4200"]).encode(), "olga")
    assert paid
    with no_answer_comes(store):
        return pay(store, 1280_00)


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 390), ("en-US", 360)])
def test_what_hangs_is_seen_with_its_steps(
    new_page: "Callable[..., Page]", store: Scene, hanging: str, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    open_as(page, store, "clara", "/payments")
    look(page, f"payments_open_{locale[:2]}")
    with another_page(page):
        page.click(f"a[href='/payments/{hanging}']")
    page.wait_for_selector("form[data-json]")
    look(page, f"payments_hanging_{locale[:2]}")
    page.goto(f"{store.server.base_url}/payments/all")
    look(page, f"payments_all_{locale[:2]}")
    with another_page(page):
        page.click("tbody tr:last-child a")
    page.wait_for_selector("text=R-1042")
    look(page, f"payments_given_back_{locale[:2]}")


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 390)])
def test_a_compared_day_names_its_differences(
    new_page: "Callable[..., Page]", store: Scene, hanging: str, locale: str, width: int
) -> None:
    assert hanging
    page = new_page(locale=locale, width=width)
    open_as(page, store, "olga", "/payments/days")
    look(page, f"payments_days_{locale[:2]}")
    with another_page(page):
        page.click("tbody a")
    page.wait_for_selector("text=000042")
    look(page, f"payments_day_{locale[:2]}")


def test_a_person_asks_again(new_page: "Callable[..., Page]", store: Scene, hanging: str) -> None:
    page = new_page()
    open_as(page, store, "clara", f"/payments/{hanging}")
    asks = page.expect_response(lambda answer: answer.url.endswith("/ask"))
    with another_page(page), asks as answered:
        page.click("form[data-json] button")
    assert answered.value.status == 200
    sweep(store.database)
    with store.database.transaction(read_only=True) as tx:
        steps = tx.execute("SELECT count(*) FROM pos.payment_step WHERE payment_id = :id", {"id": hanging}).scalar_one()
    assert steps >= 2


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 390), ("zh-CN", 360)])
def test_two_people_decide_what_the_bank_does_not_tell(
    new_page: "Callable[..., Page]", store: Scene, locale: str, width: int
) -> None:
    with no_answer_comes(store):
        hanging = pay(store, 640_00)
    with store.database.transaction() as tx:
        tx.execute(
            "UPDATE pos.payment SET state = 'unknown', look_at = now() + interval '1 day' WHERE id = :id",
            {"id": hanging},
        )
    page, address = new_page(locale=locale, width=width), f"/payments/{hanging}"
    open_as(page, store, "clara", address)
    look(page, f"payments_unknown_{locale[:2]}")
    page.select_option("[name=finding]", "not_moved")
    page.fill("[name=evidence]", "Statement of the bank 2026-11-22, line 14: no such payment. 银行来电编号 7731")
    with another_page(page):
        page.click(".payments-case button[type=submit]")
    page.wait_for_selector(".payments-evidence")
    look(page, f"payments_proposed_{locale[:2]}")

    second = new_page(locale=locale, width=width)
    open_as(second, store, "mona", address)
    look(second, f"payments_to_confirm_{locale[:2]}")
    second.on("dialog", lambda asked: asked.accept())
    with another_page(second):
        second.click("form[data-action$=confirm] button")
    second.wait_for_selector(".payments-case", state="detached")
    look(second, f"payments_confirmed_{locale[:2]}")
    sweep(store.database)
    with store.database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT state FROM pos.payment WHERE id = :id", {"id": hanging}).scalar_one() == "reversed"
