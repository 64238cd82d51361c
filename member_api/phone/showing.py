"""The code on a member's phone: a new one every half minute, good for little more than one, naming the member.

It is sixteen random digits, kept as a keyed digest: nobody can guess one, and nothing that was written down or
photographed serves longer than the queue at a counter. The store that scans it first keeps it; in another it names
nobody. It does nothing but name the member: what the member owns opens by the PIN.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from foundation.database import Tx
from foundation.errors import FieldError, NotFound
from foundation.settings import get_settings
from member_api.phone.rules import MEMBER_CODE_DIGITS, MEMBER_CODE_LIFE, new_digits, read_member_code


class MemberCodeUnknown(NotFound):
    """The code is over, or of another store, or nobody's: the phone shows the next one."""

    code = "member_code_unknown"


@dataclass(frozen=True, slots=True)
class MemberCode:
    """What the phone shows, as a QR code and as digits."""

    text: str = field(repr=False)
    expires_at: datetime


def new_member_code(tx: Tx, member_id: int) -> MemberCode:
    """The next code of a member's phone; those before it live to their end, for the clerk who is scanning now."""
    made = MemberCode(f"RG{new_digits(MEMBER_CODE_DIGITS)}", tx.now + MEMBER_CODE_LIFE)
    tx.ask("DELETE FROM member.member_code WHERE member_id = %s AND expires_at <= %s", (member_id, tx.now))
    tx.ask(
        "INSERT INTO member.member_code (digest, member_id, made_at, expires_at) VALUES (%s, %s, %s, %s)",
        (_digest(made.text), member_id, tx.now, made.expires_at),
    )
    return made


TAKEN = """
UPDATE member.member_code SET store = coalesce(store, %(store)s)
WHERE digest = %(digest)s AND expires_at > %(now)s AND (store IS NULL OR store = %(store)s) RETURNING member_id
"""
LOOKED_AT = """
SELECT member_id FROM member.member_code
WHERE digest = %(digest)s AND expires_at > %(now)s AND (store IS NULL OR store = %(store)s)
"""


def who_shows(tx: Tx, text: str, store: str, *, keeps: bool = True) -> int | None:
    """The member whose phone shows this code; None where the text is no such code at all.

    `store` is where it was scanned: with `keeps` the code is that store's from now on. Raises MemberCodeUnknown.
    """
    code = read_member_code(text)
    if code is None:
        return None
    asked = {"store": store, "digest": _digest(code), "now": tx.now}
    row = tx.ask(TAKEN if keeps else LOOKED_AT, asked).fetchone()
    if row is None:
        over = FieldError("/scan", "is over")
        raise MemberCodeUnknown("This code is over; the phone shows the next one", errors=[over])
    return int(row[0])


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=32, key=get_settings().secret_key, person=b"member-code").digest()


def clear_away(tx: Tx) -> int:
    """Forget codes that are over; returns how many."""
    return tx.ask("DELETE FROM member.member_code WHERE expires_at <= %s", (tx.now,)).rowcount
