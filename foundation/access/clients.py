"""Machines: OAuth2 clients with scopes, bound to a till, to a counter's handheld, or to nothing (head office)."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy

from foundation.access.changes import access_changed
from foundation.access.permissions import declared_permissions
from foundation.access.principal import Principal
from foundation.access.secrets import digest, new_secret
from foundation.access.tables import access_token, client
from foundation.database import Tx
from foundation.errors import FieldError, Forbidden, Invalid, NotFound

LIST_MAX = 1000


class ClientUnknown(NotFound):
    """There is no such client."""

    code = "client_unknown"


class ScopeUnknown(Invalid):
    """A scope is no permission that exists."""

    code = "scope_unknown"


class ScopeNotYours(Forbidden):
    """Nobody can give a client a scope, or a place, beyond their own."""

    code = "scope_not_yours"


@dataclass(frozen=True, slots=True)
class NewClient:
    """What is told once, when a client is made or its secret replaced; the secret is kept as a hash only."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Client:
    """A machine that may ask for tokens. `bindings` as in Principal; `revoked_at` None while it lives."""

    client_id: str
    name: str
    scopes: frozenset[str]
    bindings: Mapping[str, str]
    created_by: str
    created_at: datetime
    revoked_at: datetime | None


def create_client(
    tx: Tx, creator: Principal | None, name: str, scopes: Collection[str], bindings: Mapping[str, str]
) -> NewClient:
    """Make a client. `bindings` empty = any store. `creator` None: the command line, which may do all.

    Raises ScopeNotYours if a scope is not among the creator's permissions, or the bound store (or, without bindings,
    the company) is outside of the creator's places; ScopeUnknown if a scope is no declared permission. Whether the
    store, terminal or counter exists is the caller's to check.
    """
    _check_scopes(scopes)
    if creator is not None:
        _check_within(creator, scopes, bindings)
    new = NewClient(f"c_{secrets.token_hex(12)}", new_secret("rgs"))
    tx.execute(
        client.insert().values(
            client_id=new.client_id,
            name=name,
            secret_hash=digest(new.client_secret),
            scopes=sorted(set(scopes)),
            bindings=dict(bindings),
            created_by="command line" if creator is None else creator.actor,
            created_at=tx.now,
        )
    )
    return new


def replace_secret(tx: Tx, client_id: str) -> NewClient:
    """Give a living client a new secret; the old secret and all tokens end at once. Raises ClientUnknown."""
    new = NewClient(client_id, new_secret("rgs"))
    changed = tx.execute(
        client.update()
        .where(client.c.client_id == client_id, client.c.revoked_at.is_(None))
        .values(secret_hash=digest(new.client_secret))
    )
    _must_exist(changed.rowcount)
    _end_tokens(tx, client_id)
    return new


def revoke_client(tx: Tx, client_id: str) -> None:
    """End a client: its tokens stop working at once, everywhere. Twice is harmless. Raises ClientUnknown."""
    changed = tx.execute(
        client.update()
        .where(client.c.client_id == client_id)
        .values(revoked_at=sqlalchemy.func.coalesce(client.c.revoked_at, tx.now))
    )
    _must_exist(changed.rowcount)
    _end_tokens(tx, client_id)


def move_client(tx: Tx, client_id: str, bindings: Mapping[str, str]) -> None:
    """Bind a client to another spot; its living tokens act there from the commit on. Raises ClientUnknown."""
    changed = tx.execute(client.update().where(client.c.client_id == client_id).values(bindings=dict(bindings)))
    _must_exist(changed.rowcount)
    access_changed(tx, client_id)


def find_client(tx: Tx, client_id: str) -> Client:
    """One client, revoked or not. Raises ClientUnknown."""
    row = tx.execute(sqlalchemy.select(*_SHOWN).where(client.c.client_id == client_id)).one_or_none()
    if row is None:
        raise ClientUnknown("there is no such client")
    return _client(row)


def list_clients(tx: Tx, *, after: str | None = None, limit: int = 50, store: str | None = None) -> Sequence[Client]:
    """Clients by id above `after`, revoked ones too, at most `limit` (1 to 1000), of one `store` if named."""
    query = sqlalchemy.select(*_SHOWN).order_by(client.c.client_id).limit(max(1, min(limit, LIST_MAX)))
    if after is not None:
        query = query.where(client.c.client_id > after)
    if store is not None:
        query = query.where(client.c.bindings["store"].astext == store)
    return [_client(row) for row in tx.execute(query)]


def client_names(tx: Tx, client_ids: Collection[str]) -> dict[str, str]:
    """What clients are called, by id, revoked ones too; unknown ones are left out. One statement."""
    if not client_ids:
        return {}
    rows = tx.execute(
        sqlalchemy.select(client.c.client_id, client.c.name).where(client.c.client_id.in_(sorted(client_ids)))
    )
    return {row.client_id: row.name for row in rows}


_SHOWN = tuple(column for column in client.c if column.name != "secret_hash")


def _client(row: Any) -> Client:
    return Client(
        client_id=row.client_id,
        name=row.name,
        scopes=frozenset(row.scopes),
        bindings=MappingProxyType(dict(row.bindings)),
        created_by=row.created_by,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def _check_scopes(scopes: Collection[str]) -> None:
    known = declared_permissions()
    faults = [
        FieldError(f"/scopes/{place}", f"{scope} is no permission")
        for place, scope in enumerate(scopes)
        if scope not in known
    ]
    if faults:
        raise ScopeUnknown("a scope is no permission that exists", errors=faults)


def _check_within(creator: Principal, scopes: Collection[str], bindings: Mapping[str, str]) -> None:
    beyond = set(scopes) - creator.permissions
    if beyond:
        raise ScopeNotYours(f"{min(beyond)} is not yours to give")
    if creator.places is None:
        return
    store = bindings.get("store")
    if store is None or f"store/{store}" not in creator.places:
        raise ScopeNotYours("a client for this place is not yours to make")


def _must_exist(changed: int) -> None:
    if changed == 0:
        raise ClientUnknown("there is no such client")


def _end_tokens(tx: Tx, client_id: str) -> None:
    tx.execute(access_token.delete().where(access_token.c.client_id == client_id))
    access_changed(tx, client_id)
