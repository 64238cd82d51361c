"""People: log-ins and sessions. Who a person is and what they may do is told by staff's owner (register_people)."""

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from foundation.access.changes import access_changed
from foundation.access.passwords import check_strength, hash_password, is_outdated, is_password
from foundation.access.principal import NotSignedIn, Principal
from foundation.access.secrets import digest, new_secret
from foundation.access.tables import login, session
from foundation.database import Database, Tx
from foundation.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated

SESSION_IDLE = timedelta(hours=2)
SESSION_LIFE = timedelta(hours=12)
FAILURES_FREE = 5
LOCK_FIRST = timedelta(seconds=30)
LOCK_MAX = timedelta(minutes=15)
USERNAME_MAX = 100

PeopleResolver = Callable[[Tx, str], Principal | None]

_resolver: PeopleResolver | None = None


class UsernameTaken(Conflict):
    """Somebody else has this user name."""

    code = "username_taken"


class UsernameInvalid(Invalid):
    """A user name is 1 to 100 visible characters without blanks."""

    code = "username_invalid"


class LoginUnknown(NotFound):
    """This person has no log-in."""

    code = "login_unknown"


class LoginRefused(Unauthenticated):
    """The user name or the password is wrong, or the log-in is locked for a while; which of them is not said."""

    code = "login_refused"


class SessionRejected(NotSignedIn):
    """The session is unknown, ended, or timed out."""

    code = "session_rejected"


@dataclass(frozen=True, slots=True)
class NewSession:
    """A signed-in browser: `cookie` is told once and kept as a hash."""

    cookie: str
    person: str
    expires_at: datetime


def register_people(resolver: PeopleResolver) -> None:
    """Name the function that turns a person id into a Principal (permissions, places), or None once they have left.

    It is called inside an open transaction, at most once a minute per session and process.
    """
    global _resolver
    _resolver = resolver


def set_login(tx: Tx, person: str, username: str, password: str) -> None:
    """Give `person` a log-in, or replace its user name and password; all of their sessions end.

    User names are compared without regard to case and width. Raises PasswordTooWeak, UsernameInvalid, UsernameTaken.
    """
    name = normal_username(username)
    check_strength(password, name)
    hashed = hash_password(password)
    done = tx.ask(
        """
        INSERT INTO foundation.login (person, username, password_hash, changed_at)
        SELECT %(person)s, %(username)s, %(hash)s, %(now)s
        WHERE NOT EXISTS (SELECT FROM foundation.login WHERE username = %(username)s AND person <> %(person)s)
        ON CONFLICT (person) DO UPDATE SET username = excluded.username, password_hash = excluded.password_hash,
            failed_count = 0, locked_until = NULL, changed_at = excluded.changed_at
        RETURNING person
        """,
        {"person": person, "username": name, "hash": hashed, "now": tx.now},
    ).fetchone()
    if done is None:
        raise UsernameTaken("somebody else has this user name", errors=[FieldError("/username", "taken")])
    end_sessions(tx, person)


def change_password(tx: Tx, person: str, old: str, new: str) -> None:
    """A person's own change of password; their sessions end. Raises LoginRefused (old is wrong), PasswordTooWeak."""
    row = tx.execute(login.select().where(login.c.person == person)).one_or_none()
    if row is None:
        raise LoginUnknown("this person has no log-in")
    if not is_password(row.password_hash, old):
        raise LoginRefused("the present password is wrong", errors=[FieldError("/old_password", "wrong")])
    set_login(tx, person, row.username, new)


def rename_login(tx: Tx, person: str, username: str) -> None:
    """Give a log-in another user name; password and sessions stay. Harmless if there is no log-in.

    Raises UsernameInvalid, UsernameTaken.
    """
    name = normal_username(username)
    taken = tx.ask("SELECT FROM foundation.login WHERE username = %s AND person <> %s", (name, person)).fetchone()
    if taken is not None:
        raise UsernameTaken("somebody else has this user name", errors=[FieldError("/username", "taken")])
    tx.execute(login.update().where(login.c.person == person).values(username=name, changed_at=tx.now))


def with_login(tx: Tx, persons: Collection[str]) -> frozenset[str]:
    """Those of `persons` who have a log-in."""
    rows = tx.ask("SELECT person FROM foundation.login WHERE person = ANY(%s)", (list(persons),))
    return frozenset(row[0] for row in rows)


def username_of(tx: Tx, person: str) -> str:
    """The user name a person logs in with. Raises LoginUnknown."""
    row = tx.ask("SELECT username FROM foundation.login WHERE person = %s", (person,)).fetchone()
    if row is None:
        raise LoginUnknown("this person has no log-in")
    return str(row[0])


def remove_login(tx: Tx, person: str) -> None:
    """The person has left: no log-in any more, every session ends at once. Harmless if there is none."""
    end_sessions(tx, person)
    tx.execute(login.delete().where(login.c.person == person))


def end_sessions(tx: Tx, person: str) -> int:
    """Log a person out everywhere at once; returns how many sessions ended."""
    ended = tx.execute(session.delete().where(session.c.person == person)).rowcount
    access_changed(tx, person)
    return ended


def end_session(tx: Tx, cookie: str) -> None:
    """Log one browser out. Harmless if its session is gone already."""
    row = tx.ask("DELETE FROM foundation.session WHERE token_hash = %s RETURNING person", (digest(cookie),)).fetchone()
    if row is not None:
        access_changed(tx, row[0])


def log_in(database: Database, username: str, password: str) -> NewSession:
    """Check a password and begin a session. Raises LoginRefused, always with the same words and in the same time.

    Opens its own transactions: an attempt is counted and committed before the password is looked at, so that
    attempts side by side cannot outrun the lock, and no row stays locked while argon2 works.
    After 5 failures the log-in is closed for 30 s, doubling up to 15 minutes with each further one.
    """
    person, kept = _count_attempt(database, username)
    right = is_password(kept, password)
    if not right or person is None or kept is None:
        raise LoginRefused("the user name or the password is wrong, or the log-in is closed for a while")
    rehashed = hash_password(password) if is_outdated(kept) else kept
    with database.transaction() as tx:
        if _resolve(tx, person) is None:
            raise LoginRefused("the user name or the password is wrong, or the log-in is closed for a while")
        tx.ask(
            "UPDATE foundation.login SET failed_count = 0, locked_until = NULL, password_hash = %s WHERE person = %s",
            (rehashed, person),
        )
        new = NewSession(new_secret("rgw"), person, tx.now + SESSION_LIFE)
        tx.ask(
            "INSERT INTO foundation.session (token_hash, person, created_at, seen_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (digest(new.cookie), person, tx.now, tx.now, new.expires_at),
        )
    return new


def resume_session(tx: Tx, token_hash: bytes) -> tuple[Principal, datetime]:
    """Who a session belongs to, and until when it lasts if idle from now; marks it as seen. Raises SessionRejected."""
    row = tx.ask(
        "UPDATE foundation.session SET seen_at = greatest(seen_at, %(now)s)"
        " WHERE token_hash = %(hash)s AND expires_at > %(now)s AND seen_at > %(idle)s RETURNING person, expires_at",
        {"hash": token_hash, "now": tx.now, "idle": tx.now - SESSION_IDLE},
    ).fetchone()
    principal = _resolve(tx, row[0]) if row is not None else None
    if row is None or principal is None:
        raise SessionRejected("the session has ended; log in again")
    return principal, min(row[1], tx.now + SESSION_IDLE)


def normal_username(username: str) -> str:
    """The one spelling of a user name: NFKC, case folded. Raises UsernameInvalid."""
    name = unicodedata.normalize("NFKC", username).strip().casefold()
    if not 1 <= len(name) <= USERNAME_MAX or not name.isprintable() or any(c.isspace() for c in name):
        raise UsernameInvalid(
            "a user name is 1 to 100 visible characters without blanks", errors=[FieldError("/username", "invalid")]
        )
    return name


def _resolve(tx: Tx, person: str) -> Principal | None:
    if _resolver is None:
        raise RuntimeError("nobody called register_people: who people are is not known")
    return _resolver(tx, person)


def _count_attempt(database: Database, username: str) -> tuple[str | None, str | None]:
    try:
        name = normal_username(username)
    except UsernameInvalid:
        return None, None
    with database.transaction() as tx:
        row = tx.ask(
            """
            UPDATE foundation.login SET
                failed_count = failed_count + 1,
                locked_until = CASE WHEN failed_count + 1 < %(free)s THEN NULL
                    ELSE %(now)s + least(%(most)s, %(first)s * power(2, least(failed_count + 1 - %(free)s, 20))) END
            WHERE username = %(name)s AND (locked_until IS NULL OR locked_until <= %(now)s)
            RETURNING person, password_hash
            """,
            {"name": name, "now": tx.now, "free": FAILURES_FREE, "first": LOCK_FIRST, "most": LOCK_MAX},
        ).fetchone()
    return (row[0], row[1]) if row is not None else (None, None)
