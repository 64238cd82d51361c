"""One-time codes by text message: asked for by anybody, sent by whoever sends, typed where they were asked for.

Nothing tells a member's number from another: every number that can be written to gets a code, and only who has proved
to hold it learns whether it is a member's. The asking browser keeps a handle, and only with it a code can be typed:
nobody else's guesses use up a member's tries, and a code that is read over a shoulder opens nothing elsewhere.

Tries are counted in a transaction of their own before anything is compared. The number is sealed and goes when the
code is over, the code itself when it was sent; what stays for two days counts how often was asked.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from foundation.access.secrets import digest, new_secret
from foundation.database import Tx, database
from foundation.errors import FieldError, Invalid, NotFound, TooMany
from foundation.events import announce
from foundation.settings import get_settings
from member_api.identifiers.operations import key_of, read
from member_api.identifiers.rules import Identifier, Kind, Normalised, mask
from member_api.phone.rules import (
    CODE_DIGITS,
    CODE_LIFE,
    CODE_TRIES_MAX,
    JOIN_LIFE,
    SEND_UNTIL,
    SendState,
    line_of,
    new_digits,
    wait_for_address,
    wait_for_phone,
)
from member_api.vault.operations import key_of_nobody

ASKED_TOPIC = "member.code_asked"
KEPT = timedelta(days=2)
SENDS_MAX = 12
# Longer than a gateway takes to answer or to be given up: nobody else sends a code that is on its way.
LEASE = timedelta(seconds=30)
PAUSE = timedelta(seconds=3)
ASKED_MAX = 200
SWEEP_BATCH = 5_000


class CodesTooOften(TooMany):
    """A code was asked for too often, for this number or from this address; `retry_after_s` says how long to wait."""

    code = "codes_too_often"


class CodeWrong(Invalid):
    """The code is wrong, used or too old, or tried too often: ask for a new one."""

    code = "login_code_wrong"


class HandleUnknown(NotFound):
    """Nothing was asked for here, or it is over."""

    code = "login_code_unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the asking browser keeps: its handle, told once."""

    handle: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProvedPhone:
    """A number whose holder typed the code. `invitation` is the shop's that led here, as it was signed."""

    id: int
    number: Normalised = field(repr=False)
    invitation: str | None


# ------------------------------------------------------------------------------------------------ asking
def ask_code(tx: Tx, phone: str, *, address: str, language: str, invitation: str | None = None) -> Asked:
    """Make a code for a number and let it be sent (`member.code_asked` with its id).

    `address` is where the request came from. Waits for others who ask from there, or for the same number, at this
    moment. Raises IdentifierUnreadable, CodesTooOften.
    """
    number = read(tx, Identifier(Kind.PHONE, phone))
    index, place = key_of(number).blind_index, _address_index(address)
    # Counted and written by one at a time; the address before the number, everywhere.
    for one_of in (place, index):
        tx.ask("SELECT pg_advisory_xact_lock(hashtextextended(encode(%s, 'hex'), 7206))", (one_of,))
    _check_rate(tx, index, place)
    handle, code = new_secret("rgc"), new_digits(CODE_DIGITS)
    hashed, sealer = digest(handle), key_of_nobody()
    row = tx.ask(
        "INSERT INTO member.login_code (handle_hash, phone_index, address_index, sealed_phone, sealed_code, digest, "
        "language, invitation, asked_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            hashed, index, place, sealer.seal(_field("phone", hashed), number.value),
            sealer.seal(_field("code", hashed), code), _digest(hashed, code), language, invitation, tx.now,
            tx.now + CODE_LIFE,
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    announce(tx, ASKED_TOPIC, {"code": str(row[0])})
    return Asked(handle, tx.now + CODE_LIFE)


def _check_rate(tx: Tx, index: bytes, place: bytes) -> None:
    of_phone = tx.ask(
        "SELECT asked_at FROM member.login_code WHERE phone_index = %s AND asked_at > %s ORDER BY asked_at DESC "
        "LIMIT %s",
        (index, tx.now - timedelta(days=1), ASKED_MAX),
    ).fetchall()
    from_address = tx.ask(
        "SELECT asked_at FROM member.login_code WHERE address_index = %s AND asked_at > %s ORDER BY asked_at DESC "
        "LIMIT %s",
        (place, tx.now - timedelta(hours=1), ASKED_MAX),
    ).fetchall()
    waits = (
        wait_for_phone([at for (at,) in of_phone], tx.now),
        wait_for_address([at for (at,) in from_address], tx.now),
    )
    wait = max((each for each in waits if each is not None), default=None)
    if wait is not None:
        raise CodesTooOften("Codes were asked for too often; wait a while", retry_after_s=int(wait.total_seconds()) + 1)


def _address_index(address: str) -> bytes:
    return blake2b(
        line_of(address).encode(), digest_size=32, key=get_settings().blind_index_key, person=b"login-address"
    ).digest()


def _field(what: str, handle_hash: bytes) -> str:
    return f"login_code/{what}/{handle_hash.hex()}"


def _digest(handle_hash: bytes, code: str) -> bytes:
    """Keyed, and bound to the handle it was made for."""
    said = handle_hash + code.encode()
    return blake2b(said, digest_size=32, key=get_settings().secret_key, person=b"login-code").digest()


# ------------------------------------------------------------------------------------------------ typing
TRY = """
UPDATE member.login_code SET tries = tries + 1
WHERE handle_hash = %s AND tries < %s AND expires_at > %s AND proved_at IS NULL RETURNING id, digest
"""


def prove_code(tx: Tx, handle: str, code: str) -> ProvedPhone:
    """Who typed the code holds the number. Once: the same code again is wrong. Raises CodeWrong."""
    hashed = digest(handle)
    with database().transaction() as own:
        tried = own.ask(TRY, (hashed, CODE_TRIES_MAX, own.now)).fetchone()
    if tried is None or not hmac.compare_digest(bytes(tried[1]), _digest(hashed, code)):
        raise CodeWrong("The code is wrong or too old", errors=[FieldError("/code", "is wrong or too old")])
    proved = tx.ask(
        "UPDATE member.login_code SET proved_at = %s, sealed_code = NULL WHERE id = %s AND proved_at IS NULL",
        (tx.now, tried[0]),
    )
    if proved.rowcount != 1:
        raise CodeWrong("The code is wrong or too old", errors=[FieldError("/code", "is wrong or too old")])
    return proved_phone(tx, handle)


PROVED = """
SELECT id, sealed_phone, invitation FROM member.login_code
WHERE handle_hash = %s AND proved_at > %s AND used_at IS NULL AND sealed_phone IS NOT NULL
"""


def proved_phone(tx: Tx, handle: str, *, lock: bool = True) -> ProvedPhone:
    """The number that was proved with this handle, until it is used. Raises HandleUnknown."""
    hashed = digest(handle)
    row = tx.ask(PROVED + ("FOR UPDATE" if lock else ""), (hashed, tx.now - JOIN_LIFE)).fetchone()
    if row is None:
        raise HandleUnknown("Ask for a new code")
    number = key_of_nobody().open(_field("phone", hashed), bytes(row[1]))
    return ProvedPhone(row[0], Normalised(Kind.PHONE, number), row[2])


def ask_again(tx: Tx, handle: str, *, address: str) -> Asked:
    """A new code for the number that the one before was asked for. Raises HandleUnknown, CodesTooOften."""
    number, language, invitation = _asked(tx, handle)
    return ask_code(tx, number.value, address=address, language=language, invitation=invitation)


def asked_number(tx: Tx, handle: str) -> str:
    """The number, masked, that a code was asked for. Raises HandleUnknown."""
    return mask(_asked(tx, handle)[0])


def _asked(tx: Tx, handle: str) -> tuple[Normalised, str, str | None]:
    hashed = digest(handle)
    row = tx.ask(
        "SELECT sealed_phone, language, invitation FROM member.login_code WHERE handle_hash = %s AND used_at IS NULL "
        "AND sealed_phone IS NOT NULL AND asked_at > %s",
        (hashed, tx.now - JOIN_LIFE),
    ).fetchone()
    if row is None:
        raise HandleUnknown("Ask for a new code")
    return Normalised(Kind.PHONE, key_of_nobody().open(_field("phone", hashed), bytes(row[0]))), row[1], row[2]


def use_up(tx: Tx, proved: ProvedPhone) -> None:
    """What was proved has served: a session was begun with it."""
    tx.ask(
        "UPDATE member.login_code SET used_at = %s, sealed_phone = NULL, sealed_code = NULL WHERE id = %s",
        (tx.now, proved.id),
    )


# ------------------------------------------------------------------------------------------------ sending
@dataclass(frozen=True, slots=True)
class CodeToSend:
    """A code on its way to a phone. Its text form hides number and code; neither is stored by whoever sends it.

    `name` is its name at a gateway, the same for every try; `tried` that a gateway may have it.
    """

    id: int
    name: str
    language: str
    tried: bool
    address: str = field(repr=False)
    code: str = field(repr=False)


TAKE = """
UPDATE member.login_code SET state = 'sending', leased_until = %(lease)s, sends = sends + 1
WHERE id = ANY(ARRAY(
    SELECT id FROM member.login_code
    WHERE state IN ('asked', 'sending') AND (leased_until IS NULL OR leased_until <= %(now)s)
      AND asked_at > %(oldest)s AND sends < %(most)s AND sealed_code IS NOT NULL AND sealed_phone IS NOT NULL
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING id, handle_hash, language, sends > 1, sealed_phone, sealed_code
"""


def codes_to_send(tx: Tx, limit: int) -> list[CodeToSend]:
    """Codes that wait, leased to the caller for some seconds, the oldest first; none that would come too late."""
    rows = tx.ask(
        TAKE,
        {"now": tx.now, "lease": tx.now + LEASE, "oldest": tx.now - SEND_UNTIL, "most": SENDS_MAX, "limit": limit},
    ).fetchall()
    sealer = key_of_nobody()
    return [
        CodeToSend(
            id, f"code-{id}-{bytes(hashed).hex()[:16]}", language, tried,
            sealer.open(_field("phone", bytes(hashed)), bytes(phone)),
            sealer.open(_field("code", bytes(hashed)), bytes(code)),
        )
        for id, hashed, language, tried, phone, code in sorted(rows)
    ]  # fmt: skip


def any_to_send(tx: Tx) -> bool:
    """Whether a code waits to be sent."""
    row = tx.ask(
        "SELECT FROM member.login_code WHERE state IN ('asked', 'sending') AND asked_at > %s "
        "AND (leased_until IS NULL OR leased_until <= %s) AND sends < %s LIMIT 1",
        (tx.now - SEND_UNTIL, tx.now, SENDS_MAX),
    ).fetchone()
    return row is not None


def codes_sent(tx: Tx, sent: Collection[int], failed: Collection[int], again: Collection[int]) -> None:
    """What became of codes: they left, they never will, or they are to be tried again in a moment."""
    for state, ids in ((SendState.SENT, sent), (SendState.FAILED, failed)):
        tx.ask(
            "UPDATE member.login_code SET state = %s, sealed_code = NULL, leased_until = NULL WHERE id = ANY(%s)",
            (state, list(ids)),
        )
    tx.ask(
        "UPDATE member.login_code SET state = 'asked', leased_until = %s WHERE id = ANY(%s)",
        (tx.now + PAUSE, list(again)),
    )


def clear_away(tx: Tx) -> int:
    """Forget what is over: sealed numbers and codes at once, whole rows after two days; returns how many rows went."""
    tx.ask(
        "UPDATE member.login_code SET sealed_phone = NULL, sealed_code = NULL, "
        "state = CASE WHEN state IN ('asked', 'sending') THEN 'expired' ELSE state END "
        "WHERE sealed_phone IS NOT NULL AND coalesce(proved_at, asked_at) <= %s",
        (tx.now - JOIN_LIFE,),
    )
    gone = tx.ask(
        "DELETE FROM member.login_code WHERE id IN "
        "(SELECT id FROM member.login_code WHERE asked_at <= %s ORDER BY asked_at LIMIT %s)",
        (tx.now - KEPT, SWEEP_BATCH),
    )
    return gone.rowcount
