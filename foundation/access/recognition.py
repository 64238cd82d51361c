"""From a bearer token or a session cookie to a Principal, without a query on most requests.

What was recognised is kept per process under the SHA-256 of the secret. It is trusted for a minute while the process
is certain to hear of changes, for five seconds while it is not; revoking or moving drops it at once.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foundation.access.changes import CHANNEL, EVERYBODY
from foundation.access.people import SessionRejected, resume_session
from foundation.access.principal import Principal
from foundation.access.secrets import digest
from foundation.access.tokens import TokenRejected, read_token
from foundation.database import Database, Tx, database
from foundation.reference_cache import UNHEARD_AGE_S, is_heard, listen_on, on_change

TRUSTED_S = 60.0
KEPT_MAX = 50_000


@dataclass(frozen=True, slots=True)
class _Kept:
    principal: Principal
    expires_at: float
    read_at: float


class Recognition:
    """The cache of one process."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _Kept] = {}
        self._generation = 0
        self._lock = threading.Lock()
        on_change(CHANNEL, self.forget)

    def forget(self, subject: str = EVERYBODY) -> None:
        """Drop what is kept about a person or a client; EVERYBODY drops all."""
        with self._lock:
            self._generation += 1
            if subject == EVERYBODY:
                self._kept.clear()
            else:
                for key in [key for key, kept in self._kept.items() if kept.principal.id == subject]:
                    del self._kept[key]

    def machine(self, token: str) -> Principal:
        """Who carries this bearer token. Raises NotSignedIn."""
        return self._recognise(token, read_token)

    def person(self, cookie: str) -> Principal:
        """Who carries this session cookie. Raises NotSignedIn."""
        return self._recognise(cookie, resume_session)

    def _recognise(self, secret: str, read: Callable[[Tx, bytes], tuple[Principal, datetime]]) -> Principal:
        key = digest(secret)
        here = database()
        kept = self._kept.get(key)
        if kept is not None:
            tick = time.monotonic()
            trusted = TRUSTED_S if is_heard(tick) else UNHEARD_AGE_S
            if tick - kept.read_at < trusted and here.clock.now().timestamp() < kept.expires_at:
                return kept.principal
        return self._read(here, key, read)

    def _read(self, here: Database, key: bytes, read: Callable[[Tx, bytes], tuple[Principal, datetime]]) -> Principal:
        listen_on(here.engine)
        generation, tick = self._generation, time.monotonic()
        try:
            with here.transaction() as tx:
                principal, expires_at = read(tx, key)
        except (TokenRejected, SessionRejected):
            self._kept.pop(key, None)
            raise
        with self._lock:
            # A change heard while we were reading may have made what we read old: use it once, do not keep it.
            if generation == self._generation:
                if len(self._kept) >= KEPT_MAX:
                    self._kept.clear()
                self._kept[key] = _Kept(principal, expires_at.timestamp(), tick)
        return principal


recognition = Recognition()
