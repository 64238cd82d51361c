"""A client's secret in the idempotency record: sealed, so that a repeat is answered the same and no table tells it."""

from base64 import urlsafe_b64encode
from functools import cache
from hashlib import blake2b

from cryptography.fernet import Fernet

from foundation.settings import get_settings


@cache
def _box(secret_key: bytes) -> Fernet:
    # Its own key, derived from the house's: blake2b in keyed mode is a PRF (RFC 7693).
    return Fernet(urlsafe_b64encode(blake2b(b"client secrets", key=secret_key, digest_size=32).digest()))


def seal_secret(secret: str) -> str:
    """The secret, readable only with the house's SECRET_KEY."""
    return _box(get_settings().secret_key).encrypt(secret.encode()).decode()


def open_secret(sealed: str) -> str:
    """What was sealed. Raises cryptography's InvalidToken if SECRET_KEY was replaced since."""
    return _box(get_settings().secret_key).decrypt(sealed.encode()).decode()
