"""Every page of the counter, the desk, their manager and the member's own phone is a good one.

In both languages, on a desktop and on a phone, on a busy day, with what its first entry leads to.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from tests.foundation.page_checks import look, looked_at
from tests.member_api.people import PHONE
from tests.member_api.phone.phones import texts
from tests.organisation.factories import PASSWORD
from tests.pos_adapter.desk_scene import MEMBER, Scene, scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOMEBODY = "13900139777"  # a member with points and a coupon
LOOKS = [("en-US", 1440), ("zh-CN", 1440), ("en-US", 390), ("zh-CN", 360)]
STORE_PAGES = (
    "/overview", "/floor", "/settlements", "/payments", "/receipts", "/returns?show=all", "/returns/new",
    "/returns/approvals", "/discounts/code", "/parcels", "/uncollected", "/shifts", "/days", "/statements",
    "/repairs", "/repairs/gaps", "/repairs/discards", "/invitations",
)  # fmt: skip
MEMBERS_PAGES = (
    "/m", "/m/code", "/m/balances", "/m/coupons", "/m/receipts", "/m/me", "/m/consents", "/m/pin", "/m/pay",
)  # fmt: skip
FIRST_ENTRY = "main table tbody a[href^='/'], main .found a[href^='/'], main li a[href^='/m/']"


@pytest.fixture(scope="module")
def store(
    environment: Any, fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("pages") / "web.log") as found:
        _busy(found)
        yield found


def _busy(store: Scene) -> None:
    """Something of everything: paid, unpaid, being paid, given back, left at the desk."""
    assert store.somebody_with_a_coupon(5_00) == SOMEBODY
    store.issue("C1", 19_00)
    hanging = store.issue("C1", 23_00)
    tender = {"kind": "card", "amount": 23_00, "payment": {"rail": "card"}}
    body = {"store": "S01", "terminal": "D1", "tickets": [hanging["id"]], "tenders": [tender]}
    assert store.call("POST", "/v1/settlements", body).status_code == 201
    tickets = [store.issue("C1", 100_00, MEMBER), store.issue("C2", 250_50, MEMBER)]
    settled = store.settle("D1", tickets).json()
    left = {"store": "S01", "terminal": "D1", "settlement": settled["id"], "tickets": [tickets[1]["id"]]}
    assert store.call("POST", "/v1/parcels", left).status_code == 201
    back = store.call("POST", "/v1/returns", {"ticket": tickets[0]["id"], "reason": "Too heavy"})
    assert back.status_code == 201, back.text
    store.settle("D2", [store.issue("C3", 70_00)])


@pytest.mark.parametrize(("locale", "width"), LOOKS)
def test_the_pages_of_a_store(new_page: "Callable[..., Page]", store: Scene, locale: str, width: int) -> None:
    page, complaints = _opened(new_page, locale, width)
    base = store.server.base_url
    page.goto(f"{base}/login")
    page.fill("[name=username]", "mona")
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: not url.endswith("/login"))
    _look_at(page, base, STORE_PAGES, f"page_{locale[:2]}")
    assert complaints == []


@pytest.mark.parametrize(("locale", "width", "number"), [("en-US", 390, PHONE), ("zh-CN", 360, SOMEBODY)])
def test_the_pages_of_a_member_s_own_phone(
    new_page: "Callable[..., Page]", store: Scene, locale: str, width: int, number: str
) -> None:
    page, complaints = _opened(new_page, locale, width)
    base = store.server.base_url
    page.goto(f"{base}/m/login")
    look(page, f"phone_{locale[:2]}_login")
    page.fill("#f-phone", number)
    page.click(".primary")
    page.wait_for_selector("#f-code")
    look(page, f"phone_{locale[:2]}_code")
    page.fill("#f-code", texts(store.database)[f"+86{number}"])
    page.click(".primary")
    page.wait_for_url(lambda url: "/login" not in url)
    _look_at(page, base, MEMBERS_PAGES, f"phone_{locale[:2]}")
    assert complaints == []


def _opened(new_page: "Callable[..., Page]", locale: str, width: int) -> "tuple[Page, list[str]]":
    page = new_page(locale=locale, width=width)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def _look_at(page: "Page", base: str, paths: tuple[str, ...], tag: str) -> None:
    """Each page, and what its first entry leads to; all that is wrong with any of them is told together."""
    wrong: dict[str, list[str]] = {}
    seen: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop(0)
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.status == 200, path
        name = path.partition("?")[0].strip("/").replace("/", "-")
        wrong[path] = looked_at(page, f"{tag}_{name if path in paths else name[:20]}")
        entry = page.locator(FIRST_ENTRY).first
        there = entry.get_attribute("href") if path in paths and entry.count() else None
        if there is not None and there.partition("?")[0] not in seen:
            seen.add(there.partition("?")[0])
            waiting.append(there)
    assert {path: faults for path, faults in wrong.items() if faults} == {}
