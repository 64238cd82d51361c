"""Reasons are free text, and people write names and phones into it: they rest sealed under the member's key.

A journal is never changed, so what it says in words must become noise when the member's key is destroyed.
"""

import base64
import binascii
from collections.abc import Mapping

from foundation.database import Tx
from member_api.vault.operations import open_keys
from member_api.vault.rules import MemberKey

FIELD = "journal/reason"


def sealed_reason(tx: Tx, member: int, reason: str | None) -> str | None:
    """The reason as a journal keeps it; none for a member whose key is gone."""
    if not reason:
        return None
    key = open_keys(tx, [member]).get(member)
    return base64.b64encode(key.seal(FIELD, reason)).decode() if key else None


def opened_reason(keys: Mapping[int, MemberKey], member: int, sealed: str | None) -> str | None:
    """The reason in words; None where there is none, or where the member was erased."""
    key = keys.get(member)
    if sealed is None or key is None:
        return None
    try:
        return key.open(FIELD, base64.b64decode(sealed, validate=True))
    except binascii.Error:
        return None
