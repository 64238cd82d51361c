"""Reaching members: who may be written to, at what number, and a no that comes back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from foundation.database import Tx
from member_api.consents.operations import say
from member_api.consents.rules import Channel, ConsentWord, Purpose
from member_api.identifiers.operations import newest_active
from member_api.identifiers.rules import Kind
from member_api.members.lookup import REDIRECTS_MAX, resolve_members
from member_api.members.rules import MemberStatus
from member_api.vault.operations import ProfileField, open_keys, read_facts

# What an address is, by channel; a channel that is not here needs none.
ADDRESS_KINDS: Mapping[Channel, Kind] = {Channel.SMS: Kind.PHONE, Channel.EMAIL: Kind.EMAIL, Channel.PHONE: Kind.PHONE}


@dataclass(frozen=True, slots=True)
class Reach:
    """What decides whether a member may be written to.

    `id` is the survivor's. `words` has a yes or a no for each channel on which the member ever said one; `addresses`
    the channels among those asked for which there is an address, or which need none.
    """

    id: int
    status: MemberStatus
    home_store: str | None
    words: Mapping[Channel, bool]
    addresses: frozenset[Channel]


@dataclass(frozen=True, slots=True)
class Contact:
    """A name and an address, opened. Use it and forget it; its text form hides both."""

    name: str | None = field(repr=False)
    address: str = field(repr=False)


STANDING = """
WITH RECURSIVE way AS (
    SELECT id AS asked, id, status, home_store, merged_into, 0 AS step FROM member.member WHERE id = ANY(%(ids)s)
    UNION ALL
    SELECT way.asked, m.id, m.status, m.home_store, m.merged_into, way.step + 1
    FROM way JOIN member.member m ON m.id = way.merged_into WHERE way.step < %(steps)s
)
SELECT asked, id, status, home_store, ARRAY(
    SELECT DISTINCT i.kind FROM member.identifier i
    WHERE i.member_id = way.id AND i.status = 'active' AND i.sealed IS NOT NULL AND i.kind = ANY(%(kinds)s))
FROM way WHERE merged_into IS NULL
"""


def reach_of(tx: Tx, member_ids: Collection[int], channels: Collection[Channel]) -> dict[int, Reach]:
    """By the id asked for; unknown ids are left out."""
    kinds = sorted({ADDRESS_KINDS[channel] for channel in channels if channel in ADDRESS_KINDS})
    standing = tx.ask(STANDING, {"ids": list(member_ids), "steps": REDIRECTS_MAX, "kinds": kinds}).fetchall()
    words = _words(tx, {row[1] for row in standing}, channels)
    return {
        asked: Reach(
            id_,
            MemberStatus(status),
            home_store,
            words.get(id_, {}),
            frozenset(c for c in channels if c not in ADDRESS_KINDS or ADDRESS_KINDS[c] in held),
        )
        for asked, id_, status, home_store, held in standing
    }


def _words(tx: Tx, member_ids: Collection[int], channels: Collection[Channel]) -> dict[int, dict[Channel, bool]]:
    rows = tx.ask(
        "SELECT member_id, channel, granted FROM member.consent "
        "WHERE member_id = ANY(%s) AND purpose = %s AND channel = ANY(%s)",
        (list(member_ids), Purpose.MARKETING, list(channels)),
    )
    said: dict[int, dict[Channel, bool]] = {}
    for member_id, channel, granted in rows:
        said.setdefault(member_id, {})[Channel(channel)] = granted
    return said


def contacts_of(tx: Tx, member_ids: Collection[int], channel: Channel) -> dict[int, Contact]:
    """Names and addresses, opened; who has none is left out."""
    keys = open_keys(tx, member_ids)
    names = {id_: facts.get(ProfileField.NAME) for id_, facts in read_facts(tx, keys).items()}
    kind = ADDRESS_KINDS.get(channel)
    if kind is None:
        return {id_: Contact(names.get(id_), "") for id_ in keys}
    return {id_: Contact(names.get(id_), held.value) for id_, held in newest_active(tx, keys, kind).items()}


def withdraw_marketing(tx: Tx, member_id: int, channel: Channel, *, at: datetime, proof: str, heard_from: str) -> bool:
    """Record a no; whether it is what holds now."""
    facts = resolve_members(tx, [member_id], lock="exclusive")[member_id]
    if isinstance(facts, str) or not facts.may_earn:
        return False
    word = ConsentWord(channel, Purpose.MARKETING, granted=False, at=at, proof=proof)
    say(tx, facts.id, [word], taken_by=heard_from, source="reply")
    tx.flush()
    return not _words(tx, [facts.id], [channel]).get(facts.id, {}).get(channel, False)
