"""What a new house needs before anybody can enter: the first administrator, and the machines' clients of the demo.

They are made in the database directly, as only the command line may; everything else comes in over HTTP.
"""

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from foundation.access.clients import ClientUnknown, create_client, find_client
from foundation.access.permissions import declared_permissions
from foundation.database import Database, Tx
from foundation.settings import Settings
from regulars.running.home import Home

ADMINISTRATOR = "admin"
# The busiest store of the demo's data, and spots in it that the demo's own receipts do not use.
STORE, TILL, DESK, COUNTER, CURRENCY = "S367", "T91", "D1", "C1", "USD"

TILL_SCOPES = (
    "sales.post",
    "sales.read",
    "members.read",
    "members.write",
    "accounts.read",
    "accounts.grant",
    "accounts.redeem",
    "holds.write",
)
HANDHELD_SCOPES = ("sales.read", "members.read", "accounts.read")
DESK_SCOPES = TILL_SCOPES


@dataclass(frozen=True, slots=True)
class LogIns:
    """What `regulars run` prints: the administrator's log-in."""

    username: str
    password: str


def ensure_log_ins(home: Home, settings: Settings, base_url: str) -> LogIns:
    """Make the administrator and the demo's clients unless this database has those of `demo-credentials.json`.

    Writes that file, with the address of this run.
    """
    database = Database(settings)
    try:
        with database.transaction() as tx:
            kept = _kept(home, tx) or _make(tx)
    finally:
        database.dispose()
    home.write_note(home.credentials, {"base_url": base_url, **kept})
    return LogIns(kept["admin"]["username"], kept["admin"]["password"])


Credentials = Mapping[str, Mapping[str, str]]


def _kept(home: Home, tx: Tx) -> Credentials | None:
    """The credentials on file, if this database knows them."""
    try:
        note = json.loads(home.credentials.read_text())
        find_client(tx, note["erp"]["client_id"])
    except (OSError, ValueError, KeyError, ClientUnknown):
        return None
    return {name: value for name, value in note.items() if name != "base_url"}


def _make(tx: Tx) -> Credentials:
    from regulars.running.places import place_demo_store

    place_demo_store(tx)
    store = {"store": STORE}
    return {
        "admin": make_administrator(tx, ADMINISTRATOR),
        "till": _client(tx, "Demo till", TILL_SCOPES, {**store, "terminal": TILL}) | {"currency": CURRENCY},
        "handheld": _client(tx, "Demo handheld", HANDHELD_SCOPES, {**store, "counter": COUNTER}),
        "desk": _client(tx, "Demo cash desk", DESK_SCOPES, {**store, "terminal": DESK}),
        "erp": _client(tx, "Demo head office", sorted(declared_permissions()), {}),
    }


def _client(tx: Tx, name: str, scopes: Collection[str], bindings: Mapping[str, str]) -> dict[str, str]:
    made = create_client(tx, None, name, scopes, bindings)
    return {"client_id": made.client_id, "client_secret": made.client_secret, **bindings}


def make_administrator(tx: Tx, username: str) -> dict[str, str]:
    """Hire an administrator of the whole company with a password from the system's randomness; told once.

    Raises foundation.access.people.UsernameTaken.
    """
    password = "-".join(secrets.token_hex(3) for _ in range(4))
    raise NotImplementedError("organisation's staff is being built")
    return {"username": username, "password": password}
