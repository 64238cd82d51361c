"""Members who are signed in on their phone: a session of their own, apart from the staff's, and the door it opens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from foundation.access import Door, Principal, PrincipalKind, allow_by, current_principal, open_door
from foundation.access.people import SessionRejected
from foundation.access.secrets import digest, new_secret
from foundation.database import Tx, database
from member_api.members.lookup import resolve_members
from member_api.phone.rules import FRESH, SESSION_IDLE, SESSION_LIFE

COOKIE = "regulars_member"
LOGIN = "/m/login"
HOME = "/m"
# A session is marked as seen no more often than this: reading a page need not write.
SEEN_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A phone that is signed in: `cookie` is told once and kept as a hash."""

    cookie: str = field(repr=False)
    member_id: int


def begin_session(tx: Tx, member_id: int) -> NewSession:
    """Sign a member in on one more phone."""
    made = NewSession(new_secret("rgm"), member_id)
    tx.ask(
        "INSERT INTO member.phone_session (token_hash, member_id, created_at, seen_at, expires_at) "
        "VALUES (%s, %s, %s, %s, %s)",
        (digest(made.cookie), member_id, tx.now, tx.now, tx.now + SESSION_LIFE),
    )
    return made


def end_session(tx: Tx, cookie: str) -> None:
    """Sign one phone out. Harmless if it is signed out already."""
    tx.ask("DELETE FROM member.phone_session WHERE token_hash = %s", (digest(cookie),))


def end_sessions(tx: Tx, member_id: int, except_for: str | None = None) -> int:
    """Sign a member out everywhere, but for one phone if it is named; returns how many ended."""
    kept = digest(except_for) if except_for is not None else b""
    ended = tx.ask("DELETE FROM member.phone_session WHERE member_id = %s AND token_hash <> %s", (member_id, kept))
    return ended.rowcount


def sessions_of(tx: Tx, member_id: int) -> int:
    """On how many phones a member is signed in."""
    row = tx.ask(
        "SELECT count(*) FROM member.phone_session WHERE member_id = %s AND expires_at > %s AND seen_at > %s",
        (member_id, tx.now, tx.now - SESSION_IDLE),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def is_fresh(tx: Tx, cookie: str) -> bool:
    """Whether this phone was signed in by a code only minutes ago: what the wallet's PIN is set with."""
    row = tx.ask(
        "SELECT created_at > %s FROM member.phone_session WHERE token_hash = %s", (tx.now - FRESH, digest(cookie))
    ).fetchone()
    return row is not None and bool(row[0])


def recognise(cookie: str) -> Principal:
    """Whose phone it is; who was merged meanwhile is the survivor. Raises SessionRejected."""
    with database().transaction() as tx:
        member_id = _resume(tx, digest(cookie))
        facts = resolve_members(tx, [member_id])[member_id] if member_id is not None else None
        if facts is None or isinstance(facts, str) or not facts.may_earn:
            raise SessionRejected("You are signed out; sign in again")
    return Principal(PrincipalKind.MEMBER, str(facts.id), "", frozenset())


def _resume(tx: Tx, token_hash: bytes) -> int | None:
    row = tx.ask(
        "SELECT member_id, seen_at FROM member.phone_session WHERE token_hash = %s AND expires_at > %s "
        "AND seen_at > %s",
        (token_hash, tx.now, tx.now - SESSION_IDLE),
    ).fetchone()
    if row is None:
        return None
    if _is_long_ago(row[1], tx.now):
        tx.ask("UPDATE member.phone_session SET seen_at = %s WHERE token_hash = %s", (tx.now, token_hash))
    return int(row[0])


def _is_long_ago(seen_at: datetime, now: datetime) -> bool:
    return now - seen_at > SEEN_EVERY


def clear_away(tx: Tx) -> int:
    """Forget sessions that ended by themselves; returns how many."""
    gone = tx.ask(
        "DELETE FROM member.phone_session WHERE expires_at <= %s OR seen_at <= %s", (tx.now, tx.now - SESSION_IDLE)
    )
    return gone.rowcount


door = open_door(Door("member", COOKIE, LOGIN, HOME, recognise))
allow_member = allow_by(door.name)


def signed_in_member() -> int:
    """The id of the member whose phone asks; inside a view behind `allow_member`."""
    return int(current_principal().id)
