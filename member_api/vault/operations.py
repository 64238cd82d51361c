"""Keeping and opening personal data. Everything here works on many members in one statement."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from foundation.database import Tx
from foundation.settings import get_settings
from member_api.vault.rules import MemberKey, WrappedKey, nobodys_key, unwrap
from member_api.vault.tables import KEEP_FIELD, KEEP_KEY, MemberKeyRow, ProfileFieldRow, hex_bytes


class ProfileField(StrEnum):
    """The personal facts that are kept sealed, beside the identifiers."""

    NAME = "name"


@dataclass(frozen=True, slots=True)
class Fact:
    """One personal fact; with a `blind_index` the member can be found by the whole of it."""

    field: ProfileField
    text: str
    blind_index: bytes | None = None


def keep_key(tx: Tx, key: MemberKey) -> None:
    """Keep the data key of a new member, wrapped; written with the rest of the transaction."""
    stored = key.wrap(get_settings().identity_key)
    tx.rows.add(KEEP_KEY, MemberKeyRow(key.member_id, hex_bytes(stored.wrapped), stored.wrapping_key, tx.now))


def keep_facts(tx: Tx, key: MemberKey, facts: Collection[Fact]) -> None:
    """Seal facts of a new member; written with the rest of the transaction."""
    for fact in facts:
        tx.rows.add(KEEP_FIELD, _row(tx, key, fact))


def change_fact(tx: Tx, key: MemberKey, fact: Fact) -> None:
    """Seal a fact in the place of what stood there, now. The caller holds the member's row."""
    row = _row(tx, key, fact)
    tx.ask(
        "INSERT INTO member.profile_field (member_id, field, sealed, blind_index, updated_at) "
        "VALUES (%s, %s, %s::bytea, %s::bytea, %s) ON CONFLICT (member_id, field) DO UPDATE SET "
        "sealed = excluded.sealed, blind_index = excluded.blind_index, updated_at = excluded.updated_at",
        (row.member_id, row.field, row.sealed, row.blind_index, row.updated_at),
    )


def drop_fact(tx: Tx, member_id: int, field: ProfileField) -> None:
    """Forget one fact."""
    tx.ask("DELETE FROM member.profile_field WHERE member_id = %s AND field = %s", (member_id, field))


def open_keys(tx: Tx, member_ids: Collection[int]) -> dict[int, MemberKey]:
    """The data keys of members; an erased member has none and is left out. Raises PersonalDataUnreadable."""
    house_key = get_settings().identity_key
    rows = tx.ask(
        "SELECT member_id, wrapped, wrapping_key FROM member.member_key WHERE member_id = ANY(%s)", (list(member_ids),)
    )
    return {
        member_id: unwrap(house_key, member_id, WrappedKey(bytes(wrapped), wrapping_key))
        for member_id, wrapped, wrapping_key in rows
    }


def key_of_nobody() -> MemberKey:
    """The key for identifiers that nobody has claimed yet."""
    return nobodys_key(get_settings().identity_key)


def read_facts(tx: Tx, keys: Mapping[int, MemberKey]) -> dict[int, dict[ProfileField, str]]:
    """The opened facts of the members whose keys are given. Raises PersonalDataUnreadable."""
    rows = tx.ask("SELECT member_id, field, sealed FROM member.profile_field WHERE member_id = ANY(%s)", (list(keys),))
    facts: dict[int, dict[ProfileField, str]] = {}
    for member_id, field, sealed in rows:
        facts.setdefault(member_id, {})[ProfileField(field)] = keys[member_id].open(field, bytes(sealed))
    return facts


def destroy(tx: Tx, member_id: int) -> None:
    """Destroy a member's key and sealed facts: what was sealed under it anywhere can never be read again."""
    tx.ask("DELETE FROM member.profile_field WHERE member_id = %s", (member_id,))
    tx.ask("DELETE FROM member.member_key WHERE member_id = %s", (member_id,))


def _row(tx: Tx, key: MemberKey, fact: Fact) -> ProfileFieldRow:
    return ProfileFieldRow(
        key.member_id,
        fact.field,
        hex_bytes(key.seal(fact.field, fact.text)),
        None if fact.blind_index is None else hex_bytes(fact.blind_index),
        tx.now,
    )
