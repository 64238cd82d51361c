"""Rate limits shared by all processes through Valkey: so many requests in a second for each principal.

One round trip a request (`limits` counts and sets the expiry in one script), but none for whoever stays far below: a
process tells Valkey of a caller only from the request on that exceeds the limit's `slack`, and then of all before it.
If Valkey does not answer, everything is let through for a while: limits protect the service, tills must go on.
"""

import threading
import time
from dataclasses import dataclass

import redis
import structlog
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

from foundation.errors import TooMany
from foundation.metrics import RATE_LIMIT_AWAY

log = structlog.get_logger(__name__)

TIMEOUT_S = 0.05
AWAY_FOR_S = 1.0
WINDOWS_MAX = 10_000


class RateLimited(TooMany):
    """More requests than the limit; `retry_after_s` says when to try again."""

    code = "rate_limited"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` requests in each window of `window_s` seconds.

    So many as `slack` a process may let in without telling the others: that much can be too many, for each further
    process. 0 is exact.
    """

    name: str
    most: int
    window_s: int = 1
    slack: int = 0

    @property
    def policy(self) -> str:
        """The RateLimit-Policy header (draft-ietf-httpapi-ratelimit-headers-10)."""
        return f'"{self.name}";q={self.most};w={self.window_s}'

    def left(self, count: int) -> str:
        """The RateLimit header after `count` requests of the window; `t` is the longest until it begins anew."""
        return f'"{self.name}";r={max(0, self.most - count)};t={self.window_s}'


@dataclass(slots=True)
class _Window:
    """The requests of one key in this process: how many, and of how many Valkey knows."""

    ends: float
    count: int = 0
    told: int = 0


class RateLimiter:
    """Counts requests, in Valkey where it matters. Make one per process; it connects on first use."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()
        self._storage: RedisStorage | None = None
        self._away_until = 0.0

    def hit(self, limit: Limit, key: str) -> int | None:
        """Count one request of `key`; returns how many we know of in this window, None if Valkey is away.

        The window of a key begins with its first request. Raises RateLimited above the limit.
        """
        name, now = f"rate:{limit.name}:{key}", time.monotonic()
        here, untold = self._count_here(limit, name, now) if limit.slack else (0, 1)
        if not untold:
            return here
        if now < self._away_until:
            RATE_LIMIT_AWAY.inc()
            return None
        try:
            count = int(self._connected().incr(name, limit.window_s, untold))
        except (redis.RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_FOR_S
            RATE_LIMIT_AWAY.inc()
            log.warning("rate_limits_away", cause=type(error).__name__, open_for_s=AWAY_FOR_S)
            return None
        if count > limit.most:
            raise RateLimited(f"more than {limit.most} requests in {limit.window_s} s", retry_after_s=limit.window_s)
        return count

    def _count_here(self, limit: Limit, name: str, now: float) -> tuple[int, int]:
        """How many there were in this process, and of how many of them Valkey has to be told now."""
        with self._lock:
            window = self._windows.get(name)
            if window is None or now >= window.ends:
                if len(self._windows) >= WINDOWS_MAX:
                    self._windows = {kept: other for kept, other in self._windows.items() if now < other.ends}
                window = self._windows[name] = _Window(now + limit.window_s)
            window.count += 1
            if window.count <= limit.slack:
                return window.count, 0
            untold, window.told = window.count - window.told, window.count
            return window.count, untold

    def _connected(self) -> RedisStorage:
        if self._storage is None:
            pool = redis.ConnectionPool.from_url(
                self._url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 1),  # a connection that Valkey closed meanwhile is opened again, once
            )
            self._storage = RedisStorage(self._url.replace("unix://", "redis+unix://", 1), connection_pool=pool)
        return self._storage
