"""People's passwords: argon2id, a bound on how many are hashed at once, and what makes one too weak."""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from foundation.errors import FieldError, Invalid, Unavailable

LENGTH_MIN = 10
LENGTH_MAX = 128
HASHING_AT_ONCE = 2  # 64 MiB and about 50 ms of a core each: more at once would starve the tills
HASHING_WAIT_S = 5.0

_hasher = PasswordHasher()  # the library's defaults are RFC 9106's low-memory profile: 64 MiB, 3 passes, 4 lanes
_turn = threading.BoundedSemaphore(HASHING_AT_ONCE)
# What an unknown user's password is compared with, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash("nobody has this password")


class PasswordTooWeak(Invalid):
    """The password is too short, too long, or says the user name."""

    code = "password_too_weak"


class PasswordsBusy(Unavailable):
    """Too many log-ins at the same moment."""

    code = "log_ins_busy"


def check_strength(password: str, username: str) -> None:
    """Raise PasswordTooWeak unless it is 10 to 128 characters long and does not contain the user name.

    Length is what counts (NIST SP 800-63B); rules about digits and signs only make people write passwords down.
    """
    fault = None
    if len(password) < LENGTH_MIN:
        fault = f"at least {LENGTH_MIN} characters are needed"
    elif len(password) > LENGTH_MAX:
        fault = f"at most {LENGTH_MAX} characters are taken"
    elif len(set(password)) < 4:
        fault = "more than three different characters are needed"
    elif len(username) >= 4 and username.casefold() in password.casefold():
        fault = "the user name must not be part of it"
    if fault:
        raise PasswordTooWeak(f"the password is too weak: {fault}", errors=[FieldError("/password", fault)])


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Takes about 50 ms. Raises PasswordsBusy."""
    with _Turn():
        return _hasher.hash(_normal(password))


def is_password(kept: str | None, password: str) -> bool:
    """Whether a password is the kept one; None (no such user) takes as long and is False. Raises PasswordsBusy."""
    if len(password) > LENGTH_MAX:
        return False
    with _Turn():
        try:
            _hasher.verify(kept or _NOBODY, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with weaker settings than today's and should be replaced at the next log-in."""
    return _hasher.check_needs_rehash(kept)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


class _Turn:
    def __enter__(self) -> None:
        if not _turn.acquire(timeout=HASHING_WAIT_S):
            raise PasswordsBusy("too many people are logging in at this moment")

    def __exit__(self, *_: object) -> None:
        _turn.release()
