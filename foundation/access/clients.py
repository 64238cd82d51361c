"""Machines: OAuth2 clients with scopes and bindings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from foundation.access.principal import Principal
from foundation.database import Tx
from foundation.errors import Forbidden, NotFound


class ClientUnknown(NotFound):
    """There is no such client."""

    code = "client_unknown"


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
    """Make a client. `bindings` empty = any store. `creator` None: the command line.

    Raises ScopeNotYours if a scope is not among the creator's permissions or the bound store is outside of the creator's places;
    Invalid (scope_unknown) if a scope is no declared permission. Whether the store or counter exists is the caller's to check.
    """
    raise NotImplementedError


def revoke_client(tx: Tx, client_id: str) -> None:
    """End a client: its tokens stop working at once, in every process. Revoking twice is harmless. Raises ClientUnknown."""
    raise NotImplementedError


def move_client(tx: Tx, client_id: str, bindings: Mapping[str, str]) -> None:
    """Bind a client to another spot; its tokens act there from the commit on. Raises ClientUnknown."""
    raise NotImplementedError


def find_client(tx: Tx, client_id: str) -> Client:
    """One client. Raises ClientUnknown."""
    raise NotImplementedError


def list_clients(tx: Tx, *, after: str | None = None, limit: int = 50, store: str | None = None) -> Sequence[Client]:
    """Clients by id, revoked ones too; `store` narrows to those bound to it. At most `limit` (1000)."""
    raise NotImplementedError
