"""How a member may be reached, and at what number; for whoever writes to members, at the moment of writing.

Every function takes the open transaction first and never commits it. Everything is set-based: two or three statements
for any number of members. A member who was merged into another is answered by the survivor.

`contacts` opens personal data. What it returns is used and forgotten: it is never stored, logged or passed on, and its
text form hides it. Ask for those only to whom something leaves now.
"""

from collections.abc import Collection
from datetime import datetime

from foundation.database import Tx
from member_api.consents.reaching import Contact, Reach, contacts_of, reach_of, withdraw_marketing
from member_api.consents.rules import Channel
from member_api.members.rules import MemberStatus, StatusForbids

__all__ = ["Channel", "Contact", "MemberStatus", "Reach", "StatusForbids", "contacts", "opted_out", "reach"]


def reach(tx: Tx, member_ids: Collection[int], channels: Collection[Channel]) -> dict[int, Reach]:
    """Who stands behind each id, in what standing, with what word on marketing by these channels; two statements.

    By the id that was asked for; unknown ids are left out. Opens nothing and locks nothing.
    """
    return reach_of(tx, member_ids, channels)


def contacts(tx: Tx, member_ids: Collection[int], channel: Channel) -> dict[int, Contact]:
    """Name and address (a phone in E.164 for sms, an e-mail address for email) of members, opened; three statements.

    Erased members, and those without an address for a channel that needs one, are left out.
    """
    return contacts_of(tx, member_ids, channel)


def opted_out(tx: Tx, member_id: int, channel: Channel, *, at: datetime, proof: str, heard_from: str) -> bool:
    """The member said no to marketing by a channel, at once and in words that `proof` keeps (sealed).

    Returns False, and changes nothing, if a later word holds or there is nobody to say it any more (closed, erased,
    unknown). Locks the member. Announces `member.consent_changed`.
    """
    return withdraw_marketing(tx, member_id, channel, at=at, proof=proof, heard_from=heard_from)
