"""Who may tell us what became of a message: calls signed with the key that the gateway and we share.

As in Standard Webhooks 1.0: HMAC-SHA256 over "<id>.<seconds>.<body>", base64, in `webhook-signature` as
"v1,<signature>" (several, separated by blanks, while a key is changed), beside `webhook-id` and `webhook-timestamp`. A
call older or newer than five minutes is refused, so that one that was overheard cannot be played again for ever.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from foundation.errors import Unauthenticated

TOLERANCE_S = 300
SIGNATURES_MAX = 10


class SignatureWrong(Unauthenticated):
    """The call is not signed with the gateway's key, or is too old."""

    code = "signature_wrong"


def sign(key: str, message_id: str, seconds: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key.encode(), signed, hashlib.sha256)).decode()


def verify(key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of the call. Raises SignatureWrong; also when there is no key at all."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split(" ")[:SIGNATURES_MAX]
    if not key or not message_id or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise SignatureWrong("the call must be signed")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_S:
        raise SignatureWrong("the call is too old, or a clock is wrong")
    expected = sign(key, message_id, int(stamp), body).encode()
    if not any(hmac.compare_digest(expected, signature.encode()) for signature in given):
        raise SignatureWrong("the signature does not fit")
    return message_id
