"""Bind machines to their spots, and end them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, insert, or_, select, update

from foundation.access import NewClient, Principal, create_client, revoke_client
from foundation.database import Tx
from foundation.errors import FieldError, Invalid, NotFound
from foundation.events import announce
from organisation.changes.operations import Subject, record_change
from organisation.counters.lookup import counters
from organisation.counters.tables import counter
from organisation.devices.tables import device
from organisation.facts import StaffStatus
from organisation.places import place_of, stores_within
from organisation.staff.lookup import staff_numbers
from organisation.staff.tables import staff
from organisation.stores.lookup import stores
from organisation.stores.tables import store

WRITE = "clients.write"


class DeviceUnknown(NotFound):
    """There is no such client, or it is not yours to see."""

    code = "client_unknown"


class SpotWrong(Invalid):
    """A device stands in a store, at a till or at a counter."""

    code = "binding_wrong"


class SpotUnknown(Invalid):
    """The store, counter or member of staff does not exist."""

    code = "binding_unknown"


@dataclass(frozen=True, slots=True)
class DeviceWish:
    """A machine to be let in: what it may do, and the one spot it does it in (codes; none: everywhere).

    `staff` is the number of the person it is handed to: it ends when they leave.
    """

    name: str
    scopes: tuple[str, ...]
    store: str | None = None
    terminal: str | None = None
    counter: str | None = None
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A machine that may call us, or could until `revoked_at`."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    store: str | None
    terminal: str | None
    counter: str | None
    staff: str | None
    created_at: datetime
    revoked_at: datetime | None


def make_device(tx: Tx, actor: Principal | None, wish: DeviceWish) -> NewClient:
    """Let a machine in; the secret is told once. `actor` None: the command line.

    Raises SpotWrong, SpotUnknown, PlaceForbidden, and foundation.access's ScopeNotYours and ScopeUnknown.
    """
    if wish.terminal is not None and wish.counter is not None:
        raise SpotWrong(
            "a device stands at a till or at a counter",
            errors=[FieldError("/counter", "a device stands at a till or at a counter, not at both")],
        )
    if wish.store is None and (wish.terminal is not None or wish.counter is not None):
        raise SpotWrong(
            "a till or a counter is in a store", errors=[FieldError("/store", "a till or a counter needs its store")]
        )
    if actor is not None:
        actor.require(WRITE, place_of(wish.store) if wish.store is not None else None)
    spot = _ids(tx, wish)
    spots = {"store": wish.store, "terminal": wish.terminal, "counter": wish.counter}
    new = create_client(tx, actor, wish.name, wish.scopes, {name: code for name, code in spots.items() if code})
    row = {
        "client_id": new.client_id,
        "name": wish.name,
        "scopes": sorted(set(wish.scopes)),
        "terminal": wish.terminal,
        "created_at": tx.now,
        **spot,
    }
    tx.execute(insert(device), [row])
    fields = {name: (None, value) for name, value in {**spots, "scopes": row["scopes"]}.items() if value}
    record_change(tx, actor, Subject.DEVICE, new.client_id, "created", fields)
    announce(tx, "device.created", {"client_id": new.client_id, "store": wish.store})
    return new


def _ids(tx: Tx, wish: DeviceWish) -> dict[str, int | None]:
    """Ids of the spot. Raises SpotUnknown."""
    store_id = counter_id = staff_id = None
    if wish.store is not None:
        home = stores.one(tx, wish.store)
        if home is None:
            raise SpotUnknown(
                f"there is no store {wish.store}", errors=[FieldError("/store", "there is no such store")]
            )
        store_id = home.id
    if wish.counter is not None and store_id is not None:
        spot = counters.one(tx, (store_id, wish.counter))
        if spot is None:
            raise SpotUnknown(
                f"there is no counter {wish.counter}",
                errors=[FieldError("/counter", "there is no such counter in this store")],
            )
        counter_id = spot.id
    if wish.staff is not None:
        holder = staff_numbers.one(tx, wish.staff)
        if holder is None or holder.status is StaffStatus.LEFT:
            raise SpotUnknown(
                f"nobody with the number {wish.staff} works here",
                errors=[FieldError("/staff", "nobody with this number works here")],
            )
        staff_id = holder.id
    return {"store_id": store_id, "counter_id": counter_id, "staff_id": staff_id}


def revoke_device(tx: Tx, actor: Principal, client_id: str) -> Device:
    """End a machine at once, in every process; revoking twice is harmless. Raises DeviceUnknown."""
    found = find_device(tx, actor, client_id)
    actor.require(WRITE, place_of(found.store) if found.store is not None else None)
    if found.revoked_at is None:
        _revoke(tx, actor, client_id, found.store)
    return find_device(tx, actor, client_id)


def revoke_devices_of(tx: Tx, actor: Principal | None, staff_id: int) -> None:
    """End the machines that were handed to a person."""
    query = _select().where(device.c.staff_id == staff_id, device.c.revoked_at.is_(None)).order_by(device.c.client_id)
    for held in _devices(tx, query):
        _revoke(tx, actor, held.client_id, held.store)


def _revoke(tx: Tx, actor: Principal | None, client_id: str, store_code: str | None) -> None:
    revoke_client(tx, client_id)
    tx.execute(update(device).where(device.c.client_id == client_id).values(revoked_at=tx.now))
    record_change(tx, actor, Subject.DEVICE, client_id, "revoked", {})
    announce(tx, "device.revoked", {"client_id": client_id, "store": store_code})


def find_device(tx: Tx, viewer: Principal, client_id: str) -> Device:
    """One machine. Raises DeviceUnknown, also where the viewer may not see it."""
    found = next(iter(_devices(tx, _seen_by(viewer).where(device.c.client_id == client_id))), None)
    if found is None:
        raise DeviceUnknown(f"there is no client {client_id}")
    return found


def list_devices(
    tx: Tx,
    viewer: Principal,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
    search: str | None = None,
    store_code: str | None = None,
    living: bool | None = None,
    staff_number: str | None = None,
) -> Sequence[Device]:
    """The machines of the stores a viewer may see, newest first, after (created_at, client_id), at most `limit`.

    `search` looks into name, client id, terminal and counter; `living` narrows to those not revoked, or revoked;
    `staff_number` to those handed to one person.
    """
    query = _seen_by(viewer).order_by(device.c.created_at.desc(), device.c.client_id.desc()).limit(limit)
    if after is not None:
        at, client_id = after
        same = and_(device.c.created_at == at, device.c.client_id < client_id)
        query = query.where(or_(device.c.created_at < at, same))
    if search:
        looked_at = (device.c.name, device.c.client_id, device.c.terminal, counter.c.code)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in looked_at)))
    if store_code is not None:
        query = query.where(store.c.code == store_code)
    if staff_number is not None:
        query = query.where(staff.c.number == staff_number)
    if living is not None:
        query = query.where(device.c.revoked_at.is_(None) if living else device.c.revoked_at.is_not(None))
    return _devices(tx, query)


def _seen_by(viewer: Principal) -> Select[Any]:
    return _select() if viewer.places is None else _select().where(stores_within(viewer))


def _select() -> Select[Any]:
    return (
        select(
            device,
            store.c.code.label("store"),
            counter.c.code.label("counter"),
            staff.c.number.label("staff"),
        )
        .join(store, store.c.id == device.c.store_id, isouter=True)
        .join(counter, counter.c.id == device.c.counter_id, isouter=True)
        .join(staff, staff.c.id == device.c.staff_id, isouter=True)
    )


def _devices(tx: Tx, query: Select[Any]) -> list[Device]:
    rows = tx.execute(query).mappings()
    return [
        Device(
            client_id=row["client_id"],
            name=row["name"],
            scopes=tuple(row["scopes"]),
            store=row["store"],
            terminal=row["terminal"],
            counter=row["counter"],
            staff=row["staff"],
            created_at=row["created_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    ]
