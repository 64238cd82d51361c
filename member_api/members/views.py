"""What is shown of members: opened for whoever may see it, masked for everybody else."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from foundation.database import Tx
from member_api.consents.operations import ConsentState, consents_of
from member_api.identifiers.operations import HeldIdentifier, identifiers_of
from member_api.identifiers.rules import IdentifierStatus
from member_api.members.rules import Birthday, Gender, Joined, MemberStatus
from member_api.tiers.operations import TierHeld, tiers_of
from member_api.vault.operations import ProfileField, open_keys, read_facts

MEMBERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Member:
    """A member with everything that identity knows, opened. Who may see what of it is settled where it is shown.

    `identifiers` are all that ever were, newest first within a kind. An erased member has none of it.
    """

    id: int
    status: MemberStatus
    merged_into: int | None
    name: str | None
    birthday: Birthday
    gender: Gender | None
    home_store: str | None
    joined: Joined
    tier: TierHeld | None
    identifiers: tuple[HeldIdentifier, ...]
    consents: tuple[ConsentState, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    def in_force(self, kind: str) -> HeldIdentifier | None:
        """The newest active identifier of a kind."""
        active = (held for held in self.identifiers if held.status == IdentifierStatus.ACTIVE)
        return next((held for held in active if held.identifier.kind == kind), None)


def read_members(tx: Tx, member_ids: Collection[int]) -> dict[int, Member]:
    """These members (at most MEMBERS_MAX), in six statements for any number; unknown ids are left out.

    Redirects are not followed: a merged member is shown as what it is.
    """
    asked = list(member_ids)[:MEMBERS_MAX]
    rows = tx.ask(
        "SELECT id, status, merged_into, birth_year, birth_month_day, gender, home_store, joined_store, "
        "joined_counter, joined_staff, joined_channel, joined_at, created_at, updated_at, version "
        "FROM member.member WHERE id = ANY(%s)",
        (asked,),
    ).fetchall()
    keys = open_keys(tx, asked)
    facts = read_facts(tx, keys)
    held = identifiers_of(tx, keys)
    standing = tiers_of(tx, asked, tx.now)
    consents = consents_of(tx, asked)
    members: dict[int, Member] = {}
    for row in rows:
        id_ = int(row[0])
        members[id_] = Member(
            id=id_,
            status=MemberStatus(row[1]),
            merged_into=row[2],
            name=facts.get(id_, {}).get(ProfileField.NAME),
            birthday=Birthday(row[3], row[4]),
            gender=None if row[5] is None else Gender(row[5]),
            home_store=row[6],
            joined=Joined(*row[7:12]),
            tier=standing.get(id_),
            identifiers=held.get(id_, ()),
            consents=consents.get(id_, ()),
            created_at=row[12],
            updated_at=row[13],
            version=row[14],
        )
    return members


def shown_names(tx: Tx, member_ids: Collection[int]) -> dict[int, str]:
    """The whole names of members that have one; for masking at once."""
    facts = read_facts(tx, open_keys(tx, member_ids))
    return {id_: fields[ProfileField.NAME] for id_, fields in facts.items() if ProfileField.NAME in fields}


def member_ids_after(tx: Tx, after: int, limit: int, stores: Collection[str] | None = None) -> list[int]:
    """Ids of members above `after`, ascending, at most `limit`; `stores` narrows to home stores."""
    places = None if stores is None else sorted(stores)
    rows = tx.ask(
        "SELECT id FROM member.member WHERE id > %s AND (%s::text[] IS NULL OR home_store = ANY(%s::text[])) "
        "ORDER BY id LIMIT %s",
        (after, places, places, min(limit, MEMBERS_MAX)),
    )
    return [member_id for (member_id,) in rows]
