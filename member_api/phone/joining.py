"""Joining on one's own phone: the shop's invitation says where and through whom, the code proves whose phone it is.

An invitation is signed: store, counter and clerk are credited as the shop printed it, and nobody makes up others.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from foundation.database import Tx
from foundation.errors import BadRequest
from foundation.settings import get_settings
from member_api.consents.rules import Channel, ConsentWord, Purpose
from member_api.identifiers.rules import Identifier
from member_api.members.lookup import MemberFacts, resolve_members
from member_api.members.operations import enrol_one
from member_api.members.rules import Birthday, Joined, MemberExists, NewMember
from member_api.phone.codes import ProvedPhone
from organisation.contract import stores_by_code

SIGNATURE_BYTES = 12
TEXT_MAX = 600
CHANNEL_PHONE = "phone_page"
CHANNEL_SIGN = "shop_sign"
# On the phone page a member is asked about these ways; a no there is no word at all, as it was before.
ASKED_CHANNELS = (Channel.SMS, Channel.APP)


class InvitationUnreadable(BadRequest):
    """The invitation was not signed by this house, or is cut."""

    code = "invitation_unreadable"


class Invitation(msgspec.Struct, frozen=True, omit_defaults=True, rename={"store": "s", "counter": "c", "staff": "e"}):
    """Who is credited with a new member: a store, and where it says so a counter and a clerk (staff number).

    Short names and nothing that goes without saying: each letter makes the squares of a printed QR code smaller.
    """

    store: str
    counter: str | None = None
    staff: str | None = None
    channel: str = CHANNEL_SIGN


@dataclass(frozen=True, slots=True)
class JoinWish:
    """What somebody says of themselves when they join; `channels` are the ways they agree to be written to."""

    name: str
    birthday: Birthday
    channels: Sequence[Channel]
    wording: str


def write_invitation(invitation: Invitation) -> str:
    """The invitation as it stands in an address, signed."""
    said = msgspec.json.encode(invitation)
    return f"{_packed(said)}.{_packed(_signature(said))}"


def read_invitation(text: str) -> Invitation:
    """The invitation of an address. Raises InvitationUnreadable."""
    packed, _, signature = text.partition(".")
    said, signed = _unpacked(packed), _unpacked(signature)
    if said is None or signed is None or not hmac.compare_digest(signed, _signature(said)):
        raise InvitationUnreadable("This invitation is not one of ours, or a part of it is missing")
    return msgspec.json.decode(said, type=Invitation)


def _signature(said: bytes) -> bytes:
    return hmac.digest(get_settings().secret_key, b"regulars/invitation|" + said, sha256)[:SIGNATURE_BYTES]


def _packed(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= TEXT_MAX else None
    except (ValueError, Base64Error):
        return None


# ------------------------------------------------------------------------------------------------ whose phone it is
def member_behind(tx: Tx, proved: ProvedPhone) -> MemberFacts | None:
    """The member whose phone was proved, if it is one's already."""
    named = Identifier(proved.number.kind, proved.number.value)
    found = resolve_members(tx, [named])[named]
    return found if isinstance(found, MemberFacts) and found.may_earn else None


def join(tx: Tx, proved: ProvedPhone, wish: JoinWish) -> int:
    """Enrol who proved a phone, credited as its invitation says; the id, also of one who was enrolled meanwhile.

    Raises MemberExists where the number is taken and leads to nobody (a number reported lost), EnrolmentContended.
    """
    invitation = read_invitation(proved.invitation) if proved.invitation else None
    store = invitation.store if invitation is not None else None
    known = store is not None and bool(stores_by_code(tx, [store]))
    joined = Joined(
        store=store,
        counter=invitation.counter if invitation is not None else None,
        staff=invitation.staff if invitation is not None else None,
        channel=invitation.channel if invitation is not None else CHANNEL_PHONE,
    )
    consents = tuple(
        ConsentWord(channel, Purpose.MARKETING, granted=True, at=tx.now, wording=wish.wording, place=store)
        for channel in wish.channels
    )
    new = NewMember(
        (proved.number,),
        name=wish.name,
        birthday=wish.birthday,
        home_store=store if known else None,
        joined=joined,
        consents=consents,
    )
    try:
        return enrol_one(tx, new, by="member", source="phone").member_id
    except MemberExists:
        behind = member_behind(tx, proved)
        if behind is None:
            raise
        return behind.id
