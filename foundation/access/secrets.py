"""Secrets that machines and browsers carry: 256 random bits, kept as SHA-256.

A fast hash is right here: nobody can guess 256 random bits, so slowness would protect nothing and cost every
request. People's passwords are another matter and are hashed with argon2 (passwords.py).
"""

import hashlib
import hmac
import secrets

TOKEN_BYTES = 32


def new_secret(prefix: str) -> str:
    """A fresh secret such as `rgt_Xk...`; the prefix lets people and secret scanners recognise what leaked."""
    return f"{prefix}_{secrets.token_urlsafe(TOKEN_BYTES)}"


def digest(secret: str) -> bytes:
    """The 32 bytes that stand for a secret in the database and in caches."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def same(secret: str, kept: bytes) -> bool:
    """Whether a secret is the one kept as a digest, in constant time."""
    return hmac.compare_digest(digest(secret), kept)
