"""The log-ins of the demo, written where people and tests look for them: `demo-credentials.json`."""

from pathlib import Path

import msgspec

from regulars.demo import state
from regulars.demo.connection import ClientLogin, Connection, DemoStopped
from regulars.demo.load import is_known, new_client
from regulars.demo.places import CURRENCY, Counter, Store, counters_of, find_places
from regulars.demo.report import Outcomes
from regulars.demo.source import read_source

CREDENTIALS = "demo-credentials.json"
TILL, DESK = "T1", "DESK1"

TILL_SCOPES = (
    "sales.post", "sales.read", "members.read", "members.write", "accounts.read", "accounts.redeem", "holds.write",
)  # fmt: skip
HANDHELD_SCOPES = ("sales.post", "sales.read", "members.read", "members.write", "accounts.read", "holds.write")
DESK_SCOPES = (*TILL_SCOPES, "desk.use")


class AdminLogin(msgspec.Struct, frozen=True):
    """The first administrator, as a person logs in."""

    username: str
    password: str


class TillLogin(msgspec.Struct, frozen=True):
    """A client bound to one terminal of one store."""

    client_id: str
    client_secret: str
    store: str
    terminal: str
    currency: str


class DeskLogin(msgspec.Struct, frozen=True):
    """A client bound to the cash desk's own terminal."""

    client_id: str
    client_secret: str
    store: str
    terminal: str


class HandheldLogin(msgspec.Struct, frozen=True):
    """A client bound to one counter of the same store."""

    client_id: str
    client_secret: str
    store: str
    counter: str


class Erp(msgspec.Struct, frozen=True):
    """A client with every machine scope, for any store."""

    client_id: str
    client_secret: str


class DemoCredentials(msgspec.Struct, frozen=True):
    """What `demo-credentials.json` holds; its shape is fixed by DESIGN.md section 6."""

    base_url: str
    admin: AdminLogin
    till: TillLogin
    handheld: HandheldLogin
    desk: DeskLogin
    erp: Erp


def read_demo_credentials(home: Path) -> DemoCredentials | None:
    """The log-ins written earlier, None if there are none or they cannot be read."""
    return state.read_note(home / CREDENTIALS, DemoCredentials)


def create_demo_credentials(base_url: str, erp: ClientLogin, admin: AdminLogin, home: Path) -> DemoCredentials:
    """Make the demo's store, counters, till, desk and handheld over HTTP and write their log-ins.

    `erp` needs the scopes organisation.write and clients.write, and every scope that it gives away. Log-ins of an
    earlier run that the server still knows are kept; only the address and the administrator are written anew.
    Raises DemoStopped when the server refuses.
    """
    known = read_demo_credentials(home)
    if known is not None and _all_known(base_url, known):
        kept = msgspec.structs.replace(known, base_url=base_url, admin=admin, erp=_erp(erp))
    else:
        kept = _make(base_url, erp, admin)
    state.write_note(home / CREDENTIALS, kept)
    return kept


def _make(base_url: str, erp: ClientLogin, admin: AdminLogin) -> DemoCredentials:
    store = find_places(read_source().baskets).busiest
    counters = counters_of(store)
    with Connection(base_url, erp) as office:
        _put(office, "stores", [store])
        _put(office, "counters", counters)
        till = new_client(office, "Demo till", TILL_SCOPES, {"store": store.code, "terminal": TILL})
        desk = new_client(office, "Demo cash desk", DESK_SCOPES, {"store": store.code, "terminal": DESK})
        handheld = new_client(
            office, "Demo handheld", HANDHELD_SCOPES, {"store": store.code, "counter": counters[0].code}
        )
    return DemoCredentials(
        base_url,
        admin,
        TillLogin(till.client_id, till.client_secret, store.code, TILL, CURRENCY),
        HandheldLogin(handheld.client_id, handheld.client_secret, store.code, counters[0].code),
        DeskLogin(desk.client_id, desk.client_secret, store.code, DESK),
        _erp(erp),
    )


def _put(office: Connection, what: str, items: list[Store] | list[Counter]) -> None:
    reply = office.send("PUT", f"/v1/{what}/batch", {what: items})
    for outcome in msgspec.json.decode(reply.content, type=Outcomes).results:
        if outcome.problem is not None:
            raise DemoStopped(f"PUT /v1/{what}/batch: {outcome.problem.code} {outcome.problem.detail}")


def _all_known(base_url: str, known: DemoCredentials) -> bool:
    return all(
        is_known(base_url, ClientLogin(login.client_id, login.client_secret))
        for login in (known.till, known.handheld, known.desk)
    )


def _erp(erp: ClientLogin) -> Erp:
    return Erp(erp.client_id, erp.client_secret)
