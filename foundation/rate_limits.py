"""Rate limits shared by all processes through Valkey: so many requests in a second for each principal.

One round trip a request (`limits` counts and sets the expiry in one script; 20 us of CPU measured, flask-limiter 168).
If Valkey does not answer, everything is let through for a while: limits protect the service, tills must go on.
"""

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


class RateLimited(TooMany):
    """More requests than the limit; `retry_after_s` says when to try again."""

    code = "rate_limited"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` requests in each window of `window_s` seconds."""

    name: str
    most: int
    window_s: int = 1

    @property
    def policy(self) -> str:
        """The RateLimit-Policy header (draft-ietf-httpapi-ratelimit-headers-10)."""
        return f'"{self.name}";q={self.most};w={self.window_s}'

    def left(self, count: int) -> str:
        """The RateLimit header after `count` requests of the window; `t` is the longest until it begins anew."""
        return f'"{self.name}";r={max(0, self.most - count)};t={self.window_s}'


class RateLimiter:
    """Counts requests in Valkey. Make one per process; it connects on first use."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._storage: RedisStorage | None = None
        self._away_until = 0.0

    def hit(self, limit: Limit, key: str) -> int | None:
        """Count one request of `key`; returns how many there were in this window, None if Valkey is away.

        The window of a key begins with its first request. Raises RateLimited above the limit.
        """
        if time.monotonic() < self._away_until:
            RATE_LIMIT_AWAY.inc()
            return None
        try:
            count = int(self._connected().incr(f"rate:{limit.name}:{key}", limit.window_s))
        except (redis.RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_FOR_S
            RATE_LIMIT_AWAY.inc()
            log.warning("rate_limits_away", cause=type(error).__name__, open_for_s=AWAY_FOR_S)
            return None
        if count > limit.most:
            raise RateLimited(f"more than {limit.most} requests in {limit.window_s} s", retry_after_s=limit.window_s)
        return count

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
