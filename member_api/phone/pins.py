"""The wallet's proof at a counter: the member's PIN, or a one-time code that the member's own phone shows.

A try is counted in a transaction of its own before anything is compared, and commits whatever becomes of the caller's:
tries side by side cannot outrun the block, and a settlement that is rolled back does not take the count with it. PIN
and code share one count. After PIN_TRIES_MAX wrong ones the wallet is shut, each time twice as long; what is right
sets it back. argon2 works while no row is locked.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from foundation.access.passwords import hash_password, is_password
from foundation.database import Tx, database
from foundation.errors import FieldError, Forbidden, Invalid
from foundation.events import announce
from foundation.settings import get_settings
from member_api.phone.rules import (
    BLOCK_FIRST,
    BLOCK_MAX,
    CODE_DIGITS,
    PIN,
    PIN_TRIES_MAX,
    PROVED_LIFE,
    SPEND_CODE_LIFE,
    new_digits,
    why_too_easy,
)


class PinMissing(Invalid):
    """The member has set no PIN, or the phone shows no code."""

    code = "wallet_pin_missing"


class ProofWrong(Invalid):
    """The PIN or the code is wrong, or the code was used or is too old; `tries_left` until the wallet is shut."""

    code = "wallet_proof_wrong"


class WalletBlocked(Forbidden):
    """Too many wrong tries; nothing is taken from the wallet by PIN or code before `until`."""

    code = "wallet_blocked"

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many wrong tries; the wallet is shut for a while", until=until.isoformat())
        self.until = until


class PinTooEasy(Invalid):
    """Not six digits, or digits that others try first."""

    code = "wallet_pin_too_easy"


@dataclass(frozen=True, slots=True)
class PinState:
    """Whether a member has a PIN, since when, and until when the wallet is shut (None: it is open)."""

    set_at: datetime | None
    blocked_until: datetime | None


@dataclass(frozen=True, slots=True)
class SpendCode:
    """A one-time code for one payment at a counter; told once, kept as a keyed digest."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Tried:
    """A wallet's row after a try was counted; `blocked_until` is set by the last try there was."""

    pin_hash: str | None
    code_digest: bytes | None
    code_expires_at: datetime | None
    tries: int
    blocked_until: datetime | None


# ------------------------------------------------------------------------------------------------ checking
def check_pin(tx: Tx, member_id: int, pin: str, request: bytes | None = None) -> None:
    """Count a try, and compare. Raises PinMissing, ProofWrong, WalletBlocked.

    `request` names the very request that is to be proved: one that was, minutes ago, is not asked again.
    """
    if _proved_before(tx, member_id, request):
        return
    tried = _try(member_id)
    if tried is None or tried.pin_hash is None:
        raise PinMissing("The member has set no PIN yet")
    if not (PIN.fullmatch(pin) and is_password(tried.pin_hash, pin)):
        raise _wrong(tried)
    _right(member_id, request)


def check_code(tx: Tx, member_id: int, code: str, request: bytes | None = None) -> None:
    """Count a try, compare, and use the code up. As check_pin; a code used up is still right for its own `request`."""
    if _proved_before(tx, member_id, request):
        return
    tried = _try(member_id)
    if tried is None or tried.pin_hash is None:
        raise PinMissing("The member has set no PIN yet")
    kept, until = tried.code_digest, tried.code_expires_at
    if kept is None or until is None or until <= tx.now or not hmac.compare_digest(kept, _digest(member_id, code)):
        raise _wrong(tried)
    with database().transaction() as own:
        used = own.ask(
            "UPDATE member.wallet_pin SET code_digest = NULL, code_expires_at = NULL "
            "WHERE member_id = %s AND code_digest = %s",
            (member_id, kept),
        )
    if used.rowcount != 1:
        raise _wrong(tried)  # somebody else used it meanwhile
    _right(member_id, request)


def _proved_before(tx: Tx, member_id: int, request: bytes | None) -> bool:
    if request is None:
        return False
    row = tx.ask(
        "SELECT FROM member.wallet_pin WHERE member_id = %s AND proved_request = %s AND proved_at > %s",
        (member_id, request, tx.now - PROVED_LIFE),
    ).fetchone()
    return row is not None


TRY = """
UPDATE member.wallet_pin SET
    tries = CASE WHEN tries + 1 >= %(most)s THEN 0 ELSE tries + 1 END,
    blocks = CASE WHEN tries + 1 >= %(most)s THEN least(blocks + 1, 100) ELSE blocks END,
    blocked_until = CASE WHEN tries + 1 >= %(most)s
        THEN %(now)s + least(%(longest)s, %(first)s * power(2, least(blocks, 10))) END
WHERE member_id = %(member)s AND (blocked_until IS NULL OR blocked_until <= %(now)s)
RETURNING pin_hash, code_digest, code_expires_at, tries, blocked_until
"""


def _try(member_id: int) -> _Tried | None:
    """The wallet's row with one try more, committed; None where there is none. Raises WalletBlocked."""
    with database().transaction() as own:
        values = {"member": member_id, "now": own.now, "most": PIN_TRIES_MAX, "first": BLOCK_FIRST}
        row = own.ask(TRY, values | {"longest": BLOCK_MAX}).fetchone()
        shut = state_of(own, member_id).blocked_until if row is None else None
    if shut is not None:
        raise WalletBlocked(shut)
    return _Tried(*row) if row is not None else None


def _right(member_id: int, request: bytes | None) -> None:
    with database().transaction() as own:
        own.ask(
            "UPDATE member.wallet_pin SET tries = 0, blocks = 0, blocked_until = NULL, proved_request = %s, "
            "proved_at = %s WHERE member_id = %s",
            (request, own.now, member_id),
        )


def _wrong(tried: _Tried) -> ProofWrong | WalletBlocked:
    if tried.blocked_until is not None:
        return WalletBlocked(tried.blocked_until)
    return ProofWrong("The PIN or the code is wrong", tries_left=PIN_TRIES_MAX - tried.tries)


def _digest(member_id: int, code: str) -> bytes:
    """Keyed, and bound to whose it is."""
    said = f"{member_id}/{code}".encode()
    return blake2b(said, digest_size=32, key=get_settings().secret_key, person=b"spend-code").digest()


# ------------------------------------------------------------------------------------------------ setting
def state_of(tx: Tx, member_id: int) -> PinState:
    """Whether there is a PIN, and whether the wallet is shut now."""
    row = tx.ask(
        "SELECT CASE WHEN pin_hash IS NOT NULL THEN set_at END, CASE WHEN blocked_until > %s THEN blocked_until END "
        "FROM member.wallet_pin WHERE member_id = %s",
        (tx.now, member_id),
    ).fetchone()
    return PinState(*row) if row is not None else PinState(None, None)


def set_pin(tx: Tx, member_id: int, pin: str, *, phone: str | None = None, birthday: str | None = None) -> None:
    """Give the wallet a PIN in the place of any before; opens a wallet that was shut, and ends a code that is shown.

    The caller knows that it is the member: by the PIN before (check_pin) or a fresh log-in. Announces
    `member.pin_set`. Raises PinTooEasy.
    """
    fault = "six digits" if not PIN.fullmatch(pin) else why_too_easy(pin, phone, birthday)
    if fault is not None:
        raise PinTooEasy("This PIN is too easy to guess", errors=[FieldError("/pin", fault)])
    tx.ask(
        "INSERT INTO member.wallet_pin (member_id, pin_hash, set_at) VALUES (%s, %s, %s) ON CONFLICT (member_id) "
        "DO UPDATE SET pin_hash = excluded.pin_hash, set_at = excluded.set_at, tries = 0, blocks = 0, "
        "blocked_until = NULL, code_digest = NULL, code_expires_at = NULL",
        (member_id, hash_password(pin), tx.now),
    )
    announce(tx, "member.pin_set", {"member": str(member_id)})


def new_spend_code(tx: Tx, member_id: int) -> SpendCode:
    """A code for one payment, in the place of any before. The caller has checked the PIN. Raises PinMissing."""
    made = SpendCode(new_digits(CODE_DIGITS), tx.now + SPEND_CODE_LIFE)
    kept = tx.ask(
        "UPDATE member.wallet_pin SET code_digest = %s, code_expires_at = %s "
        "WHERE member_id = %s AND pin_hash IS NOT NULL",
        (_digest(member_id, made.code), made.expires_at, member_id),
    )
    if kept.rowcount != 1:
        raise PinMissing("The member has set no PIN yet")
    return made
