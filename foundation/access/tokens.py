"""Access tokens of machines: OAuth2 client credentials (RFC 6749 section 4.4), opaque bearer tokens (RFC 6750).

Tokens are random and kept as hashes, not signed: so they can be ended one by one, and no key can forge them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from foundation.access.principal import NotSignedIn, Principal, PrincipalKind
from foundation.access.secrets import digest, new_secret, same
from foundation.database import Database, Tx
from foundation.errors import BadRequest, Unauthenticated

TOKEN_LIFE = timedelta(hours=1)


class TokenRejected(NotSignedIn):
    """The access token is unknown, expired, or its client was revoked."""

    code = "token_rejected"


class ClientRejected(Unauthenticated):
    """The client id or secret is wrong, or the client was revoked; which of them is not said."""

    code = "client_rejected"


class ScopeRefused(BadRequest):
    """A scope was asked for that the client does not have."""

    code = "scope_refused"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as told to the machine, once. `lasts` from now; `scopes` sorted."""

    access_token: str
    lasts: timedelta
    scopes: tuple[str, ...]


def authenticate_client(tx: Tx, client_id: str, client_secret: str) -> frozenset[str]:
    """The scopes of the living client with this id and secret. Raises ClientRejected."""
    row = tx.ask(
        "SELECT secret_hash, scopes FROM foundation.client WHERE client_id = %s AND revoked_at IS NULL", (client_id,)
    ).fetchone()
    # An unknown client is compared as well, so that the time taken does not say which clients exist.
    if not same(client_secret, bytes(row[0]) if row else bytes(32)) or row is None:
        raise ClientRejected("the client id or its secret is wrong")
    return frozenset(row[1])


def issue_token(tx: Tx, client_id: str, client_secret: str, scopes: Collection[str] | None = None) -> Token:
    """A new token for a client, with all of its scopes or the named ones. Raises ClientRejected, ScopeRefused."""
    held = authenticate_client(tx, client_id, client_secret)
    granted = held if scopes is None else frozenset(scopes)
    if not granted <= held:
        raise ScopeRefused(f"the client does not have the scope {min(granted - held)}")
    token = Token(new_secret("rgt"), TOKEN_LIFE, tuple(sorted(granted)))
    tx.ask(
        "INSERT INTO foundation.access_token (token_hash, client_id, scopes, issued_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        (digest(token.access_token), client_id, list(token.scopes), tx.now, tx.now + token.lasts),
    )
    return token


def end_token(tx: Tx, client_id: str, access_token: str) -> str | None:
    """End one of a client's tokens (RFC 7009). Returns the client id if there was one to end: its cache must go."""
    gone = tx.ask(
        "DELETE FROM foundation.access_token WHERE token_hash = %s AND client_id = %s RETURNING client_id",
        (digest(access_token), client_id),
    ).fetchone()
    return str(gone[0]) if gone else None


def read_token(tx: Tx, token_hash: bytes) -> tuple[Principal, datetime]:
    """Who a token stands for, and until when. Scopes taken from the client meanwhile are gone. Raises TokenRejected."""
    row = tx.ask(
        "SELECT c.client_id, c.name, c.scopes, t.scopes, c.bindings, t.expires_at"
        " FROM foundation.access_token t JOIN foundation.client c USING (client_id)"
        " WHERE t.token_hash = %s AND t.expires_at > %s AND c.revoked_at IS NULL",
        (token_hash, tx.now),
    ).fetchone()
    if row is None:
        raise TokenRejected("the access token is unknown, expired or revoked")
    client_id, name, held, granted, bindings, expires_at = row
    store = bindings.get("store")
    principal = Principal(
        kind=PrincipalKind.MACHINE,
        id=client_id,
        name=name,
        permissions=frozenset(held) & frozenset(granted),
        places=None if store is None else frozenset({f"store/{store}"}),
        bindings=MappingProxyType(dict(bindings)),
    )
    return principal, expires_at


def forget_expired(database: Database, batch: int = 5_000) -> int:
    """Delete expired tokens and sessions, at most `batch` of each; returns how many went."""
    with database.transaction() as tx:
        gone = 0
        for table in ("access_token", "session"):
            gone += tx.execute(
                f"DELETE FROM foundation.{table} WHERE token_hash = ANY(ARRAY(SELECT token_hash FROM foundation.{table}"  # noqa: S608
                " WHERE expires_at < :now ORDER BY expires_at LIMIT :batch FOR UPDATE SKIP LOCKED))",
                {"now": tx.now, "batch": batch},
            ).rowcount
    return gone
