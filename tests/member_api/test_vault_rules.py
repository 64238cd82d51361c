"""Sealing personal data: opens for its own member and field, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_api.vault.rules import (
    MemberKey,
    PersonalDataUnreadable,
    WrappedKey,
    key_name,
    new_key,
    nobodys_key,
    unwrap,
)

HOUSE = bytes(range(32))
OTHER_HOUSE = bytes(32)


@given(st.text(max_size=200))
def test_what_is_sealed_opens_again_and_never_looks_the_same_twice(text: str) -> None:
    key = new_key(7)
    assert key.open("name", key.seal("name", text)) == text
    assert key.seal("name", text) != key.seal("name", text)


def test_a_sealed_text_moved_to_another_member_or_field_does_not_open() -> None:
    raw = bytes(range(32))
    sealed = MemberKey(7, raw).seal("name", "张三")
    with pytest.raises(PersonalDataUnreadable):
        MemberKey(8, raw).open("name", sealed)
    with pytest.raises(PersonalDataUnreadable):
        MemberKey(7, raw).open("address", sealed)


@pytest.mark.parametrize("cut", [0, 1, 5, 13, 20])
def test_a_cut_or_changed_sealed_text_is_noticed(cut: int) -> None:
    key = new_key(7)
    sealed = key.seal("name", "张三")
    with pytest.raises(PersonalDataUnreadable):
        key.open("name", sealed[:cut])
    changed = bytearray(sealed)
    changed[cut] ^= 1
    with pytest.raises(PersonalDataUnreadable):
        key.open("name", bytes(changed))


def test_a_members_key_survives_its_wrapping_and_is_bound_to_the_member() -> None:
    key = new_key(7)
    sealed = key.seal("name", "张三")
    stored = key.wrap(HOUSE)
    assert unwrap(HOUSE, 7, stored).open("name", sealed) == "张三"
    with pytest.raises(PersonalDataUnreadable):
        unwrap(HOUSE, 8, stored)
    with pytest.raises(PersonalDataUnreadable) as wrong_key:
        unwrap(OTHER_HOUSE, 7, stored)
    assert wrong_key.value.facts == {"needed_key": key_name(HOUSE)}
    with pytest.raises(PersonalDataUnreadable):
        unwrap(OTHER_HOUSE, 7, WrappedKey(stored.wrapped, key_name(OTHER_HOUSE)))


def test_a_key_never_shows_itself() -> None:
    assert repr(MemberKey(7, b"secret" * 5 + b"!!")) == "MemberKey(member_id=7)"
    assert key_name(HOUSE) not in HOUSE.hex()


def test_identifiers_of_nobody_are_sealed_under_a_key_of_their_own() -> None:
    sealed = nobodys_key(HOUSE).seal("identifier/phone", "+8613800138000")
    assert nobodys_key(HOUSE).open("identifier/phone", sealed) == "+8613800138000"
    with pytest.raises(PersonalDataUnreadable):
        nobodys_key(OTHER_HOUSE).open("identifier/phone", sealed)
