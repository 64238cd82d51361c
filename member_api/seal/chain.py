"""The chain of seals and its signed roots: pure.

Each journal's seal is SHA-256 over the seal before it and the journal's canonical text (its row and entries as one
JSON array, written by the database). A root is a seal signed with Ed25519 (RFC 8032): who rewrites a journal must
rewrite every later seal, and cannot sign the roots again without the key.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

GENESIS = bytes(32)


def next_seal(before: bytes, canonical: str) -> bytes:
    """The seal of the journal with this canonical text. 32 bytes."""
    return hashlib.sha256(before + canonical.encode()).digest()


def seals(before: bytes, canonicals: Iterable[str]) -> Iterator[bytes]:
    """The seals of journals in order."""
    for canonical in canonicals:
        before = next_seal(before, canonical)
        yield before


@dataclass(frozen=True, slots=True)
class Root:
    """A signed seal: everything up to `position` (of the chain) hashed to `hash`, `journals` of them."""

    position: int
    hash: bytes
    journals: int
    signed_at: datetime
    signature: bytes = b""

    @property
    def message(self) -> bytes:
        """What is signed; the moment in whole microseconds."""
        micros = (self.signed_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        return f"regulars/seal-root/1|{self.position}|{self.hash.hex()}|{self.journals}|{micros}".encode()


def signed(root: Root, seed: bytes) -> Root:
    """The root with its signature. `seed` is the Ed25519 seed of 32 bytes."""
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(root.message)
    return Root(root.position, root.hash, root.journals, root.signed_at, signature)


def is_genuine(root: Root, public_key: bytes) -> bool:
    """Whether the root was signed with the key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(root.signature, root.message)
    except InvalidSignature:
        return False
    return True


def public_key_of(seed: bytes) -> bytes:
    """The public key of a seed, to be kept by whoever checks the roots from outside."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


class RootLine(msgspec.Struct, frozen=True):
    """A root as a line of the file outside the database: JSON, bytes in hex."""

    position: int
    hash: str
    journals: int
    signed_at: datetime
    signature: str
    public_key: str

    @classmethod
    def of(cls, root: Root, public_key: bytes) -> "RootLine":
        return cls(
            root.position, root.hash.hex(), root.journals, root.signed_at, root.signature.hex(), public_key.hex()
        )

    @property
    def root(self) -> Root:
        return Root(
            self.position, bytes.fromhex(self.hash), self.journals, self.signed_at, bytes.fromhex(self.signature)
        )
