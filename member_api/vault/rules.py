"""Sealing: AES-256-GCM under a key per member, and the member's key wrapped by the key of the house.

A sealed text is one byte of format, twelve of nonce, then ciphertext and tag (NIST SP 800-38D). The associated data
name the member and the field, so that a ciphertext moved to another row or column does not open. Destroying the
member's key makes every sealed text of that member noise.
"""

import os
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from foundation.errors import Unavailable

FORMAT = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32


class PersonalDataUnreadable(Unavailable):
    """A sealed text or a wrapped key does not open: other key, other row, or somebody changed it."""

    code = "personal_data_unreadable"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A member's data key as it rests: wrapped, with the name of the house key that wraps it."""

    wrapped: bytes
    wrapping_key: str


def key_name(house_key: bytes) -> str:
    """A short public name of a house key, so that a rotated or a wrong key is noticed before anything is tried."""
    return sha256(b"regulars/key-name|" + house_key).hexdigest()[:16]


def _encrypt(key: bytes, text: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, text, bound_to.encode())


def _decrypt(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    if sealed[:1] != FORMAT:
        raise PersonalDataUnreadable("The sealed text has a format that this release does not know")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, bound_to.encode())
    except (InvalidTag, ValueError):
        raise PersonalDataUnreadable("A sealed text does not open with its key") from None


class MemberKey:
    """The opened data key of one member. Never stored, never logged: its text form hides it."""

    __slots__ = ("_key", "member_id")

    def __init__(self, member_id: int, key: bytes) -> None:
        self.member_id = member_id
        self._key = key

    def __repr__(self) -> str:
        return f"MemberKey(member_id={self.member_id})"

    def seal(self, field: str, text: str) -> bytes:
        """Seal `text` for this member and this field."""
        return _encrypt(self._key, text.encode(), f"regulars/member/{self.member_id}/{field}")

    def open(self, field: str, sealed: bytes) -> str:
        """Open what `seal` made for the same member and field. Raises PersonalDataUnreadable."""
        return _decrypt(self._key, sealed, f"regulars/member/{self.member_id}/{field}").decode()

    def wrap(self, house_key: bytes) -> WrappedKey:
        """This key as it may be stored."""
        return WrappedKey(_encrypt(house_key, self._key, _wrap_bound_to(self.member_id)), key_name(house_key))


def _wrap_bound_to(member_id: int) -> str:
    return f"regulars/member-key/{member_id}"


def new_key(member_id: int) -> MemberKey:
    """A fresh random data key for a member."""
    return MemberKey(member_id, os.urandom(KEY_BYTES))


def unwrap(house_key: bytes, member_id: int, stored: WrappedKey) -> MemberKey:
    """Open a stored key. Raises PersonalDataUnreadable, naming the key that is needed when another was given."""
    if stored.wrapping_key != key_name(house_key):
        raise PersonalDataUnreadable(
            "The member's key was wrapped by another house key", needed_key=stored.wrapping_key
        )
    return MemberKey(member_id, _decrypt(house_key, stored.wrapped, _wrap_bound_to(member_id)))


def nobodys_key(house_key: bytes) -> MemberKey:
    """The key for identifiers that belong to nobody yet, derived from the house key (HKDF-SHA256, RFC 5869)."""
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"regulars/unclaimed-identifiers").derive(
        house_key
    )
    return MemberKey(0, derived)
