"""What a new house needs before anybody can enter: the first administrator, and the machines' clients of the demo.

They are made in the database directly, as only the command line may; everything else comes in over HTTP.
"""

from collections.abc import Collection, Mapping

from foundation.access.permissions import declared_permissions
from foundation.database import Tx
from foundation.errors import DomainError
from organisation.counters.operations import put_counters
from organisation.counters.rules import CounterWish
from organisation.devices.operations import DeviceWish, make_device
from organisation.staff.operations import new_password
from organisation.staff.people import hire_administrator
from organisation.stores.operations import put_stores
from organisation.stores.rules import StoreWish
from regulars.running.log_ins import Credentials
from regulars.web import load_rooms

ADMINISTRATOR = "admin"
# The busiest store of the demo's data, and terminals in it that no receipt of the demo names.
STORE = StoreWish(
    "S367", "Spruce Creek Hypermarket", "hypermarket", "south", currency="USD", timezone="America/New_York"
)
COUNTER = CounterWish("S367", "C1", "Cosmetics")
TILL, DESK = "T91", "D1"

HANDHELD_SCOPES = frozenset(
    {
        "sales.post",
        "sales.read",
        "members.read",
        "members.write",
        "accounts.read",
        "holds.write",
        "coupons.read",
        "tickets.read",
        "tickets.write",
        "settlements.write",
        "payments.read",
        "returns.issue",
    }
)
TILL_SCOPES = (HANDHELD_SCOPES - {"tickets.write", "settlements.write", "payments.read", "returns.issue"}) | {
    "accounts.redeem"
}
DESK_SCOPES = TILL_SCOPES | {
    "desk.use",
    "settlements.write",
    "payments.read",
    "topups.write",
    "returns.issue",
    "returns.refund",
    "parcels.write",
    "shifts.work",
}


def make_log_ins(tx: Tx) -> Credentials:
    """Make the store of the demo, the administrator, and the clients that `demo-credentials.json` lists.

    Raises a DomainError when this database has a person of that name: it is then no new house.
    """
    # Permissions are declared by the rooms that use them.
    load_rooms()
    declared = frozenset(declared_permissions())
    for outcome in (*put_stores(tx, None, [STORE]), *put_counters(tx, None, [COUNTER])):
        if isinstance(outcome, DomainError):
            raise outcome
    here = {"store": STORE.code}
    return {
        "admin": make_administrator(tx, ADMINISTRATOR),
        "till": {
            **_client(tx, "Demo till", TILL_SCOPES & declared, {**here, "terminal": TILL}),
            "currency": str(STORE.currency),
        },
        "handheld": _client(tx, "Demo handheld", HANDHELD_SCOPES & declared, {**here, "counter": COUNTER.code}),
        "desk": _client(tx, "Demo cash desk", DESK_SCOPES & declared, {**here, "terminal": DESK}),
        "erp": _client(tx, "Demo head office", declared, {}),
    }


def _client(tx: Tx, name: str, scopes: Collection[str], bindings: Mapping[str, str]) -> dict[str, str]:
    made = make_device(tx, None, DeviceWish(name, tuple(sorted(scopes)), **bindings))
    return {"client_id": made.client_id, "client_secret": made.client_secret, **bindings}


def make_administrator(tx: Tx, username: str) -> dict[str, str]:
    """Hire an administrator of the whole company with a password that is told once.

    Raises foundation.access's UsernameInvalid or UsernameTaken, organisation's NameTaken.
    """
    password = new_password()
    hire_administrator(tx, username, password)
    return {"username": username, "password": password}
