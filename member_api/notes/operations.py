"""Keep notes about members, and open them again.

What people write about a member is personal data, whatever it is about: a note is sealed under the member's key, and
whoever wrote it keeps the note's id. Erasing a member destroys the key, so that no note of theirs can be read again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from foundation.database import Tx
from foundation.errors import Conflict
from member_api.vault.operations import open_keys

NOTE_MAX = 2_000
NOTES_MAX = 10_000


class MemberErased(Conflict):
    """The member's key is destroyed: nothing can be written about them any more."""

    code = "member_erased"


@dataclass(frozen=True, slots=True)
class NewNote:
    """Something to keep about a member; `about` names what it belongs to (no personal data), as `task/note`."""

    member_id: int
    about: str
    text: str


def keep_notes(tx: Tx, notes: Sequence[NewNote]) -> list[int]:
    """Seal and keep notes (at most 10,000); their ids in the same order, in two statements for any number.

    Raises MemberErased, and ValueError for more notes than may be kept at once.
    """
    if not notes:
        return []
    if len(notes) > NOTES_MAX:
        raise ValueError(f"at most {NOTES_MAX} notes at once")
    keys = open_keys(tx, {note.member_id for note in notes})
    lost = {note.member_id for note in notes} - keys.keys()
    if lost:
        raise MemberErased("the member was erased: nothing can be written about them", member=str(min(lost)))
    rows = tx.ask(
        "INSERT INTO member.note (member_id, about, sealed, written_at) "
        "SELECT n.member_id, n.about, n.sealed, %s FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) "
        "WITH ORDINALITY AS n(member_id, about, sealed, place) ORDER BY n.place RETURNING id",
        (
            tx.now,
            [note.member_id for note in notes],
            [note.about for note in notes],
            [keys[note.member_id].seal(f"note/{note.about}", note.text) for note in notes],
        ),
    )
    return sorted(note_id for (note_id,) in rows)


def read_notes(tx: Tx, note_ids: Collection[int]) -> dict[int, str]:
    """Notes by id, opened; those of erased members are left out. Who may see them is settled where they are shown."""
    wanted = list(note_ids)[:NOTES_MAX]
    if not wanted:
        return {}
    rows = tx.ask("SELECT id, member_id, about, sealed FROM member.note WHERE id = ANY(%s)", (wanted,)).fetchall()
    keys = open_keys(tx, {row[1] for row in rows})
    return {
        note_id: keys[member_id].open(f"note/{about}", bytes(sealed))
        for note_id, member_id, about, sealed in rows
        if member_id in keys
    }
