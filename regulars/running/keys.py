"""The secrets of the house: made once, kept in files that only their owner reads, never in the database.

`identity_key` and `blind_index_key` open and find the members' personal data: a database without them has lost its
people. `seal_key` signs the nightly root of the ledger; `secret_key` signs sessions and tokens and may be changed
(everybody logs in again).
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from regulars.running.problems import CannotRun

# What foundation.settings reads, and the file each is kept in.
KEY_FILES: Mapping[str, str] = {
    "SECRET_KEY": "secret_key",
    "IDENTITY_KEY": "identity_key",
    "BLIND_INDEX_KEY": "blind_index_key",
    "SEAL_KEY": "seal_key",
}
# Without these a restored database cannot be read or proved; the rest can be made anew.
IRREPLACEABLE = ("IDENTITY_KEY", "BLIND_INDEX_KEY", "SEAL_KEY")
RSA_BITS = 2048


def keep_secret(path: Path, *, size: int = 32) -> str:
    """The secret kept in this file as hex, made from the system's randomness on first use. Safe against a race."""
    if not path.exists():
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(size) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, not a rename: whoever comes second keeps what the first has written.
            path.hardlink_to(unfinished)
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    return path.read_text().strip()


def keep_key_pair(directory: Path, name: str) -> tuple[Path, Path]:
    """The files of a private RSA key and of its public one in PEM, made on first use; only their owner reads them."""
    private, public = directory / f"{name}.pem", directory / f"{name}.pub.pem"
    if not private.exists() or not public.exists():
        key = generate_private_key(65537, RSA_BITS)
        _write_whole(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _write_whole(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def _write_whole(path: Path, content: bytes) -> None:
    """The file is there whole or not at all, and only its owner's."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def new_secrets() -> dict[str, str]:
    """Everything secret that a production needs, made now from the system's randomness."""
    passwords = {name: secrets.token_hex(24) for name in ("DATABASE_PASSWORD", "QUEUE_PASSWORD")}
    return passwords | {name: secrets.token_hex(32) for name in KEY_FILES}


def key_environment(directory: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The variables that hand the keys to our processes: as given, else NAME_FILE of a file made on first use.

    Files, not values: an environment can be read by whoever may look at the process.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables: dict[str, str] = {}
    for name, file_name in KEY_FILES.items():
        if given.get(name) or given.get(f"{name}_FILE"):
            continue
        path = directory / file_name
        keep_secret(path)
        if path.stat().st_mode & 0o077:
            raise CannotRun(f"{path} can be read by others: chmod 600 it.")
        variables[f"{name}_FILE"] = str(path)
    return variables
