"""What people who serve members may ask: who enrolled a member, and notes about one.

Every function takes the open transaction first and never commits it. Notes are personal data: they are sealed here
under the member's key, the caller keeps their ids, and erasing a member makes them unreadable.
Errors: MemberErased.
"""

from collections.abc import Collection

from foundation.database import Tx
from member_api.notes.operations import NOTE_MAX, MemberErased, NewNote, keep_notes, read_notes

__all__ = ["NOTE_MAX", "MemberErased", "NewNote", "enrolled_by", "keep_notes", "read_notes"]


def enrolled_by(tx: Tx, member_ids: Collection[int]) -> dict[int, str]:
    """The number of the member of staff who enrolled each member, as it was told; unknown ones are left out."""
    rows = tx.ask(
        "SELECT id, joined_staff FROM member.member WHERE id = ANY(%s) AND joined_staff IS NOT NULL",
        (list(member_ids),),
    )
    return dict(rows.fetchall())
