"""When a member is forgotten, no phone knows them any more."""

from foundation.database import Tx


def forget_phones(tx: Tx, member_id: int) -> None:
    """End every session of a member, every code that a phone shows, and the wallet's PIN."""
    tx.ask("DELETE FROM member.phone_session WHERE member_id = %s", (member_id,))
    tx.ask("DELETE FROM member.member_code WHERE member_id = %s", (member_id,))
    tx.ask("DELETE FROM member.wallet_pin WHERE member_id = %s", (member_id,))
